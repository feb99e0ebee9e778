"""The server that this process works for: its arguments, its address, and what children need."""

from __future__ import annotations

import os
from types import SimpleNamespace

from owt import adaptors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from owt._border import Settings

EXE_VARIABLE = "OWT_EXE"
_SETTINGS_FILE = "server.json"
_DEFAULTS = {"address": "127.0.0.1", "port": 9876}
# An address to listen on everywhere is none to connect to.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}

args = SimpleNamespace(**_DEFAULTS)
"""The server's arguments; what they are set to is what `owt.main()` starts with."""


class Server:
    """The server that is running."""

    _running: Server | None = None

    def __init__(self, address: str, port: int, url: str) -> None:
        self.address = address
        self.port = port
        self.url = url

    def __repr__(self) -> str:
        return f"<Server {self.url}>"

    @classmethod
    def sing(cls) -> Server:
        """Return the server that runs this code."""
        server = running()
        if server is None:
            raise RuntimeError(
                "No owt server runs this code: Server.sing() works in adaptors. "
                "Start a server with `owt`, and send this code to it."
            )
        return server


class _Started:
    """The arguments as the server started with them, which no adaptor changes."""

    args: dict[str, Any] = dict(_DEFAULTS)  # noqa: RUF012
    directory = "."


def configure(settings: Settings) -> None:
    """Take over the server's settings, and leave them where child processes find them."""
    _take(settings)
    _Started.directory = os.getcwd()
    os.environ[EXE_VARIABLE] = settings["exe"]
    os.environ[adaptors.DIRECTORY_VARIABLE] = settings["adaptors_dir"]
    _append_to_pythonpath(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    _write(os.path.join(settings["adaptors_dir"], _SETTINGS_FILE), settings)


def start_directory() -> str:
    """Return the folder in which the server was started, wherever an adaptor may have gone."""
    return _Started.directory


def adopt() -> None:
    """In a process that a worker spawned, take over that worker's settings."""
    directory = os.environ.get(adaptors.DIRECTORY_VARIABLE)
    if Server._running is not None or directory is None:
        return
    import json

    try:
        with open(os.path.join(directory, _SETTINGS_FILE), encoding="utf-8") as file:
            _take(json.load(file))
    except FileNotFoundError:
        # The server has gone, and this process outlives it.
        return


def running() -> Server | None:
    """Return the server that runs this code, if one does."""
    adopt()
    return Server._running


def copy_of_args() -> SimpleNamespace:
    """Return the server's arguments, for one adaptor to do with as it likes."""
    return SimpleNamespace(**_copied(_Started.args))


def _take(settings: Settings) -> None:
    _Started.args = settings["args"]
    vars(args).update(_copied(settings["args"]))
    address, port = settings["address"], settings["port"]
    Server._running = Server(address, port, _url(address, port, settings["args"]))


def _copied(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, list) else value for name, value in values.items()
    }


def _url(address: str, port: int, values: dict[str, Any]) -> str:
    host = _EVERYWHERE.get(address, address)
    scheme = "https" if values.get("tls_cert") else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _append_to_pythonpath(folder: str) -> None:
    folders = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    if folder not in folders:
        os.environ["PYTHONPATH"] = os.pathsep.join([*folders, folder])


def _write(path: str, settings: Settings) -> None:
    import json

    # Private, since the arguments may hold credentials; and whole at any moment, since several
    # workers share the folder.
    unfinished = f"{path}.{os.getpid()}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(settings, file)
    os.replace(unfinished, path)
