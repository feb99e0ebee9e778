"""`owt.same_thread`: what belongs to one thread works in an adaptor, whatever becomes of a call."""

import time
from concurrent.futures import ThreadPoolExecutor

from harness.server import Serve, Server

DATABASE = """
    import sqlite3
    import time

    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE counts (n INTEGER)")

    @owt.same_thread
    def run(n):
        time.sleep(0.001)
        with db:
            db.execute("INSERT INTO counts VALUES (?)", [n])
        return n

    def total():
        return [*db.execute("SELECT count(*), sum(n) FROM counts").fetchone()]

    def each():
        for (n,) in db.execute("SELECT n FROM counts ORDER BY n"):
            yield f"{n} "

    def hang():
        logging.info("hanging")
        time.sleep(3600)
"""


def test_a_connection_serves_calls_that_come_at_once(server: Server) -> None:
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda n: server.call(DATABASE, {"n": n}), range(50)))
    assert [reply.text for reply in replies] == [str(n) for n in range(50)]
    assert server.call(DATABASE, fn_name="total").json() == [50, 1225]
    assert server.call(DATABASE, fn_name="each").text == "".join(f"{n} " for n in range(50))


def test_calls_that_wait_for_the_thread_end_when_their_time_is_up(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "0.3")
    assert server.call(DATABASE, {"n": 1}).text == "1"
    with ThreadPoolExecutor() as pool:
        mark = len(server.log)
        stuck = pool.submit(server.call, DATABASE, fn_name="hang", timeout=0.5)
        server.log.wait_for("hanging", since=mark)
        began = time.monotonic()
        waits = server.call(DATABASE, {"n": 2}, timeout=0.1)
        assert time.monotonic() - began < 2
    assert [waits.status_code, stuck.result().status_code] == [504, 504]


def test_another_thread_takes_over_from_one_that_is_stuck(serve: Serve) -> None:
    server = serve("--workers", "1", "--grace", "0.3")
    pid = server.call("import os\nrun = os.getpid").text
    assert server.call(DATABASE, {"n": 1}).text == "1"
    assert server.call(DATABASE, fn_name="hang", timeout=0.1).status_code == 504
    assert server.call(DATABASE, {"n": 2}).text == "2"
    # What was at module level has gone with the thread.
    assert server.call(DATABASE, fn_name="total").json() == [1, 2]
    assert server.call("import os\nrun = os.getpid").text == pid
