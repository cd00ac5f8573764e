"""Work on a one-node Ray cluster: the same files as on this machine, and errors that say what to do."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed (pip install 'facsim[ray]')")

from cluster_workers import Squares, Unsendable, refuse
from small_ray import files_of, small_cluster

from facsim.data import DataSet
from facsim.evaluation import evaluate
from facsim.page.batch import simplify_folder
from facsim.shop import write_sample
from facsim.util.errors import ConfigError, FacsimError, InputError
from facsim.util.executor import open_executor
from facsim.util.node_checks import ClusterNode
from facsim.util.progress import no_progress
from facsim.util.ray_actors import ActorPool, ActorResources, FailedUnit
from facsim.util.ray_cluster import RayCluster, parse_address

# Ray ends the process that started it when its own raylet ends: not in a process with other tests.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def on():
    with small_cluster(num_cpus=2) as cluster:
        import ray

        # Connected once; `RayCluster` uses an open connection and leaves it open.
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield f"ray://{cluster.address}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    out = tmp_path_factory.mktemp("data") / "shop"
    write_sample(60, 5, out)
    return DataSet.open(out)


def test_a_sample_has_the_same_bytes(on: str, shop: DataSet, tmp_path: Path) -> None:
    write_sample(60, 5, tmp_path / "shop", on=on)
    assert files_of(tmp_path / "shop") == files_of(shop.path)


def test_a_run_has_the_same_answers(on: str, shop: DataSet, tmp_path: Path) -> None:
    predictor = "baseline:markov-2"
    alone, there = (
        evaluate(shop, predictor, run_dir=tmp_path / name, on=where, progress=no_progress)
        for name, where in (("alone", None), ("there", on))
    )
    assert records_of(there) == records_of(alone)
    assert (there.path / "metrics.json").read_bytes() == (alone.path / "metrics.json").read_bytes()
    assert there.config.digest == alone.config.digest
    (node,) = there.config.starts[0].nodes
    assert (node.host, node.cpus) == (socket.gethostname(), 2)
    # A finished run is returned, and nothing is left to resume.
    again = evaluate(shop, predictor, run_dir=there.path, on=on, resume=True, progress=no_progress)
    assert len(again.config.starts) == 1


def records_of(run) -> list[dict]:
    lines = [{key: value for key, value in line.items() if key != "seconds"} for line in run.records()]
    return sorted(lines, key=lambda line: (line["session_id"], line["step"]))


def test_pages_are_the_same(on: str, tmp_path: Path) -> None:
    source = tmp_path / "pages"
    (source / "deep").mkdir(parents=True)
    for number in range(20):
        page = f"<a href=/{number}>Item {number}</a><button>Buy</button>"
        (source / ("deep" if number % 2 else ".") / f"{number}.html").write_text(page)
    (source / "deep.html").write_text("<div>" * 200_000)
    reports = [simplify_folder(source, tmp_path / name, on=where) for name, where in (("a", None), ("b", on))]
    assert reports[0] == reports[1]
    assert (reports[1].written, list(reports[1].refused)) == (20, [source / "deep.html"])
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_a_unit_is_given_up_after_three_tries(on: str, tmp_path: Path) -> None:
    owed = set(range(20))

    def remaining(unit: tuple[int, ...]) -> tuple[int, ...] | None:
        return tuple(number for number in unit if number in owed) or None

    units = [(0, 1, 2), (10, 11, 12, 13, 15), (16, 14), (17, 18)]  # 13 kills its actor, 14 never ends
    results, failures = [], []
    cluster, create = RayCluster(on, timeout_s=3), partial(Squares, tmp_path)
    with cluster, ActorPool(cluster, create, actors=2, resources=ActorResources()) as pool:
        for found in pool.run(units, remaining):
            if isinstance(found, FailedUnit):
                failures.append((found.unit, found.reason.partition(":")[0]))
            elif found is not None:
                results.append(found)
                owed.discard(round(found**0.5))
    # What had arrived when an actor was lost was not computed again.
    assert sorted(results) == [number**2 for number in (0, 1, 2, 10, 11, 12, 16, 17, 18)]
    assert sorted(failures) == [((13, 15), "ActorDiedError"), ((14,), "no result within 3 seconds")]
    assert sorted((tmp_path / "tries").read_text()) == list("sssxxx")


def test_errors_of_the_work_are_raised_as_they_are(on: str) -> None:
    with open_executor(on=on) as executor, pytest.raises(InputError, match=r"^page: is empty$"):
        list(executor.map(refuse, [1, 2, 3]))


def test_what_a_person_can_mend_is_said(on: str, shop: DataSet, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be sent to the nodes"):
        evaluate(shop, Unsendable(), run_dir=tmp_path / "run", on=on, progress=no_progress)
    with RayCluster(on) as cluster:
        with (
            pytest.raises(ConfigError, match="no node of the cluster has 1 GPUs"),
            ActorPool(cluster, Unsendable, actors=1, resources=ActorResources(gpus=1)),
        ):
            pass
        with pytest.raises(ConfigError, match="missing: cannot be read"):
            cluster.check_files([tmp_path / "missing"])
        # Another content in every process, as on nodes that do not share a disk.
        with pytest.raises(ConfigError, match=f"node {socket.gethostname()} .* does not see this file"):
            cluster.check_files([Path("/proc/self/stat")])


@pytest.mark.parametrize("address", ["dask", "ray://", "ray://head", "ray:6379", "ray://a b:1"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ConfigError, match=r"expected ray, or ray://HOST:PORT"):
        parse_address(address)


def test_no_cluster_there() -> None:
    import ray

    assert not ray.is_initialized() or ray.shutdown() is None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(ConfigError, match=f"no Ray cluster at 127.0.0.1:{port}: Connection refused"):
        RayCluster(f"ray://127.0.0.1:{port}").__enter__()
    with pytest.raises(ConfigError, match="port 10001 is that of Ray Client"):
        RayCluster("ray://head:10001")


def test_the_nodes_are_told_once_connected(on: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    with RayCluster(on, announce=lines.append) as cluster:
        assert lines == [f"On Ray: {cluster.describe()}"], "this cluster has no dashboard"
        assert "2 CPU cores, 0 GPUs" in lines[0]
    monkeypatch.setattr("facsim.util.ray_cluster._dashboard", lambda: "http://127.0.0.1:8265")
    with RayCluster(on, announce=lines.append):
        assert lines[1] == f"{lines[0]}. Dashboard: http://127.0.0.1:8265"


def test_a_node_that_was_just_lost_is_left_out(on: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from facsim.util import ray_cluster

    with RayCluster(on) as cluster:
        (here,) = cluster.nodes
    lost = ClusterNode("0" * 56, "lost", cpus=1, gpus=0, memory_gb=1)
    listed = iter([(here, lost), (here, lost), (here,)])
    monkeypatch.setattr(ray_cluster, "_live_nodes", lambda: next(listed))
    monkeypatch.setattr(ray_cluster, "_SETTLE_SECONDS", 0.0)
    with RayCluster(on) as cluster:
        assert cluster.nodes == (here,)
    monkeypatch.setattr(ray_cluster, "_live_nodes", lambda: (here, lost))
    with pytest.raises(FacsimError, match="node lost of the cluster does not run tasks"), RayCluster(on):
        pass
