"""All kinds of calls, each made at random with the answer that it has to get."""

import hashlib
from collections.abc import Callable, Iterator
from random import Random

from harness.envelope import b64, digest

from soak import adaptors
from soak.content import Headed, numbered
from soak.order import Expected, Order, by_get, of_fields, order, stream, text, with_body

Maker = Callable[[Random], Order]

# Keys of the result cache: more than it holds at a time, few enough to be asked for at once.
CACHE_KEYS = 60


def deadline(seconds: float) -> Expected:
    """Expect that a call's time is up."""
    words = (
        f"The call ran longer than the {seconds} s that it may. Ask for more with the field "
        "timeout, or start the server with a larger --timeout.\n"
    )
    return text(words, 504, code="deadline")


def name(rnd: Random) -> int:
    """Return what tells a call from all others."""
    return rnd.randrange(10**9)


def plain(rnd: Random) -> Order:
    """Return a call that is over at once; some load their code anew."""
    n = name(rnd)
    more = {"reload": True} if rnd.random() < 0.05 else {}
    return order("text", adaptors.TEXT, text(f"{n}"), {"n": n}, **more)


def in_url(rnd: Random) -> Order:
    """Return a call that is all in the URL."""
    n = name(rnd)
    return by_get("text by GET", adaptors.TEXT, text(f"{n}"), {"n": n})


def by_digest(rnd: Random) -> Order:
    """Return a call of code that the server has been sent before."""
    n = name(rnd)
    fields = {"code_sha256": digest(adaptors.TEXT), "kwargs_b64": b64(f'{{"n": {n}}}')}
    return of_fields("by digest", fields, text(f"{n}"))


def taking_turns(rnd: Random) -> Order:
    """Return a call in a pool with one slot."""
    n = name(rnd)
    return order("in turns", adaptors.TAKING_TURNS, text(f"{n}"), {"n": n}, pool="turns")


def in_copies(rnd: Random) -> Order:
    """Return a call in a pool whose workers hold the same, and are replaced when they are idle."""
    n = name(rnd)
    more = {"keep_alive": "0"} if rnd.random() < 0.05 else {}
    return order("in copies", adaptors.TEXT, text(f"{n}"), {"n": n}, pool="copies", **more)


def with_packages(rnd: Random) -> Order:
    """Return a call in an environment of its own; what installs it may be killed as well."""
    n = name(rnd)
    expected = text(f"1.0 {n}", or_code="dependencies-failed")
    return order("with packages", adaptors.WITH_PACKAGES, expected, {"n": n})


def fresh(rnd: Random) -> Order:
    """Return a call of code that the server has not seen."""
    n = name(rnd)
    return order("fresh code", adaptors.fresh(n), text(f"{n}"))


def sleeping(rnd: Random) -> Order:
    """Return a call that blocks its thread."""
    n, seconds = name(rnd), rnd.uniform(0.001, 0.1)
    return order("sleeping", adaptors.SLEEPING, text(f"{n}"), {"n": n, "seconds": seconds})


def waiting(rnd: Random) -> Order:
    """Return a call that waits in the event loop."""
    n, seconds = name(rnd), rnd.uniform(0.001, 0.1)
    return order("async", adaptors.WAITING, text(f"{n}"), {"n": n, "seconds": seconds})


def loading(rnd: Random) -> Order:
    """Return a call that loads its code anew, or waits for that; some have little time for it."""
    n = name(rnd)
    if rnd.random() < 0.4:
        expected = text(f"{n}", or_code="deadline")
        return order("loading", adaptors.LOADING, expected, {"n": n}, timeout=0.1)
    more = {"reload": True} if rnd.random() < 0.3 else {}
    return order("loading", adaptors.LOADING, text(f"{n}"), {"n": n}, **more)


def waiting_in_c(rnd: Random) -> Order:
    """Return a call whose time is up while it waits in C."""
    kwargs = {"child": rnd.random() < 0.5}
    return order("waiting in C", adaptors.WAITING_IN_C, deadline(0.1), kwargs, timeout=0.1)


def busy(rnd: Random) -> Order:
    """Return a call that computes in Python for some milliseconds."""
    n = rnd.randrange(10_000, 400_000)
    total = (n - 1) * n * (2 * n - 1) // 6
    return order("busy", adaptors.BUSY, text(f"{total}"), {"n": n})


def streaming(kind: str, code: str) -> Maker:
    """Return what makes calls of a generator."""

    def make(rnd: Random) -> Order:
        n, parts = name(rnd), rnd.randrange(0, 200)
        size = rnd.choice([16, 1000, 20_000])
        kwargs = {"n": n, "parts": parts, "size": size}
        return order(kind, code, stream(lambda: numbered(n, parts, size)), kwargs)

    return make


def download(rnd: Random) -> Order:
    """Return a call whose answer is large and whole."""
    n, times = name(rnd), rnd.choice([1, 6_000, 7_000, 300_000])
    expected = stream(lambda: [f"{n:9d}\n".encode() * times])
    return order("download", adaptors.DOWNLOAD, expected, {"n": n, "times": times})


