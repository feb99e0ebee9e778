"""All that the driver asks of Ray, which is imported when a cluster is joined."""

from __future__ import annotations

import importlib
import os
import socket
import sys
from contextlib import contextmanager, suppress
from dataclasses import asdict

import owt._ray
from owt._ray._actor import Actor
from owt._ray._failure import PoolError
from owt._ray._resources import shortage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from owt._ray._messages import Placement, ServeSettings, Settings

NAMESPACE = "owt"

_NOT_INSTALLED = "Ray is not installed for this Python: pip install 'owt-cli[ray]'"
_CLIENT = "ray://"
# What Ray reads; whoever starts the server may have set it otherwise.
_DEFAULTS = {
    # Nothing is sent to its makers unasked.
    "RAY_USAGE_STATS_ENABLED": "0",
    # Each line of a member's log is shown,
    "RAY_DEDUP_LOGS": "0",
    # without colours around the name of its actor.
    "RAY_COLOR_PREFIX": "0",
    # The masks of GPUs are ours; this only ends a warning.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
# Seconds in which the head of a cluster accepts a connection.
_MAX_CONNECT = 5.0
_MAX_REASON = 300


class ActorError(Exception):
    """An actor does not answer, for now."""


class ActorDeadError(ActorError):
    """An actor will not come back: another one has to be made."""


class Cluster:
    """A Ray cluster that this process has joined."""

    def __init__(self, ray: Any, head: str) -> None:
        self._ray = ray
        self.head = head

    @classmethod
    @contextmanager
    def joined(cls, settings: Settings) -> Iterator[Cluster]:
        """Join the cluster, or start one; one that was started ends with the block."""
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
        ray = _import_ray()
        # The nodes need no package owt of this version.
        ray.cloudpickle.register_pickle_by_value(owt._ray)
        try:
            _join(ray, settings)
            yield cls(ray, _head(ray, settings))
        finally:
            ray.shutdown()

    def names(self) -> list[str]:
        """Return the names of the actors of all pools."""
        named = self._ray.util.list_named_actors(all_namespaces=True)
        return [found["name"] for found in named if found["namespace"] == NAMESPACE]

    def find(self, name: str) -> Any:
        """Return an actor, which may be dead; None if there is none of that name."""
        try:
            return self._ray.get_actor(name, namespace=NAMESPACE)
        except ValueError:
            return None

    def create(self, name: str, placement: Placement) -> Any:
        """Make an actor that outlives this process."""
        options: dict[str, Any] = {
            "name": name,
            "namespace": NAMESPACE,
            "lifetime": "detached",
            "get_if_exists": True,
            "max_restarts": -1,
            "num_gpus": placement.num_gpus,
            # A member of a pool without GPUs has the processors of its node.
            "scheduling_strategy": "SPREAD",
        }
        if placement.num_cpus is not None:
            options["num_cpus"] = placement.num_cpus
        if placement.resources:
            options["resources"] = placement.resources
        if placement.runtime_env:
            options["runtime_env"] = placement.runtime_env
        try:
            made = self._ray.remote(Actor).options(**options)
            return made.remote(name, placement.fingerprint)
        except (ValueError, TypeError) as err:
            raise PoolError(f"Ray takes no such members: {_first_line(err)}") from err

    def beat(self, actor: Any, holder: str, *, keep: bool) -> Any:
        """Ask an actor how it is; return what its answer is fetched with."""
        return actor.beat.remote(holder, keep)

    def serve(self, actor: Any, settings: ServeSettings) -> None:
        """Have an actor serve with these settings."""
        actor.serve.remote(asdict(settings))

    def release(self, actor: Any, holder: str) -> Any:
        """Have an actor wait for its next driver."""
        return actor.release.remote(holder)

    def stop(self, actor: Any) -> Any:
        """Have an actor end its `owt serve`."""
        return actor.stop.remote()

    def kill(self, actor: Any) -> None:
        """End an actor for good."""
        with suppress(Exception):
            self._ray.kill(actor, no_restart=True)

    def answered(self, questions: Sequence[Any], seconds: float) -> list[Any]:
        """Wait so long for answers, and return the questions that have one."""
        if not questions:
            return []
        done, _ = self._ray.wait(list(questions), num_returns=len(questions), timeout=seconds)
        return list(done)

    def answer(self, question: Any) -> Any:
        """Return the answer to a question that has one; raise if it is that the actor is gone."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(question)
        except errors.RuntimeEnvSetupError as err:
            reason = f"Ray cannot make the runtime environment: {_first_line(err)}"
            raise PoolError(reason) from err
        except errors.ActorUnavailableError as err:
            raise ActorError("its actor has ended or cannot be reached") from err
        except errors.ActorUnschedulableError as err:
            raise PoolError(f"Ray has no place for a member: {_first_line(err)}") from err
        except errors.RayActorError as err:
            raise ActorDeadError(f"its actor is dead: {_cause(err)}") from err
        except errors.RayTaskError as err:
            # One of another version of owt does not know the question.
            raise ActorDeadError(f"its actor does not answer: {_last_line(err)}") from err
        except errors.RayError as err:
            raise ActorError(f"Ray cannot reach it: {_first_line(err)}") from err

    def is_reachable(self) -> bool:
        """Tell whether the head of the cluster accepts connections."""
        try:
            _connect(self.head)
        except OSError:
            return False
        return True

    def shortage(self, placement: Placement) -> str:
        """Say why an actor has no place yet."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return shortage(placement, nodes, self._ray.available_resources())


def _import_ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as err:
        if err.name in ("ray", None):
            raise PoolError(_NOT_INSTALLED) from err
        raise PoolError(f"Ray cannot be imported: {err}") from err


def _join(ray: Any, settings: Settings) -> None:
    address = settings.address
    try:
        if address == "auto" and "RAY_ADDRESS" not in os.environ:
            try:
                _init(ray, "auto")
            except ConnectionError:
                address = "local"
                _init(ray, address)
        else:
            _check_reachable(address)
            _init(ray, address)
    except Exception as err:
        raise PoolError(_why_not_joined(address, err)) from err
    if address == "local" and settings.keep:
        print("keep has no effect: the cluster of Ray ends with this pool", file=sys.stderr)


def _init(ray: Any, address: str) -> None:
    options = {"include_dashboard": False} if address == "local" else {}
    ray.init(address=address, namespace=NAMESPACE, logging_level="warning", **options)


def _check_reachable(address: str) -> None:
    """Raise at once where Ray would try for a minute, and then end this process."""
    if ":" in address:
        _connect(address)


def _head(ray: Any, settings: Settings) -> str:
    if settings.address.startswith(_CLIENT):
        return settings.address
    return str(ray.get_runtime_context().gcs_address)


def _connect(address: str) -> None:
    host, _, port = address.removeprefix(_CLIENT).rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _MAX_CONNECT).close()


def _why_not_joined(address: str, err: Exception) -> str:
    if address == "local":
        return f"Ray does not start on this machine: {_first_line(err)}"
    if isinstance(err, ImportError) and address.startswith(_CLIENT):
        return f"Ray's client is not installed for this Python: pip install 'ray[client]' ({err})"
    if isinstance(err, OSError):
        return (
            f"No Ray cluster answers at {address} ({_first_line(err)}): start one with "
            "ray start --head, or take address=local"
        )
    return f"The Ray cluster at {address} cannot be joined: {_first_line(err)}"


def _cause(err: Exception) -> str:
    """Return what Ray says of an actor's end, which stands behind a list of its properties."""
    for line in str(err).splitlines():
        if "died because" in line or line.startswith("The actor is dead"):
            return _shortened(line)
    return _first_line(err)


def _first_line(err: Exception) -> str:
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    return _shortened(lines[0] if lines else type(err).__name__)


def _last_line(err: Exception) -> str:
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    return _shortened(lines[-1] if lines else type(err).__name__)


def _shortened(line: str) -> str:
    return line if len(line) <= _MAX_REASON else line[:_MAX_REASON] + "…"
