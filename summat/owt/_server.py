"""The server of this process: its arguments, its address, and the settings for child processes."""

from __future__ import annotations

import os
from types import SimpleNamespace

from owt import adaptors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from owt._bindings import Settings

EXE_VARIABLE = "OWT_EXE"
_SETTINGS_FILE = "server.json"
_DEFAULTS = {"address": "127.0.0.1", "port": 9876}
# Wildcard addresses, to which no client can connect, and what clients use instead.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}

args = SimpleNamespace(**_DEFAULTS)
"""The server's arguments; `owt.main()` starts a server with their current values."""


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


class _Startup:
    """The arguments and the directory with which the server started; no adaptor changes them."""

    args: dict[str, Any] = dict(_DEFAULTS)  # noqa: RUF012
    # Those whose values are lists.
    lists: list[str] = [name for name, value in _DEFAULTS.items() if isinstance(value, list)]  # noqa: RUF012
    directory = "."


def configure(settings: Settings) -> None:
    """Apply the server's settings, and save them for child processes."""
    _apply(settings)
    _Startup.directory = os.getcwd()
    os.environ[EXE_VARIABLE] = settings["exe"]
    os.environ[adaptors.DIRECTORY_VARIABLE] = settings["adaptors_dir"]
    _append_to_pythonpath(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    _write(os.path.join(settings["adaptors_dir"], _SETTINGS_FILE), settings)


def start_directory() -> str:
    """Return the directory in which the server was started; adaptors may have changed theirs."""
    return _Startup.directory


def apply_saved_settings() -> None:
    """In a child process of a worker, apply the settings that the worker saved."""
    if Server._running is not None:
        return
    directory = os.environ.get(adaptors.DIRECTORY_VARIABLE)
    if directory is None:
        return
    import json

    try:
        with open(os.path.join(directory, _SETTINGS_FILE), encoding="utf-8") as file:
            _apply(json.load(file))
    except FileNotFoundError:
        # The server has ended, and this process runs on.
        return


def running() -> Server | None:
    """Return the server that runs this code, if any."""
    apply_saved_settings()
    return Server._running


def copy_of_args() -> SimpleNamespace:
    """Return a copy of the server's arguments, which one adaptor may change."""
    copy = SimpleNamespace(**_Startup.args)
    for name in _Startup.lists:
        setattr(copy, name, list(_Startup.args[name]))
    return copy


def _apply(settings: Settings) -> None:
    _Startup.args = settings["args"]
    _Startup.lists = [name for name, value in _Startup.args.items() if isinstance(value, list)]
    vars(args).update(vars(copy_of_args()))
    address, port = settings["address"], settings["port"]
    Server._running = Server(address, port, _url(address, port, settings["args"]))


def _url(address: str, port: int, values: dict[str, Any]) -> str:
    if values.get("socket"):
        from urllib.parse import quote

        return f"http+unix://{quote(address, safe='')}"
    host = _LOOPBACK.get(address, address)
    scheme = "https" if values.get("tls_cert") else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _append_to_pythonpath(folder: str) -> None:
    folders = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    if folder not in folders:
        os.environ["PYTHONPATH"] = os.pathsep.join([*folders, folder])


def _write(path: str, settings: Settings) -> None:
    import json

    # Private, because the arguments may contain credentials; replaced atomically, because several
    # workers write it.
    temporary = f"{path}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(settings, file)
    os.replace(temporary, path)
