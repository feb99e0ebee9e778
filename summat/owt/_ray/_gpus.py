"""Which GPUs a member's processes see: those that Ray has given its actor, and no others.

Set here, and not left to Ray: where an actor has none, some versions of Ray hide none from it. The
variables are those that the server sets for its workers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VARIABLES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
# CUDA numbers them as Ray does.
_ORDER = ("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
# An index that is not there hides itself and all after it.
_HIDDEN = "-1"


def devices(ids: Sequence[int | str]) -> str | None:
    """Return the GPUs of an actor as one text; None if it has none."""
    return ",".join(map(str, ids)) or None


def variables(devices: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what is set in the environment of its processes."""
    order = {} if _ORDER[0] in environment else dict([_ORDER])
    return {**dict.fromkeys(_VARIABLES, devices or _HIDDEN), **order}
