"""What the README shows is what happens."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.program import ROOT, owt_binary, run
from harness.server import Serve

README = (ROOT / "README.md").read_text()

PRINTED_PORT = "9876"

SESSION = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps(session: str) -> Iterator[tuple[str, str]]:
    """Yield each command after a `$`, with what it prints."""
    for step in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        lines = step.splitlines(keepends=True)
        last = next(number for number, line in enumerate(lines) if not line.endswith("\\\n"))
        yield "".join(lines[: last + 1]), "".join(lines[last + 1 :])


STEPS = [step for session in SESSION.findall(README) for step in steps(session)]


@pytest.mark.parametrize(("command", "printed"), STEPS, ids=[step[0] for step in STEPS])
def test_a_command_prints_what_the_readme_shows(
    serve: Serve, tmp_path: Path, command: str, printed: str
) -> None:
    for name, source in FILE.findall(README):
        (tmp_path / name).write_text(source)
    server = serve()
    script = (
        f'owt() {{ "{owt_binary()}" "$@"; }}\n{command.replace(PRINTED_PORT, str(server.port))}'
    )
    done = run(["bash", "-c", script], home=tmp_path, env={"OWT_URL": server.url})
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip("\n") == printed.rstrip("\n")


def test_the_readme_has_a_command_within_its_first_lines() -> None:
    assert "\n$ curl" in "\n".join(README.splitlines()[:25])
