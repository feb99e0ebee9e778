"""The types of pipes, as a type checker reports them."""

from __future__ import annotations

from pathlib import Path

from mypy import api

HERE = Path(__file__).parent


def test_the_type_of_a_pipe_follows_its_steps(tmp_path: Path) -> None:
    options = ["--config-file", str(HERE.parent / "pyproject.toml"), "--cache-dir", str(tmp_path)]
    output, errors, status = api.run([*options, str(HERE / "typed_pipe.py")])
    assert (output, errors, status) == ("Success: no issues found in 1 source file\n", "", 0)
