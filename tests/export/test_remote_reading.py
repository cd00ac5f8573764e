"""Data sets and runs read where they are, on a real S3 API over HTTP on loopback."""

from __future__ import annotations

import gc
import json
import pickle
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from in_process_cli import facsim

pytest.importorskip("s3fs", reason="s3fs is not installed (pip install 'facsim[s3]')")
pytest.importorskip("moto.server", reason="moto is not installed (it is in the group dev)")

from object_stores import SECRET, CountingS3, empty_bucket, running_s3, use_s3
from starlette.testclient import TestClient

from facsim import evaluate
from facsim.data import Card, DataSet, DataSetWriter
from facsim.data.audit import audit
from facsim.data.store import PageStore
from facsim.evaluation import Run
from facsim.evaluation.common_steps import open_runs
from facsim.export import push_to_store
from facsim.fidelity.session_population import SessionPopulation
from facsim.schema import Action, Session, Step
from facsim.util.errors import ConfigError, InputError
from facsim.view import build_app

URL = "s3://study/data/big"
PAGES = "/study/data/big/pages.parquet"


@pytest.fixture(scope="module")
def server() -> Iterator[CountingS3]:
    with running_s3() as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 60 sessions with pages of their own, in some 30 row groups."""
    chance = random.Random(0)
    path = tmp_path_factory.mktemp("local") / "big"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facsim.data.writer.ROW_GROUP_BYTES", 60_000)
        with DataSetWriter(path, Card(name="big", source="jsonl", origin="a test")) as writer:
            for number in range(60):
                steps = []
                for step in range(4):
                    words = "".join(f"<p>{chance.randbytes(12).hex()}</p>" for _ in range(250))
                    page = f'<a name="next">Next {step}</a><a name="back">Back</a>{words}'
                    raw = page if number % 2 else None
                    action = Action.terminate() if step == 3 else Action.click("next")
                    steps.append(Step(writer.add_page(page, raw), action))
                writer.add_session(Session(f"s{number:02}", f"u{number}", tuple(steps), outcome="terminate"))
    return path


@pytest.fixture
def store(server: CountingS3, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client, with the data set in the bucket `study`. What a test leaves as it was is not sent again."""
    client = use_s3(monkeypatch, server.address)
    if "study" not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket="study")
        push_to_store(folder, URL)
    server.reset()
    before = stored(client)
    yield client
    server.denied.clear()
    if stored(client) != before:
        empty_bucket(client, "study")


def stored(client: Any) -> dict[str, str]:
    """The digest of each object in the bucket."""
    entries = client.list_objects_v2(Bucket="study").get("Contents", [])
    return {entry["Key"]: entry["ETag"] for entry in entries}


def test_a_data_set_is_read_as_it_is(store, folder):
    here, there = DataSet.open(folder), DataSet.open(URL)
    assert there.content_hash == here.content_hash
    assert list(there) == list(here)
    assert there.location == URL
    assert there.select(there.session_ids[:2]).location == URL
    assert URL in repr(there)
    assert list(there.pages) == list(here.pages)
    assert list(there.pages.scan()) == list(here.pages.scan())
    assert there.pages.raw_pages == here.pages.raw_pages > 0
    for page_id in list(here.pages)[::6]:
        assert there.page(page_id).html == here.page(page_id).html
        assert there.pages.raw_html(page_id) == here.pages.raw_html(page_id)
    assert DataSet.open(f"{URL}/").location == URL
    assert DataSet.open(Path(URL)).location == URL, "pathlib folds the slashes"


def test_one_session_in_the_viewer_reads_a_small_part_of_the_pages(server, store, folder):
    client = TestClient(build_app(URL), base_url="http://127.0.0.1:8421")
    assert "s00" in client.get("/").text
    answer = client.get("/session?id=s30&step=3")
    assert "cannot be shown" not in answer.text
    frame = client.get("/frame?id=s30&step=3")
    assert (frame.status_code, "Next 2" in frame.text) == (200, True)
    size = (folder / "pages.parquet").stat().st_size
    assert size > 1_000_000
    # Footer, index and two row groups: the session's pages may lie across a border.
    assert 0 < server.sent[PAGES] < 0.15 * size
    print(f"{server.sent[PAGES] / size:.1%} of {size:,} bytes")
    for name in ("sessions", "steps"):
        assert server.gets[f"/study/data/big/{name}.parquet"] == 1


