"""Requests that a browser makes ahead of its user, because some page has told it to."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
from harness.browser import chromium
from harness.envelope import b64
from harness.server import Serve, Server

PATIENCE = 20.0
PAUSE = 0.05


@contextmanager
def site(body: str) -> Iterator[int]:
    """Serve one page at every path, on all names of this machine, and give its port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def refusals(server: Server) -> int:
    """Return how many requests were refused because of the page that they came from."""
    metrics = server.send("GET", "/_owt/metrics").text
    lines = [line for line in metrics.splitlines() if 'code="cross-site"' in line]
    return sum(int(line.split()[-1]) for line in lines)


def hostile_page(action: str, url: str) -> str:
    """Return a page that has the browser fetch a URL of which its user knows nothing."""
    rules = {action: [{"source": "list", "eagerness": "immediate", "urls": [url]}]}
    return f"<!doctype html><script type=speculationrules>{json.dumps(rules)}</script>"


# A browser prerenders only what is of the same site, as all ports of one name are.
@pytest.mark.parametrize(
    ("action", "host"),
    [("prefetch", "127.0.0.1"), ("prefetch", "localhost"), ("prerender", "localhost")],
)
def test_rules_of_a_page_run_nothing(serve: Serve, tmp_path: Path, action: str, host: str) -> None:
    server, trace = serve(), tmp_path / "trace"
    code = f"lambda: open({str(trace)!r}, 'w').close()"
    url = f"http://localhost:{server.port}/?{urlencode({'code_b64': b64(code)})}"
    with site(hostile_page(action, url)) as port, chromium() as browser:
        browser.new_page().goto(f"http://{host}:{port}/")
        deadline = time.monotonic() + PATIENCE
        # The browser says nothing of what becomes of such a request; the server counts it.
        while refusals(server) == 0 and not trace.exists():
            assert time.monotonic() < deadline, "the browser has not followed the rules"
            time.sleep(PAUSE)
    assert not trace.exists()
