"""Building blocks for adaptors."""

from owt.summat._pipe import Pipe, pipe

__all__ = ["Pipe", "pipe"]
