"""What runs owt for good: systemd is told when it answers, and the files in deploy are sound."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from harness.program import ROOT, owt_binary
from harness.server import Serve

UNIT = ROOT / "deploy/systemd/owt.service"
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
KUBERNETES = ROOT / "deploy/kubernetes"

# Those of other projects, whose schemas are not among Kubernetes' own.
FOREIGN = {"Kustomization", "ScaledObject"}

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


def objects(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text()))


def all_objects() -> list[Any]:
    return [
        pytest.param(found, id=f"{file.stem}-{found['kind']}")
        for file in sorted(KUBERNETES.glob("*.yaml"))
        for found in objects(file)
        if found["kind"] not in FOREIGN
    ]


@pytest.mark.parametrize("found", all_objects())
def test_what_is_for_kubernetes_is_as_its_schema_has_it(found: dict[str, Any]) -> None:
    kubernetes_validate.validate(found, "1.34", strict=True)


def test_a_wrong_key_would_be_noticed() -> None:
    (found,) = (each for each in all_objects() if each.id == "front-Deployment")
    (deployment,) = found.values
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**deployment, "specs": {}}, "1.34", strict=True)


def test_kustomize_has_every_file_but_what_is_instead_of_another() -> None:
    (found,) = objects(KUBERNETES / "kustomization.yaml")
    files = {file.name for file in KUBERNETES.glob("*.yaml")}
    assert {*found["resources"]} == files - {"kustomization.yaml", "keda.yaml"}


@pytest.mark.parametrize(("file", "component"), [("members", "member"), ("front", "front")])
def test_owt_starts_with_the_options_of_its_pods(serve: Serve, file: str, component: str) -> None:
    found = objects(KUBERNETES / f"{file}.yaml")
    (pods,) = (each["spec"]["template"] for each in found if "template" in each["spec"])
    (container,) = pods["spec"]["containers"]
    assert pods["metadata"]["labels"]["app.kubernetes.io/component"] == component
    command, *options = container["args"]
    assert command == "serve"
    token = "a-token-that-is-long-enough"
    env = {each["name"]: token for each in container["env"]}
    # There is no such name outside of a cluster, and the port may be taken.
    server = serve(*options, "--port", "0", env=env)
    assert server.call("1").status_code == 401
