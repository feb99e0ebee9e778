"""A worker without loaded adaptors for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis
import pytest

from owt._load import AdaptorCache
from owt._state import state

if TYPE_CHECKING:
    from collections.abc import Iterator

# The time that an example takes depends on the machine more than on the code.
hypothesis.settings.register_profile("owt", deadline=None)
hypothesis.settings.load_profile("owt")


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[AdaptorCache]:
    store = AdaptorCache(limit=16)
    monkeypatch.setattr(state, "adaptors", store)
    monkeypatch.setattr(state, "evaluate", True)
    yield store
    for summary in store.summaries():
        store.forget(summary["digest"])
