"""All sessions of a part as rows that fit the context, made once and counted on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from facsim.data import DataSet
from facsim.lm.chat_tokenizer import ChatTokenizer, Row
from facsim.prompt import PromptConfig
from facsim.train.config import SftConfig
from facsim.train.examples import RowCounts, check_taught, longest_answer, session_lessons
from facsim.util.errors import ConfigError, InputError
from facsim.util.progress import Progress

_ROUNDS = 5
_PART = 100
"""One part in so many of the context is kept free for what templates put around messages, once they did."""
_Made = TypeVar("_Made")


class TooLong(Exception):
    """A row is longer than the context."""

    def __init__(self, row: Row) -> None:
        super().__init__(row.session_id)
        self.row = row


def make_rows(
    data: DataSet,
    chat: ChatTokenizer,
    prompt: PromptConfig,
    *,
    context_tokens: int,
    keep: Callable[[Row], None],
    progress: Progress,
) -> RowCounts:
    """Give every row with something to learn to `keep`, in the order of the sessions, and count.

    Raises:
        TooLong: at the first row that does not fit.
        InputError: if a row would teach nothing, or the tokenizer does not give an action back.
    """
    counts = RowCounts()
    for number, session in enumerate(data):
        progress(number, len(data), "sessions")
        lessons = list(session_lessons(data, session, chat, prompt))
        counts.add(lessons)
        for lesson in lessons:
            if len(lesson.row.tokens) > context_tokens:
                raise TooLong(lesson.row)
            if lesson.trained:
                check_taught(lesson.taught)
                keep(lesson.taught)
    if not counts.rows:
        raise InputError(
            f"none of {counts.steps} steps can be learned: no target is in its prompt",
            file=data.path,
            remedy="facsim audit tells more",
        )
    return counts


def fitted(
    config: SftConfig,
    data: DataSet,
    chat: ChatTokenizer,
    tokenizer: Path,
    make: Callable[[PromptConfig], _Made],
) -> tuple[PromptConfig, _Made]:
    """Make something of rows under the largest prompt budget for which all of them fit the context.

    There is one budget for all sessions, because the checkpoint is evaluated with one.

    Args:
        config: says the context, and perhaps the budget.
        data: the sessions to be learned, for the room that answers take.
        chat: of the model.
        tokenizer: its tokenizer.json, for counting.
        make: makes it, and raises `TooLong` at a row that does not fit.

    Raises:
        ConfigError: if the budget that was asked for is too large, or an answer takes most of the context.
    """
    prompt = config.prompt(tokenizer, config.budget_tokens or config.context_tokens)
    longest, whose = longest_answer(data, chat, prompt)
    if config.budget_tokens is not None:
        try:
            return prompt, make(prompt)
        except TooLong as found:
            raise _too_long(found.row, config, prompt, longest) from None
    if longest > config.context_tokens // 2:
        raise ConfigError(
            f"session {whose}: an answer of {longest} tokens leaves too little of context_tokens "
            f"{config.context_tokens} for pages. Give more context_tokens, or shorten the text"
        )
    budget = config.context_tokens - longest
    for _ in range(_ROUNDS):
        prompt = config.prompt(tokenizer, budget)
        try:
            return prompt, make(prompt)
        except TooLong as found:
            row = found.row
        # Templates can put more around messages than is counted: that much, and a little, is taken off.
        budget -= len(row.tokens) - config.context_tokens + config.context_tokens // _PART
    raise _too_long(row, config, prompt, longest)


def _too_long(row: Row, config: SftConfig, prompt: PromptConfig, longest: int) -> ConfigError:
    budget, context = prompt.budget_tokens or 0, config.context_tokens
    first, last = row.spans[0].step, row.spans[-1].step
    steps = f"step {first}" if first == last else f"steps {first} to {last}"
    advised = min(budget - (len(row.tokens) - context), context - longest) - context // _PART
    return ConfigError(
        f"session {row.session_id}, {steps}: {len(row.tokens)} tokens do not fit context_tokens {context}, "
        f"with prompts of at most {budget} tokens. Give a budget_tokens of {advised} or less, or leave it out"
    )
