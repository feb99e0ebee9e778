"""The commands besides `owt serve`, as a user types them."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from harness.program import clean_environment, owt_binary, run_bash, run_owt
from harness.server import Serve, Server

ADAPTOR = "def run(request, **kwargs):\n    return kwargs\n"

QUESTION = "def run(request):\n    return [request.method, request.data.decode()]\n"

ARGUMENTS = [
    ("word:hello", {"word": "hello"}),
    ("word=hello", {"word": "hello"}),
    ("words:Hello, world: yes", {"words": "Hello, world: yes"}),
    ("n:3", {"n": 3}),
    ("flag:true", {"flag": True}),
    ("flag:True", {"flag": True}),
    ("none:None", {"none": None}),
    ("many:[1, 'two']", {"many": [1, "two"]}),
    ("pair:(1, 2)", {"pair": [1, 2]}),
    ('text:"3"', {"text": "3"}),
    ("file:@words.txt", {"file": "wörds\n"}),
    ("at:@@home", {"at": "@home"}),
    ("{'prompt':'x'}", {"prompt": "x"}),
    ("<'prompt':'x'>", {"prompt": "x"}),
    ('{"prompt": null}', {"prompt": None}),
    ("{'prompt': 'x' * 3}", {"prompt": "xxx"}),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a folder with an adaptor that gives back its arguments."""
    (tmp_path / "adaptor.py").write_text(ADAPTOR)
    (tmp_path / "question.py").write_text(QUESTION)
    (tmp_path / "words.txt").write_text("wörds\n")
    return tmp_path


@pytest.mark.parametrize(("argument", "kwargs"), ARGUMENTS)
@pytest.mark.parametrize("form", ["url", "curl", "query", "json"])
def test_what_encode_prints_makes_the_call(
    server: Server, home: Path, form: str, argument: str, kwargs: object
) -> None:
    encode = shlex.join(
        [str(owt_binary()), "encode", "adaptor.py", argument, "--url", server.url, "--format", form]
    )
    send = {
        "url": f'curl -s "$({encode})"',
        "curl": f'eval "$({encode}) -s"',
        "query": f'curl -s {server.url} --data "$({encode})"',
        "json": f'curl -s --json "$({encode})" {server.url}',
    }
    done = run_bash(send[form], home=home, cwd=home)
    assert (json.loads(done.stdout), done.stderr) == (kwargs, "")


@pytest.mark.parametrize("command", ["call", "run"])
def test_call_and_run_print_the_answer_alone(server: Server, home: Path, command: str) -> None:
    at = ["--url", server.url] if command == "call" else []
    arguments = ["n:3", "word:hello", "<'prompt':'x'>"]
    done = run_owt(command, "adaptor.py", *arguments, *at, home=home)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        '{"n":3,"word":"hello","prompt":"x"}',
        "",
    )


@pytest.mark.parametrize("command", ["call", "run"])
def test_call_and_run_send_a_body(server: Server, home: Path, command: str) -> None:
    at = ["--url", server.url] if command == "call" else []
    request = ["--data", "@words.txt", "--method", "PUT"]
    done = run_owt(command, "question.py", *request, *at, home=home)
    assert (done.returncode, done.stdout, done.stderr) == (0, '["PUT","wörds\\n"]', "")


@pytest.mark.parametrize("command", ["call", "run"])
def test_call_and_run_say_what_went_wrong(server: Server, home: Path, command: str) -> None:
    at = ["--url", server.url] if command == "call" else []
    done = run_owt(command, "-", *at, home=home, stdin="def walk(): pass\n")
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "owt: error: entry-missing: The code has no function 'run' at its top level: it defines "
        'walk. Write one, as in `def run(request): return "hello"`, or name another function with '
        "--fn-name.\n",
    )


def test_run_has_the_virtualenv_and_its_words_go_to_standard_error(home: Path) -> None:
    code = "import sys\n\ndef run():\n    print('words')\n    return sys.prefix\n"
    done = run_owt("run", "-", "--python", sys.prefix, home=home, stdin=code)
    assert (done.returncode, done.stdout) == (0, sys.prefix)
    assert done.stderr.endswith("words\n")


def test_call_prints_a_part_before_the_next_is_made(server: Server, home: Path) -> None:
    (home / "parts.py").write_text(
        "import time\nfrom pathlib import Path\n\n"
        "def run(seen):\n"
        "    yield 'first\\n'\n"
        "    while not Path(seen).exists():\n"
        "        time.sleep(0.002)\n"
        "    yield 'second\\n'\n"
    )
    seen = home / "seen"
    with subprocess.Popen(
        [str(owt_binary()), "call", "parts.py", f"seen:{seen}", "--url", server.url],
        env=clean_environment(home),
        cwd=home,
        stdout=subprocess.PIPE,
        text=True,
    ) as call:
        assert call.stdout is not None
        assert call.stdout.readline() == "first\n"
        seen.touch()
        assert call.stdout.read() == "second\n"
    assert call.returncode == 0


def test_hash_makes_what_auth_takes(serve: Serve, home: Path) -> None:
    done = run_owt("hash", "ann", home=home, stdin="open sesame\n")
    assert (done.returncode, done.stderr) == (0, "")
    server = serve("--auth", done.stdout.strip())
    call = ["call", "adaptor.py", "n:1", "--url", server.url]
    refused = run_owt(*call, home=home)
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "owt: error: auth-required: This server wants to know who calls."
    )
    allowed = run_owt(*call, "--auth", "ann:open sesame", home=home)
    assert (allowed.returncode, allowed.stdout, allowed.stderr) == (0, '{"n":1}', "")


def test_bash_completes_with_what_completions_prints(home: Path) -> None:
    script = f"""
        source <({owt_binary()} completions bash)
        COMP_WORDS=(owt enc) COMP_CWORD=1
        _owt owt enc owt
        echo "${{COMPREPLY[@]}}"
    """
    assert run_bash(script, home=home, cwd=home).stdout == "encode\n"


def test_owt_alone_serves(home: Path) -> None:
    with subprocess.Popen(
        [str(owt_binary()), "--port", "0"],
        env=clean_environment(home),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("Owt serving on 127.0.0.1:")
        server.terminate()
        # The one line is all that standard output carries.
        assert server.stdout.read() == ""
    assert server.returncode == 0
