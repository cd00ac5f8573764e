"""All training examples of a data set: built once, counted on the way, fitted to the context."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from facsim.data import DataSet
from facsim.lm.chat_tokenizer import ChatTokenizer, TokenizedSegment
from facsim.lm.checkpoint_files import read_config
from facsim.lm.context import context_length
from facsim.prompt import PromptConfig
from facsim.train.config import SftConfig
from facsim.train.examples import ExampleCounts, check_example, longest_answer, session_examples
from facsim.util.errors import ConfigError, InputError
from facsim.util.progress import Progress

_ATTEMPTS = 5
_RESERVE = 100
"""One part in this many of the context is kept free for what templates put around messages, once that was
needed."""
_Built = TypeVar("_Built")


class ExampleTooLong(Exception):
    """An example is longer than the context."""

    def __init__(self, example: TokenizedSegment) -> None:
        super().__init__(example.session_id)
        self.example = example


def context_problem(config: SftConfig, folder: Path) -> str | None:
    """Why the examples would be longer than the model takes; None if they would not.

    Raises:
        ConfigError: if the folder contains no model that can be trained.
        InputError: if its configuration is missing or damaged.
    """
    length = context_length(read_config(folder))
    if length is None or config.context_tokens <= length:
        return None
    return (
        f"context_tokens {config.context_tokens}: {config.model} takes {length} tokens at most. "
        f"Give --context-tokens {length} or less"
    )


def build_examples(
    data: DataSet,
    chat: ChatTokenizer,
    prompt: PromptConfig,
    *,
    context_tokens: int,
    keep: Callable[[TokenizedSegment], None],
    progress: Progress,
) -> ExampleCounts:
    """Pass every example with something to learn to `keep`, in the order of the sessions, and count.

    Raises:
        ExampleTooLong: at the first example that does not fit the context.
        InputError: if an example would teach nothing, or the tokenizer does not decode an action as encoded.
    """
    counts = ExampleCounts()
    for number, session in enumerate(data):
        progress(number, len(data), "sessions")
        examples = list(session_examples(data, session, chat, prompt))
        counts.add(examples)
        for example in examples:
            if len(example.tokenized.tokens) > context_tokens:
                raise ExampleTooLong(example.tokenized)
            if example.trained:
                check_example(example.masked)
                keep(example.masked)
    if not counts.examples:
        raise InputError(
            f"none of {counts.steps} steps can be trained: no target is in its prompt",
            file=data.location,
            remedy="facsim audit tells more",
        )
    return counts


def fit_prompt_budget(
    config: SftConfig,
    data: DataSet,
    chat: ChatTokenizer,
    tokenizer: Path,
    build: Callable[[PromptConfig], _Built],
) -> tuple[PromptConfig, _Built]:
    """Build examples under the largest prompt budget for which all of them fit the context.

    There is one budget for all sessions, because the checkpoint is evaluated with one.

    Args:
        config: gives the context, and possibly the budget.
        data: the sessions to be trained on, for the room that answers take.
        chat: of the model.
        tokenizer: its tokenizer.json, for counting.
        build: builds them, and raises `ExampleTooLong` at one that does not fit.

    Raises:
        ConfigError: if the configured budget is too large, or an answer takes most of the context.
    """
    prompt = config.prompt(tokenizer, config.budget_tokens or config.context_tokens)
    longest, whose = longest_answer(data, chat, prompt)
    if config.budget_tokens is not None:
        try:
            return prompt, build(prompt)
        except ExampleTooLong as found:
            raise _too_long(found.example, config, prompt, longest) from None
    if longest > config.context_tokens // 2:
        raise ConfigError(
            f"session {whose}: an answer of {longest} tokens leaves too little of context_tokens "
            f"{config.context_tokens} for pages. Give more context_tokens, or shorten the text"
        )
    budget = config.context_tokens - longest
    for _ in range(_ATTEMPTS):
        prompt = config.prompt(tokenizer, budget)
        try:
            return prompt, build(prompt)
        except ExampleTooLong as found:
            example = found.example
        # Templates can put more around messages than is counted: the budget shrinks by the excess and a
        # reserve.
        budget -= len(example.tokens) - config.context_tokens + config.context_tokens // _RESERVE
    raise _too_long(example, config, prompt, longest)


def _too_long(
    example: TokenizedSegment, config: SftConfig, prompt: PromptConfig, longest: int
) -> ConfigError:
    budget, context = prompt.budget_tokens or 0, config.context_tokens
    first, last = example.spans[0].step, example.spans[-1].step
    steps = f"step {first + 1}" if first == last else f"steps {first + 1} to {last + 1}"
    advised = min(budget - (len(example.tokens) - context), context - longest) - context // _RESERVE
    return ConfigError(
        f"session {example.session_id}, {steps}: {len(example.tokens)} tokens do not fit context_tokens "
        f"{context}, with prompts of at most {budget} tokens. Give a budget_tokens of {advised} or less, or "
        "leave it out"
    )
