"""Has the bars of tqdm report the progress of their calls, without a change of the adaptor."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import wraps
from importlib.machinery import PathFinder, SourceFileLoader

from owt._progress import Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

# The module with the class that all other bars of tqdm inherit.
_MODULE = "tqdm.std"


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        _hook(module.tqdm)


class _Finder:
    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _MODULE:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def install() -> None:
    """Hook tqdm as soon as something imports it."""
    sys.meta_path.insert(0, _Finder)
    if _MODULE in sys.modules:
        _hook(sys.modules[_MODULE].tqdm)


def _hook(bar_class: Any) -> None:
    """Have each bar report what it shows, from any thread, for the call in which it was made."""
    init, refresh, close = bar_class.__init__, bar_class.refresh, bar_class.close

    @wraps(init)
    def hooked_init(bar: Any, *args: Any, **kwargs: Any) -> None:
        bar._owt_loop = Loop()
        init(bar, *args, **kwargs)
        if bar.disable:
            bar._owt_loop.end()

    @wraps(refresh)
    def hooked_refresh(bar: Any, *args: Any, **kwargs: Any) -> Any:
        _report(bar)
        return refresh(bar, *args, **kwargs)

    @wraps(close)
    def hooked_close(bar: Any) -> None:
        _report(bar)
        close(bar)
        _end(bar)

    bar_class.__init__, bar_class.refresh, bar_class.close = (
        hooked_init,
        hooked_refresh,
        hooked_close,
    )


def _report(bar: Any) -> None:
    # A bar that was not made, or that is closed, has none of these.
    with suppress(Exception):
        if not bar.disable:
            bar._owt_loop.report(bar.n, bar.total, _text(bar))


def _end(bar: Any) -> None:
    with suppress(AttributeError):
        bar._owt_loop.end()


def _text(bar: Any) -> str | None:
    """Return the description and the postfix of a bar, as far as it has them."""
    # tqdm writes a colon behind the description that is set later.
    parts = ((bar.desc or "").removesuffix(": "), bar.postfix)
    return ", ".join(str(part) for part in parts if part) or None
