"""Header fields read as what they mean: credentials, preferences, the client's name."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class UserAgent(str):
    """The User-Agent header, which `request.user_agent.string` gives as well."""

    __slots__ = ()

    @property
    def string(self) -> str:
        """The header as it was sent."""
        return str(self)


class Authorization:
    """The Authorization header: a user and a password (Basic), or a token (Bearer and others)."""

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
    def of(cls, header: str | None) -> Authorization | None:
        """Read a header; None if there is none, or it is Basic and cannot be decoded."""
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
    """The media types that a client takes, with how much it likes each, from 0 to 1."""

    __slots__ = ("_ranges",)

    def __init__(self, header: str) -> None:
        self._ranges = [_range(text) for text in header.split(",") if text.strip()]

    def __repr__(self) -> str:
        return f"Accept({self._ranges!r})"

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return iter(sorted(self._ranges, key=lambda each: -each[1]))

    def __len__(self) -> int:
        return len(self._ranges)

    def __contains__(self, mimetype: str) -> bool:
        return self.quality(mimetype) > 0

    def quality(self, mimetype: str) -> float:
        """Return how much the client likes a type: that of the most specific range it is in."""
        wanted = _plain(mimetype)
        fitting = [(_fit(each, wanted), quality) for each, quality in self._ranges]
        return max((each for each in fitting if each[0]), default=(0, 0.0))[1]

    def best_match(self, matches: Iterable[str], default: str | None = None) -> str | None:
        """Return that of the types which the client likes best: of two, the earlier."""
        found, best = default, 0.0
        for each in matches:
            quality = self.quality(each)
            if quality > best:
                found, best = each, quality
        return found

    @property
    def best(self) -> str | None:
        """What the client likes best; None if it says nothing."""
        return next((each for each, _ in self), None)

    @property
    def accept_json(self) -> bool:
        """Whether the client takes JSON."""
        return "application/json" in self

    @property
    def accept_html(self) -> bool:
        """Whether the client takes HTML, as XHTML or not."""
        return "text/html" in self or "application/xhtml+xml" in self


def _range(text: str) -> tuple[str, float]:
    kind, *parameters = (part.strip() for part in text.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            quality = _quality(value.strip())
        else:
            kind += f";{parameter}"
    return kind, quality


def _quality(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    # A NaN is in no range.
    return value if 0 <= value <= 1 else 0.0


def _plain(kind: str) -> str:
    return "".join(kind.lower().split())


def _fit(wanted_range: str, kind: str) -> int:
    """Return how specific the range is that a type is in; 0 if it is not in it."""
    wanted = _plain(wanted_range)
    if wanted == kind:
        return 3
    if wanted.endswith("/*") and kind.startswith(wanted[:-1]):
        return 2
    return int(wanted in ("*/*", "*"))
