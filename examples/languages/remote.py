# Run: python3 examples/languages/remote.py http://localhost:9876
"""Calls from one Python what runs in another, with other packages or on another machine."""

import base64
import json
import sys
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

url = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:9876"

fields = {
    "code_b64": base64.b64encode(Path("examples/languages/hello.py").read_bytes()),
    "kwargs_b64": json.dumps({"name": "Python"}),
}
with urlopen(f"{url}/hello", urlencode(fields).encode()) as answer:
    print(answer.read().decode())
