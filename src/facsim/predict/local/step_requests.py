"""Steps as questions to a model: which tokens ask for the answer, and what the person said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from facsim.lm.chat_tokenizer import ChatTokenizer, Row, Span
from facsim.predict.local.grammar import possible_actions
from facsim.predict.protocol import RecordedSession
from facsim.prompt import PromptConfig, action_turn, build_prompt, render_answer
from facsim.prompt.segments import segments
from facsim.schema import Page, SessionSoFar
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from facsim.prompt.segments import Turn

_TYPED_TEXT: Final = 100
"""Tokens of a typed text: more than 99 of 100 people type."""
_TO_SPARE: Final = 16
"""Tokens for another way to write the same action."""


@dataclass(frozen=True, eq=False, slots=True)
class Question:
    """A step that is asked about.

    Attributes:
        so_far: what may be known of the session.
        recorded: the session, where it is recorded.
        row: the sequence that holds the prompt.
        spans: what the person answered there; none if that is no draft, for it was not asked for the same.
        prompt: how many tokens of the row ask for the answer.
        cached: how many of these were asked with before.
        shown: names on the page that the prompt holds; None when it holds the whole page.
        weight: tokens of the row, counted for its first question only.
    """

    so_far: SessionSoFar
    recorded: RecordedSession | None
    row: Row
    spans: tuple[Span, ...]
    prompt: int
    cached: int
    shown: frozenset[str] | None
    weight: int


class Questioner:
    """Makes questions.

    Args:
        chat: the model's tokenizer.
        prompt: how sessions become messages; made to fit the model.
        context: most tokens that the model takes; None: any number.
        most_output: most tokens of an answer.
        only_actions: whether nothing is waited for that is longer than any action of the page.
    """

    def __init__(
        self,
        chat: ChatTokenizer,
        prompt: PromptConfig,
        context: int | None,
        most_output: int,
        *,
        only_actions: bool = False,
    ) -> None:
        self._chat, self._prompt, self._context = chat, prompt, context
        self._most_output, self._only_actions = most_output, only_actions

    def recorded(self, recorded: RecordedSession) -> list[Question]:
        """The steps of a session that are asked about.

        Raises:
            ConfigError: if a prompt does not fit the model.
        """
        found: list[Question] = []
        for segment in segments(recorded.steps, self._prompt):
            asked = [turn for turn in segment.turns if turn.step in recorded.asked]
            if not asked:
                continue
            whole = self._chat.row(segment)
            steps = {turn.step for turn in asked}
            row = replace(whole, spans=tuple(span for span in whole.spans if span.step in steps))
            weight, cached = len(row.tokens), 0
            for turn in asked:
                found.append(self._question(recorded, row, turn, cached, weight))
                weight, cached = 0, found[-1].prompt
        return found

    def _question(
        self, recorded: RecordedSession, row: Row, turn: Turn, cached: int, weight: int
    ) -> Question:
        spans = tuple(span for span in row.spans if span.step == turn.step)
        question = Question(
            so_far=recorded.steps[turn.step][0],
            recorded=recorded,
            row=row,
            spans=spans,
            prompt=spans[0].begin,
            cached=cached,
            shown=turn.shown,
            weight=weight,
        )
        if self._prompt.style == "two_turn" and len(turn.messages) == 1:
            # Without a rationale the person is recorded as asked for the action at once.
            asked = self._chat.prompt(build_prompt(question.so_far, self._prompt).messages)
            question = replace(question, spans=(), prompt=len(asked))
        self._check_length(question)
        return question

    def alone(self, so_far: SessionSoFar) -> Question:
        """A step that nobody answered.

        Raises:
            ConfigError: if the prompt does not fit the model.
        """
        built = build_prompt(so_far, self._prompt)
        tokens = self._chat.prompt(built.messages)
        row = Row(so_far.session_id, tokens, ())
        question = Question(so_far, None, row, (), len(tokens), 0, built.shown, len(tokens))
        self._check_length(question)
        return question

    def prompt_of(self, question: Question) -> tuple[int, ...]:
        """The tokens that ask for the answer, or for its first turn."""
        if question.spans or question.recorded is None:
            return question.row.tokens[: question.prompt]
        return self._chat.prompt(build_prompt(question.so_far, self._prompt).messages)

    def second_prompt_of(self, question: Question, rationale: str | None) -> tuple[int, ...]:
        """The tokens that ask for the second of two turns."""
        built = build_prompt(question.so_far, self._prompt)
        return self._chat.prompt(action_turn(built, rationale, self._prompt).messages)

    def limit(self, question: Question) -> int:
        """Most tokens of the answer."""
        most = self._most_output
        if self._only_actions:
            most = min(most, self._longest_action(question.so_far.page))
        return most if self._context is None else min(most, self._context - question.prompt)

    def _longest_action(self, page: Page) -> int:
        """Tokens of the longest action that is possible on a page, with room for a text and to spare."""
        actions = possible_actions(page)
        longest = max((render_answer(action, None, "action") for action in actions), key=len)
        typed = any(action.type == "type_and_submit" for action in actions)
        return len(self._chat.answer(longest)) + _TO_SPARE + (_TYPED_TEXT if typed else 0)

    def _check_length(self, question: Question) -> None:
        if self._context is None or question.prompt < self._context:
            return
        budget = self._prompt.budget_tokens or question.prompt
        fitting = budget * (self._context - self._most_output) / question.prompt * 0.95
        raise ConfigError(
            f"session {question.so_far.session_id}, step {question.so_far.step}: the prompt takes "
            f"{question.prompt} tokens, and the model takes {self._context}, the answer included. "
            f"Give --budget-tokens {max(int(fitting), 1)} or less"
        )
