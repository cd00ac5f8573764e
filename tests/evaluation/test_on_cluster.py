"""Where a local model runs on a cluster, from the resources that its nodes have."""

import subprocess
import sys

import pytest

from facsim.evaluation.on_cluster import place_model
from facsim.util.errors import ConfigError
from facsim.util.node_checks import ClusterNode
from facsim.util.ray_actors import ActorResources
from facsim.util.ray_cluster import RayCluster


def cluster_of(*nodes: ClusterNode) -> RayCluster:
    """A cluster that is not connected: placing on CPUs and most errors need only its nodes."""
    cluster = RayCluster("ray")
    cluster.nodes = nodes
    return cluster


SMALL = ClusterNode("1", "small", cpus=4, gpus=0, memory_gb=16)
LARGE = ClusterNode("2", "large", cpus=4, gpus=0, memory_gb=640)


def test_cpu_workers_are_as_many_as_fit_in_memory() -> None:
    # 3 GB of weights take 6 GB: two on the small node, and one per core on the large one.
    assert place_model(cluster_of(SMALL, LARGE), 3_000_000_000, "auto") == (ActorResources(1), 6, "cpu")
    assert place_model(cluster_of(SMALL), 100_000_000_000, "cpu") == (ActorResources(1), 1, "cpu")


@pytest.mark.parametrize(
    ("device", "problem"),
    [
        ("cuda", "no node of the cluster has a GPU. Nodes: small 4 CPU cores, 0 GPUs"),
        ("cuda:1", "on a cluster, Ray chooses the GPU"),
    ],
)
def test_devices_that_a_cluster_does_not_have(device: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        place_model(cluster_of(SMALL), 1, device)


def test_nothing_imports_ray_before_it_is_asked_for() -> None:
    program = """
import sys
sys.modules["ray"] = None  # as if it were not installed
import facsim.cli.evaluate, facsim.cli.ingest, facsim.cli.shop, facsim.cli.simplify
import facsim.evaluation, facsim.data.ingest, facsim.page.batch, facsim.shop
from facsim.util.errors import ConfigError
from facsim.util.executor import open_executor
assert "torch" not in sys.modules
try:
    open_executor(on="ray").__enter__()
except ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.startswith("--on ray needs Ray: pip install 'facsim[ray]'")
