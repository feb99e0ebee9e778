"""Adaptors are Python as Python programmers know it."""

from pathlib import Path

import pytest
from harness.envelope import digest, envelope
from harness.server import Serve, Server

TWO_FUNCTIONS = """
    def is_even(n):
        return n == 0 or is_odd(n - 1)

    def is_odd(n):
        return n != 0 and is_even(n - 1)

    def run(n):
        return is_even(n)
"""

RECURSION = """
    def run(n):
        return 1 if n < 2 else n * run(n - 1)
"""

CLOSURE = """
    factor = 3

    def run(n):
        def scaled(value):
            return value * factor
        return [scaled(value) for value in range(n)]
"""

DATACLASS = """
    from __future__ import annotations
    from dataclasses import dataclass, field

    @dataclass
    class Point:
        x: int
        tags: list[str] = field(default_factory=list)

    def run(x):
        return Point(x, ["made"])
"""

TYPE_HINTS = """
    from __future__ import annotations
    import typing

    class Node:
        next: Node | None

    def run():
        hints = typing.get_type_hints(Node)
        return hints["next"] == Node | None
"""

GETSOURCE = """
    import inspect

    def helper():
        return "found"

    def run():
        return inspect.getsource(helper)
"""

PICKLE = """
    import pickle

    class Point:
        def __init__(self, x):
            self.x = x

    def run(x):
        copy = pickle.loads(pickle.dumps(Point(x)))
        return [copy.x, type(copy) is Point]
"""

PROCESSES = """
    import multiprocessing

    def square(n):
        return n * n

    def run(method):
        with multiprocessing.get_context(method).Pool(2) as pool:
            return pool.map(square, [1, 2, 3])
"""

NO_IMPORTS = """
    def run():
        return [
            os.sep, sys.byteorder, json.dumps([1]), base64.b64encode(b"x").decode(),
            logging.getLevelName(20), owt.__name__, callable(pipe), callable(main),
            Response is owt.Response, abort is owt.abort, args.port == Server.sing().port,
        ]
"""

STAR = """
    from owt import *

    def run():
        return [args.port == Server.sing().port, callable(main), callable(pipe)]
"""

SYSTEM_EXIT = "import sys\n\ndef run():\n    sys.exit(3)\n"


@pytest.mark.parametrize(
    ("code", "kwargs", "reply"),
    [
        pytest.param(TWO_FUNCTIONS, {"n": 10}, True, id="functions call each other"),
        pytest.param(RECURSION, {"n": 5}, 120, id="recursion"),
        pytest.param(CLOSURE, {"n": 3}, [0, 3, 6], id="names of the module in inner functions"),
        pytest.param(DATACLASS, {"x": 1}, {"x": 1, "tags": ["made"]}, id="dataclass"),
        pytest.param(TYPE_HINTS, None, True, id="type hints resolve"),
        pytest.param(PICKLE, {"x": 7}, [7, True], id="pickle of an instance"),
        pytest.param(PROCESSES, {"method": "fork"}, [1, 4, 9], id="fork"),
        pytest.param(PROCESSES, {"method": "spawn"}, [1, 4, 9], id="spawn"),
        pytest.param(STAR, None, [True, True, True], id="from owt import *"),
    ],
)
def test_a_module_is_a_module(server: Server, code: str, kwargs: object, reply: object) -> None:
    answer = server.call(code, kwargs)
    assert answer.status_code == 200, answer.text
    assert answer.json() == reply


def test_names_are_there_without_import(server: Server) -> None:
    expected = ["/", "little", "[1]", "eA==", "INFO", "owt", True, True, True, True, True]
    assert server.call(NO_IMPORTS).json() == expected


def test_the_source_of_a_function_is_found(server: Server) -> None:
    assert server.call(GETSOURCE).text == 'def helper():\n    return "found"\n'


def test_sys_exit_ends_the_call_and_not_the_worker(serve: Serve) -> None:
    server = serve("--workers", "1")
    pid = "import os\n\ndef run():\n    return os.getpid()\n"
    before = server.call(pid).json()
    assert server.call(SYSTEM_EXIT).headers["Owt-Error"] == "adaptor-raised"
    assert server.call(pid).json() == before


