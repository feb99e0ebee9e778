"""The program uv, found for servers of tests, and others in its place."""

import os
from pathlib import Path

from harness.venvs import UV, make_wheel

# How this machine reaches package indexes, and where its interpreters are.
_MACHINE = ["SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"]


def on_path(program: Path) -> dict[str, str]:
    """Return the variables with which a server finds a program first."""
    return {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


def machine() -> dict[str, str]:
    """Return the variables by which uv reaches the package index that pip uses here."""
    found = {name: os.environ[name] for name in _MACHINE if name in os.environ}
    if index := os.environ.get("PIP_INDEX_URL"):
        found["UV_DEFAULT_INDEX"] = index
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return {**found, "PYENV_ROOT": str(pyenv), **on_path(UV)}


def shelf(home: Path, *packages: tuple[str, str]) -> None:
    """Make packages that know their versions, and have uv of this home take them and no others."""
    (folder := home / "shelf").mkdir()
    for package, version in packages:
        make_wheel(folder, package, f"version = {version!r}", version)
    (settings := home / ".config/uv").mkdir(parents=True)
    (settings / "uv.toml").write_text(f"no-index = true\nfind-links = [{str(folder)!r}]\n")


def stand_in(folder: Path, script: str) -> dict[str, str]:
    """Make a program that does as a script says in the place of uv; `$UV` is the real one."""
    folder.mkdir()
    program = folder / "uv"
    program.write_text(f"#!/bin/sh\nUV={UV}\n{script}\n")
    program.chmod(0o700)
    return on_path(program)
