"""A worker without loaded adaptors for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from owt import _worker
from owt._load import Store

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    store = Store(limit=16)
    monkeypatch.setattr(_worker._worker, "store", store)
    monkeypatch.setattr(_worker._worker, "evaluate", True)
    yield store
    for summary in store.summaries():
        store.forget(summary["digest"])
