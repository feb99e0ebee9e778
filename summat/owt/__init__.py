"""What adaptors see of owt: the request's answer, the server, and the building blocks of handlers.

An adaptor has these names without importing them. Installed with pip, the package tells editors and
tests about them; the server carries its own copy.
"""

from owt._main import main
from owt._response import Response, abort
from owt._server import Server, args
from owt.summat import pipe

__all__ = ["Response", "Server", "abort", "args", "main", "pipe"]
