"""How far calls and jobs have come, as the server tells it."""

from __future__ import annotations

import json
import re
from typing import Any, TypedDict

from owt.client._error import OwtError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from owt.client._events import Event

WAIT = 50
"""Seconds that one request waits for the end of a job: proxies give up those that take minutes."""


FIRST_PAUSE = 0.05
"""Seconds before a call is followed: one that is answered sooner is not."""

MAX_PAUSE = 1.0
"""Seconds between two questions for a call that does not run yet, at most."""

_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._~-]+")


def checked_id(job_id: str) -> str:
    """Return the id of a job: with another one, a URL would lead elsewhere."""
    if _ID.fullmatch(job_id) is None:
        raise OwtError("job-unknown", "no job has this id")
    return job_id


def id_of(status: int, headers: Any) -> str:
    """Return the id of the job that an answer has made of a call."""
    job_id: str | None = headers.get("owt-job")
    if job_id is None:
        raise OwtError("no-job", "this server takes no jobs", status=status)
    return job_id


class Progress(TypedDict):
    """How far a call has come."""

    done: float
    total: float | None
    text: str | None


class JobStatus(TypedDict, total=False):
    """How far a job has come. What does not apply is not there."""

    id: str
    state: str
    """`running`, `done`, `failed` or `cancelled`."""
    digest: str
    method: str
    path: str
    age: float
    """Seconds since it was submitted."""
    progress: Progress
    ended: float
    """Seconds since its end."""
    status: int
    """The HTTP status of its reply, or of the error."""
    bytes: int


def progress_of(event: Event) -> Progress | None:
    """Return what an event of a call says; nothing once the call is over."""
    if event.event != "progress":
        return None
    found: Progress = json.loads(event.data)
    return found


def is_running(headers: Any) -> bool:
    """Tell a job that runs from a reply, which may have the status 202 as well."""
    return bool(headers.get("owt-job-state") == "running")
