"""The same call from many languages."""

import shutil

import pytest
from harness.document import Step, show, steps
from harness.program import ROOT
from harness.server import Server
from harness.shell import Type

README = ROOT / "examples/languages/README.md"

STEPS = {step.command.split()[0]: step for step in steps(README)}

# Hundreds of megabytes each, so the set-up does not install them.
LARGE = {"go", "java", "runghc"}

LEFT_OUT = {program for program in LARGE if shutil.which(program) is None}


@pytest.mark.parametrize("step", [STEPS[name] for name in sorted(STEPS.keys() - LEFT_OUT)])
def test_a_call_from_another_language_is_answered(
    example_server: Server, type_in: Type, step: Step
) -> None:
    step.check(show(step.command, example_server, type_in))


def test_what_is_left_out_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert STEPS.keys() >= LARGE
    with capsys.disabled():
        names = ", ".join(sorted(LEFT_OUT)) or "nothing"
        print(f"\nlanguages, left out because it is not installed: {names}")


def test_the_readme_calls_each_file() -> None:
    commands = " ".join(step.command for step in STEPS.values())
    # What is called, what cargo calls by its name, and the document itself.
    others = {"hello.py", "hello.rs", "README.md"}
    files = {path.name for path in README.parent.iterdir() if path.is_file()} - others
    assert {name for name in files if f"/{name} " in commands} == files
