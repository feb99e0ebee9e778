"""Why Ray has found no node for an actor."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from owt._ray._messages import Placement

    Resources = Mapping[str, float]


def shortage(placement: Placement, nodes: Sequence[Resources], free: Resources) -> str:
    """Say what is short: by what each node has in all, and what the cluster has free."""
    wanted = {"GPU": placement.num_gpus, "CPU": placement.num_cpus or 0, **placement.resources}
    for name, amount in wanted.items():
        most = max((node.get(name, 0) for node in nodes), default=0)
        if most < amount:
            return f"no node has {amount:g} {name}: the largest has {most:g}"
    for name, amount in wanted.items():
        if free.get(name, 0) < amount:
            total = sum(node.get(name, 0) for node in nodes)
            return (
                f"no node has {amount:g} {name} free: "
                f"{free.get(name, 0):g} of {total:g} in the cluster are"
            )
    return "Ray has not started its actor yet: it may be installing its runtime environment"
