"""Rows to learn from: a chat of the session format, with more instructions about the page at its end.

What is before the last page is exactly what evaluation shows (`facsim.prompt`), the person's wish as the
intent. One page then serves several instructions, each a message and its answer: reading the page is what
costs, asking about it is nearly free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from facsim.lm.chat_tokenizer import ChatTokenizer, TokenizedSegment
from facsim.page import simplify
from facsim.prompt import Message, PromptConfig, build_prompt
from facsim.prompt.segments import Segment, Turn
from facsim.prompt.templates import render_answer
from facsim.schema import SessionSoFar
from tiny.generic import generic_page
from tiny.questions import Question, questions, wishes
from tiny.shop import Visit, wanted


@dataclass(frozen=True, slots=True)
class Asked:
    """A row, and of each of its answers what sort of instruction it carries out."""

    row: TokenizedSegment
    kinds: tuple[str, ...]


class RowMaker:
    """Makes rows of pages and instructions.

    Args:
        chat: the tokenizer.
        config: how prompts are built; its budget is the longest that is drawn.
    """

    def __init__(self, chat: ChatTokenizer, config: PromptConfig) -> None:
        self._chat, self._config = chat, config

    def generic(self, rng: Random, size: int, count: int, budget: int) -> Asked | None:
        """Instructions about a generated page; None for the rare page that offers nothing to ask for."""
        page = simplify(generic_page(rng, size))
        first = questions(rng, page, 1)
        if not first:
            return None
        so_far = SessionSoFar("generic", page, intent=first[0].text)
        prompt = build_prompt(so_far, self._config.model_copy(update={"budget_tokens": budget}))
        more = questions(rng, page, count, prompt.shown)
        if prompt.shown is not None and first[0].action.name not in (*prompt.shown, None):
            return None
        return self._asked(prompt.messages, [*first, *more])

    def errand(self, rng: Random, visit: Visit, step: int, count: int, budget: int) -> Asked | None:
        """A step of an errand, and instructions about its page; None if what is done is not shown."""
        so_far, done = visit[step]
        prompt = build_prompt(so_far, self._config.model_copy(update={"budget_tokens": budget}))
        habit = [Question("errand", "", done.action)]
        if prompt.shown is not None and done.action.name not in (*prompt.shown, None):
            habit = []
        more = questions(rng, so_far.page, count, prompt.shown)
        kind = wanted(visit)
        if kind is not None:
            more += wishes(rng, so_far.page, so_far.intent or "", kind, 3)
            rng.shuffle(more)
        if not habit:
            if not more:
                return None
            other = SessionSoFar("errand", so_far.page, so_far.past, so_far.persona, more[0].text)
            prompt = build_prompt(other, self._config.model_copy(update={"budget_tokens": budget}))
            more = [
                question
                for question in more
                if prompt.shown is None or question.action.name in (*prompt.shown, None)
            ]
            if not more:
                return None
        return self._asked(prompt.messages, [*habit, *more])

    def _asked(self, asked: Sequence[Message], questions: Sequence[Question]) -> Asked:
        messages = list(asked)
        turns = []
        for number, question in enumerate(questions):
            if number:
                messages.append(Message("user", question.text))
            answer = render_answer(question.action, None, "action")
            turns.append(Turn(number, (len(messages),), (0, len(answer)), None))
            messages.append(Message("assistant", answer))
        row = self._chat.encode_segment(Segment("", tuple(messages), tuple(turns)))
        return Asked(row, tuple(question.kind for question in questions))


@dataclass(frozen=True, slots=True)
class Mixture:
    """What the rows of a stage are.

    Attributes:
        errands: share of rows that are about the shop.
        sizes: blocks of a generated page, from and to.
        budgets: tokens of a prompt, from and to.
        count: instructions a page beside the first.
    """

    errands: float
    sizes: tuple[int, int]
    budgets: tuple[int, int]
    count: int = 7


def rows(maker: RowMaker, visits: Sequence[Visit], mixture: Mixture, seed: str) -> Iterator[Asked]:
    """Rows without end."""
    rng = Random(seed)
    while True:
        budget = rng.randint(*mixture.budgets)
        if visits and rng.random() < mixture.errands:
            visit = rng.choice(visits)
            asked = maker.errand(rng, visit, rng.randrange(len(visit)), mixture.count, budget)
        else:
            asked = maker.generic(rng, rng.randint(*mixture.sizes), mixture.count, budget)
        if asked is not None:
            yield asked


def batches(found: Iterable[Asked], tokens: int, *, pool: int = 48) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of like length together, up to so many tokens, filled up at their ends; in random order."""
    rng = Random(0)
    waiting: list[TokenizedSegment] = []
    for asked in found:
        waiting.append(asked.row)
        if len(waiting) < pool:
            continue
        waiting.sort(key=lambda row: len(row.tokens))
        made: list[list[TokenizedSegment]] = [[]]
        for row in waiting:
            if made[-1] and (len(made[-1]) + 1) * len(row.tokens) > tokens:
                made.append([])
            made[-1].append(row)
        waiting = []
        rng.shuffle(made)
        yield from map(as_tensors, made)


def as_tensors(together: Sequence[TokenizedSegment]) -> tuple[Tensor, Tensor]:
    """Token ids, and which of them belong to answers."""
    longest = max(len(row.tokens) for row in together)
    tokens = torch.zeros((len(together), longest), dtype=torch.long)
    asked = torch.zeros((len(together), longest), dtype=torch.bool)
    for number, row in enumerate(together):
        tokens[number, : len(row.tokens)] = torch.tensor(row.tokens)
        for span in row.spans:
            asked[number, span.start : span.end] = True
    return tokens, asked