def test_pages_are_fetched_a_row_group_at_a_time_and_kept(server, store):
    data = DataSet.open(URL)
    assert server.sent[PAGES] == 0, "nothing is read before a page is wanted"
    ids = [step.page_id for step in data.session("s10").steps]
    data.page(ids[0])
    first = server.sent[PAGES]
    groups = data.pages._parquet.metadata
    largest = max(groups.row_group(n).column(1).total_compressed_size for n in range(groups.num_row_groups))
    index = sum(groups.row_group(n).column(0).total_compressed_size for n in range(groups.num_row_groups))
    assert groups.num_row_groups > 20
    assert first <= 2**16 + index + largest
    data.page(ids[0])
    assert server.sent[PAGES] == first
    data.page(data.session("s50").steps[0].page_id)
    assert first < server.sent[PAGES] <= first + largest


def test_a_run_over_a_url_is_that_over_the_folder(store, folder, tmp_path):
    here = evaluate(folder, "baseline:markov-1", run_dir=tmp_path / "here")
    there = evaluate(URL, "baseline:markov-1", run_dir=tmp_path / "there")
    assert there.metrics == here.metrics
    assert there.config.digest == here.config.digest
    assert there.config.data_path == URL
    resumed = evaluate(folder, "baseline:markov-1", run_dir=tmp_path / "there", resume=True)
    assert resumed.metrics == here.metrics


@pytest.mark.slow
def test_every_verb_that_reads_takes_a_url(store, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facsim("evaluate", URL, "baseline:markov-1", "baseline:random-element", "--part", "test")
    for name in ("baseline-markov-1", "baseline-random-element"):
        push_to_store(Path("runs") / name, f"s3://study/runs/{name}")
    one, two = "s3://study/runs/baseline-markov-1", "s3://study/runs/baseline-random-element"
    local = ("runs/baseline-markov-1", "runs/baseline-random-element")
    assert facsim("compare", one, two) == facsim("compare", *local)
    assert facsim("report", one, two) == facsim("report", *local)
    facsim("report", one, two, "-o", "report.html")
    assert URL in Path("report.html").read_text()
    assert facsim("show", one) == facsim("show", local[0])
    assert facsim("show", URL, "--limit", 3).replace(URL, str(folder)) == facsim("show", folder, "--limit", 3)
    assert facsim("show", URL, "s03", one) == facsim("show", folder, "s03", local[0])
    assert reported("audit", URL) == reported("audit", folder)
    assert reported("fidelity", URL, "--resamples", 20) == reported("fidelity", folder, "--resamples", 20)
    assert "runs" in {entry.name for entry in tmp_path.iterdir()}
    assert not [entry for entry in tmp_path.iterdir() if ":" in entry.name], "no folder named like a URL"
    assert [run.location for run in open_runs([one, two])] == [one, two]


def reported(*arguments: object) -> object:
    """What a verb writes as JSON, without its progress."""
    said = facsim(*arguments, "--format", "json")
    return json.JSONDecoder().raw_decode(said[said.index("{") :])[0]


def test_sessions_of_a_rollout_that_failed_at_once_are_counted(store, folder, tmp_path):
    rolled = tmp_path / "rolled"
    with DataSetWriter(rolled, Card(name="rolled", source="rollout", origin="a test")) as writer:
        page = writer.add_page("<p>Home</p>")
        writer.add_session(Session("r1", "u1", (Step(page, Action.terminate()),), outcome="terminate"))
    report = {"sessions": [{"session_id": "r1", "end": "terminate"}, {"session_id": "r2", "end": "failed"}]}
    (rolled / "rollout.json").write_text(json.dumps(report))
    push_to_store(rolled, "s3://study/rolled")
    there = SessionPopulation.of(DataSet.open("s3://study/rolled"))
    assert there.sessions["session_id"].to_list() == ["r1", "r2"]
    assert there.sessions.equals(SessionPopulation.of(DataSet.open(rolled)).sessions)


def test_what_writes_wants_a_folder(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = facsim("evaluate", URL, "baseline:markov-1", "--run-dir", "s3://study/run", code=2)
    assert "facsim push FOLDER s3://study/run" in " ".join(said.split())
    with pytest.raises(ConfigError, match=r"data set is written in a folder .* facsim push"):
        DataSetWriter("s3://study/new", Card(name="x", source="jsonl", origin="x"))
    with pytest.raises(ConfigError, match=r"run is scored in a folder"):
        from facsim.evaluation import score

        score("s3://study/run")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://nobody/shop", "s3://nobody/shop: no such bucket, folder or file"),
        ("s3://study/nothing", "s3://study/nothing: no such bucket, folder or file"),
        ("s3://study/data", "no complete copy: card.json is not there"),
        ("nosuchstore://x/y", "cannot be used|not installed"),
        (f"s3://key:{SECRET}@study/shop", "contains credentials"),
        (f"https://127.0.0.1/shop?token={SECRET}", "contains credentials"),
    ],
)
def test_wrong_addresses(store, url, message):
    with pytest.raises(ConfigError, match=message) as caught:
        DataSet.open(url)
    assert SECRET not in str(caught.value)
    said = facsim("show", url, code=2)
    assert "Traceback" not in said
    assert SECRET not in said


