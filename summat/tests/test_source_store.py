"""Sources of adaptors as files: written only when something may need them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from owt._source_store import SourceStore

SCRIPT = """
import os, sys
from owt._load import AdaptorCache
from tests.fake import digest_of

folder = sys.argv[1]
store = AdaptorCache(2, folder)

def load(source):
    store.load(digest_of(source), source, "run")

def files():
    return sorted(open(os.path.join(folder, name)).read() for name in os.listdir(folder))

load("run = 1")
load("run = 2")
load("run = 3")
print(files())
load("import multiprocessing\\nrun = 4")
print(files())
load("run = 5")
print(files())
store.forget(digest_of("run = 5"))
print(files())
"""


def test_files_are_written_from_the_first_import_of_pickle_on(tmp_path: Path) -> None:
    # Coverage imports pickle at its start.
    env = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        check=True,
        capture_output=True,
        env=env,
        text=True,
    )
    four = "import multiprocessing\\nrun = 4"
    assert ran.stdout.splitlines() == [
        "[]",
        f"['{four}', 'run = 3']",
        f"['{four}', 'run = 5']",
        f"['{four}']",
    ]


def test_a_missing_folder_does_not_prevent_loading(tmp_path: Path) -> None:
    store = SourceStore(str(tmp_path / "gone"))
    store.write_all()
    store.put("owt.adaptors.a_1", "run = 1")
    store.remove("owt.adaptors.a_1")
    assert list(tmp_path.iterdir()) == []
