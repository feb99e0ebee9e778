"""A server in the virtualenv of the models, and a browser for the examples with pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.browser import chromium, watched_page
from harness.program import ROOT, owt_binary
from harness.server import Server
from harness.shell import Type, typing_in
from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def models() -> Path:
    """Return the virtualenv with the packages of models.txt, beside the program under test."""
    folder = owt_binary().parents[1] / "models"
    if not (folder / "bin/python").is_file():
        raise FileNotFoundError(f"{folder} is not there; make it with: cargo xtask setup")
    return folder


@pytest.fixture(scope="session")
def example_server(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return one server for all examples, started as their READMEs say: in the repository."""
    home = tmp_path_factory.mktemp("examples")
    options = ("--python", str(models), "--dependencies", "off", "--pool", "gpu:workers=1")
    with Server.started(*options, home=home, cwd=ROOT) as server:
        yield server


@pytest.fixture
def type_in(tmp_path: Path) -> Type:
    """Return what types in the commands of a README."""
    return typing_in(tmp_path)


# Not for the session: while Playwright runs, no other test could run an event loop.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Return a browser."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Return an empty page, watched for errors and for requests to other hosts."""
    with watched_page(browser) as page:
        yield page
