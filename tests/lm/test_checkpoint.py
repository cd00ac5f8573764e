"""Checkpoints load as they were saved, and every fault of a folder is reported in a sentence."""

import json
import shutil

import pytest
import torch
from chat_tokenizers import CHATML, FORGETS, make_tokenizer
from transformers import AutoModelForCausalLM, BertConfig, BertForMaskedLM, Qwen2Config

from facsim.lm.checkpoint import load_checkpoint
from facsim.lm.checkpoint_files import fingerprint
from facsim.lm.checkpoint_settings import read_settings, write_settings
from facsim.lm.context import context_length, fit_prompt
from facsim.lm.locate import find_checkpoint
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
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
    )
    AutoModelForCausalLM.from_config(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_settings(
        folder, PromptConfig(style="action", tokenizer=folder / "tokenizer.json"), data="shop", steps=3
    )
    return folder


@pytest.fixture
def damaged(good, tmp_path):
    return shutil.copytree(good, tmp_path / "damaged")


def test_a_checkpoint_loads_as_saved(good):
    model, chat, settings = load_checkpoint(f"local:{good}")
    assert model.dtype == torch.float32
    assert not model.training
    assert chat.tokenizer.chat_template == CHATML
    assert settings.prompt == PromptConfig(style="action", tokenizer=good / "tokenizer.json")
    assert settings.trained_on == {"data": "shop", "steps": 3}
    assert json.loads((good / "facsim.json").read_text())["prompt"]["tokenizer"] == "tokenizer.json"
    assert context_length(model) == 2048
    assert load_checkpoint(good, dtype="bfloat16").model.dtype == torch.bfloat16


def test_a_moved_checkpoint_counts_with_its_own_tokenizer(good, damaged):
    shutil.rmtree(damaged.parent / "elsewhere", ignore_errors=True)
    moved = damaged.rename(damaged.parent / "elsewhere")
    assert read_settings(moved).prompt.tokenizer == moved / "tokenizer.json"
    assert fingerprint(moved) == fingerprint(good)


def test_a_fingerprint_covers_what_decides_predictions(damaged):
    before = fingerprint(damaged)
    write_settings(damaged, PromptConfig())
    (damaged / "README.md").write_text("card")
    assert fingerprint(damaged) == before
    weights = damaged / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert fingerprint(damaged) != before


def test_a_folder_without_settings_has_none(damaged):
    (damaged / "facsim.json").unlink()
    assert load_checkpoint(damaged).settings is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not JSON"),
        ("[]", "contains no JSON object"),
        ("{}", "contains no object `prompt`"),
        ('{"prompt": {"style": "verse"}}', r"field prompt\.style"),
        ('{"prompt": {"colour": 1}}', r"field prompt\.colour"),
    ],
)
def test_damaged_settings_are_named(damaged, content, problem):
    (damaged / "facsim.json").write_text(content)
    with pytest.raises(InputError, match=problem):
        load_checkpoint(damaged)


def edit(folder, **fields):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def drop(name):
    return lambda folder: (folder / name).unlink()


def cut_weights(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def adapter_only(folder):
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")


def pickled(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def masked(folder):
    config = BertConfig(
        vocab_size=400,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    BertForMaskedLM(config).save_pretrained(folder)


def forgetful(folder):
    make_tokenizer(FORGETS, eos="<|im_end|>").save_pretrained(folder)


def more_tokens(folder):
    tokenizer = make_tokenizer(CHATML, eos="<|im_end|>")
    tokenizer.add_tokens(["<more>"])
    tokenizer.save_pretrained(folder)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (drop("model.safetensors"), "contains no weights"),
        (drop("config.json"), "contains no config.json"),
        (drop("tokenizer.json"), "tokenizer.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json cannot be used"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "tokenizer.json: is not JSON"),
        (lambda folder: edit(folder, model_type="unheard_of", architectures=None), "config.json cannot be used"),
        (lambda folder: edit(folder, num_hidden_layers=2, layer_types=["full_attention"] * 2), "weights lack"),
        (lambda folder: edit(folder, intermediate_size=48), "in other shapes|cannot be used"),
        (cut_weights, "weights cannot be"),
        (adapter_only, "only a LoRA adapter"),
        (pickled, "pickled"),
        (masked, "BertForMaskedLM is not a causal language model"),
        (forgetful, "rewrites, trims"),
        (more_tokens, "token ids up to 365, the model has 365 embeddings"),
    ],
)  # fmt: skip
def test_faults_of_a_folder_are_reported(damaged, damage, problem):
    damage(damaged)
    with pytest.raises(FacsimError, match=problem) as raised:
        load_checkpoint(damaged)
    assert str(damaged) in str(raised.value)


def test_sources_without_a_checkpoint(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        find_checkpoint(tmp_path / "file")
    with pytest.raises(ConfigError, match="no such folder"):
        find_checkpoint(f"local:{tmp_path}/missing")
    # As on a machine without network: nothing is asked of anybody.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match="hub cannot be reached"):
        find_checkpoint("local:nobody/has-this-model")


def test_missing_devices(good):
    with pytest.raises(ConfigError, match="expected cpu, cuda"):
        load_checkpoint(good, "toaster")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="0 CUDA devices"):
            load_checkpoint(good, "cuda")


def test_prompts_are_fitted_to_a_model(good):
    fitted = fit_prompt(PromptConfig(), good, 2048, answer_tokens=256)
    assert fitted.tokenizer == good / "tokenizer.json"
    assert fitted.budget_tokens == 1702
    smaller = PromptConfig(budget_tokens=900, tokenizer=good)
    assert fit_prompt(smaller, good, 2048, answer_tokens=256) == smaller
    assert fit_prompt(PromptConfig(), good, None, answer_tokens=256).budget_tokens == 40_000
    with pytest.raises(ConfigError, match="nothing is left for the prompt"):
        fit_prompt(PromptConfig(), good, 256, answer_tokens=256)


def test_the_budget_of_training_is_kept(good):
    """Pages are cut as in training; an answer gets the rest of the context."""
    trained = PromptConfig(budget_tokens=1_900, tokenizer=good / "tokenizer.json")
    assert fit_prompt(trained, good, 2048, answer_tokens=512, trained=trained) == trained
    thinking = trained.model_copy(update={"style": "think"})
    assert fit_prompt(thinking, good, 2048, answer_tokens=512, trained=trained) == thinking
    other = trained.model_copy(update={"budget_tokens": 2_000})
    assert fit_prompt(other, good, 2048, answer_tokens=512, trained=trained).budget_tokens == 1459
    # A budget that leaves no answer at all was not trained with.
    assert fit_prompt(trained, good, 1900, answer_tokens=512, trained=trained).budget_tokens == 1318
