"""`pipe()`: a handler made of steps, each of which uses the result of the one before it."""

from owt.summat._pipe._builder import Pipe, pipe

__all__ = ["Pipe", "pipe"]
