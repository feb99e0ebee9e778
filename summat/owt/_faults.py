"""The two exceptions that are owt's own and never an adaptor's."""


class Fault(Exception):
    """A call that owt itself refuses: an `Owt-Error` code, and words for a person."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class Interrupted(BaseException):
    """Raised inside a running call whose deadline has passed or whose client has gone.

    Not an `Exception`, so that `except Exception` in an adaptor does not keep the call alive.
    """