def test_a_model_is_loaded_once(server: Server) -> None:
    loading = """
        import itertools
        loads = globals().setdefault("loads", 0) + 1
        calls = itertools.count(1)

        def run():
            return [loads, next(calls)]
    """
    assert [server.call(loading).json() for _ in range(3)] == [[1, 1], [1, 2], [1, 3]]


def test_reload_loads_anew(server: Server) -> None:
    counting = """
        import itertools
        calls = itertools.count(1)

        def run():
            return ["to be reloaded", next(calls)]
    """
    answers = [server.call(counting, reload=reload).json()[1] for reload in (False, False, True)]
    assert answers == [1, 2, 1]


def test_args_are_a_copy_of_the_adaptors_own(server: Server) -> None:
    change = (
        "def run():\n    args.port = 1\n    return [args.port, owt.args.port, Server.sing().port]\n"
    )
    look = "def run():\n    return [args.port, owt.args.port]\n"
    assert server.call(change).json() == [1, server.port, server.port]
    assert server.call(look).json() == [server.port, server.port]


@pytest.mark.parametrize(
    ("code", "kwargs", "reply"),
    [
        pytest.param("def run(request, name): return name", {"name": "a"}, "a", id="request first"),
        pytest.param("def run(_, name): return name", {"name": "a"}, "a", id="request unused"),
        pytest.param("def run(name): return name", {"name": "a"}, "a", id="arguments alone"),
        pytest.param("def run(): return 'a'", None, "a", id="nothing"),
        pytest.param("def run(request, **kw): return kw['name']", {"name": "a"}, "a", id="all"),
        pytest.param(
            "def run(request, *, name='d'): return name", None, "d", id="keyword-only default"
        ),
        pytest.param("async def run(request): return 'a'", None, "a", id="async"),
        pytest.param("def run(request): yield 'a'; yield 'b'", None, "ab", id="generator"),
        pytest.param(
            "async def run(request):\n    yield 'a'\n    yield 'b'",
            None,
            "ab",
            id="async generator",
        ),
        pytest.param("run = lambda request, name: name", {"name": "a"}, "a", id="bound lambda"),
        pytest.param("lambda request: 'a'", None, "a", id="lambda expression"),
        pytest.param("lambda name: name", {"name": "a"}, "a", id="lambda of arguments"),
        pytest.param(
            "class Handler:\n    def __call__(self, request): return 'a'\nrun = Handler()",
            None,
            "a",
            id="an object that is called",
        ),
        pytest.param("pipe().const('a').f(str.upper)", None, "A", id="pipe"),
        pytest.param("const('a').f(str.upper)", None, "A", id="pipe without its beginning"),
        pytest.param("kwarg('name').f(str.upper)", {"name": "a"}, "A", id="pipe of an argument"),
        pytest.param("run = pipe().const('a')", None, "a", id="bound pipe"),
    ],
)
def test_handlers_of_every_shape(server: Server, code: str, kwargs: object, reply: str) -> None:
    answer = server.call(code, kwargs)
    assert (answer.status_code, answer.text) == (200, reply)


def test_another_function_is_called_by_name(server: Server) -> None:
    code = "def run(): return 'run'\ndef other(): return 'other'\n"
    assert server.call(code, fn_name="other").text == "other"


LAST = "def run(request, __last__): return __last__"


@pytest.mark.parametrize(
    ("kwargs", "reply"),
    [
        ('{"name": "é"}', {"name": "é"}),
        ("{'name': 'a'}", {"name": "a"}),
        ("<'name':'a'>", {"name": "a"}),
        ("{'name': 'a' * 2 + str(1 + 1)}", {"name": "aa2"}),
        ("dict(name=[n for n in range(2)])", {"name": [0, 1]}),
        ("{'name': None, 'other': (1, 2)}", {"name": None, "other": [1, 2]}),
    ],
)
def test_arguments_are_json_or_python(server: Server, kwargs: str, reply: object) -> None:
    assert server.call("def run(request, **kw): return kw", kwargs).json() == reply


