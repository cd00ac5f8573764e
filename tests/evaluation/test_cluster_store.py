"""A data set on an object store, evaluated on a two-node cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed (pip install 'facsim[ray]')")
pytest.importorskip("s3fs", reason="s3fs is not installed (pip install 'facsim[s3]')")
pytest.importorskip("moto.server", reason="moto is not installed (it is in the group dev)")

from object_stores import empty_bucket, running_s3, use_s3
from small_ray import small_cluster

from facsim.data import DataSet
from facsim.evaluation import evaluate
from facsim.export import push_to_store
from facsim.shop import write_sample
from facsim.util.errors import ConfigError
from facsim.util.progress import no_progress

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_workers_read_the_pages_from_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sample(40, 0, tmp_path / "shop")
    with running_s3() as server:
        client = use_s3(monkeypatch, server.address)
        client.create_bucket(Bucket="study")
        push_to_store(tmp_path / "shop", "s3://study/shop")
        given = {"predictor": "baseline:random-element", "part": "all", "progress": no_progress}
        here = evaluate(tmp_path / "shop", run_dir=tmp_path / "here", **given)
        with small_cluster(2) as cluster:
            on = f"ray://{cluster.address}"
            server.reset()
            there = evaluate("s3://study/shop", run_dir=tmp_path / "there", on=on, **given)
            assert there.metrics == here.metrics
            assert there.config.digest == here.config.digest
            assert len(there.config.starts[0].nodes) == 2
            # This process reads no page: each worker reads the index and its pages for itself.
            assert server.gets["/study/shop/pages.parquet"] >= 4
            assert server.gets["/study/shop/steps.parquet"] == 1
            data = DataSet.open("s3://study/shop")
            server.denied = {"/study/shop/pages.parquet"}
            with pytest.raises(
                ConfigError, match=r"node .* does not read the store: .*pages\.parquet: access"
            ):
                evaluate(data, run_dir=tmp_path / "denied", on=on, **given)
        server.denied.clear()
        empty_bucket(client, "study")
