"""Exceptions that owt raises itself, unlike those of adaptors."""


class CallError(Exception):
    """An error that owt finds: an `Owt-Error` code, and a message for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class Interrupted(BaseException):
    """Raised inside a running call whose deadline has passed or whose client has gone.

    Not an `Exception`, so that `except Exception` in an adaptor does not keep the call alive.
    """
