"""Model folders are input from strangers: nothing in them runs code, hangs, or takes memory without end."""

import json
import os
import resource
import shutil
import sys
import time
from threading import Event, Thread

import pytest
import torch
from chat_tokenizers import CHATML, make_tokenizer
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Qwen2Config

from facsim.lm import tokenizer_check
from facsim.lm.chat_tokenizer import ChatTokenizer
from facsim.lm.checkpoint import load_chat_tokenizer, load_checkpoint
from facsim.lm.checkpoint_files import fingerprint, read_config
from facsim.lm.checkpoint_settings import read_settings, write_settings
from facsim.lm.limits import LimitExceeded, limits
from facsim.prompt import PromptConfig
from facsim.util.errors import ConfigError, FacsimError, InputError


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "good"
    tokenizer = make_tokenizer(CHATML, eos="<|im_end|>")
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_settings(folder, PromptConfig(style="action"))
    return folder


@pytest.fixture
def folder(good, tmp_path):
    return shutil.copytree(good, tmp_path / "model")


def edit(file, **fields):
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def quickly(call, *arguments, seconds=60):
    """Every refusal comes soon, however busy the machine."""
    began = time.monotonic()
    with pytest.raises(FacsimError) as raised:
        call(*arguments)
    assert time.monotonic() - began < seconds
    return str(raised.value)


def split_weights(folder, names, where=None):
    """The weights in files that an index names."""
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    parts = {name: {} for name in names}
    placed = {}
    for number, (key, tensor) in enumerate(state.items()):
        name = names[number % len(names)]
        parts[name][key], placed[key] = tensor, name
    for name, part in parts.items():
        save_file(part, (where or folder) / name, metadata={"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": placed}))
    return state


def test_weights_behind_an_index_are_loaded_and_fingerprinted(folder):
    """Whatever safetensors files it names, in the folder: all of them are part of the fingerprint."""
    state = split_weights(folder, ["one.safetensors", "two.safetensors"])
    model = load_checkpoint(folder).model
    assert all(torch.equal(model.state_dict()[key], tensor) for key, tensor in state.items())
    before = fingerprint(folder)
    part = load_file(folder / "two.safetensors")
    name = next(iter(part))
    save_file(part | {name: part[name] + 1}, folder / "two.safetensors", metadata={"format": "pt"})
    assert fingerprint(folder) != before


@pytest.mark.parametrize("name", ["w.bin", "../outside.bin", "../outside.safetensors", "/etc/passwd", "sub/w.safetensors", ""])  # fmt: skip
def test_an_index_names_only_safetensors_in_the_folder(folder, name):
    """A pickle is never opened, and an empty decoy beside it does not help."""

    class Bomb:
        def __reduce__(self):
            return (open, (str(folder.parent / "ran"), "w"))

    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    for place in (folder / "w.bin", folder.parent / "outside.bin"):
        torch.save({**state, "bomb": Bomb()}, place)
    save_file(state, folder.parent / "outside.safetensors", metadata={"format": "pt"})
    save_file({}, folder / "decoy.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": dict.fromkeys(state, name)}))
    for call in (load_checkpoint, read_config, fingerprint):
        assert "safetensors files in the same folder" in quickly(call, folder)
    assert not (folder.parent / "ran").exists()


def test_other_weights_in_the_folder_are_not_loaded(folder):
    """`transformers_weights` and an adapter's configuration would lead transformers elsewhere."""
    expected = load_checkpoint(folder).model.state_dict()
    edit(folder / "config.json", transformers_weights="../w.bin")
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/nowhere", "peft_type": "LORA"}))  # fmt: skip
    found = load_checkpoint(folder).model.state_dict()
    assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())


@pytest.mark.parametrize("field", ["_attn_implementation", "attn_implementation", "_attn_implementation_internal", "_experts_implementation"])  # fmt: skip
def test_the_configuration_does_not_choose_the_attention(folder, field):
    edit(folder / "config.json", **{field: "somebody/kernel"})
    model = load_checkpoint(folder).model
    assert model.config._attn_implementation == "sdpa"
    assert field not in vars(model.config) or vars(model.config)[field] != "somebody/kernel"


@pytest.mark.parametrize(
    "fields",
    [
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": 10**30},
        {"num_attention_heads": 10**9},
        {"hidden_size": 10**9},
        {"vocab_size": 10**12},
        {"intermediate_size": 2**40},
        {"head_dim": 10**9},
        {"max_position_embeddings": 10**15},
        {"rope_parameters": {"rope_type": "default", "rope_theta": float("nan")}},
        {"hidden_size": "many"},
        {"hidden_size": None},
        {"hidden_size": [16]},
        {"hidden_size": -16},
        {"num_attention_heads": 0},
        {"num_attention_heads": {}},
        {"vocab_size": "365"},
        {"max_position_embeddings": "long"},
        {"layer_types": "full_attention"},
        {"architectures": [1]},
        {"architectures": "Qwen2ForCausalLM"},
        {"hidden_act": "no such thing"},
        {"hidden_act": 7},
        {"model_type": 7},
        {"model_type": None},
        {"quantization_config": {"quant_method": "mxfp4"}},
        {"rms_norm_eps": "small"},
        {"rope_parameters": 7},
    ],
    ids=str,
)
def test_absurd_and_mistyped_configurations_are_refused(folder, fields):
    edit(folder / "config.json", **fields)
    assert str(folder) in quickly(load_checkpoint, folder)


