"""Loading: once, as a module, until the cache is full."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from owt import _module, _worker, adaptors
from owt._load import AdaptorCache
from owt._state import state
from tests.fake import FakeCall, answer_to, digest_of, error_of, handle, json_of, text_of

if TYPE_CHECKING:
    from pathlib import Path

COUNTING = "count = 0\ndef run():\n  global count\n  count += 1\n  return str(count)"
THREADS = 20


def test_names_at_module_level_outlive_the_call() -> None:
    assert [text_of(COUNTING) for _ in range(3)] == ["1", "2", "3"]


def test_known_source_is_not_needed_again() -> None:
    text_of(COUNTING)
    call = FakeCall(None, digest=digest_of(COUNTING))
    handle(call)
    assert call.answer() == [("reply", 200, "text/plain; charset=utf-8", [], b"2")]


def test_unknown_source_is_asked_for() -> None:
    call = FakeCall(None, digest="0" * 64, kwargs="{'never': evaluated}")
    handle(call)
    assert call.events == [("need_source",)]


def test_reload_loads_again() -> None:
    texts = [text_of(COUNTING), text_of(COUNTING), text_of(COUNTING, reload=True)]
    assert texts == ["1", "2", "1"]
    call = FakeCall(None, digest=digest_of(COUNTING), reload=True)
    handle(call)
    assert call.answer()[0][4] == b"1"


def test_many_threads_load_an_adaptor_once() -> None:
    source = (
        "import sys, time\nsys.loads_of_test.append(1)\ntime.sleep(0.05)\ndef run(): return 'x'"
    )
    loads: list[int] = []
    sys.loads_of_test = loads  # type: ignore[attr-defined]
    barrier = threading.Barrier(THREADS)
    texts: list[str] = []

    def call() -> None:
        barrier.wait()
        texts.append(text_of(source))

    threads = [threading.Thread(target=call) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (texts, loads) == (["x"] * THREADS, [1])


def test_a_load_that_fails_is_not_kept(store: AdaptorCache) -> None:
    source = (
        "import sys\n"
        "sys.tries_of_test += 1\n"
        "if sys.tries_of_test < 2: 1 / 0\n"
        "def run(): return 'up'"
    )
    sys.tries_of_test = 0  # type: ignore[attr-defined]
    code, text = error_of(source)
    assert (code, text.splitlines()[0]) == (
        "adaptor-raised",
        "ZeroDivisionError: division by zero",
    )
    assert store.summaries() == []
    assert _module.module_name(digest_of(source)) not in sys.modules
    assert text_of(source) == "up"


def test_a_failing_reload_keeps_the_loaded_adaptor() -> None:
    source = "import sys\nif sys.is_broken_of_test: 1 / 0\ndef run(): return __name__"
    sys.is_broken_of_test = False  # type: ignore[attr-defined]
    name = text_of(source)
    module = sys.modules[name]
    sys.is_broken_of_test = True  # type: ignore[attr-defined]
    assert error_of(source, reload=True)[0] == "adaptor-raised"
    assert sys.modules[name] is module
    assert text_of(source) == name


def test_the_least_recently_used_is_dropped_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # From then on, sources are written to files.
    import pickle  # noqa: F401

    store = AdaptorCache(2, str(tmp_path))
    monkeypatch.setattr(state, "adaptors", store)
    first, second, third = (f"def run(): return '{number}'" for number in (1, 2, 3))
    for source in (first, second, first, third):
        text_of(source)
    kept = [digest_of(first), digest_of(third)]
    assert [summary["digest"] for summary in store.summaries()] == kept
    names = [_module.module_name(digest_of(source)) for source in (first, second, third)]
    assert [name in sys.modules for name in names] == [True, False, True]
    assert [hasattr(adaptors, name.rpartition(".")[2]) for name in names] == [True, False, True]
    files = {name.rpartition(".")[2] + ".py" for name in (names[0], names[2])}
    assert {path.name for path in tmp_path.iterdir()} == files


def test_dropped_adaptors_are_freed(store: AdaptorCache) -> None:
    text_of("class Model: pass\nmodel = Model()\ndef run(): return 'x'")
    (summary,) = store.summaries()
    adaptor = store.get(summary["digest"])
    assert adaptor is not None
    model = weakref.ref(adaptor.namespace["model"])
    del adaptor
    assert _worker.forget(summary["digest"])
    gc.collect()
    assert model() is None
    assert not _worker.forget(summary["digest"])


def test_the_summary_has_everything_but_the_source() -> None:
    source = "def run(): return 'x'\ndef go(): return 'y'"
    text_of(source)
    text_of(source, fn_name="go")
    text_of(source)
    (summary,) = _worker.adaptors()
    assert summary.pop("age") > 0
    assert summary.pop("memory") >= 0
    assert summary == {"digest": digest_of(source), "calls": 3, "fn_names": ["go", "run"]}


def test_memory_is_the_growth_during_loading() -> None:
    text_of("held = bytearray(b'x' * 30_000_000)\ndef run(): return 'x'")
    (summary,) = _worker.adaptors()
    assert 25_000_000 < summary["memory"] < 60_000_000


@pytest.mark.parametrize("name", ["owt", "pipe", "Server", "args", "main", "Response", "abort"])
def test_names_of_owt_are_there(name: str) -> None:
    assert json_of(f"def run(): return {name} is not None") == "true"


@pytest.mark.parametrize("name", ["os", "sys", "json", "base64", "logging"])
def test_standard_modules_are_there(name: str) -> None:
    assert text_of(f"def run(): return {name}.__name__") == name


def test_arguments_of_the_server_are_a_copy_for_each_adaptor() -> None:
    source = "args.port += 1\ndef run(): return [args.port, owt.args.port]"
    assert json_of(source) == "[9877,9876]"
    assert json_of("# another\n" + source) == "[9877,9876]"


def test_the_attributes_of_the_module_are_consistent() -> None:
    source = "def run(): return [__name__, __file__, __package__, sys.modules[__name__].run is run]"
    digest = digest_of(source)
    assert json_of(source) == (
        f'["owt.adaptors.a_{digest[:16]}","<adaptor {digest[:12]}>","owt.adaptors",true]'
    )


@pytest.mark.parametrize(
    "source",
    [
        "import inspect\ndef run(): return inspect.getsource(run)",
        "import inspect\nclass Model: pass\ndef run(): return inspect.getsource(Model)",
        "import linecache as l\ndef run():\n l.checkcache()\n return l.getline(__file__, 1)",
        "import pkgutil, inspect\ndef run(): return __loader__.get_source(__name__)",
    ],
)
def test_the_source_can_be_inspected(source: str) -> None:
    shown = text_of(source)
    assert shown
    assert shown in source + "\n"


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
def test_dataclasses_and_type_hints_work(future: str) -> None:
    source = future + (
        "import dataclasses, typing\n"
        "@dataclasses.dataclass\n"
        "class Point:\n"
        "  x: int\n"
        "  kind: typing.ClassVar[str] = 'point'\n"
        "def run(x: int): return [Point(x), typing.get_type_hints(Point)['x'].__name__]"
    )
    assert json_of(source, kwargs='{"x": 1}') == '[{"x":1},"int"]'


def test_functions_and_classes_can_be_pickled() -> None:
    source = (
        "import pickle\n"
        "class Point:\n"
        "  def __init__(self): self.x = 1\n"
        "def run():\n"
        "  again = pickle.loads(pickle.dumps([Point(), run]))\n"
        "  return [again[0].x, type(again[0]) is Point, again[1] is run]"
    )
    assert json_of(source) == "[1,true,true]"


def test_a_function_may_replace_itself() -> None:
    source = "def run():\n  global run\n  def run(): return 'second'\n  return 'first'"
    assert [text_of(source), text_of(source)] == ["first", "second"]


def test_abort_during_loading_ends_the_call() -> None:
    answer: list[tuple[Any, ...]] = answer_to("abort(503, 'no GPU')\ndef run(): pass")
    assert answer == [
        (
            "reply",
            503,
            "text/plain; charset=utf-8",
            [],
            b"no GPU",
        )
    ]


def test_arguments_are_read_before_loading() -> None:
    code, _text = error_of("raise SystemExit\ndef run(): pass", kwargs="{'a'")
    assert code == "kwargs-invalid"


def test_objects_of_a_dropped_adaptor_are_freed() -> None:
    source = (
        "import weakref\n"
        "class Model: pass\n"
        "model = Model()\n"
        "weights = b'x' * (8 << 20)\n"
        "freed = []\n"
        "def run(): return 'x'"
    )
    text_of(source)
    adaptor = state.adaptors.get(FakeCall(source).digest)
    assert adaptor is not None
    freed = threading.Event()
    weakref.finalize(adaptor.namespace["model"], freed.set)
    del adaptor
    assert _worker.forget(FakeCall(source).digest)
    assert freed.wait(10)