def upload(rnd: Random) -> Order:
    """Return a call with a large body."""
    body = rnd.randbytes(rnd.choice([1, 64 << 10, 1 << 20, 3 << 20]))
    return with_body("upload", adaptors.DIGESTING, text(hashlib.sha256(body).hexdigest()), body)


def echo(rnd: Random) -> Order:
    """Return a call that gives random bytes back in one piece."""
    body = rnd.randbytes(rnd.randrange(1, 300_000))
    return with_body("echo", adaptors.ECHO, stream(lambda: [body]), body)


def streamed_echo(rnd: Random) -> Order:
    """Return a call that gives random bytes back in parts."""
    body = rnd.randbytes(rnd.randrange(1, 300_000))
    return with_body("streamed echo", adaptors.STREAMED_ECHO, stream(lambda: [body]), body)


def form(rnd: Random) -> Order:
    """Return a call with a field and two files of a form."""
    n, files = name(rnd), [rnd.randbytes(rnd.randrange(200_000)) for _ in range(2)]
    boundary = f"boundary-{rnd.randbytes(8).hex()}"
    field = f'--{boundary}\r\nContent-Disposition: form-data; name="n"\r\n\r\n{n}\r\n'.encode()
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="file{number}"; '
        f'filename="{number}.bin"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for number, data in enumerate(files)
    ]
    body = field + b"".join(parts) + f"--{boundary}--\r\n".encode()
    digests = [
        f"file{number} {number}.bin {hashlib.sha256(data).hexdigest()}\n"
        for number, data in enumerate(files)
    ]
    expected = stream(lambda: [f"n={n}\n".encode(), "".join(digests).encode()])
    return with_body(
        "form", adaptors.FORM, expected, body, f"multipart/form-data; boundary={boundary}"
    )


def cached(rnd: Random) -> Order:
    """Return a call whose result many share."""
    key, parts, size = f"key{rnd.randrange(CACHE_KEYS)}", 40, 5000

    def content_of(line: bytes) -> Iterator[bytes] | None:
        found, _, token = line.decode("latin-1").partition(" ")
        return numbered(token, parts, size) if found == key else None

    expected = Expected(lambda: Headed(content_of), is_long=True)
    kwargs = {"key": key, "parts": parts, "size": size}
    return order(
        "cached", adaptors.COMPUTING, expected, kwargs, use_cache=True, cache_key_override=key
    )


def raising(rnd: Random) -> Order:
    """Return a call that raises."""
    n = name(rnd)
    words = f"""\
ValueError: {n}

Traceback (most recent call last):
  File "<adaptor {digest(adaptors.RAISING)[:12]}>", line 2, in run
    raise ValueError(n)
ValueError: {n}
"""
    expected = text(words, 500, code="adaptor-raised")
    return order("raising", adaptors.RAISING, expected, {"n": n})


def aborting(rnd: Random) -> Order:
    """Return a call that answers by `abort`."""
    n = name(rnd)
    return order("abort", adaptors.ABORTING, text(f"{n}", 418), {"n": n})


def broken(rnd: Random) -> Order:
    """Return a stream that raises in the middle."""
    n = name(rnd)
    expected = stream(lambda: [f"begun {n}".encode()], breaks_off=True)
    return order("raising midway", adaptors.BEGUN_AND_RAISING, expected, {"n": n})


def late(rnd: Random) -> Order:
    """Return a call that has no chance to end in time."""
    code, kwargs = rnd.choice(
        [
            (adaptors.DOZING, {}),
            (adaptors.ENDLESS, {}),
            (adaptors.WAITING, {"n": 0, "seconds": 60}),
        ]
    )
    seconds = rnd.choice([0.02, 0.05, 0.2])
    return order("too late", code, deadline(seconds), kwargs, timeout=seconds)


def late_stream(rnd: Random) -> Order:
    """Return a stream whose time is up in the middle."""
    n = name(rnd)
    code = rnd.choice([adaptors.BEGUN_AND_DOZING, adaptors.BEGUN_AND_WAITING])
    # A worker that has just started may take longer for the first part.
    expected = stream(lambda: [f"begun {n}".encode()], breaks_off=True, or_code="deadline")
    return order("too late midway", code, expected, {"n": n}, timeout=rnd.uniform(0.1, 0.3))


def just_in_time(rnd: Random) -> Order:
    """Return a call that ends at the moment when its time is up."""
    n, seconds = name(rnd), 0.02
    code = rnd.choice([adaptors.SLEEPING, adaptors.WAITING])
    expected = text(f"{n}", or_code="deadline")
    kwargs = {"n": n, "seconds": seconds}
    return order("just in time", code, expected, kwargs, timeout=seconds)


def parent(rnd: Random) -> Order:
    """Return a call that runs another process."""
    n = name(rnd)
    return order("child process", adaptors.PARENT, text(f"{n}"), {"n": n})
