"""Values of request headers as objects: `User-Agent`, `Authorization`, `Accept`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class UserAgent(str):
    """The User-Agent header as text, and under Flask's name `string`."""

    __slots__ = ()

    @property
    def string(self) -> str:
        """The header as it was sent."""
        return str(self)


class Authorization:
    """The Authorization header: user and password (Basic), or a token (Bearer and others)."""

    __slots__ = ("password", "token", "type", "username")

    def __init__(
        self,
        type: str,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        self.type = type
        self.token = token
        self.username = username
        self.password = password

    def __repr__(self) -> str:
        return f"<Authorization {self.type}>"

    @classmethod
    def parse(cls, header: str | None) -> Authorization | None:
        """Parse a header; None if there is none, or if it is Basic and cannot be decoded."""
        kind, _, rest = (header or "").strip().partition(" ")
        if not kind:
            return None
        if kind.lower() != "basic":
            return cls(kind.lower(), token=rest.strip())
        pair = _decoded(rest.strip())
        if pair is None or ":" not in pair:
            return None
        username, _, password = pair.partition(":")
        return cls("basic", username=username, password=password)


def _decoded(text: str) -> str | None:
    from base64 import b64decode

    try:
        return b64decode(text, validate=True).decode("utf-8")
    except ValueError:
        return None


class Accept:
    """The media types that a client accepts, each with its quality from 0 to 1."""

    __slots__ = ("_ranges",)

    def __init__(self, header: str) -> None:
        self._ranges = [_parse_range(text) for text in header.split(",") if text.strip()]

    def __repr__(self) -> str:
        return f"Accept({self._ranges!r})"

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return iter(sorted(self._ranges, key=lambda each: -each[1]))

    def __len__(self) -> int:
        return len(self._ranges)

    def __contains__(self, mimetype: str) -> bool:
        return self.quality(mimetype) > 0

    def quality(self, mimetype: str) -> float:
        """Return the quality of a type: that of the most specific range that includes it."""
        wanted = _normalized(mimetype)
        fitting = [(_specificity(each, wanted), quality) for each, quality in self._ranges]
        return max((each for each in fitting if each[0]), default=(0, 0.0))[1]

    def best_match(self, matches: Iterable[str], default: str | None = None) -> str | None:
        """Return the type with the highest quality; of equal ones, the first."""
        found, best = default, 0.0
        for each in matches:
            quality = self.quality(each)
            if quality > best:
                found, best = each, quality
        return found

    @property
    def best(self) -> str | None:
        """The type with the highest quality; None if the client accepts nothing in particular."""
        return next((each for each, _ in self), None)

    @property
    def accept_json(self) -> bool:
        """Whether the client accepts JSON."""
        return "application/json" in self

    @property
    def accept_html(self) -> bool:
        """Whether the client accepts HTML or XHTML."""
        return "text/html" in self or "application/xhtml+xml" in self


def _parse_range(text: str) -> tuple[str, float]:
    kind, *parameters = (part.strip() for part in text.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            quality = _parse_quality(value.strip())
        else:
            kind += f";{parameter}"
    return kind, quality


def _parse_quality(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    # NaN fails the comparison.
    return value if 0 <= value <= 1 else 0.0


def _normalized(kind: str) -> str:
    return "".join(kind.lower().split())


def _specificity(wanted_range: str, kind: str) -> int:
    """Return how specific a range is for a type; 0 if it does not include the type."""
    wanted = _normalized(wanted_range)
    if wanted == kind:
        return 3
    if wanted.endswith("/*") and kind.startswith(wanted[:-1]):
        return 2
    return int(wanted in ("*/*", "*"))
