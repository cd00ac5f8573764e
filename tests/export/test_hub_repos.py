"""Pushing and pulling, through the real huggingface_hub, against a hub on loopback."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hub_process import TOKEN, facsim_with_hub
from small_training import make_data, make_model

pytest.importorskip("huggingface_hub")

from facsim.data import DataSet


def commit_of(repo: str) -> str:
    """Commits have contents, so that of each repository is another."""
    return hashlib.sha1(repo.encode()).hexdigest()


class Hub:
    """Just enough of the hub's API for one upload and one download, with the token checked."""

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def answer(self, status: int, body: bytes = b"{}", **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def body(self) -> bytes:
                if self.headers.get("Transfer-Encoding") == "chunked":
                    parts = []
                    while size := int(self.rfile.readline(), 16):
                        parts.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    return b"".join(parts)
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def do_POST(self):
                content = self.body()
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    return self.answer(401, b'{"error":"Invalid credentials"}')
                path = self.path.partition("?")[0]
                if path == "/api/repos/create":
                    asked = json.loads(content)
                    name = f"{asked.get('organization') or 'me'}/{asked['name']}"
                    hub.repos.setdefault(name, {})
                    hub.private[name] = asked.get("visibility") == "private" or asked.get("private", False)
                    return self.answer(200, json.dumps({"url": f"{hub.url}/{name}", "id": "1"}).encode())
                if "/preupload/" in path:
                    files = [
                        {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                        for file in json.loads(content)["files"]
                    ]
                    return self.answer(200, json.dumps({"files": files}).encode())
                if "/commit/" in path:
                    name = "/".join(path.split("/")[3:5])
                    for line in content.splitlines():
                        entry = json.loads(line)
                        if entry["key"] == "file":
                            value = entry["value"]
                            hub.repos[name][value["path"]] = base64.b64decode(value["content"])
                    commit = commit_of(name)
                    done = {"commitUrl": f"{hub.url}/{name}/commit/{commit}", "commitOid": commit}
                    return self.answer(200, json.dumps(done).encode())
                return self.answer(200)

            def do_GET(self):
                path = self.path.partition("?")[0]
                parts = path.strip("/").split("/")
                if parts[0] == "api":
                    name = "/".join(parts[2:4])
                    if name not in hub.repos:
                        return self.answer(404, X_Error_Code="RepoNotFound")
                    if "revision" in parts and parts[-1] not in ("main", commit_of(name)):
                        return self.answer(404, X_Error_Code="RevisionNotFound")
                    files = hub.repos[name]
                    if "tree" in parts:
                        tree = [
                            {
                                "type": "file",
                                "path": file,
                                "size": len(content),
                                "oid": hashlib.sha1(content).hexdigest(),
                            }
                            for file, content in files.items()
                        ]
                        return self.answer(200, json.dumps(tree).encode(), Content_Type="application/json")
                    info = {
                        "id": name,
                        "sha": commit_of(name),
                        "siblings": [{"rfilename": file} for file in files],
                    }
                    return self.answer(200, json.dumps(info).encode(), Content_Type="application/json")
                parts = parts[1:] if parts[0] == "datasets" else parts
                name = "/".join(parts[:2])
                content = hub.repos[name]["/".join(parts[4:])]
                etag = f'"{hashlib.sha1(content).hexdigest()}"'
                return self.answer(200, content, ETag=etag, X_Repo_Commit=commit_of(name))

            do_HEAD = do_GET

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def one_hub() -> Iterator[Hub]:
    hub = Hub()
    yield hub
    hub.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of huggingface_hub."""
    return tmp_path_factory.mktemp("hf")


@pytest.fixture
def hub(one_hub: Hub, home: Path) -> Hub:
    """The hub, empty, and with nothing cached."""
    one_hub.repos.clear()
    one_hub.private.clear()
    for folder in home.iterdir():
        shutil.rmtree(folder)
    return one_hub


@pytest.fixture(scope="module")
def facsim(one_hub: Hub, home: Path) -> Iterator[Callable]:
    with facsim_with_hub(one_hub.url, home) as call:
        yield call


def test_a_data_set_comes_back_as_it_went(hub, facsim, tmp_path):
    folder = make_data(tmp_path / "small")
    (folder / "notes.txt").write_text("not part of the data set")
    done = facsim("push", folder, "me/small")
    assert done.returncode == 0, done.stderr
    assert f"{hub.url}/me/small/commit/" in done.stdout
    assert hub.private["me/small"]
    assert "notes.txt" not in hub.repos["me/small"]
    assert TOKEN not in done.stdout + done.stderr
    done = facsim("pull", "me/small", "--out", tmp_path / "back")
    assert done.returncode == 0, done.stderr
    assert DataSet.open(tmp_path / "back").content_hash == DataSet.open(folder).content_hash
    assert not (tmp_path / "back" / ".cache").exists()


def test_a_checkpoint_comes_back_as_it_went(hub, facsim, tmp_path):
    folder = make_model(tmp_path / "model")
    done = facsim("push", folder, "me/model", "--public")
    assert done.returncode == 0, done.stderr
    assert not hub.private["me/model"]
    done = facsim("pull", "me/model", "--kind", "model", "--out", tmp_path / "back")
    assert done.returncode == 0, done.stderr
    weights = "model.safetensors"
    assert (tmp_path / "back" / weights).read_bytes() == (folder / weights).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "token", "says"),
    [
        (("push", "DATA", "me/small"), None, "the hub does not let you write to it (401)"),
        (("push", "DATA", "me/small"), "hf_wrong", "Log in (hf auth login) or set HF_TOKEN"),
        (("push", "DATA", "small"), TOKEN, "'small' is no repository of the hub: expected OWNER/NAME"),
        (("push", "DATA", "../../etc"), TOKEN, "'../../etc' is no repository of the hub"),
        (("push", "EMPTY", "me/small"), TOKEN, "holds neither a data set (card.json) nor a checkpoint"),
        (("pull", "me/nothing", "--out", "NEW"), TOKEN, "no such repository that you may read"),
        (("pull", "me/small", "--out", "DATA"), TOKEN, "exists. Choose another --out"),
    ],
)
def test_what_goes_wrong_is_a_sentence(hub, facsim, tmp_path, arguments, token, says):
    (tmp_path / "empty").mkdir()
    places = {
        "DATA": make_data(tmp_path / "small", 6), "EMPTY": tmp_path / "empty", "NEW": tmp_path / "new",
    }  # fmt: skip
    done = facsim(*(places.get(argument, argument) for argument in arguments), token=token)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "hf_wrong" not in done.stderr


def test_a_wrong_revision_or_kind_is_named(hub, facsim, tmp_path):
    assert facsim("push", make_data(tmp_path / "small", 6), "me/small").returncode == 0
    done = facsim("pull", "me/small", "--revision", "v9", "--out", tmp_path / "new")
    assert done.returncode == 2
    assert "me/small: no such revision: v9. Expected a branch, a tag or a commit" in done.stderr
    done = facsim("pull", "me/small", "--kind", "model", "--out", tmp_path / "new")
    assert done.returncode == 2
    assert "me/small holds a data set, not a checkpoint. Use --kind dataset" in done.stderr
    assert facsim("push", make_model(tmp_path / "model"), "me/model").returncode == 0
    done = facsim("pull", "me/model", "--out", tmp_path / "new")
    assert done.returncode == 2
    assert "me/model holds no data set of Facsim. For a checkpoint, use --kind model" in done.stderr
    assert list(tmp_path.glob("*new*")) == []


def test_a_hub_that_is_away_is_a_sentence(tmp_path):
    away = Hub()
    away.close()
    with facsim_with_hub(away.url, tmp_path / "hf") as facsim:
        done = facsim("pull", "me/small", "--out", tmp_path / "new")
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr
