"""Calls that fail: in words for the author of the adaptor, and at no cost to anybody else."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pytest
from harness.envelope import digest
from harness.errors import MARK, Expected, Request, case, check_error, of_code, of_kwargs
from harness.server import Serve, Server

SYNTAX_ERROR = f"x = '{MARK}'\ndef run(:\n    pass\n"

BRACKETS = "(\n" * 10_000

RAISING = f"def deep():\n    raise ValueError('{MARK}')\n\ndef run():\n    return deep()\n"

RAISING_AT_ONCE = f"def run(): pass\nraise KeyError('{MARK}')\n"

SILENT = """\
class Silent(Exception):
    def __str__(self):
        raise self

def run():
    raise Silent
"""

SURROGATE = "def run():\n    raise ValueError('\\ud800')\n"

RECURSION = "def run():\n    return run()\n"

OWN_TYPE = "class Own: pass\n\ndef run(): return Own()\n"


def file_of(code: str) -> str:
    """Return the file that tracebacks name."""
    return f"<adaptor {digest(code)[:12]}>"


def module_of(code: str) -> str:
    """Return the name of an adaptor's module."""
    return f"owt.adaptors.a_{digest(code)[:16]}"


FRAME_OF_RECURSION = f"""\
  File "{file_of(RECURSION)}", line 2, in run
    return run()
           ^^^^^
"""

FAILED = [
    case(
        "a syntax error",
        of_code(SYNTAX_ERROR),
        422,
        "code-invalid",
        "Code is invalid",
        f"""\
Python cannot read the code: line 2.

  File "{file_of(SYNTAX_ERROR)}", line 2
    def run(:
            ^
SyntaxError: invalid syntax""",
    ),
    case(
        "NUL in the code",
        of_code(f"'{MARK}\0'"),
        422,
        "code-invalid",
        "Code is invalid",
        "Python cannot read the code: source code string cannot contain null bytes.",
    ),
    case(
        "10,000 brackets in the code",
        of_code(BRACKETS),
        422,
        "code-invalid",
        "Code is invalid",
        f"""\
Python cannot read the code: line 201.

  File "{file_of(BRACKETS)}", line 201
    (
    ^
SyntaxError: too many nested parentheses""",
    ),
    case(
        "no handler",
        of_code(f"def walk(): return '{MARK}'\nx = 1\n"),
        422,
        "entry-missing",
        "Code has no entry point",
        "The code has no function 'run' at its top level: it defines walk, x. "
        'Write one, as in `def run(request): return "hello"`, or name another function in fn_name.',
    ),
    case(
        "a handler that is no function",
        of_code("run = 1"),
        422,
        "entry-missing",
        "Code has no entry point",
        "What the code gives for 'run' is of type int, which cannot be called. "
        'Write a function, as in `def run(request): return "hello"`.',
    ),
    case(
        "an argument too few",
        of_code("def run(request, prompt, voice='two'): pass", {"voice": MARK}),
        422,
        "arguments",
        "Arguments do not fit the handler",
        "The arguments do not fit run(request, prompt, voice='two'): 'prompt' is missing.",
    ),
    case(
        "an argument too many",
        of_code("def run(request, prompt): pass", {"prompt": MARK, "vioce": 1}),
        422,
        "arguments",
        "Arguments do not fit the handler",
        "The arguments do not fit run(request, prompt): it has no parameter 'vioce'.",
    ),
    case(
        "a broken dict for arguments",
        of_kwargs("{'prompt': " + MARK),
        400,
        "kwargs-invalid",
        "Arguments cannot be read",
        "The arguments are neither JSON nor a Python expression (invalid syntax): are all names "
        "and texts in quotes, as in {'name': 'owt'}? (A shell takes quotes away, unless there are "
        "others around the whole.)",
    ),
    case(
        "arguments that raise",
        of_kwargs("{'a': 1 // 0}"),
        400,
        "kwargs-invalid",
        "Arguments cannot be read",
        "The arguments could not be evaluated.\n"
        "ZeroDivisionError: integer division or modulo by zero",
    ),
    case(
        "NUL in the arguments",
        of_kwargs("{'a': '\0'}"),
        400,
        "kwargs-invalid",
        "Arguments cannot be read",
        "The arguments are neither JSON nor a Python expression "
        "(source code string cannot contain null bytes).",
    ),
    case(
        "10,000 brackets in the arguments",
        of_kwargs("{'a': " + "[" * 10_000),
        400,
        "kwargs-invalid",
        "Arguments nest deeper than 200",
        "The arguments nest deeper than 200 brackets. Send flatter ones, or start the server "
        "with a larger --max-nesting.",
    ),
    case(
        "an exception",
        of_code(RAISING),
        500,
        "adaptor-raised",
        "Adaptor raised an exception",
        f"""\
ValueError: {MARK}

Traceback (most recent call last):
  File "{file_of(RAISING)}", line 5, in run
    return deep()
           ^^^^^^
  File "{file_of(RAISING)}", line 2, in deep
    raise ValueError('{MARK}')
ValueError: {MARK}""",
    ),
    case(
        "an exception at module level",
        of_code(RAISING_AT_ONCE),
        500,
        "adaptor-raised",
        "Adaptor raised an exception",
        f"""\
KeyError: '{MARK}'

Traceback (most recent call last):
  File "{file_of(RAISING_AT_ONCE)}", line 2, in <module>
    raise KeyError('{MARK}')
KeyError: '{MARK}'""",
    ),
    case(
        "an exception that cannot be printed",
        of_code(SILENT),
        500,
        "adaptor-raised",
        "Adaptor raised an exception",
        f"""\
Silent: <text that could not be made: its __str__ raised>

Traceback (most recent call last):
  File "{file_of(SILENT)}", line 6, in run
    raise Silent
{module_of(SILENT)}.Silent: <exception str() failed>""",
    ),
    case(
        "an exception with a lone surrogate",
        of_code(SURROGATE),
        500,
        "adaptor-raised",
        "Adaptor raised an exception",
        f"""\
ValueError: \\ud800

Traceback (most recent call last):
  File "{file_of(SURROGATE)}", line 2, in run
    raise ValueError('\\ud800')
ValueError: \\ud800""",
    ),
    case(
        "recursion without end",
        of_code(RECURSION),
        500,
        "adaptor-raised",
        "Adaptor raised an exception",
        f"""\
RecursionError: maximum recursion depth exceeded

Traceback (most recent call last):
{FRAME_OF_RECURSION * 3}  [Previous line repeated N more times]
RecursionError: maximum recursion depth exceeded""",
    ),
    case(
        "a reply of no known type",
        of_code(OWN_TYPE),
        500,
        "reply-invalid",
        "Adaptor's reply cannot be sent",
        f"The handler returned a value of type {module_of(OWN_TYPE)}.Own. Return text, bytes, "
        "None, a dict, list, number, boolean or dataclass (JSON), a generator or iterator of text "
        "or bytes, an open binary file or pathlib.Path, a Pillow image, a matplotlib figure, a "
        "numpy array, a pandas frame, an owt.Response, or (body, status, headers).",
    ),
    case(
        "a reply that contains itself",
        of_code("def run():\n    loop = []\n    loop.append(loop)\n    return loop\n"),
        500,
        "reply-invalid",
        "Adaptor's reply cannot be sent",
        "The reply contains itself, or is nested too deep for JSON. "
        "Return a value without the loop.",
    ),
    case(
        "a header with a line break",
        of_code("def run(): return '', {'X-A': 'a\\r\\nX-B: b'}"),
        500,
        "reply-invalid",
        "Adaptor's reply cannot be sent",
        "The header 'X-A' holds a character that no header can carry: a line break, a control "
        "character, or one beyond Latin-1. Leave it out, or percent-encode it.",
    ),
    case(
        "a worker that was killed",
        of_code("import os\ndef run(): os.kill(os.getpid(), 9)"),
        502,
        "worker-died",
        "Worker died: signal 9",
        "The worker that ran this call was ended by SIGKILL. Memory had not run out: somebody or "
        "something on the server's machine has killed it. A new one takes its place, so the call "
        "can be tried again.",
    ),
    case(
        "a worker that has left",
        of_code("import os\ndef run(): os._exit(3)"),
        502,
        "worker-died",
        "Worker died: exit code 3",
        "The worker that ran this call ended itself with exit code 3. "
        "A new one takes its place, so the call can be tried again.",
    ),
    case(
        "a worker that crashes",
        of_code("import ctypes\ndef run(): ctypes.string_at(0)"),
        502,
        "worker-died",
        "Worker died: signal 11",
        "The worker that ran this call was ended by SIGSEGV, usually because of a fault in a "
        "native library, or recursion has used up the stack. A new one takes its place, so the "
        "call can be tried again.",
    ),
    case(
        "a call that runs too long",
        of_code("def run():\n    while True: pass\n", timeout=0.05),
        504,
        "deadline",
        "Deadline of 50ms has passed",
        "The call ran longer than the 0.05 s that it may. Ask for more with the field timeout, "
        "or start the server with a larger --timeout.",
    ),
]