def test_a_model_is_loaded_from_a_folder_and_credentials_are_needed(tmp_path, monkeypatch):
    from facsim.predict import load_predictor

    with pytest.raises(
        ConfigError, match=r"^s3://study/model: .* facsim pull s3://study/model --out FOLDER$"
    ):
        load_predictor("local:s3://study/model")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ConfigError, match="no credentials for the store"):
        DataSet.open("s3://study/shop")


def test_denied_objects_and_torn_uploads(server, store):
    data = DataSet.open(URL)
    server.denied = {PAGES}
    with pytest.raises(InputError, match=r"pages\.parquet: access denied\. Credentials come from the env"):
        data.page(data.steps["page_id"][0])
    server.denied = {"/study/data/big/steps.parquet"}
    with pytest.raises(ConfigError, match=r"s3://study/data/big: access denied"):
        DataSet.open(URL)
    server.denied = set()
    store.delete_object(Bucket="study", Key="data/big/card.json")
    with pytest.raises(ConfigError, match=r"no complete copy: card\.json is not there\. It is written last"):
        DataSet.open(URL)


def test_broken_files_are_named_by_their_address(store):
    store.put_object(Bucket="study", Key="data/big/steps.parquet", Body=b"PAR1 torn")
    with pytest.raises(InputError, match=r"^s3://study/data/big/steps\.parquet: cannot be read as Parquet"):
        DataSet.open(URL)


