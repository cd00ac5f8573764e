"""The tokenizer of a model to be trained, and what the two must agree on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facsim.lm.chat_tokenizer import FALLBACK_TEMPLATE, ChatTokenizer
from facsim.lm.checkpoint import TOKENIZER_FILE, load_tokenizer, read_config
from facsim.lm.context import context_length
from facsim.train.config import SftConfig
from facsim.util.errors import ConfigError, InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_chat(folder: Path) -> ChatTokenizer:
    """The tokenizer of a checkpoint, without its weights.

    Raises:
        ConfigError: if its chat template spoils sessions (`facsim.lm.chat_tokenizer`), or transformers is
            not installed.
        InputError: if it cannot be read.
    """
    try:
        tokenizer = load_tokenizer(folder)
    except ImportError as error:
        raise ConfigError(
            f"training needs the package {error.name}. Install it: pip install 'facsim[train]'"
        ) from None
    except Exception as error:  # the tokenizers library raises bare Exception
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"the tokenizer cannot be read: {line[:300]}",
            file=folder,
            expected=f"the {TOKENIZER_FILE} of the model",
        ) from error
    return ChatTokenizer(tokenizer)


def tokenizer_file(folder: Path, chat: ChatTokenizer, scratch: Path) -> Path:
    """The model's `tokenizer.json`, by which prompts are counted; written to `scratch` where it has none."""
    own = folder.resolve() / TOKENIZER_FILE
    if own.is_file():
        return own
    chat.tokenizer.save_pretrained(scratch)
    return scratch.resolve() / TOKENIZER_FILE


def make_servable(chat: ChatTokenizer) -> None:
    """Give a tokenizer what servers and trainers ask for: a chat template, and a token for padding.

    Padding is never trained nor seen, so any token will do: the end of the sequence, or of an answer.
    """
    tokenizer = chat.tokenizer
    if chat.uses_fallback:
        tokenizer.chat_template = FALLBACK_TEMPLATE
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(chat.end)


def stop_at_answers(model: PreTrainedModel, chat: ChatTokenizer) -> None:
    """Have servers stop where answers end, not only where texts do."""
    ends = model.generation_config.eos_token_id
    ends = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
    if chat.end not in ends:
        model.generation_config.eos_token_id = [chat.end, *ends]


def beyond_model(config: SftConfig, folder: Path) -> str | None:
    """Why the sequences would be longer than the model takes; None if they would not.

    Raises:
        ConfigError: if the folder holds no model that can be trained.
        InputError: if its configuration is missing or damaged.
    """
    length = context_length(read_config(folder))
    if length is None or config.context_tokens <= length:
        return None
    return (
        f"context_tokens {config.context_tokens}: {config.model} takes {length} tokens at most. "
        f"Give --context-tokens {length} or less"
    )


def is_auto_tokenizer(folder: Path, chat: ChatTokenizer) -> bool:
    """Whether `AutoTokenizer`, by which servers load, makes of a folder the tokenizer that was trained with.

    For some types of models, `qwen2` among them, it goes by the type and not by the files: a tokenizer of
    one's own is then swapped for one that splits words otherwise (`facsim.lm.checkpoint`).
    """
    from transformers import AutoTokenizer  # noqa: PLC0415

    try:
        other = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return all(
            other(text, add_special_tokens=False)["input_ids"]
            == chat.tokenizer(text, add_special_tokens=False)["input_ids"]
            for text in _PROBES
        )
    except Exception:  # the tokenizers library raises bare Exception
        return False


_PROBES = (
    '<a name="results.blue_kettle.view_product">Blue Kettle</a> 4.6 out of 5 stars $1,054.99\n\n',
    '{"type": "type_and_submit", "name": "search", "text": "größer than 12 o\u2019clock, isn\'t it?"}',
)
