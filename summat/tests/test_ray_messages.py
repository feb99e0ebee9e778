"""What the server and the Ray driver say to each other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from owt._ray._failure import PoolError
from owt._ray._messages import (
    Event,
    Failed,
    Lost,
    MemberUp,
    Placement,
    Ready,
    ServeSettings,
    Settings,
    Waiting,
)

LINE: dict[str, Any] = {
    "pool": "gpu",
    "address": "auto",
    "members": 4,
    "num_gpus": 0.5,
    "num_cpus": 1,
    "resources": {"fast": 1.0},
    "runtime_env": {"pip": ["numpy"]},
    "keep": True,
    "owt": "/opt/owt",
    "arguments": ["--workers", "2"],
    "token": "secret",
    "cert": "CERT",
    "key": "KEY",
}

SETTINGS = Settings(
    pool="gpu",
    address="auto",
    members=4,
    keep=True,
    placement=Placement(0.5, 1, {"fast": 1.0}, {"pip": ["numpy"]}),
    serve=ServeSettings("/opt/owt", ["--workers", "2"], "secret", "CERT", "KEY"),
)


def test_the_line_of_settings_is_read() -> None:
    assert Settings.parse(json.dumps(LINE) + "\n") == SETTINGS


def test_what_may_be_null_may_be_left_out() -> None:
    short = {name: LINE[name] for name in ("pool", "address", "members", "owt")}
    secrets = {name: LINE[name] for name in ("token", "cert", "key")}
    null = {"num_cpus": None, "resources": None, "runtime_env": None}
    read = Settings.parse(json.dumps(short | secrets | null))
    assert read.placement == Placement(0, None, {}, None)
    assert (read.keep, read.serve.arguments) == (False, [])
    assert Settings.parse(json.dumps(short | secrets)) == read


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "is no object of JSON"),
        ("[1]", "is no object of JSON"),
        ('"secret"', "is no object of JSON"),
        (json.dumps({**LINE, "resources": 1, "token": None} | {"pool": None})[:-1], "is no object"),
        (json.dumps({name: LINE[name] for name in LINE if name != "token"}), "lacks 'token'"),
    ],
)
def test_a_bad_line_is_told_without_its_secrets(line: str, problem: str) -> None:
    with pytest.raises(PoolError, match=problem) as raised:
        Settings.parse(line)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            MemberUp(0, "https://10.0.0.2:41234", "ab12", None, 123),
            '{"event": "member", "index": 0, "url": "https://10.0.0.2:41234", '
            '"node": "ab12", "gpus": null, "pid": 123}\n',
        ),
        (Lost(1, "gone"), '{"event": "lost", "index": 1, "reason": "gone"}\n'),
        (Waiting(1, "full"), '{"event": "waiting", "index": 1, "reason": "full"}\n'),
        (Ready(), '{"event": "ready"}\n'),
        (Failed("two\nlines"), '{"event": "failed", "reason": "two\\nlines"}\n'),
    ],
)
def test_events_are_lines(event: Event, line: str) -> None:
    assert event.line() == line


def test_whatever_changes_changes_the_fingerprint() -> None:
    placement, serve = SETTINGS.placement, SETTINGS.serve
    assert placement.fingerprint == replace(placement).fingerprint
    changed = [
        placement,
        replace(placement, num_gpus=1),
        replace(placement, num_cpus=None),
        replace(placement, resources={}),
        replace(placement, runtime_env=None),
    ]
    assert len({each.fingerprint for each in changed}) == len(changed)
    served = [
        serve,
        replace(serve, owt="other"),
        replace(serve, arguments=[]),
        replace(serve, token="other"),
        replace(serve, cert="other"),
        replace(serve, key="other"),
    ]
    assert len({each.fingerprint for each in served}) == len(served)
