"""The benchmark's stream, written by hand for Starlette under uvicorn: PORT is the argument."""

import sys
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

CHUNK = b"x" * 1024


def chunks() -> Iterator[bytes]:
    """Yield what owt's adaptor yields."""
    for _ in range(10_000):
        yield CHUNK


async def achunks() -> AsyncIterator[bytes]:
    """Yield the same in the event loop."""
    for _ in range(10_000):
        yield CHUNK


async def run(request: Request) -> StreamingResponse:
    """Read the body as owt does, and stream."""
    await request.body()
    return StreamingResponse(chunks())


async def arun(request: Request) -> StreamingResponse:
    """Do the same with an async generator."""
    await request.body()
    return StreamingResponse(achunks())


app = Starlette(routes=[Route("/", run, methods=["POST"]), Route("/async", arun, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
