"""`owt.client`, the client of Python, against a real server."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from harness.server import Serve, Server
from owt.client import AsyncOwt, File, Owt, OwtError

ECHO = "lambda **given: [sorted((name, repr(value)) for name, value in given.items())]"

SEEN = """
def run(request):
    return [request.method, request.path, request.args.get("a"), request.headers["x-a"]]
"""

FORM = """
def run(request, n):
    files = {name: file.read().decode() for name, file in request.files.items()}
    return [n, request.form["size"], files, request.files["photo"].filename]
"""

# Says in a file that it runs, and in another that it was ended.
LONG = dedent("""
    import asyncio, time
    from pathlib import Path

    def run(folder):
        def parts():
            try:
                while True:
                    yield b"tick"
                    time.sleep(0.005)
            finally:
                Path(folder, "ended").touch()
        return parts()

    async def wait(folder):
        Path(folder, "begun").touch()
        try:
            await asyncio.sleep(60)
        finally:
            Path(folder, "ended").touch()
""")

JOB = dedent("""
    import time
    from pathlib import Path

    def run(request, go):
        request.progress(1, 2, "half")
        while not Path(go).exists():
            time.sleep(0.002)
        return {"done": True}
""")


@pytest.fixture
def owt(server: Server) -> Iterator[Owt]:
    with Owt(f"{server.url}/base") as owt:
        yield owt


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"a": 1, "b": "ü", "c": [1.5, None, True], "d": {"e": []}},
        {"a": float("nan"), "b": float("inf")},
        {"a": b"\x00\xff", "b": (1, (2,)), "c": {3}, "d": {1: "x"}, "e": set()},
    ],
)
def test_arguments_arrive_as_they_are(owt: Owt, kwargs: dict[str, Any]) -> None:
    expected = [[[name, repr(value)] for name, value in sorted(kwargs.items())]]
    assert owt.call(ECHO, kwargs).json() == expected


def test_a_request_is_as_its_caller_wants_it(owt: Owt) -> None:
    options: Any = {"path": "deep/path?a=b", "headers": {"X-A": "c"}}
    for _ in range(2):
        assert owt.call(SEEN, **options).json() == ["POST", "/base/deep/path", "b", "c"]
    seen = owt.call(SEEN, method="DELETE", **options).json()
    assert seen == ["DELETE", "/base/deep/path", "b", "c"]


def test_a_file_names_itself_in_tracebacks(owt: Owt, tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text("def run():\n    return 1 / 0\n")
    with pytest.raises(OwtError) as caught:
        owt.call(str(tmp_path / "fails.py"))
    assert (caught.value.code, caught.value.status) == ("adaptor-raised", 500)
    assert 'File "fails.py", line 2, in run' in caught.value.text


def test_bodies_and_forms_are_sent(owt: Owt, tmp_path: Path) -> None:
    body = "lambda request: [request.get_data().decode()]"
    assert owt.call(body, body="text").json() == ["text"]
    assert owt.call(body, body=iter([b"a", b"b" * 100_000])).json() == ["a" + "b" * 100_000]
    (tmp_path / "photo.jpg").write_text("a photo")
    form: Any = {"size": "64", "photo": tmp_path / "photo.jpg", "raw": File(b"raw", "raw.txt")}
    expected = [3, "64", {"photo": "a photo", "raw": "raw"}, "photo.jpg"]
    for _ in range(2):
        assert owt.call(FORM, {"n": 3}, form=form).json() == expected


def test_source_that_was_forgotten_is_sent_again(owt: Owt, server: Server) -> None:
    source = "lambda: 'known to the client'"
    digest = owt.call(source).headers["owt-code-sha256"]
    assert server.send("DELETE", f"/_owt/adaptors/{digest}").status_code == 204
    assert owt.call(source).text == "known to the client"
    server.send("DELETE", f"/_owt/adaptors/{digest}")
    assert owt.submit(source).result().text == "known to the client"


def test_streams_and_events_come_as_they_are_made(owt: Owt, tmp_path: Path) -> None:
    for chunk in owt.stream(LONG, {"folder": str(tmp_path)}):
        assert set(chunk[:4]) == set(b"tick")
        break
    # Leaving the loop has ended the call.
    wait_for((tmp_path / "ended").exists)
    source = (
        "from owt.summat import stream\n"
        "def run(): return stream.response([stream.event('b', event='token')])\n"
    )
    found = [(event.event, event.data) for event in owt.events(source)]
    assert found == [("token", "b")]


def test_an_error_in_the_middle_of_a_stream_is_told(owt: Owt) -> None:
    source = "def run():\n    yield b'a'\n    yield b'b'\n    raise ValueError\n"
    with pytest.raises(OwtError, match="answer-broken: the answer broke off"):
        list(owt.stream(source))


def test_jobs_go_on_without_their_client(server: Server, tmp_path: Path) -> None:
    with Owt(server.url) as owt:
        job = owt.submit(JOB, {"go": str(tmp_path / "go")})
    owt = Owt(server.url)
    same = owt.job(job.id)
    told: list[Any] = []

    def tell(progress: Any) -> None:
        told.append(progress)
        (tmp_path / "go").touch()

    assert same.result(tell).json() == {"done": True}
    assert told[0] == {"done": 1, "total": 2, "text": "half"}
    assert same.status()["state"] == "done"
    assert job.id in {found["id"] for found in owt.jobs()}
    same.cancel()
    with pytest.raises(OwtError, match="job-unknown"):
        same.result()


def test_many_threads_share_one_client(owt: Owt) -> None:
    with ThreadPoolExecutor(8) as pool:
        texts = pool.map(lambda n: owt.call("lambda n: str(n)", {"n": n}).text, range(200))
    assert list(texts) == [str(n) for n in range(200)]


def test_who_calls_is_said(serve: Serve) -> None:
    server = serve(env={"OWT_TOKEN": "a-token-of-some-length"})
    assert Owt(server.url, token="a-token-of-some-length").call("lambda: 1").text == "1"
    with pytest.raises(OwtError) as caught:
        Owt(server.url).call("lambda: 1")
    assert (caught.value.code, caught.value.status) == ("auth-required", 401)


def test_async_calls_run_side_by_side_and_end_with_their_tasks(
    server: Server, tmp_path: Path
) -> None:
    async def main() -> None:
        async with AsyncOwt(server.url) as owt:
            waits = "import asyncio\nasync def run(n): await asyncio.sleep(0.5); return str(n)"
            began = time.monotonic()
            replies = await asyncio.gather(*(owt.call(waits, {"n": n}) for n in range(100)))
            texts = [await reply.text() for reply in replies]
            assert texts == [str(n) for n in range(100)]
            assert time.monotonic() - began < 15
            options: Any = {"fn_name": "wait"}
            call = asyncio.ensure_future(owt.call(LONG, {"folder": str(tmp_path)}, **options))
            while not (tmp_path / "begun").exists():
                assert not call.done(), await call
                await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            job = await owt.submit("lambda: b'job'")
            assert await (await job.result()).content() == b"job"

    asyncio.run(main())
    wait_for((tmp_path / "ended").exists)
