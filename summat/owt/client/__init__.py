"""Call owt from Python: send an adaptor and its arguments to a server, and read what it answers.

>>> from owt.client import Owt
>>> owt = Owt("http://localhost:9876")
>>> owt.call("lambda name: f'Hello, {name}!'", {"name": "owt"}).text  # doctest: +SKIP
'Hello, owt!'

`Owt` needs nothing but the standard library. `AsyncOwt` has the same methods for `asyncio`, and
needs httpx.
"""

from __future__ import annotations

from owt.client._async import AsyncJob, AsyncOwt, AsyncReply
from owt.client._call import Adaptor, CallOptions, File
from owt.client._error import OwtError
from owt.client._events import Event
from owt.client._job import JobStatus, Progress
from owt.client._sync import Job, Owt, Reply

__all__ = [
    "Adaptor",
    "AsyncJob",
    "AsyncOwt",
    "AsyncReply",
    "CallOptions",
    "Event",
    "File",
    "Job",
    "JobStatus",
    "Owt",
    "OwtError",
    "Progress",
    "Reply",
]
