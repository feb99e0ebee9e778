"""Servers for the tests, and their logs beside what has failed."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from harness.members import exception
from harness.pythons import missing, pythons
from harness.server import TEST_VIRTUALENV, Serve, Server
from harness.tls import Files


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return one server for all tests that need nothing special."""
    home = tmp_path_factory.mktemp("server")
    with Server.started(home=home, env=TEST_VIRTUALENV) as server:
        yield server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return what starts servers of a test's own, with the test's folder as their home."""
    with ExitStack() as servers:

        def start(
            *options: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
        ) -> Server:
            started = Server.started(*options, home=tmp_path, env=env, cwd=cwd)
            return servers.enter_context(started)

        yield start


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return a certificate for this machine, and the authority that issued it."""
    return Files.issued(tmp_path_factory.mktemp("tls"))


@pytest.fixture(
    scope="module", params=pythons(), ids=lambda found: f"{found[0]}-{found[1].parts[1]}"
)
def interpreter(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """Return a version, such as 3.12, and its interpreter: each of this machine in turn."""
    found: tuple[str, Path] = request.param
    return found


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark what takes each interpreter in turn, whichever it runs with itself."""
    for item in items:
        if "interpreter" in item.fixturenames:
            item.add_marker("each_interpreter")
        if why := exception(item.nodeid.partition("[")[0]):
            item.add_marker(pytest.mark.skip(reason=why))


def pytest_report_header() -> list[str]:
    """Say which versions those tests leave out that run with each."""
    return [f"Python {version} is not installed: no test was run with it" for version in missing()]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the servers had to say."""
    report = yield
    if report.failed:
        for server in Server.running:
            report.sections.append((f"log of owt on port {server.port}", server.log.since(0)))
    return report
