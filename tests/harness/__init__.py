"""What the tests stand on: servers, envelopes, raw sockets, virtualenvs."""

import pytest

# Those with asserts, so that a failing one shows what it has compared.
pytest.register_assert_rewrite(
    *(
        f"harness.{name}"
        for name in (
            "browser",
            "document",
            "errors",
            "log",
            "processes",
            "reader",
            "server",
            "shell",
        )
    )
)
