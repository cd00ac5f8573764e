"""Copies on an object store: a real S3 API over HTTP on loopback, through fsspec and s3fs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from small_training import make_data, make_model

pytest.importorskip("s3fs", reason="s3fs is not installed (pip install 'facsim[s3]')")
pytest.importorskip("moto.server", reason="moto is not installed (it is in the group dev)")

from object_stores import SECRET, empty_bucket, running_s3, use_s3

from facsim import evaluate
from facsim.data import DataSet
from facsim.evaluation import Run
from facsim.export import pull_from_store, push_to_store
from facsim.lm.locate import find_checkpoint
from facsim.util.errors import ConfigError
from facsim.util.store_addresses import require_folder


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with running_s3() as server:
        yield server.address


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    client = use_s3(monkeypatch, endpoint)
    client.create_bucket(Bucket="study")
    yield client
    empty_bucket(client, "study")


def names(client) -> list[str]:
    return [entry["Key"] for entry in client.list_objects_v2(Bucket="study").get("Contents", [])]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_data_set_comes_back_as_it_was(bucket, tmp_path):
    data = make_data(tmp_path / "shop")
    (data / ".lock").touch()
    assert push_to_store(data, "s3://study/data/shop/") == "s3://study/data/shop"
    assert sorted(names(bucket)) == [
        f"data/shop/{name}" for name in ("card.json", "pages.parquet", "sessions.parquet", "steps.parquet")
    ]
    seen = []
    out = pull_from_store(
        "s3://study/data/shop",
        tmp_path / "copy",
        progress=lambda done, total, note="": seen.append((done, total)),
    )
    assert contents(out) == {name: one for name, one in contents(data).items() if name != ".lock"}
    assert DataSet.open(out).content_hash == DataSet.open(data).content_hash
    assert seen[-1][0] == seen[-1][1] == sum(map(len, contents(out).values()))


def test_a_run_and_a_checkpoint_come_back(bucket, tmp_path):
    data = make_data(tmp_path / "shop")
    evaluate(data, "baseline:random-element", run_dir=tmp_path / "run", part="all")
    push_to_store(tmp_path / "run", "s3://study/run")
    run = Run.open(pull_from_store("s3://study/run", tmp_path / "run2"))
    assert run.metrics == Run.open(tmp_path / "run").metrics
    model = make_model(tmp_path / "model")
    push_to_store(Path(model), "s3://study/model")
    copy = pull_from_store("s3://study/model", tmp_path / "model2")
    assert contents(copy) == contents(Path(model))


def test_an_interrupted_copy_is_none_and_a_complete_one_is_not_changed(bucket, tmp_path, monkeypatch):
    import s3fs

    data = make_data(tmp_path / "shop")
    whole = s3fs.S3FileSystem._put_file

    async def torn(self, source, target, *args, **options):
        if source.endswith("steps.parquet"):
            raise OSError("connection lost")
        return await whole(self, source, target, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(s3fs.S3FileSystem, "_put_file", torn)
        with pytest.raises(ConfigError, match=r"cannot be used.*connection lost"):
            push_to_store(data, "s3://study/shop")
    assert names(bucket) and "shop/card.json" not in names(bucket)
    with pytest.raises(ConfigError, match="no complete copy"):
        pull_from_store("s3://study/shop", tmp_path / "copy")
    assert not list(tmp_path.glob("*copy*"))
    push_to_store(data, "s3://study/shop")
    with pytest.raises(ConfigError, match="holds a complete copy already"):
        push_to_store(data, "s3://study/shop")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://nobody/shop", "no such bucket|no complete copy"),
        ("s3://study/nothing", "no complete copy"),
        ("nosuchstore://x/y", "cannot be used|not installed"),
        (f"s3://key:{SECRET}@study/shop", "contains credentials"),
        (f"simplecache::s3://key:{SECRET}@study/shop", "contains credentials"),
        ("s3://[study/shop", "not the address of a store"),
    ],
)
def test_wrong_addresses(bucket, tmp_path, url, message):
    with pytest.raises(ConfigError, match=message) as caught:
        pull_from_store(url, tmp_path / "copy")
    assert SECRET not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("asked", [partial(require_folder, what="a run is written"), find_checkpoint])
def test_credentials_are_not_repeated(asked):
    with pytest.raises(ConfigError, match="contains credentials") as caught:
        asked(f"s3://key:{SECRET}@study/shop")
    assert SECRET not in str(caught.value)


def test_a_store_that_is_away_and_wrong_folders(tmp_path, monkeypatch):

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "planted-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    data = make_data(tmp_path / "shop")
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        push_to_store(data, "s3://study/shop")
    assert SECRET not in str(caught.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="neither a data set"):
        push_to_store(tmp_path / "empty", "s3://study/empty")
    (data / "steps.parquet").write_bytes(b"torn")
    with pytest.raises(Exception, match=r"steps\.parquet"):
        push_to_store(data, "s3://study/shop")


@pytest.mark.parametrize("name", ["/../../evil", "/{outside}/evil", "/a//evil"])
def test_hostile_names_stay_out(bucket, tmp_path, name):
    data = make_data(tmp_path / "shop")
    push_to_store(data, "s3://study/shop")
    key = "shop" + name.format(outside=tmp_path / "elsewhere")
    bucket.put_object(Bucket="study", Key=key, Body=b"x")
    with pytest.raises(ConfigError, match="of the name"):
        pull_from_store("s3://study/shop", tmp_path / "deep" / "copy")
    assert not list(tmp_path.rglob("evil"))


def test_a_folder_on_a_shared_disk(tmp_path):
    data = make_data(tmp_path / "shop")
    push_to_store(data, f"file://{tmp_path}/shared/shop")
    assert contents(tmp_path / "shared" / "shop") == contents(data)
    copy = pull_from_store(f"file://{tmp_path}/shared/shop", tmp_path / "copy")
    assert contents(copy) == contents(data)
