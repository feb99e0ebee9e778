"""The actor's class, as Ray runs it: a member that knows its place in the cluster."""

from __future__ import annotations

import importlib

from owt._ray._member import Member, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAX_NODE = 8


class Actor(Member):
    """A member, made by Ray on the node that it has chosen."""

    def __init__(self, name: str, placement: str) -> None:
        self._name = name
        ray: Any = importlib.import_module("ray")
        context = ray.get_runtime_context()
        own = context.current_actor
        place = Place(
            address=ray.util.get_node_ip_address(),
            node=context.get_node_id()[:_MAX_NODE],
            gpu_ids=ray.get_gpu_ids(),
            end=lambda: ray.kill(own, no_restart=True),
        )
        super().__init__(placement, place)

    def __repr__(self) -> str:
        """Return what Ray puts before each line of its log."""
        return self._name
