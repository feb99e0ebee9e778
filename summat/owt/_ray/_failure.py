"""Why a pool or one of its members cannot go on, in one sentence that says what to do."""

from __future__ import annotations


class PoolError(Exception):
    """A pool cannot go on; the text is for whoever runs the server."""


class MemberError(Exception):
    """A member does not start; `is_final` where it would not at the next attempt either."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final
