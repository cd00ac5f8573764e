"""Token counts, exact or estimated."""

from __future__ import annotations

import importlib
import math
from functools import lru_cache
from pathlib import Path
from typing import Protocol, cast

from facsim.prompt.config import PromptConfig
from facsim.util.errors import ConfigError

# What a chat template adds around one message (role, separators). ChatML takes four or five.
MESSAGE_TOKENS = 5


class _Encoding(Protocol):
    ids: list[int]


class _Tokenizer(Protocol):
    def encode(self, sequence: str, *, add_special_tokens: bool = True) -> _Encoding: ...


def count_tokens(text: str, config: PromptConfig) -> int:
    """Tokens in `text`: by the config's tokenizer, or estimated from its length.

    Raises:
        ConfigError: if the tokenizer cannot be loaded.
    """
    if config.tokenizer is None:
        return math.ceil(len(text) / config.chars_per_token)
    return len(_load_tokenizer(config.tokenizer).encode(text, add_special_tokens=False).ids)


@lru_cache(maxsize=256)
def count_tokens_cached(text: str, config: PromptConfig) -> int:
    """`count_tokens`, cached: for texts that recur in every prompt of a session."""
    return count_tokens(text, config)


def tokenizer_file(path: Path) -> Path:
    """The `tokenizer.json` of a config's `tokenizer`, which is the file or its folder."""
    return path / "tokenizer.json" if path.is_dir() else path


@lru_cache(maxsize=4)
def _load_tokenizer(path: Path) -> _Tokenizer:
    try:
        library = importlib.import_module("tokenizers")
    except ImportError:
        raise ConfigError(
            f"tokenizer {path}: counting with a tokenizer needs the package `tokenizers`. "
            "Install it (`pip install tokenizers`), or leave `tokenizer` out to estimate by length"
        ) from None
    file = tokenizer_file(path)
    if not file.is_file():
        raise ConfigError(f"tokenizer {path}: no such file; expected a tokenizer.json or a folder with one")
    try:
        return cast(_Tokenizer, library.Tokenizer.from_file(str(file)))
    except Exception as error:  # the library raises bare Exception
        raise ConfigError(f"tokenizer {file}: cannot be read: {error}") from None
