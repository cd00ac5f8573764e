"""What a model takes at once, and prompts that are made to fit it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facsim.lm.checkpoint import TOKENIZER_FILE
from facsim.prompt import PromptConfig
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


def context_length(model: PreTrainedModel | PreTrainedConfig) -> int | None:
    """How many tokens a model takes, prompt and answer together; None if it does not say."""
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
    """A prompt config made to fit a model: it counts with the model's own tokenizer, within its context.

    Args:
        prompt: what is wanted.
        folder: the checkpoint's folder.
        context: see `context_length`.
        answer_tokens: what is kept free for the longest answer.
        trained: how the model was prompted in training. Where the same budget is wanted, and leaves any room
            for an answer, pages are cut as they were then: the budget stays, and answers have what is left.

    Raises:
        ConfigError: if the context holds no prompt beside the answer.
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
    # Messages are counted one by one; where they meet, a template may need a few tokens more.
    room = (context - answer_tokens) * 19 // 20
    if room < 1:
        raise ConfigError(
            f"{folder}: the model takes {context} tokens, and an answer may have {answer_tokens}: nothing is "
            "left for the prompt. Give a smaller --max-output-tokens, or another model"
        )
    if budget is None or budget > room:
        prompt = prompt.model_copy(update={"budget_tokens": room})
    return prompt
