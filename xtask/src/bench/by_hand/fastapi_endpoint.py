"""The benchmark's endpoint, written by hand for FastAPI under uvicorn: PORT is the argument."""

import sys

import uvicorn
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel


class Call(BaseModel):
    """What the endpoint reads of the body."""

    name: str


app = FastAPI()


@app.post("/", response_class=PlainTextResponse)
async def run(call: Call) -> str:
    """Greet."""
    return f"Hello, {call.name}!"


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
