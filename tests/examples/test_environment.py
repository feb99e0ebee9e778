"""What the examples stand on."""

import json
import re
import subprocess
from pathlib import Path

from harness.program import ROOT
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


# They are gigabytes: a stand-in takes their place.
LEFT_OUT = {"torch"}


def test_what_blocks_name_is_among_the_models() -> None:
    named = {
        re.split("[<>=]", dependency)[0]
        for adaptor in (ROOT / "examples").glob("*/*.py")
        for block in re.findall(r"^# dependencies = (\[.*\])$", adaptor.read_text(), re.MULTILINE)
        for dependency in json.loads(block)
    }
    lines = (TESTS / "models.txt").read_text().splitlines()
    listed = {line.partition("==")[0] for line in lines if line[:1].isalnum()}
    assert len(named) > 8
    assert named - listed == LEFT_OUT
