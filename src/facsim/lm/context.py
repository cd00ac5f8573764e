"""The context length of a model, and prompt settings that fit it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facsim.lm.checkpoint_settings import TOKENIZER_FILE
from facsim.prompt import PromptConfig
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


def context_length(model: PreTrainedModel | PreTrainedConfig) -> int | None:
    """Most tokens the model takes, prompt and answer together; None if its config does not say."""
    config = getattr(model, "config", model)
    length = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(length) if length else None


def fit_prompt(
    prompt: PromptConfig,
    folder: Path,
    context: int | None,
    *,
    answer_tokens: int,
    trained: PromptConfig | None = None,
) -> PromptConfig:
    """Prompt settings that fit a model: tokens are counted with its own tokenizer, within its context.

    Args:
        prompt: the settings wanted.
        folder: the checkpoint's folder.
        context: see `context_length`.
        answer_tokens: reserved for the longest answer.
        trained: how the model was prompted in training. If the wanted budget is the same and leaves any room
            for an answer, it is kept, so that pages are cut as in training; answers get the rest.

    Raises:
        ConfigError: if the context has no room for a prompt beside the answer.
    """
    budget = prompt.budget_tokens
    is_as_trained = trained is not None and (trained.budget_tokens, trained.tokenizer) == (
        budget,
        prompt.tokenizer,
    )
    if is_as_trained and budget is not None and (context is None or budget < context):
        return prompt
    own = folder.resolve() / TOKENIZER_FILE
    if prompt.tokenizer is None and own.is_file():
        prompt = prompt.model_copy(update={"tokenizer": own})
    if context is None:
        return prompt
    # Messages are counted one by one; where they meet, a template may need a few more tokens.
    room = (context - answer_tokens) * 19 // 20
    if room < 1:
        raise ConfigError(
            f"{folder}: the model takes {context} tokens, and an answer may have {answer_tokens}: nothing is "
            "left for the prompt. Give a smaller --max-output-tokens, or another model"
        )
    if budget is None or budget > room:
        prompt = prompt.model_copy(update={"budget_tokens": room})
    return prompt
