"""The benchmark's endpoint, written by hand for Robyn: PORT is the argument."""

import json
import sys

from robyn import Request, Robyn

# Robyn reads the command line too, and does not know the port.
PORT = int(sys.argv.pop())

app = Robyn(__file__)


@app.post("/")
def run(request: Request) -> str:
    """Greet."""
    return f"Hello, {json.loads(request.body)['name']}!"


if __name__ == "__main__":
    app.start(host="127.0.0.1", port=PORT)
