"""Kinds of calls whose body comes in chunks: not read, begun, refused, read, and answered early."""

import hashlib
from dataclasses import replace
from random import Random

from soak import adaptors
from soak.kinds import name
from soak.manner import Leaves, Manner
from soak.order import Expected, Order, stream, text, with_chunks

# Of one body. The largest do not fit into the buffers on the way.
LARGEST = [1, 5_000, 200_000, 1_000_000]


def ignored(rnd: Random) -> Order:
    """Return a call that does not look at its body."""
    return with_chunks("chunks not read", adaptors.IGNORING, text("not read"), _pieces(rnd))


def tasted(rnd: Random) -> Order:
    """Return a call that takes one piece of its body, and leaves the rest."""
    pieces = _pieces(rnd)
    expected = _bytes(pieces[0][:1])
    return with_chunks("one chunk read", adaptors.TASTING, expected, pieces)


def refused(rnd: Random) -> Order:
    """Return a call that raises while its body is on the way."""
    return with_chunks("chunks refused", adaptors.REFUSING, text("not wanted", 422), _pieces(rnd))


def read(rnd: Random) -> Order:
    """Return a call that reads its body to the end, as it comes."""
    pieces = _pieces(rnd)
    code = rnd.choice([adaptors.DIGESTING_PIECES, adaptors.DIGESTING_LATER])
    return with_chunks("chunks read", code, text(_digest(pieces)), pieces)


def early(rnd: Random) -> Order:
    """Return a call whose answer begins before its body ends; many clients leave then."""
    n, pieces = name(rnd), _pieces(rnd)
    expected = stream(lambda: [f"early {n} ".encode(), _digest(pieces).encode()])
    call = with_chunks("early answer", adaptors.EARLY, expected, pieces, {"n": n})
    leaves = Manner(leaves=Leaves.AFTER_HEAD, resets=rnd.random() < 0.5)
    return replace(call, is_early=True, manner=leaves if rnd.random() < 0.5 else Manner())


def _bytes(data: bytes) -> Expected:
    return stream(lambda: [data])


def _pieces(rnd: Random) -> list[bytes]:
    most = rnd.choice(LARGEST)
    return [rnd.randbytes(rnd.randint(1, most)) for _ in range(rnd.randint(1, 4))]


def _digest(pieces: list[bytes]) -> str:
    return hashlib.sha256(b"".join(pieces)).hexdigest()
