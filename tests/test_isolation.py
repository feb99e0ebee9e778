"""One call's fate is no other's: what vanishes, hangs or breaks costs itself, and is soon over."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.envelope import digest, envelope
from harness.server import Serve, Server
from harness.wire import connect, json_request

WAITING = """
    import logging
    import time

    def run(request):
        try:
            logging.info("begun")
            while True:
                time.sleep(0.002)
        finally:
            logging.warning("interrupted")
"""

WAITING_ASYNC = """
    import asyncio
    import logging

    async def run(request):
        logging.info("begun")
        try:
            await asyncio.sleep(60)
        finally:
            logging.warning("interrupted")
"""

# Holds the interpreter's lock inside native code: nothing in Python can end it.
STUCK = """
    import ctypes

    def run(request):
        ctypes.PyDLL(None).sleep(60)
"""

STUCK_WORDS = (
    "The worker that ran this call was ended because another call in it could not be stopped. "
    "A new one takes its place, so the call can be tried again.\n"
)


@pytest.mark.parametrize("adaptor", [WAITING, WAITING_ASYNC])
def test_a_call_ends_when_its_client_leaves(server: Server, adaptor: str) -> None:
    mark = len(server.log)
    with connect(server) as connection:
        connection.sendall(json_request(envelope(adaptor)))
        server.log.wait_for("begun", since=mark)
    server.log.wait_for("interrupted", since=mark)


@pytest.mark.parametrize("adaptor", [WAITING, WAITING_ASYNC])
def test_a_call_ends_when_its_time_is_up(server: Server, adaptor: str) -> None:
    mark = len(server.log)
    reply = server.call(adaptor, timeout=0.2)
    assert (reply.status_code, reply.headers["Owt-Error"]) == (504, "deadline")
    server.log.wait_for("interrupted", since=mark)


def test_an_interrupt_never_hits_the_next_call(serve: Serve) -> None:
    server = serve("--workers", "1")
    ends = "import time\ndef run(_): time.sleep(0.01); return 'in time'"
    for _ in range(100):
        late = server.call(ends, timeout=0.01)
        assert (late.headers.get("Owt-Error"), late.status_code) in [(None, 200), ("deadline", 504)]
        assert server.call("lambda: sum(range(1000))").json() == 499500


def test_waiting_for_a_thread_does_not_count_as_running(serve: Serve) -> None:
    server = serve("--workers", "1", "--threads", "1")
    slow = "import time, logging\ndef run(_): logging.info('begun'); time.sleep(0.6); return 'slow'"
    with ThreadPoolExecutor() as pool:
        first = pool.submit(server.call, slow)
        server.log.wait_for("begun")
        assert server.call("lambda: 'quick'", timeout=0.3).text == "quick"
        assert first.result().text == "slow"


def test_a_worker_that_does_not_answer_is_replaced(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "0.3")
    with ThreadPoolExecutor() as pool:
        bystander = pool.submit(server.call, WAITING)
        server.log.wait_for("begun")
        reply = server.call(STUCK, timeout=0.2)
        assert (reply.status_code, reply.headers["Owt-Error"]) == (504, "deadline")
        lost = bystander.result()
    assert (lost.status_code, lost.headers["Owt-Error"]) == (502, "worker-died")
    assert lost.text == STUCK_WORDS
    assert server.call("lambda: 'alive'").text == "alive"


# Where it takes its time, another thread waits for calls meanwhile, and holds the sockets.
@pytest.mark.parametrize("seconds", [0, 0.1])
def test_a_worker_whose_sockets_an_adaptor_closes_is_replaced(serve: Serve, seconds: float) -> None:
    server = serve("--workers", "1")
    adaptor = f"import os, time\ndef run(_): time.sleep({seconds}); os.closerange(3, 64)"
    reply = server.call(adaptor)
    assert (reply.status_code, reply.headers["Owt-Error"]) == (502, "worker-died")
    assert server.call("lambda: 'alive'").text == "alive"


def test_no_call_is_left_waiting_when_all_threads_were_busy(serve: Serve) -> None:
    server = serve("--workers", "1", "--threads", "2")
    busy = """
        import time

        def run(request, n):
            end = time.monotonic() + 0.004
            while time.monotonic() < end:
                pass
            return n
    """
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda n: server.call(busy, {"n": n}).json(), range(200)))
    assert replies == list(range(200))


def test_a_busy_adaptor_does_not_hold_up_short_calls(serve: Serve) -> None:
    server = serve("--workers", "1")
    slow = "import time, logging\ndef run(_): logging.info('begun'); time.sleep(1); return 'slow'"
    with ThreadPoolExecutor() as pool:
        first = pool.submit(server.call, slow)
        server.log.wait_for("begun")
        began = time.monotonic()
        assert server.call("lambda: 'quick'").text == "quick"
        assert time.monotonic() - began < 0.5
        assert first.result().text == "slow"


def test_code_that_was_forgotten_can_be_learned_again(server: Server) -> None:
    code = "def run(_): return 'known'"
    known = {"code_sha256": digest(code)}
    for _ in range(4):
        assert server.call(code).text == "known"
    assert server.send("DELETE", f"/_owt/adaptors/{digest(code)}").status_code == 204
    assert server.send("POST", json=known).headers["Owt-Error"] == "code-unknown"
    assert server.call(code).text == "known"
    assert [server.send("POST", json=known).text for _ in range(4)] == ["known"] * 4


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_forked_child_of_a_handler_leaves_the_call_to_its_parent(
    server: Server, kind: str
) -> None:
    forks = f"""
        {kind} run(request):
            child = os.fork()
            if child:
                os.waitpid(child, 0)
            return str(bool(child))
    """
    assert [server.call(forks).text for _ in range(5)] == ["True"] * 5


def test_a_child_of_a_child_keeps_its_own_files(server: Server) -> None:
    adaptor = """
        import multiprocessing

        fork = multiprocessing.get_context("fork")

        def grandchild(end):
            end.send("from below")

        def child(end):
            ours, theirs = fork.Pipe()
            below = fork.Process(target=grandchild, args=(theirs,))
            below.start()
            end.send(ours.recv())
            below.join()

        def run(request):
            ours, theirs = fork.Pipe()
            process = fork.Process(target=child, args=(theirs,))
            process.start()
            theirs.close()
            said = ours.recv()
            process.join()
            return said
    """
    assert server.call(adaptor).text == "from below"


def test_a_part_of_hundreds_of_megabytes_waits_for_its_reader(server: Server) -> None:
    adaptor = """
        def run(request):
            yield b"x" * (64 << 20)
            yield "the end"
    """
    reply = server.call(adaptor)
    assert (len(reply.content), reply.content[-7:]) == ((64 << 20) + 7, b"the end")


def test_an_import_is_not_left_half_way(serve: Serve, tmp_path: Path) -> None:
    package = tmp_path / "slow_package"
    package.mkdir()
    (package / "part.py").write_text("__all__ = ['thing']\nthing = 'the thing'\n")
    # As asyncio does, and others: a part that is there already is not bound again.
    slow = "import time\nfrom .part import *\ntime.sleep(0.5)\n__all__ = part.__all__\n"
    (package / "__init__.py").write_text(slow)
    server = serve("--workers", "1", "--grace", "0.2", cwd=tmp_path)
    before = server.call("os.getpid").text
    importing = "def run(_):\n  from slow_package import thing\n  return thing"
    assert server.call(importing, timeout=0.1).headers["Owt-Error"] == "deadline"
    assert server.call(importing).text == "the thing"
    assert server.call("os.getpid").text == before, "the grace period has cost the worker"
