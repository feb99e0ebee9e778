"""`pipe()`: a handler built from steps, each of which works on what the one before it left."""

from owt.summat._pipe._builder import Pipe, pipe

__all__ = ["Pipe", "pipe"]
