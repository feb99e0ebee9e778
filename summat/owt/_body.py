"""The body of a reply, made from what a handler returned: whole, or in chunks as they come."""

from __future__ import annotations

import io
from types import CoroutineType

from owt import _json
from owt._class_lookup import has_methods, lookup
from owt._errors import CallError
from owt._file_response import FilePart, has_known_length, whole_file

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
_SUPPORTED = (
    "Return text, bytes, None, a dict, list, number, boolean or dataclass (JSON), a generator or "
    "iterator of text or bytes, an open binary file or pathlib.Path, a Pillow image, a matplotlib "
    "figure, a numpy array, a pandas frame, an owt.Response, or (body, status, headers)"
)


class Body:
    """A body with the media type that fits it: bytes, an iterator or an async iterator."""

    __slots__ = ("async_chunks", "chunks", "content_type", "data", "length")

    def __init__(
        self,
        content_type: str | None,
        data: bytes = b"",
        chunks: Iterable[Any] | None = None,
        async_chunks: AsyncIterator[Any] | None = None,
        length: int | None = None,
    ) -> None:
        # None with chunks: the first chunk decides.
        self.content_type = content_type
        self.data = data
        self.chunks = chunks
        self.async_chunks = async_chunks
        # Bytes of all chunks, if known before.
        self.length = length


def is_awaitable(value: Any) -> bool:
    """Tell whether a value has to be awaited."""
    kind = type(value)
    return kind not in BODY_TYPES and (kind is CoroutineType or has_methods(kind, "__await__"))


def body_of(value: Any) -> Body:
    """Return the body for a value; an error lists the supported types."""
    kind = type(value)
    make = BODY_TYPES.get(kind) or _maker_for(kind)
    return _json_or_error(value) if make is None else make(value)


def _maker_for(kind: type) -> Callable[[Any], Body] | None:
    for base, make in _BY_BASE:
        if issubclass(kind, base):
            return make
    if has_methods(kind, "__aiter__"):
        return _async_chunks
    if has_methods(kind, "__next__"):
        return _chunks
    if lookup(_BY_NAME, kind):
        return lookup(_BY_NAME, kind)
    is_file = has_methods(kind, "read", "readable") and not _json.is_dataclass(kind)
    return _file if is_file else None


def text_type(text: str) -> str:
    """Return the media type of text: HTML if it begins with `<`."""
    return HTML if text[:1] == "<" else TEXT


def text_bytes(text: str) -> bytes:
    """Return text in UTF-8; lone surrogates, which UTF-8 cannot encode, as escapes."""
    return text.encode("utf-8", "backslashreplace")


def unsupported(value: Any) -> CallError:
    """Return the error for a value of an unsupported type."""
    kind = type(value)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    return CallError("reply-invalid", f"The handler returned a value of type {name}. {_SUPPORTED}.")


def _text(value: str) -> Body:
    return Body(text_type(value), text_bytes(value))


def _bytes(value: bytes | bytearray | memoryview) -> Body:
    return Body(BINARY, bytes(value))


def _json_body(value: Any) -> Body:
    return Body(JSON, _json.encode(value))


def _nothing(_value: None) -> Body:
    return Body(None)


def _json_or_error(value: Any) -> Body:
    try:
        simple = _json.simplify(value)
    except TypeError:
        raise unsupported(value) from None
    return _json_body(simple)


def _chunks(value: Iterator[Any]) -> Body:
    return Body(None, chunks=value)


def _async_chunks(value: Any) -> Body:
    return Body(None, async_chunks=value.__aiter__())


def is_path(value: Any) -> bool:
    """Tell whether a value is a `pathlib.Path`, whose file is the body."""
    return type(value) not in BODY_TYPES and lookup({"pathlib.Path": True}, type(value)) is not None


def _path(path: Path) -> Body:
    file = path.open("rb")
    return _part(whole_file(file)) if has_known_length(file) else _file(file)


def _part(part: FilePart) -> Body:
    kind = guess_media_type(part.name)
    if part.length <= _FILE_CHUNK:
        return Body(kind, b"".join(part))
    return Body(kind, chunks=part, length=part.length)


def _file(file: Any) -> Body:
    _rewind(file)
    if isinstance(file, io.TextIOBase):
        return Body(None, chunks=file)
    name = getattr(file, "name", None)
    return Body(guess_media_type(name) if isinstance(name, str) else BINARY, chunks=_read(file))


def _rewind(file: Any) -> None:
    """Seek to the beginning of a file that was just written, and is at its end."""
    # Not every file has these methods.
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


def guess_media_type(name: str) -> str:
    """Return the media type of a file by its name; `application/octet-stream` if unknown."""
    import mimetypes

    kind, encoding = mimetypes.guess_type(name)
    if kind is None or encoding is not None:
        return BINARY
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _image(image: Any) -> Body:
    file = io.BytesIO()
    # PNG has no CMYK, YCbCr or floats; such an image is converted to RGB.
    shown = image if image.mode in PNG_MODES else image.convert("RGB")
    shown.save(file, "PNG")
    return Body(PNG, file.getvalue())


def _figure(figure: Any) -> Body:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return Body(PNG, file.getvalue())


# What Pillow writes as PNG without conversion.
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")
# Exact types of values that are a body by themselves, never a response or an awaitable.
BODY_TYPES: dict[type, Callable[[Any], Body]] = {
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
    # Before iterators: files iterate over lines.
    ((io.IOBase,), _file),
)
_BY_NAME: dict[str, Callable[[Any], Body]] = {
    "pathlib.Path": _path,
    "PIL.Image": _image,
    "matplotlib.Figure": _figure,
    # Its class has no methods: it gets those of its file through `__getattr__`.
    "tempfile._TemporaryFileWrapper": _file,
}
