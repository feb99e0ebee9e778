"""The body of a reply, made of whatever a handler returned: whole, or in chunks as they come."""

from __future__ import annotations

import io
from types import CoroutineType

from owt import _json
from owt._faults import Fault
from owt._file import FilePart, has_length, whole
from owt._kinds import find, has

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from pathlib import Path
    from typing import Any

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
BINARY = "application/octet-stream"
JSON = "application/json"
PNG = "image/png"

_FILE_CHUNK = 64 * 1024
_WORKING = (
    "Return text, bytes, None, a dict, list, number, boolean or dataclass (JSON), a generator or "
    "iterator of text or bytes, an open binary file or pathlib.Path, a Pillow image, a matplotlib "
    "figure, a numpy array, a pandas frame, an owt.Response, or (body, status, headers)"
)


class Body:
    """A body with the media type that fits it: bytes, an iterator or an async iterator."""

    __slots__ = ("achunks", "chunks", "content_type", "length", "whole")

    def __init__(
        self,
        content_type: str | None,
        whole: bytes = b"",
        chunks: Iterable[Any] | None = None,
        achunks: AsyncIterator[Any] | None = None,
        length: int | None = None,
    ) -> None:
        # None with chunks: the first chunk tells.
        self.content_type = content_type
        self.whole = whole
        self.chunks = chunks
        self.achunks = achunks
        # Bytes of all chunks, where they are counted before.
        self.length = length


def is_awaitable(value: Any) -> bool:
    """Tell whether a value is to be awaited."""
    kind = type(value)
    return kind not in PLAIN and (kind is CoroutineType or has(kind, "__await__"))


def body_of(value: Any) -> Body:
    """Return the body that `value` stands for, or the fault that says which types work."""
    kind = type(value)
    make = PLAIN.get(kind) or _make_of(kind)
    return _json_or_fault(value) if make is None else make(value)


def _make_of(kind: type) -> Callable[[Any], Body] | None:
    for base, make in _BY_BASE:
        if issubclass(kind, base):
            return make
    if has(kind, "__aiter__"):
        return _async_chunks
    if has(kind, "__next__"):
        return _chunks
    if find(_BY_NAME, kind):
        return find(_BY_NAME, kind)
    is_file = has(kind, "read", "readable") and not _json.is_record(kind)
    return _file if is_file else None


def text_type(text: str) -> str:
    """Return the media type of text: HTML if it begins like it."""
    return HTML if text[:1] == "<" else TEXT


def text_bytes(text: str) -> bytes:
    """Return text in UTF-8; a lone surrogate, which UTF-8 has no form for, as its escape."""
    return text.encode("utf-8", "backslashreplace")


def unsuitable(value: Any) -> Fault:
    """Say that a handler's value cannot be a reply, and what can."""
    kind = type(value)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    return Fault("reply-invalid", f"The handler returned a value of type {name}. {_WORKING}.")


def _text(value: str) -> Body:
    return Body(text_type(value), text_bytes(value))


def _bytes(value: bytes | bytearray | memoryview) -> Body:
    return Body(BINARY, bytes(value))


def _json_body(value: Any) -> Body:
    return Body(JSON, _json.encode(value))


def _nothing(_value: None) -> Body:
    return Body(None)


def _json_or_fault(value: Any) -> Body:
    try:
        simple = _json.simpler(value)
    except TypeError:
        raise unsuitable(value) from None
    return _json_body(simple)


def _chunks(value: Iterator[Any]) -> Body:
    return Body(None, chunks=value)


def _async_chunks(value: Any) -> Body:
    return Body(None, achunks=value.__aiter__())


def is_path(value: Any) -> bool:
    """Tell whether a value names a file that is to be opened."""
    return type(value) not in PLAIN and find({"pathlib.Path": True}, type(value)) is not None


def _path(path: Path) -> Body:
    file = path.open("rb")
    return _part(whole(file)) if has_length(file) else _file(file)


def _part(part: FilePart) -> Body:
    kind = media_type(part.name)
    if part.length <= _FILE_CHUNK:
        return Body(kind, b"".join(part))
    return Body(kind, chunks=part, length=part.length)


def _file(file: Any) -> Body:
    _rewind(file)
    if isinstance(file, io.TextIOBase):
        return Body(None, chunks=file)
    name = getattr(file, "name", None)
    return Body(media_type(name) if isinstance(name, str) else BINARY, chunks=_read(file))


def _rewind(file: Any) -> None:
    """Go back to the beginning of a file that was written just now, and stands at its end."""
    # Not every file has both.
    if not all(getattr(file, can, bool)() for can in ("writable", "seekable")):
        return
    here = file.tell()
    if file.seek(0, io.SEEK_END) == here:
        file.seek(0)
    else:
        file.seek(here)


def _read(file: Any) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_FILE_CHUNK):
            yield chunk


def media_type(name: str) -> str:
    """Return the media type that a file's name tells; that of any bytes if it tells none."""
    import mimetypes

    kind, encoding = mimetypes.guess_type(name)
    if kind is None or encoding is not None:
        return BINARY
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _image(image: Any) -> Body:
    file = io.BytesIO()
    # PNG holds no CMYK, YCbCr or floats; such an image is shown as RGB.
    shown = image if image.mode in _PNG_MODES else image.convert("RGB")
    shown.save(file, "PNG")
    return Body(PNG, file.getvalue())


def _figure(figure: Any) -> Body:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return Body(PNG, file.getvalue())


_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")
# What can be nothing but a body.
PLAIN: dict[type, Callable[[Any], Body]] = {
    str: _text,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
    type(None): _nothing,
    dict: _json_body,
    list: _json_body,
    int: _json_body,
    float: _json_body,
    bool: _json_body,
    type(_ for _ in ()): _chunks,
    FilePart: _part,
}
_BY_BASE: tuple[tuple[tuple[type, ...], Callable[[Any], Body]], ...] = (
    ((str,), _text),
    ((bytes, bytearray), _bytes),
    ((dict, list, tuple, int, float), _json_body),
    # It yields lines as well.
    ((io.IOBase,), _file),
)
_BY_NAME: dict[str, Callable[[Any], Body]] = {
    "pathlib.Path": _path,
    "PIL.Image": _image,
    "matplotlib.Figure": _figure,
    # It has the methods of its file by `__getattr__`.
    "tempfile._TemporaryFileWrapper": _file,
}
