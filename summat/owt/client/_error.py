"""Why a call gave no answer of the adaptor."""

from __future__ import annotations

# Owt was too busy or about to stop, so that the adaptor has certainly not run.
_SAFE_TO_RETRY = frozenset(
    (
        "unreachable",
        "buffers-full",
        "draining",
        "jobs-full",
        "queue-full",
        "too-many-connections",
        "too-many-streams",
        "worker-unavailable",
    )
)


class OwtError(Exception):
    """A call that gave no answer of the adaptor.

    `code` is owt's own (the header `Owt-Error`, such as `code-invalid` or `deadline`), or one of
    this module: `unreachable`, `answer-broken`, `timed-out`, `not-owt`, `answer-status`,
    `not-events`, `no-job`, `url-too-long` and `kwargs-unsendable`. `status` is that of the answer,
    if there was one.

    Its text shows neither source nor arguments, but for what the server says of them.
    """

    def __init__(
        self,
        code: str,
        text: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
        self.retry_after = retry_after
        """After how many seconds the server would like to be asked again, if it has said so."""

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"

    @property
    def is_safe_to_retry(self) -> bool:
        """Whether the adaptor has certainly not run, and a later try may fare better."""
        return self.code in _SAFE_TO_RETRY
