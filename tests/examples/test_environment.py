"""What the examples stand on."""

import subprocess
from pathlib import Path

from harness.server import Server

TESTS = Path(__file__).parents[1]


def test_the_models_are_those_of_the_list(models: Path) -> None:
    listed = {
        line for line in (TESTS / "models.txt").read_text().splitlines() if line[:1].isalnum()
    }
    # uv has filled the virtualenv, and is no model.
    freeze = [str(models / "bin/python"), "-m", "pip", "freeze", "--exclude", "uv"]
    assert set(subprocess.check_output(freeze, text=True).splitlines()) == listed


def test_adaptors_run_in_the_virtualenv_of_the_models(example_server: Server, models: Path) -> None:
    answer = example_server.call("def run(): return sys.prefix")
    assert answer.text == str(models)