@pytest.mark.parametrize("cut", ["head", "tail", "middle", "all"])
def test_damaged_pages_are_an_error(store, folder, cut):
    whole = (folder / "pages.parquet").read_bytes()
    body = {
        "head": whole[: len(whole) // 2],
        "tail": whole[:-4] + b"XXXX",
        "middle": whole[:4] + bytes(len(whole) - 40_000) + whole[-39_996:],
        "all": b"",
    }[cut]
    store.put_object(Bucket="study", Key="data/big/pages.parquet", Body=body)
    data = DataSet.open(URL)
    with pytest.raises(InputError, match=r"s3://study/data/big/pages\.parquet"):
        data.page(data.steps["page_id"][0])


def test_an_object_that_changes_while_it_is_open_is_an_error(store, folder, monkeypatch):
    data = DataSet.open(URL)
    client = TestClient(build_app(data), base_url="http://127.0.0.1:8421")
    first, last = data.steps["page_id"][0], data.steps["page_id"][-1]
    data.page(first)
    # Of the same size, so that only its ETag tells.
    changed = bytearray((folder / "pages.parquet").read_bytes())
    changed[1000] ^= 1
    store.put_object(Bucket="study", Key="data/big/pages.parquet", Body=bytes(changed))
    data.page(first)  # kept
    with pytest.raises(InputError, match=r"pages\.parquet: has changed since it was opened\. A copy on"):
        data.page(last)
    answer = client.get("/session?id=s59&step=4")
    assert "has changed since it was opened" in answer.text
    store.delete_object(Bucket="study", Key="data/big/pages.parquet")
    with pytest.raises(InputError, match=r"pages\.parquet: no such bucket, folder or file"):
        data.page(last)
    with pytest.raises(InputError, match=r"pages\.parquet: no such file"):
        DataSet.open(URL)


def test_another_process_opens_the_same_file(store, tmp_path):
    data = DataSet.open(URL)
    page_id = data.steps["page_id"][-1]
    html = data.page(page_id).html
    (tmp_path / "sent").write_bytes(pickle.dumps((data.pages.file, page_id)))
    program = (
        "import pickle, sys; from facsim.data.store import PageStore;"
        "file, page_id = pickle.load(open(sys.argv[1], 'rb'));"
        "sys.stdout.write(PageStore(file).page(page_id).html)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "sent"], capture_output=True, text=True, check=True
    )
    assert done.stdout == html
    assert SECRET.encode() not in (tmp_path / "sent").read_bytes()


def test_a_footer_of_any_size_and_files_of_other_writers(store, folder, tmp_path, monkeypatch):
    import polars as pl

    monkeypatch.setattr("facsim.data.remote_parquet._TAIL", 32)
    assert DataSet.open(URL).page(DataSet.open(folder).steps["page_id"][5]).html
    pages = tmp_path / "pages.parquet"
    table = pl.read_parquet(folder / "pages.parquet")
    table.write_parquet(pages, row_group_size=7, compression="snappy", data_page_size=1000)
    store.upload_file(str(pages), "study", "data/big/pages.parquet")
    there, here = DataSet.open(URL), DataSet.open(folder)
    assert list(there.pages.scan()) == list(here.pages.scan())
    assert there.pages.raw_pages == here.pages.raw_pages


def test_the_temporary_folder_goes_with_the_data_set(store, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = DataSet.open(URL)
    part = data.select(data.session_ids[:3])
    assert {file.name for file in data.path.iterdir()} == {"card.json", "sessions.parquet", "steps.parquet"}
    del data
    gc.collect()
    assert part.path.exists()
    del part
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_other_kinds_of_store(folder, tmp_path):
    import fsspec

    here = DataSet.open(folder)
    push_to_store(folder, f"file://{tmp_path}/shared/big")
    disk = DataSet.open(f"file://{tmp_path}/shared/big")
    assert list(disk.pages.scan()) == list(here.pages.scan())
    assert disk.content_hash == here.content_hash
    assert DataSet.open(Path(f"file://{tmp_path}/shared/big")).location == f"file://{tmp_path}/shared/big"
    push_to_store(folder, "memory://shared/big")
    try:
        memory = DataSet.open("memory://shared/big")
        assert list(memory) == list(here)
        assert SessionPopulation.of(memory, real=True).name == "big"
        some = here.session_ids[:10]
        assert audit(memory.select(some)).to_dict() == audit(here.select(some)).to_dict()
        fsspec.filesystem("memory").pipe("/shared/big/pages.parquet", b"other")
        with pytest.raises(InputError, match="has changed since it was opened"):
            PageStore(memory.pages.file).page(here.steps["page_id"][0])
    finally:
        fsspec.filesystem("memory").rm("/shared", recursive=True)
    assert not Run.__doc__ or disk.is_whole
