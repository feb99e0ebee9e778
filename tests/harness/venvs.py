"""Virtualenvs and packages made for a test, without any index."""

import json
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

# pip does the same, and takes seconds for it.
UV = Path(sys.executable).with_name("uv")

WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(frozen=True)
class View:
    """What an interpreter says of itself."""

    executable: str
    prefix: str
    base_prefix: str
    path: list[str]


# Printed by a script of `python`, returned by an adaptor's `run`.
VIEW = (
    "{'executable': sys.executable, 'prefix': sys.prefix, "
    "'base_prefix': sys.base_prefix, 'path': sys.path}"
)


def view_of(python: Path, cwd: Path, **env: str) -> View:
    """Ask an interpreter, started as a user starts it, with nothing else in its environment."""
    script = f"import json, sys; print(json.dumps({VIEW}))"
    output = subprocess.check_output([str(python), "-c", script], cwd=cwd, env=env, text=True)
    return View(**json.loads(output))


def make_virtualenv(folder: Path, *wheels: Path) -> Path:
    """Make a virtualenv, install wheels in it, and return its interpreter."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin/python"
    for wheel in wheels:
        install(python, wheel)
    return python


def install(python: Path, package: str | Path) -> None:
    """Install a package: a wheel, or what the index has, which uv keeps once it has been there."""
    tool: list[str | Path] = [UV, "pip", "install", "--quiet", "--no-deps"]
    tool += ["--python", python, package]
    if subprocess.run([*tool, "--offline"], check=False, capture_output=True).returncode != 0:
        subprocess.run(tool, check=True)


def uninstall(python: Path, package: str) -> None:
    """Take a package out of a virtualenv again."""
    subprocess.run([UV, "pip", "uninstall", "--quiet", "--python", python, package], check=True)


def make_wheel(folder: Path, package: str, source: str, version: str = "1.0") -> Path:
    """Build a package of one module, as a wheel."""
    wheel = folder / f"{package}-{version}-py3-none-any.whl"
    info = f"{package}-{version}.dist-info"
    files = {
        f"{package}/__init__.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n",
        f"{info}/WHEEL": WHEEL,
    }
    record = f"{info}/RECORD"
    files[record] = "".join(f"{name},,\n" for name in [*files, record])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel
