"""Named endpoints: arguments from path, query and body, by the names of the parameters."""

from __future__ import annotations

import inspect

from owt._convert import ANY, Converter, Mismatch, Text, converter, hints_of
from owt._errors import CallError
from owt._signature import is_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from owt._request import Request

_KINDS = inspect.Parameter
_NAMED = (_KINDS.POSITIONAL_ONLY, _KINDS.POSITIONAL_OR_KEYWORD, _KINDS.KEYWORD_ONLY)
_REQUEST_NAMES = ("request", "req", "_")
# Fields with which a request brings code of its own.
_CODE = ("code_b64", "code_sha256")
# How much of what a client sent is quoted.
_MAX_QUOTED = 80
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
# Types of defaults that say as much as an annotation.
_TELLING = (bool, int, float)


class Parameter:
    """One parameter that arguments are for."""

    __slots__ = ("convert", "default", "is_positional", "is_required", "name")

    def __init__(self, parameter: inspect.Parameter, annotation: Any) -> None:
        self.name = parameter.name
        self.is_required = parameter.default is _KINDS.empty
        self.default = parameter.default
        self.is_positional = parameter.kind is _KINDS.POSITIONAL_ONLY
        self.convert = converter(annotation)


class Endpoint:
    """How one handler is called as a named endpoint."""

    def __init__(self, handler: Callable[..., Any], fn_name: str) -> None:
        # Held, so that no other handler gets its id.
        self.handler = handler
        self._fn_name = fn_name
        self.parameters: dict[str, Parameter] = {}
        # The converter of `**kwargs`, if there are any.
        self.others: Converter | None = None
        # The parameters that get the request: by position, and by name.
        self._request_first = False
        self._request_name: str | None = None
        self._read(_parameters_of(handler), hints_of(inspect.unwrap(handler)))

    def _read(self, parameters: list[inspect.Parameter], hints: Any) -> None:
        for parameter in parameters:
            annotation = hints.get(parameter.name, parameter.annotation)
            if parameter.kind is _KINDS.VAR_KEYWORD:
                self.others = ANY if annotation is _KINDS.empty else converter(annotation)
            elif parameter.kind not in _NAMED:
                continue
            elif self._takes_request(parameter, annotation):
                is_keyword = parameter.kind is _KINDS.KEYWORD_ONLY or bool(self.parameters)
                self._request_first = not is_keyword
                self._request_name = parameter.name
            else:
                self.parameters[parameter.name] = Parameter(
                    parameter, _type_of(parameter, annotation)
                )

    def _takes_request(self, parameter: inspect.Parameter, annotation: Any) -> bool:
        if self._request_name is not None:
            return False
        if parameter.name in _REQUEST_NAMES or is_request(annotation):
            return True
        is_likely = parameter.name == "r" or parameter.name.startswith("_")
        return is_likely and not self.parameters and parameter.default is _KINDS.empty

    def call(self, request: Request, path: Iterable[tuple[str, str]]) -> Any:
        """Call the handler with what the request has; `arguments` errors say what does not fit."""
        values = self.arguments(request, path)
        positional = [request] if self._request_first else []
        for name, parameter in self.parameters.items():
            if parameter.is_positional and name in values:
                positional.append(values.pop(name))
        if self._request_name is not None and not self._request_first:
            values[self._request_name] = request
        return self.handler(*positional, **values)

    def arguments(self, request: Request, path: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Return the arguments by name, converted."""
        given = _given(request, path)
        values = {}
        for name, parameter in self.parameters.items():
            if name in given:
                values[name] = self._converted(name, parameter.convert, given.pop(name))
            elif parameter.is_required and not parameter.convert.is_list:
                raise CallError("arguments", self._missing(name, request))
            elif parameter.is_required:
                # A list of which none was sent is empty, as a form with none of its boxes ticked.
                values[name] = self._converted(name, parameter.convert, [[]])
            elif parameter.is_positional:
                # What comes after it by position needs it.
                values[name] = parameter.default
        if given and self.others is None:
            raise CallError("arguments", self._unknown(next(iter(given))))
        for name, found in given.items():
            values[name] = self._converted(name, self.others or ANY, found)
        return values

    def _converted(self, name: str, convert: Converter, found: list[Any]) -> Any:
        try:
            if len(found) == 1 and convert.takes_single(found[0]):
                return convert(found[0])
            if convert.is_list:
                return convert(_listed(found))
            raise CallError(
                "arguments", f"The argument {name!r} of {self._fn_name}() is given twice."
            )
        except Mismatch as err:
            where = f"{name}{err.path}"
            raise CallError(
                "arguments",
                f"The argument {where!r} of {self._fn_name}() takes {err.expected}, and "
                f"{_quoted(err.value)} came.",
            ) from None

    def _missing(self, name: str, request: Request) -> str:
        sentence = f"{self._fn_name}() needs {name!r}, in the query, a form or a JSON object."
        # `curl --data` says that it sends a form, whatever it sends.
        is_unsaid = not request.is_json and request.data[:64].lstrip()[:1] in (b"{", b"[")
        return f"{sentence} {_NOT_SAID}" if is_unsaid else sentence

    def _unknown(self, name: str) -> str:
        names = ", ".join(map(repr, self.parameters)) or "none"
        return f"{self._fn_name}() has no parameter {name!r}; its parameters are: {names}."

    def description(self) -> dict[str, Any]:
        """Return what its documentation is made of."""
        hints = hints_of(inspect.unwrap(self.handler))
        returned = hints.get("return", _KINDS.empty)
        return {
            "name": self._fn_name,
            "doc": inspect.getdoc(inspect.unwrap(self.handler)) or "",
            "parameters": [_described(parameter) for parameter in self.parameters.values()],
            "takes_others": self.others is not None,
            "returns": None if returned is _KINDS.empty else _returned(returned),
        }


_NOT_SAID = (
    "The body looks like JSON, and does not say so: send the header Content-Type: application/json "
    "(curl --json, or -H 'Content-Type: application/json')."
)


def _parameters_of(handler: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(handler).parameters.values())
    except Exception:
        # A builtin without a signature takes what it is given.
        return [_KINDS("kwargs", _KINDS.VAR_KEYWORD)]


def _type_of(parameter: inspect.Parameter, annotation: Any) -> Any:
    """Return the annotation, or the type of a default that tells as much."""
    if annotation is not _KINDS.empty:
        return annotation
    kind = type(parameter.default)
    return kind if kind in _TELLING else object


def _given(request: Request, path: Iterable[tuple[str, str]]) -> dict[str, list[Any]]:
    """Return all values by name: the path's before the query's, these before the body's."""
    given: dict[str, list[Any]] = {name: [Text(part)] for name, part in path}
    for fields in (request.args, *_fields_of_body(request)):
        for name in fields:
            if name not in given:
                given[name] = [_as_text(value) for value in fields.getlist(name)]
    if request.is_json:
        given = {name: [value] for name, value in _json_object(request).items()} | given
    if any(name in given for name in _CODE):
        raise CallError("path-is-named", "the request brings code")
    return given


def _fields_of_body(request: Request) -> list[Any]:
    return [request.form, request.files] if request.mimetype in _FORMS else []


def _as_text(value: Any) -> Any:
    return Text(value) if type(value) is str else value


def _json_object(request: Request) -> dict[str, Any]:
    import json

    data = request.data
    if not data.strip():
        return {}
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as err:
        raise CallError("arguments", f"The body is not valid JSON: {err}.") from None
    if not isinstance(value, dict):
        raise CallError("arguments", f"The body is JSON, but no object: it is {_quoted(value)}.")
    return value


def _listed(found: list[Any]) -> Any:
    """Return the values of a list: one text may be a JSON array, or the only item."""
    if len(found) == 1 and type(found[0]) is Text and found[0].lstrip().startswith("["):
        return str(found[0])
    return found


def _described(parameter: Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": parameter.name,
        "required": parameter.is_required and not parameter.convert.is_list,
        "is_file": parameter.convert.is_file,
        "schema": parameter.convert.schema(),
    }
    if not parameter.is_required and isinstance(
        parameter.default, (str, int, float, bool, type(None))
    ):
        found["schema"] = {**found["schema"], "default": parameter.default}
    return found


def _returned(annotation: Any) -> dict[str, Any]:
    """Return the media type and the schema of a reply."""
    if annotation is str:
        return {"type": "text/plain", "schema": {"type": "string"}}
    if annotation is bytes:
        return {"type": "application/octet-stream", "schema": {}}
    found = converter(annotation)
    return {"type": "*/*" if found is ANY else "application/json", "schema": found.schema()}


def _quoted(value: Any) -> str:
    import json

    if hasattr(value, "filename"):
        return "a file"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= _MAX_QUOTED else f"{text[: _MAX_QUOTED - 1]}…"
