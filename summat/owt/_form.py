"""The parts of a multipart form: its fields as text, and its files as open files."""

from __future__ import annotations

import io

from owt._http import charset, media_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from typing import IO, Any, BinaryIO

    from owt._bindings import Part

# Bytes that are copied at a time.
_COPY_SIZE = 1 << 20


def fields(parts: Sequence[Part]) -> list[tuple[str, str]]:
    """Return the names and texts of the parts that are not files."""
    # The charset of the form's page, which a browser sends in this field (RFC 7578 section 4.6).
    name = next((part[3] for part in parts if part[0] == "_charset_"), b"utf-8")
    default = name.decode("ascii", "replace")
    return [
        (name, _decode(data, charset(content_type) or default))
        for name, filename, content_type, data, _path in parts
        if filename is None
    ]


def _decode(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding, "replace")
    except (LookupError, ValueError):
        # Not a charset that Python knows.
        return data.decode("utf-8", "replace")


class File(io.BufferedReader):
    """A file of a form, open for reading, in memory or, if it is large, on disk."""

    def __init__(self, part: Part) -> None:
        self._field, self.filename, self.content_type, data, path = part
        self._source = _LazyFile(data, path)
        super().__init__(self._source)

    def __repr__(self) -> str:
        return f"<File {self.filename!r} ({self.content_type})>"

    def __bool__(self) -> bool:
        """Return whether a file was chosen: if not, the form sends one without a name."""
        return bool(self.filename)

    @property
    def name(self) -> str:
        """The form field's name."""
        return self._field

    @property
    def stream(self) -> File:
        """The file itself, under Flask's name."""
        return self

    @property
    def mimetype(self) -> str:
        """The media type in lower case, without parameters; empty if none was sent."""
        return media_type(self.content_type)

    @property
    def content_length(self) -> int:
        """The file's size in bytes."""
        return self._source.size()

    def save(self, dst: str | PathLike[str] | IO[bytes]) -> None:
        """Write the file to a path or into an open binary file."""
        from shutil import copyfileobj

        with self._source.reopen() as source:
            if isinstance(dst, str) or hasattr(dst, "__fspath__"):
                with open(dst, "wb") as file:
                    copyfileobj(source, file, _COPY_SIZE)
            else:
                copyfileobj(source, dst, _COPY_SIZE)


class _LazyFile(io.RawIOBase):
    """The bytes of a file, opened when they are first read: a form may have thousands of files."""

    mode = "rb"

    def __init__(self, data: bytes, path: str | None) -> None:
        self._data = data
        self._path = path
        self._file: BinaryIO | None = None

    def reopen(self) -> BinaryIO:
        """Open the file once more, at its beginning."""
        return io.BytesIO(self._data) if self._path is None else open(self._path, "rb", 0)

    def size(self) -> int:
        """Return the number of bytes."""
        import os

        return len(self._data) if self._path is None else os.stat(self._path).st_size

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file = self.reopen()
        return self._file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        chunk = self._opened().read(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)

    def readall(self) -> bytes:
        return self._opened().read()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._opened().seek(offset, whence)

    def tell(self) -> int:
        return 0 if self._file is None else self._file.tell()

    def fileno(self) -> int:
        return self._opened().fileno()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()
