"""A file that came with a form: an ordinary open file that also knows its name and type."""

from __future__ import annotations

import io

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import IO, Any, BinaryIO

    from owt._border import Part

# Bytes that are copied at a time.
_PIECE = 1 << 20


class File(io.BufferedReader):
    """A file that came with a form, open for reading in memory or, if it is large, on disk."""

    def __init__(self, part: Part) -> None:
        self._field, self.filename, self.content_type, data, path = part
        self._source = _Source(data, path)
        super().__init__(self._source)

    def __repr__(self) -> str:
        return f"<File {self.filename!r} ({self.content_type})>"

    def __bool__(self) -> bool:
        """Return whether a file was chosen: a form sends one without a name where none was."""
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
        return (self.content_type or "").partition(";")[0].strip().lower()

    @property
    def content_length(self) -> int:
        """The file's size in bytes."""
        return self._source.size()

    def save(self, dst: str | PathLike[str] | IO[bytes]) -> None:
        """Write the file to a path or into an open binary file."""
        from shutil import copyfileobj

        with self._source.opened_anew() as source:
            if isinstance(dst, str) or hasattr(dst, "__fspath__"):
                with open(dst, "wb") as file:
                    copyfileobj(source, file, _PIECE)
            else:
                copyfileobj(source, dst, _PIECE)


class _Source(io.RawIOBase):
    """The bytes of a file. A form may have thousands: each is opened when it is first read."""

    mode = "rb"

    def __init__(self, data: bytes, path: str | None) -> None:
        self._data = data
        self._path = path
        self._file: BinaryIO | None = None

    def opened_anew(self) -> BinaryIO:
        """Open the file once more, at its beginning."""
        return io.BytesIO(self._data) if self._path is None else open(self._path, "rb", 0)

    def size(self) -> int:
        """Return how many bytes there are."""
        import os

        return len(self._data) if self._path is None else os.stat(self._path).st_size

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file = self.opened_anew()
        return self._file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        piece = self._opened().read(len(view))
        view[: len(piece)] = piece
        return len(piece)

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
