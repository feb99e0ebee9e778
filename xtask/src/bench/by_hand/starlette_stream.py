"""The benchmark's stream, written by hand for Starlette under uvicorn: PORT is the argument."""

import sys
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

CHUNK = b"x" * 1024


async def chunks() -> AsyncIterator[bytes]:
    """Yield what owt's adaptor yields."""
    for _ in range(10_000):
        yield CHUNK


async def run(request: Request) -> StreamingResponse:
    """Read the body as owt does, and stream."""
    await request.body()
    return StreamingResponse(chunks())


app = Starlette(routes=[Route("/", run, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
