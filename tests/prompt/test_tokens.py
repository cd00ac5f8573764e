"""Counting tokens: by length, or by a real tokenizer."""

from __future__ import annotations

import importlib.util
import json

import pytest

from facsim.prompt import PromptConfig, build_prompt, count_tokens, prompt_hash
from facsim.util.errors import ConfigError

HAS_TOKENIZERS = importlib.util.find_spec("tokenizers") is not None


@pytest.fixture
def tokenizer(tmp_path):
    """A tokenizer that knows five words and splits at white space."""
    vocabulary = {word: number for number, word in enumerate(["[UNK]", "one", "two", "three", "<page>"])}
    spec = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        "truncation": None,
        "padding": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(spec))
    return tmp_path


def test_length_is_counted_in_threes_and_rounded_up():
    config = PromptConfig()
    assert [count_tokens("x" * n, config) for n in (0, 1, 3, 4)] == [0, 1, 1, 2]
    assert count_tokens("x" * 100, PromptConfig(chars_per_token=4)) == 25


def test_tokenizer_counts_or_says_what_to_install(tokenizer):
    config = PromptConfig(tokenizer=tokenizer)
    if not HAS_TOKENIZERS:
        with pytest.raises(ConfigError, match="pip install tokenizers"):
            count_tokens("one two", config)
        return
    assert count_tokens("one two three four", config) == 4
    assert count_tokens("one two", PromptConfig(tokenizer=tokenizer / "tokenizer.json")) == 2


def test_a_missing_or_broken_tokenizer_is_named(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    for path in (tmp_path / "absent.json", tmp_path / "broken.json"):
        with pytest.raises(ConfigError, match=path.name if HAS_TOKENIZERS else "tokenizers"):
            count_tokens("one", PromptConfig(tokenizer=path))


class PerCharacter:
    """Stands where the library's tokenizer stands: white space costs nothing, `<` costs five tokens."""

    class _Encoding:
        def __init__(self, ids):
            self.ids = ids

    def encode(self, sequence, *, add_special_tokens=True):
        assert not add_special_tokens
        return self._Encoding([0] * sum(5 if c == "<" else not c.isspace() for c in sequence))


@pytest.mark.parametrize("policy", ["drop_oldest", "anchored"])
def test_budgets_hold_when_tokens_do_not_follow_length(shopping, policy, monkeypatch, tmp_path):
    """Parts of a page may be denser than the whole; the cut is then made again, shorter."""
    from facsim.prompt import tokens

    monkeypatch.setattr(tokens, "_load_tokenizer", lambda path: PerCharacter())
    for budget in range(2_400, 9_000, 300):
        config = PromptConfig(tokenizer=tmp_path / str(budget), budget_tokens=budget, budget_policy=policy)
        prompt = build_prompt(shopping, config)
        assert prompt.tokens <= budget


def test_the_prompt_hash_is_that_of_the_tokenizers_content(tokenizer, tmp_path):
    before = prompt_hash(PromptConfig(tokenizer=tokenizer))
    moved = tmp_path / "elsewhere.json"
    moved.write_bytes((tokenizer / "tokenizer.json").read_bytes())
    assert prompt_hash(PromptConfig(tokenizer=moved)) == before
    moved.write_text("{}")
    assert prompt_hash(PromptConfig(tokenizer=moved)) != before
