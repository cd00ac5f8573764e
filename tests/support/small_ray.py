"""Small Ray clusters on this machine, for tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


@contextmanager
def small_cluster(nodes: int = 1, **options: Any) -> Iterator[Any]:
    """A cluster whose nodes have one core each; yields `ray.cluster_utils.Cluster`. All of it ends on exit."""
    import ray
    from ray.cluster_utils import Cluster

    # Workers import what tests send them.
    here = str(Path(__file__).parent)
    if here not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    cluster = Cluster(initialize_head=True, head_node_args=NODE | options)
    try:
        for _ in range(nodes - 1):
            cluster.add_node(**NODE | options)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def files_of(folder: Path) -> dict[str, bytes]:
    """The bytes of all files below a folder, by their paths in it."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
