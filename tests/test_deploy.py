"""What runs owt for good: systemd is told when it answers, and the files in deploy are sound."""

import socket
import subprocess
import sys
from pathlib import Path

from harness.program import ROOT, owt_binary
from harness.server import Serve

UNIT = ROOT / "deploy/systemd/owt.service"
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"

# What `systemd-analyze security` may say of the unit: 0 is the safest, 100 the least.
EXPOSURE = 40


def run(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_systemd_is_told_once_the_server_answers(serve: Serve, tmp_path: Path) -> None:
    place = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(place)
        manager.settimeout(20)
        server = serve(env={"NOTIFY_SOCKET": place})
        assert manager.recv(1000) == b"READY=1\n"
        assert server.send("GET", "/_owt/health").json()["status"] == "ready"


def test_a_server_goes_on_though_nobody_listens_for_that(serve: Serve, tmp_path: Path) -> None:
    server = serve(env={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    server.log.wait_for("cannot tell NOTIFY_SOCKET that the server is ready")
    assert server.call("lambda: 2").text == "2"


def test_the_unit_is_valid_and_gives_few_rights(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    # Where the program is on this machine.
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/owt", str(owt_binary())))
    assert run("systemd-analyze", "verify", str(unit)) == (0, "")
    code, said = run(
        *("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", str(unit))
    )
    assert code == 0, said


def test_the_dockerfile_is_as_its_linter_wants_it() -> None:
    hadolint = Path(sys.prefix, "bin/hadolint")
    assert run(str(hadolint), "--no-color", str(DOCKERFILE)) == (0, "")


def test_the_dockerfile_installs_the_uv_that_the_tests_use() -> None:
    (tested,) = (
        line
        for line in (ROOT / "tests/requirements.txt").read_text().splitlines()
        if line.startswith("uv==")
    )
    assert tested in DOCKERFILE.read_text()