@pytest.mark.parametrize(("failing", "expected"), FAILED)
def test_a_failure_has_a_status_a_code_and_words(
    server: Server, failing: Request, expected: Expected
) -> None:
    check_error(server, failing, expected)


WAITING = """
    import time
    from pathlib import Path

    def run(request, end):
        while not Path(end).exists():
            time.sleep(0.002)
        return "waited"
"""


def test_a_call_beyond_the_queue_is_told_to_come_back(serve: Serve, tmp_path: Path) -> None:
    server = serve("--workers", "1", "--threads", "1", "--queue", "1")
    end = tmp_path / "end"
    with ThreadPoolExecutor(3) as pool:
        # One runs and one waits, whichever these are; the third is refused before they end.
        calls = [pool.submit(server.call, WAITING, {"end": str(end)}) for _ in range(3)]
        refused = next(as_completed(calls))
        end.touch()
    answer = refused.result()
    assert (answer.status_code, answer.headers["Owt-Error"]) == (503, "queue-full")
    assert answer.headers["Retry-After"] == "1"
    assert answer.text == "Too many calls are waiting. Try again in a moment.\n"
    assert [call.result().text for call in calls if call is not refused] == ["waited", "waited"]


def test_a_call_that_fails_is_in_the_log_by_its_id_and_digest(server: Server) -> None:
    mark = len(server.log)
    reply = server.call("def run(): return 1 / 0")
    request_id, digest = reply.headers["Owt-Request-Id"], reply.headers["Owt-Code-SHA256"]
    server.log.wait_for(f"WARN [{request_id}] adaptor-raised in {digest[:12]}", since=mark)
