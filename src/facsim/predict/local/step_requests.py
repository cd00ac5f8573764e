"""What is asked of a model at each step: the tokens of the prompt, and what the person answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

from facsim.lm.chat_tokenizer import AnswerSpan, ChatTokenizer, TokenizedSegment
from facsim.lm.checkpoint_settings import CheckpointSettings
from facsim.predict.local.grammar import possible_actions
from facsim.predict.local.options import DEFAULT_MAX_OUTPUT_TOKENS, LocalOptions
from facsim.predict.protocol import RecordedSession
from facsim.prompt import PromptConfig, action_turn, build_prompt, render_answer
from facsim.prompt.segments import segments
from facsim.schema import Page, SessionSoFar
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from facsim.prompt.segments import Turn

_TYPED_TEXT: Final = 100
"""Tokens allowed for a typed text: more than 99 of 100 people type."""
_SPARE: Final = 16
"""Tokens to spare, for another way to write the same action."""


@dataclass(frozen=True, eq=False, slots=True)
class StepRequest:
    """A step to be predicted.

    Attributes:
        so_far: what may be known of the session.
        recorded: the session, where it is recorded.
        segment: the token sequence that contains the prompt.
        spans: the person's answer there; empty if it cannot serve as a draft, because the person was not
            asked for the same.
        prompt_length: how many of the segment's tokens are the prompt.
        cached: how many of these an earlier request of the session has in common.
        shown: names on the page that the prompt contains; None when it contains the whole page.
        weight: tokens of the segment, counted for its first request only.
    """

    so_far: SessionSoFar
    recorded: RecordedSession | None
    segment: TokenizedSegment
    spans: tuple[AnswerSpan, ...]
    prompt_length: int
    cached: int
    shown: frozenset[str] | None
    weight: int

    @property
    def place(self) -> str:
        """Session and step, for error messages."""
        return f"session {self.so_far.session_id}, step {self.so_far.step + 1}"


class StepRequestBuilder:
    """Makes requests.

    Args:
        chat: the model's tokenizer.
        prompt: how sessions become messages, fitted to the model.
        context: most tokens that the model takes; None: unlimited.
        max_output: most tokens of an answer.
        only_actions: whether answers may be no longer than the longest action of the page.
    """

    def __init__(
        self,
        chat: ChatTokenizer,
        prompt: PromptConfig,
        context: int | None,
        max_output: int,
        *,
        only_actions: bool = False,
    ) -> None:
        self._chat, self._prompt, self._context = chat, prompt, context
        self._max_output, self._only_actions = max_output, only_actions

    @classmethod
    def of(
        cls,
        chat: ChatTokenizer,
        trained: CheckpointSettings | None,
        prompt: PromptConfig,
        context: int | None,
        options: LocalOptions,
    ) -> Self:
        """The builder for a checkpoint that was trained with these settings, if any."""
        # A model that was trained to write only actions writes nothing else of use.
        only_actions = trained is not None and trained.prompt.style == prompt.style == "action"
        return cls(
            chat,
            prompt,
            context,
            options.max_output_tokens or DEFAULT_MAX_OUTPUT_TOKENS,
            only_actions=only_actions and options.max_output_tokens is None,
        )

    def of_session(self, recorded: RecordedSession) -> list[StepRequest]:
        """Requests for the steps of a session that are to be predicted.

        Raises:
            ConfigError: if a prompt does not fit the model.
        """
        found: list[StepRequest] = []
        for segment in segments(recorded.steps, self._prompt):
            wanted = [turn for turn in segment.turns if turn.step in recorded.asked]
            if not wanted:
                continue
            whole = self._chat.encode_segment(segment)
            steps = {turn.step for turn in wanted}
            tokenized = replace(whole, spans=tuple(span for span in whole.spans if span.step in steps))
            weight, cached = len(tokenized.tokens), 0
            for turn in wanted:
                found.append(self._request(recorded, tokenized, turn, cached, weight))
                weight, cached = 0, found[-1].prompt_length
        return found

    def _request(
        self, recorded: RecordedSession, segment: TokenizedSegment, turn: Turn, cached: int, weight: int
    ) -> StepRequest:
        spans = tuple(span for span in segment.spans if span.step == turn.step)
        request = StepRequest(
            so_far=recorded.steps[turn.step][0],
            recorded=recorded,
            segment=segment,
            spans=spans,
            prompt_length=spans[0].start,
            cached=cached,
            shown=turn.shown,
            weight=weight,
        )
        if self._prompt.style == "two_turn" and len(turn.messages) == 1:
            # Without a rationale, the segment asks the person for the action at once.
            prompt = self._chat.encode_prompt(build_prompt(request.so_far, self._prompt).messages)
            request = replace(request, spans=(), prompt_length=len(prompt))
        self._check_length(request)
        return request

    def of_step(self, so_far: SessionSoFar) -> StepRequest:
        """A request for one step of which no answer is recorded.

        Raises:
            ConfigError: if the prompt does not fit the model.
        """
        built = build_prompt(so_far, self._prompt)
        tokens = self._chat.encode_prompt(built.messages)
        segment = TokenizedSegment(so_far.session_id, tokens, ())
        request = StepRequest(so_far, None, segment, (), len(tokens), 0, built.shown, len(tokens))
        self._check_length(request)
        return request

    def prompt_tokens(self, request: StepRequest) -> tuple[int, ...]:
        """The tokens that ask for the answer, or for its first turn: `(tokens,)`."""
        if request.spans or request.recorded is None:
            return request.segment.tokens[: request.prompt_length]
        return self._chat.encode_prompt(build_prompt(request.so_far, self._prompt).messages)

    def second_prompt_tokens(self, request: StepRequest, rationale: str | None) -> tuple[int, ...]:
        """The tokens that ask for the second of two turns: `(tokens,)`."""
        built = build_prompt(request.so_far, self._prompt)
        return self._chat.encode_prompt(action_turn(built, rationale, self._prompt).messages)

    def max_output_tokens(self, request: StepRequest) -> int:
        """Most tokens of the answer."""
        limit = self._max_output
        if self._only_actions:
            limit = min(limit, self._longest_action(request.so_far.page))
        return limit if self._context is None else min(limit, self._context - request.prompt_length)

    def _longest_action(self, page: Page) -> int:
        """Tokens of the longest action possible on a page, with room for a text and to spare."""
        actions = possible_actions(page)
        longest = max((render_answer(action, None, "action") for action in actions), key=len)
        can_type = any(action.type == "type_and_submit" for action in actions)
        return len(self._chat.encode_answer(longest)) + _SPARE + (_TYPED_TEXT if can_type else 0)

    def _check_length(self, request: StepRequest) -> None:
        if self._context is None or request.prompt_length < self._context:
            return
        budget = self._prompt.budget_tokens or request.prompt_length
        fitting = budget * (self._context - self._max_output) / request.prompt_length * 0.95
        raise ConfigError(
            f"{request.place}: the prompt takes "
            f"{request.prompt_length} tokens, and the model takes {self._context}, the answer included. "
            f"Give --budget-tokens {max(int(fitting), 1)} or less"
        )
