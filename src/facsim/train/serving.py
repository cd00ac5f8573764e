"""Make a fine-tuned checkpoint behave under servers as it did in training: template, padding, end tokens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facsim.lm.chat_tokenizer import FALLBACK_TEMPLATE, ChatTokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def complete_tokenizer(chat: ChatTokenizer) -> None:
    """Give a tokenizer what servers and trainers need: a chat template and a padding token.

    Padding is neither trained nor attended to, so any token will do: the end of the sequence, or of an
    answer.
    """
    tokenizer = chat.tokenizer
    if chat.uses_fallback:
        tokenizer.chat_template = FALLBACK_TEMPLATE
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(chat.end_token)


def stop_at_answers(model: PreTrainedModel, chat: ChatTokenizer) -> None:
    """Make servers stop at the end of an answer, not only at the end of a text."""
    ends = model.generation_config.eos_token_id
    ends = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
    if chat.end_token not in ends:
        model.generation_config.eos_token_id = [chat.end_token, *ends]


def is_auto_tokenizer(folder: Path, chat: ChatTokenizer) -> bool:
    """Whether `AutoTokenizer`, which servers use, loads the tokenizer that the model was trained with.

    For some model types, `qwen2` among them, it goes by the type and not by the files: a custom tokenizer is
    then swapped for one that splits words differently (`facsim.lm.checkpoint`).
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
