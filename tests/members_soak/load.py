"""Calls, each of which is compared with what it has to be, and leaves a line where it ran."""

import hashlib
import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import requests
from harness.envelope import envelope

# What a client may be told instead of an answer.
ALLOWED = {
    (502, "member-lost"),
    (502, "worker-died"),
    (503, "worker-unavailable"),
    (503, "draining"),
    (503, "queue-full"),
}

# However long a member is silent, its calls are told.
LONGEST = 30.0

CODE = """
import hashlib, os, time
# {number}
def run(request, notes, id, seconds, stream):
    with open(notes, "a") as file:
        file.write(id + "\\n")
    digest = hashlib.sha256(request.data).hexdigest()
    if not stream:
        time.sleep(seconds)
        return f"{{id}} {{digest}}"
    def chunks():
        for _ in range(10):
            yield f"{{id}} {{digest}}\\n"
            time.sleep(seconds / 10)
    return chunks()
"""

ADAPTORS = [CODE.format(number=number) for number in range(40)]


@dataclass
class Tally:
    """What has come of all calls."""

    answers: Counter[str] = field(default_factory=Counter)
    repeatable: set[str] = field(default_factory=set)
    offences: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, offence: str | None = None) -> None:
        """Count an answer, and keep what is wrong with it."""
        with self.lock:
            self.answers[kind] += 1
            if offence is not None:
                self.offences.append(offence)


def call_on(url: str, notes: Path, tally: Tally, seed: int, until: float) -> None:
    """Call, one call after the other, until it is time."""
    choice = random.Random(seed)
    number = 0
    with requests.Session() as session:
        session.trust_env = False
        while time.monotonic() < until:
            number += 1
            call(session, url, notes, tally, f"{seed}-{number}", choice)


def call(
    session: requests.Session,
    url: str,
    notes: Path,
    tally: Tally,
    name: str,
    choice: random.Random,
) -> None:
    """Make one call, and judge its answer."""
    stream = choice.random() < 0.3
    seconds = choice.choice((0, 0, 0.01, 0.2, 1))
    headers = {}
    if choice.random() < 0.2:
        headers["Idempotency-Key"] = f'"{name}"'
        tally.repeatable.add(name)
    kwargs = {"notes": str(notes), "id": name, "seconds": seconds, "stream": stream}
    json = envelope(choice.choice(ADAPTORS), kwargs, padding=os.urandom(20).hex())
    body = requests.Request("POST", url, json=json, headers=headers).prepare()
    assert isinstance(body.body, bytes)
    line = f"{name} {hashlib.sha256(body.body).hexdigest()}"
    expected = f"{line}\n" * 10 if stream else line
    began = time.monotonic()
    try:
        answer = session.send(body, timeout=LONGEST)
        kind, offence = judged(answer, expected)
    except requests.exceptions.ChunkedEncodingError:
        kind, offence = "broken off", None if stream else f"{name} broke off"
    except requests.exceptions.RequestException as err:
        kind, offence = "unanswered", f"{name}: {err}"
    if time.monotonic() - began > LONGEST:
        offence = f"{name} took too long"
    tally.add(kind, offence)


def judged(answer: requests.Response, expected: str) -> tuple[str, str | None]:
    """Return what an answer is, and what is wrong with it."""
    code = answer.headers.get("Owt-Error")
    if code is None:
        is_right = (answer.status_code, answer.text) == (200, expected)
        return "right", None if is_right else f"wrong: {answer.status_code} {answer.text!r}"
    is_allowed = (answer.status_code, code) in ALLOWED
    return code, None if is_allowed else f"{answer.status_code} {code}: {answer.text}"


def repeated(notes: Path, tally: Tally) -> list[str]:
    """Return the calls that have run twice, though nobody had allowed that."""
    runs = Counter(notes.read_text().split())
    return [name for name, count in runs.items() if count > 1 and name not in tally.repeatable]
