"""One call from its first byte to its last, and what was seen of the answer."""

import asyncio
import time
from dataclasses import dataclass

from soak.content import Content
from soak.manner import Leaves, Manner
from soak.order import Order
from soak.wire import Connection, CutError, GarbledError, Head

# Seconds after which a call counts as never answered; a stuck worker holds it up for less.
BOUND = 30.0

# The pieces of a body that is sent slowly.
PIECES = 8


@dataclass
class Seen:
    """What a client has seen of an answer."""

    began: float
    ended: float = 0.0
    head: Head | None = None
    # As far as it came, the body is what it has to be.
    is_right: bool = True
    # No byte of the right body is missing.
    has_all: bool = False
    # The server has ended the body as HTTP ends one.
    is_ended: bool = False
    # What owt itself had to say.
    words: bytes = b""
    # The connection, or the client's patience, came to its end.
    is_cut: bool = False
    is_unanswered: bool = False
    garbled: str = ""


async def call(connection: Connection, order: Order, manner: Manner) -> Seen:
    """Make a call, as politely as the client is."""
    seen = Seen(began=time.time())
    try:
        async with asyncio.timeout(BOUND):
            await _exchange(connection, order, manner, seen)
    except CutError:
        seen.is_cut = True
    except GarbledError as err:
        seen.garbled = str(err) or "garbled"
    except TimeoutError:
        seen.is_unanswered = True
    seen.ended = time.time()
    return seen


async def _exchange(connection: Connection, order: Order, manner: Manner, seen: Seen) -> None:
    half = len(order.body) // 2 if _waits_in_body(order, manner) else None
    await _send(connection, order, manner, half)
    if manner.leaves is Leaves.LATER:
        await asyncio.sleep(manner.pause)
    if manner.leaves in _WITHOUT_ANSWER:
        return
    seen.head = await connection.head()
    if manner.leaves is Leaves.AFTER_HEAD:
        return
    if manner.stalls and seen.head.code is None:
        # Owt's own words are short, and leave nothing to wait for.
        await connection.given_up()
    if half is not None:
        await connection.send(order.body[half:])
    await _read(connection, order, manner, seen, seen.head)


_WITHOUT_ANSWER = {Leaves.BEFORE_BODY, Leaves.IN_BODY, Leaves.BEFORE_HEAD, Leaves.LATER}


def _waits_in_body(order: Order, manner: Manner) -> bool:
    return order.is_early and manner.leaves not in _WITHOUT_ANSWER


async def _send(connection: Connection, order: Order, manner: Manner, until: int | None) -> None:
    body, whole = order.body[:until], len(order.body)
    if manner.leaves is Leaves.BEFORE_BODY:
        body = b""
    elif manner.leaves is Leaves.IN_BODY:
        body = body[: whole // 2]
    if not manner.trickles:
        return await connection.send(order.head + body)
    await connection.send(order.head)
    step = max(1, -(-whole // PIECES))
    for start in range(0, len(body), step):
        await asyncio.sleep(0.01)
        await connection.send(body[start : start + step])
    return None


async def _read(
    connection: Connection, order: Order, manner: Manner, seen: Seen, head: Head
) -> None:
    expected = order.expected.content()
    pause = manner.pause
    try:
        async for piece in connection.body(head):
            _compare(piece, expected, seen, head)
            if manner.leaves is Leaves.IN_ANSWER:
                return
            await asyncio.sleep(pause)
            pause = 0.0
        seen.is_ended = True
    finally:
        seen.has_all = expected.is_whole()


def _compare(piece: bytes, expected: Content, seen: Seen, head: Head) -> None:
    if head.code is not None:
        seen.words += piece
    # Once it differs, what follows tells nothing.
    seen.is_right = seen.is_right and expected.take(piece)