@pytest.mark.parametrize(
    ("kwargs", "reply"),
    [
        ("[1, 2]", [1, 2]),
        ("1 + 1", 2),
        ('"text"', "text"),
        ("output SOTA results", "output SOTA results"),
    ],
)
@pytest.mark.parametrize("code", [LAST, "def run(request, value): return value"])
def test_what_is_no_dict_is_the_last_value(
    server: Server, code: str, kwargs: str, reply: object
) -> None:
    answer = server.call(code, kwargs)
    assert (answer.json() if not isinstance(reply, str) else answer.text) == reply


def test_prints_and_logging_are_in_the_log_with_the_request(server: Server) -> None:
    speaking = """
        def run():
            print("printed", 1)
            print("to standard error", file=sys.stderr)
            logging.info("informed")
            logging.getLogger("lab").warning("warned")
    """
    mark = len(server.log)
    request = server.call(speaking).headers["Owt-Request-Id"]
    log = server.log.wait_for("warned", since=mark)
    for words in ("printed 1", "to standard error", "informed", "warned"):
        (line,) = [line for line in log.splitlines() if words in line]
        assert request in line


def test_every_answer_tells_what_ran_and_how_long(server: Server) -> None:
    code = "def run(): return 'told'"
    answer = server.call(code)
    assert answer.headers["Owt-Code-SHA256"] == digest(code)
    assert len(answer.headers["Owt-Request-Id"]) == 16
    phases = [phase.partition(";dur=") for phase in answer.headers["Server-Timing"].split(", ")]
    assert [name for name, _, _ in phases] == ["queue", "load", "run"]
    assert all(float(millis) >= 0 for _, _, millis in phases)


def test_every_method_and_path_is_an_endpoint(server: Server) -> None:
    code = "def run(request): return [request.method, request.path]"
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "BREW"):
        answer = server.send(method, "/any/w%C3%A4y", json=envelope(code))
        assert answer.json() == [method, "/any/wäy"]
    assert server.send("HEAD", "/any", json=envelope(code)).headers["Content-Length"] == str(
        len('["HEAD","/any"]')
    )


def test_abort_answers_from_anywhere(server: Server) -> None:
    code = "def deep(): abort(404, 'no such voice')\ndef run(): return deep()\n"
    answer = server.call(code)
    assert (answer.status_code, answer.headers["Content-Type"], answer.text) == (
        404,
        "text/plain; charset=utf-8",
        "no such voice",
    )
    assert "Owt-Error" not in answer.headers


def test_an_edited_helper_is_seen_alike_in_all_workers(serve: Serve, tmp_path: Path) -> None:
    server = serve("--workers", "4", cwd=tmp_path)
    adaptors = [f"import h\ndef run(): return [h.V]  # {number}\n" for number in range(12)]

    def answers() -> list[list[int]]:
        return [server.call(adaptor).json() for adaptor in adaptors]

    (tmp_path / "h.py").write_text("V = 1")
    assert answers() == [[1]] * len(adaptors)
    (tmp_path / "h.py").write_text("V = 2")
    assert answers() == [[2]] * len(adaptors)
    (tmp_path / "h.py").write_text("V = 3")
    assert server.call(adaptors[0], reload=True).json() == [3]
    assert answers() == [[3]] * len(adaptors)


def test_reload_loads_helpers_anew_in_all_workers(serve: Serve, tmp_path: Path) -> None:
    server = serve("--workers", "4", cwd=tmp_path)
    adaptors = [f"import h\ndef run(): return [h.V]  # {number}\n" for number in range(12)]
    (tmp_path / "h.py").write_text("V = open('data').read()")
    (tmp_path / "data").write_text("old")
    assert [server.call(adaptor).json() for adaptor in adaptors] == [["old"]] * len(adaptors)
    (tmp_path / "data").write_text("new")
    server.call(adaptors[0], reload=True)
    assert [server.call(adaptor).json() for adaptor in adaptors] == [["new"]] * len(adaptors)
