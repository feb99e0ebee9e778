"""Opening files in a folder: files inside open, and no path leads outside."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owt._response import Abort
from owt.summat import _safe_open
from owt.summat._safe_open import safe_open


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with files and links in it, and a secret beside it."""
    root = tmp_path / "served"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (root / "sub" / "b.txt").write_text("b")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "served-too").mkdir()
    (tmp_path / "served-too" / "c.txt").write_text("secret")
    (root / "inside").symlink_to("sub/b.txt")
    (root / "folder").symlink_to("sub")
    (root / "absolute").symlink_to(root / "a.txt")
    (root / "out").symlink_to("../secret.txt")
    (root / "out-absolute").symlink_to(tmp_path / "secret.txt")
    (root / "out-folder").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(root / "fifo")
    return root


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.txt", b"a"),
        ("/a.txt", b"a"),
        ("//a.txt", b"a"),
        ("./a.txt", b"a"),
        ("sub/b.txt", b"b"),
        ("sub//b.txt", b"b"),
        ("sub/../a.txt", b"a"),
        ("inside", b"b"),
        ("folder/b.txt", b"b"),
        ("absolute", b"a"),
        ("../served/a.txt", b"a"),
    ],
)
def test_files_inside_are_opened(root: Path, path: str, content: bytes) -> None:
    with safe_open(root, path) as file:
        assert file.read() == content
        assert file.name == os.path.join(root, path.lstrip("/"))


def test_a_root_may_itself_be_a_link_and_a_path_an_object(root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root)
    with safe_open(str(link), Path("a.txt")) as file:
        assert file.read() == b"a"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        ".",
        "..",
        "sub",
        "sub/..",
        "nothing",
        "a.txt/deeper",
        "../secret.txt",
        "/../secret.txt",
        "sub/../../secret.txt",
        "../served-too/c.txt",
        "/etc/passwd",
        "out",
        "out-absolute",
        "out-folder/secret.txt",
        "out-folder/served-too/c.txt",
        "loop",
        "dangling",
        "fifo",
        "a\0.txt",
        "../secret.txt\0.txt",
        "\ud800",
        "n" * 300,
    ],
)
def test_missing_and_outside_files_are_not_found(root: Path, path: str) -> None:
    with pytest.raises(Abort) as raised:
        safe_open(root, path)
    shown = path if len(path) <= 200 else path[:200] + "..."
    assert (raised.value.status, raised.value.text) == (
        404,
        f"There is no file {shown!a} here.",
    )


def test_a_socket_is_not_a_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(Abort) as raised:
            safe_open(root, "socket")
    assert raised.value.status == 404


def test_a_link_that_appears_between_check_and_opening_is_rejected(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = _safe_open._names

    def swapped(top: str, asked: str) -> list[str]:
        names = resolve(top, asked)
        (root / "sub").rename(root / "moved")
        (root / "sub").symlink_to(root.parent / "served-too")
        return names

    (root / "sub" / "c.txt").write_text("mine")
    monkeypatch.setattr(_safe_open, "_names", swapped)
    with pytest.raises(Abort) as raised:
        safe_open(root, "sub/c.txt")
    assert raised.value.status == 404


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [(PermissionError(13, "no"), 403, "The file 'a.txt' may not be read by this server.")],
)
def test_unreadable_files_are_reported(
    root: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, status: int, text: str
) -> None:
    def refuse(_top: int, _names: list[str]) -> int:
        raise error

    monkeypatch.setattr(_safe_open, "_open_real", refuse)
    with pytest.raises(Abort) as raised:
        safe_open(root, "a.txt")
    assert (raised.value.status, raised.value.text) == (status, text)


def test_errors_of_the_system_are_raised(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_top: int, _names: list[str]) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(_safe_open, "_open_real", broken)
    with pytest.raises(OSError, match="Input/output error"):
        safe_open(root, "a.txt")


@pytest.mark.parametrize(("name", "kind"), [("x", FileNotFoundError), ("a.txt", OSError)])
def test_a_root_that_is_not_a_folder_is_an_error_of_the_adaptor(
    root: Path, name: str, kind: type[OSError]
) -> None:
    with pytest.raises(kind):
        safe_open(root / name, "a.txt")


def test_no_descriptor_is_left_open(root: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = count()
    for path in ("a.txt", "sub/b.txt", "nothing", "sub", "fifo", "out", "sub/nothing/x", "\0"):
        try:
            safe_open(root, path).close()
        except Abort:
            continue
    assert count() == before


_PARTS = st.sampled_from(
    ["..", ".", "", "sub", "a.txt", "b.txt", "out", "out-folder", "folder", "served"]
)


@given(parts=st.lists(_PARTS, max_size=8))
def test_no_path_reads_outside_files(
    parts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.getbasetemp() / "property"
    if not base.exists():
        (base / "served" / "sub").mkdir(parents=True)
        for name in ("a.txt", "b.txt", "served/a.txt", "served/sub/b.txt"):
            (base / name).write_text("inside" if name.startswith("served/") else "secret")
        (base / "served" / "out").symlink_to("../a.txt")
        (base / "served" / "out-folder").symlink_to("..")
        (base / "served" / "folder").symlink_to("sub")
    with suppress(Abort), safe_open(base / "served", "/".join(parts)) as file:
        assert file.read() == b"inside"