def test_files_of_other_programs_do_not_matter(folder):
    """A trainer's log may be large; it is part of the fingerprint, as before."""
    before = fingerprint(folder)
    (folder / "trainer_state.json").write_text("[" + "0," * 9_000_000 + "0]")
    assert load_checkpoint(folder).settings is not None
    assert fingerprint(folder) != before


@pytest.mark.parametrize("name", ["config.json", "facsim.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja", "model.safetensors"])  # fmt: skip
@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_files_that_are_no_files_are_refused(folder, name, kind):
    (folder / name).unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(folder / name)
    else:
        (folder / name).symlink_to("/dev/zero")
    for call in (load_checkpoint, read_config, fingerprint, load_chat_tokenizer):
        if call is fingerprint and name == "facsim.json":
            continue
        assert name in quickly(call, folder)
    if name == "facsim.json":
        assert "not a regular file" in quickly(read_settings, folder)


@pytest.mark.parametrize("content", ["[" * 200_000, "[]", '"text"', "{"])
@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer_config.json", "facsim.json", "generation_config.json"]
)
def test_json_of_another_form_is_refused(folder, name, content):
    (folder / name).write_text(content)
    assert name in quickly(load_checkpoint, folder)


GROWING = {
    "never ends": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "grows": "{% set ns = namespace(x='x' * 1000) %}{% for a in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "writes": "{% for a in range(9999) %}{% for b in range(9999) %}xxxxxxxxxxxxxxx{% endfor %}{% endfor %}",
    "multiplies": "{{ 'x' * 10**11 }}",
}


@pytest.mark.parametrize("how", GROWING)
def test_chat_templates_that_never_end_are_refused(folder, how, monkeypatch):
    monkeypatch.setattr("facsim.lm.chat_tokenizer._MAX_SECONDS", 3.0)
    (folder / "chat_template.jinja").write_text(GROWING[how] + CHATML)
    assert "chat template" in quickly(load_chat_tokenizer, folder, seconds=120)


def test_chat_templates_are_bounded_whenever_they_are_used():
    """One that behaves for the prompts it is tried on, and not for longer ones."""
    from facsim.prompt import Message

    late = (
        "{% if messages|length > 1 and messages[1].content|length > 5000 %}"
        + GROWING["grows"]
        + "{% endif %}"
        + CHATML
    )
    chat = ChatTokenizer(make_tokenizer(late))
    with pytest.raises(
        ConfigError, match=r"its chat template (takes more than 1\.0 GiB|runs for more than 20 seconds)"
    ):
        chat.encode_prompt([Message("system", "s"), Message("user", "x" * 6000)])


def replacing(text, times):
    return {"type": "Sequence", "normalizers": [{"type": "Replace", "pattern": {"String": text}, "content": text * 2}] * times}  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        {"normalizer": replacing("a", 40)},
        {"normalizer": replacing("Ω", 40)},
        {"normalizer": {"type": "Replace", "pattern": {"Regex": "x*"}, "content": "x" * 10_000}},
        {"decoder": {"type": "Replace", "pattern": {"String": "e"}, "content": "e" * 10_000}},
        {"padding": {"strategy": {"Fixed": 10**9}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "x"}},
    ],
    ids=["doubles", "doubles what is rare", "expression", "decoder", "padding"],
)  # fmt: skip
def test_tokenizers_that_explode_are_refused(folder, fields):
    edit(folder / "tokenizer.json", **fields)
    quickly(load_chat_tokenizer, folder, seconds=150)


def test_tokenizers_are_first_loaded_elsewhere(folder, monkeypatch):
    """In a process whose memory is limited: with less than Python itself takes, any is refused."""
    monkeypatch.setattr(tokenizer_check, "_MEMORY", 2**24)
    with pytest.raises(InputError, match="to load or to tokenize a short text"):
        load_chat_tokenizer(folder)


def test_tokenizers_come_from_the_folder(folder):
    edit(folder / "tokenizer_config.json", tokenizer_file="../elsewhere/tokenizer.json")
    with pytest.raises(InputError, match="field tokenizer_file: names a file that is not in its folder"):
        load_checkpoint(folder)


def test_limits_end_what_they_bound_and_nothing_after():
    with pytest.raises(LimitExceeded, match=r"more than 0\.2 seconds"), limits(0.2, 2**30):
        while True:
            pass
    with pytest.raises(LimitExceeded, match="memory"), limits(60, 2**28):
        b"x" * 2**30
    with limits(0.3, 2**30):
        pass
    until = time.monotonic() + 1
    while time.monotonic() < until:
        pass
    assert len(b"x" * 2**29) == 2**29


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_threads_inside_the_limits_leave_no_limit_behind() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    is_first_in, is_second_in = Event(), Event()
    ballast = [bytearray(2**28)]

    def first() -> None:
        with limits(20, 2**28):
            is_first_in.set()
            is_second_in.wait(10)

    thread = Thread(target=first)
    thread.start()
    is_first_in.wait(10)
    ballast.clear()  # the limit of the second is the lower one
    with limits(20, 2**27):
        is_second_in.set()
        thread.join()
    assert resource.getrlimit(resource.RLIMIT_AS) == before
