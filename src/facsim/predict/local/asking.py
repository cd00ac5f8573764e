"""From recorded sessions to answers: prompts as tokens, one pass per batch, what is left to write."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from transformers import DynamicCache

from facsim.predict.local.branches import Alone, Branch, Grower, Trunk, can_branch
from facsim.predict.local.chat import Row, Span
from facsim.predict.local.checkpoint import Checkpoint, context_length
from facsim.predict.local.onepass import answer_logits, batches
from facsim.predict.local.options import LocalOptions
from facsim.predict.local.writing import TIES, Draft, write
from facsim.predict.protocol import RecordedSession, StepAnswer
from facsim.prompt import PromptConfig, action_turn, build_prompt, parse_answer, parse_rationale
from facsim.prompt.segments import segments
from facsim.schema import ConfigError, Prediction, SessionSoFar, Usage

if TYPE_CHECKING:
    from facsim.prompt.segments import Turn

Group = Sequence[StepAnswer]


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


@dataclass(eq=False, slots=True)
class _Answer:
    """An answer, as far as it is written.

    Attributes:
        question: to what.
        place: of its row in the batch.
        turns: finished drafts.
        rationale: what the first of two turns said.
        is_verified: whether all of it so far is what the person answered.
        log_probability: of what the person did.
    """

    question: Question
    place: int
    turns: list[Draft] = field(default_factory=list)
    rationale: str | None = None
    is_verified: bool = False
    log_probability: float | None = None


class Asker:
    """Asks one model.

    Args:
        checkpoint: the model.
        prompt: how sessions become messages; made to fit the model.
        options: how it is asked.

    Attributes:
        ties: how many answers were written once more, by themselves, because a choice was near a tie.
    """

    def __init__(self, checkpoint: Checkpoint, prompt: PromptConfig, options: LocalOptions) -> None:
        self._model, self._chat, _ = checkpoint
        self._prompt, self._options = prompt, options
        self._context = context_length(self._model)
        self._branches = can_branch(self._model)
        self._tie = TIES.get(self._model.dtype, 0.0)
        self._ends = frozenset({self._chat.end, *_end_tokens(checkpoint)})
        self.ties = 0

    def questions(self, recorded: RecordedSession) -> list[Question]:
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
            question = replace(question, spans=())
        self._check_length(question)
        return question

    def answer(self, questions: Sequence[Question]) -> Iterator[Group]:
        """Answer questions, in groups as their answers come; a group may be empty."""
        of_row: dict[int, list[Question]] = {}
        for question in questions:
            of_row.setdefault(id(question.row), []).append(question)
        grouped = list(of_row.values())
        rows = [asked[0].row for asked in grouped]
        for batch in batches(rows, self._options.batch_tokens, self._model):
            yield from self._batch([grouped[place] for place in batch])

    def ask(self, so_far: SessionSoFar) -> Prediction:
        """Answer one step without knowing what the person did.

        Raises:
            ConfigError: if the prompt does not fit the model.
        """
        built = build_prompt(so_far, self._prompt)
        tokens = self._chat.prompt(built.messages)
        row = Row(so_far.session_id, tokens, ())
        question = Question(so_far, None, row, (), len(tokens), 0, built.shown, len(tokens))
        self._check_length(question)
        return self._alone(question)

    def _alone(self, question: Question) -> Prediction:
        """An answer that depends on nothing else in the batch."""
        tokens = self._prompt_of(question)
        grower = Alone(self._model, [tokens])
        alone = replace(question, row=Row("", tokens, ()), spans=(), prompt=len(tokens))
        (answer,) = [done for group in self._write([_Answer(alone, 0)], grower, []) for done in group]
        return self._read(answer)

    def _prompt_of(self, question: Question) -> tuple[int, ...]:
        if question.spans or question.recorded is None:
            return question.row.tokens[: question.prompt]
        return self._chat.prompt(build_prompt(question.so_far, self._prompt).messages)

    def _check_length(self, question: Question) -> None:
        if self._context is None or question.prompt < self._context:
            return
        budget = self._prompt.budget_tokens or question.prompt
        fitting = budget * (self._context - self._options.max_output_tokens) / question.prompt * 0.95
        raise ConfigError(
            f"session {question.so_far.session_id}, step {question.so_far.step}: the prompt takes "
            f"{question.prompt} tokens, and the model takes {self._context}, the answer included. "
            f"Give --budget-tokens {max(int(fitting), 1)} or less"
        )

    def _batch(self, asked: Sequence[Sequence[Question]]) -> Iterator[Group]:
        rows = [questions[0].row for questions in asked]
        tokens = [row.tokens for row in rows]
        cache = DynamicCache() if self._branches else None
        logits = answer_logits(rows, self._model, cache)
        grower = Alone(self._model, tokens) if cache is None else Trunk(self._model, tokens, cache)
        answers = [_Answer(one, place) for place, questions in enumerate(asked) for one in questions]
        for done in self._write(answers, grower, logits):
            group = []
            for answer in done:
                prediction = self._read(answer)
                if cache is not None and min(turn.margin for turn in answer.turns) < self._tie:
                    self.ties += 1
                    prediction = self._alone(answer.question)
                recorded = answer.question.recorded
                assert recorded is not None
                step = answer.question.so_far.step
                group.append(StepAnswer(recorded, step, prediction, answer.log_probability))
            yield group

    def _write(
        self, answers: Sequence[_Answer], grower: Grower, logits: Sequence[torch.Tensor]
    ) -> Iterator[list[_Answer]]:
        """Write answers to their ends; after each forward pass those that it finished.

        Args:
            answers: not begun.
            grower: computes.
            logits: per row, what stands before each token of its spans.
        """
        turns = 2 if self._prompt.style == "two_turn" else 1
        for turn in range(turns):
            drafts = []
            for answer in answers:
                place = answer.place
                drafts.append(self._begin(answer, turn, grower, logits[place] if logits else None))
            of_draft = dict(zip(map(id, drafts), answers, strict=True))
            for finished in write(drafts, grower, self._ends):
                done = [of_draft[id(draft)] for draft in finished]
                for answer, draft in zip(done, finished, strict=True):
                    answer.turns.append(draft)
                    if turn == 0 and turns == 2:
                        answer.rationale = parse_rationale(self._chat.text(draft.tokens))
                yield done if turn == turns - 1 else []

    def _begin(self, answer: _Answer, turn: int, grower: Grower, logits: torch.Tensor | None) -> Draft:
        """Begin a turn of an answer: with what the person said as a draft, if it is there."""
        question = answer.question
        limit = self._limit(question)
        spans = [
            span
            for span in question.spans
            if self._prompt.style != "two_turn" or turn == int(span.part == "action")
        ]
        if turn == 0:
            prompt = self._prompt_of(question)
        else:
            built = build_prompt(question.so_far, self._prompt)
            prompt = self._chat.prompt(action_turn(built, answer.rationale, self._prompt).messages)
        if logits is not None and spans and (turn == 0 or answer.is_verified):
            begin, end = spans[0].begin, spans[-1].end
            tokens = question.row.tokens
            if tokens[:begin] == prompt:
                first = _offset(question.row, spans[0])
                mine = logits[first : first + end - begin]
                draft = Draft(Branch(answer.place, begin), (), limit)
                taken = draft.check(tokens[begin:end], mine, self._ends)
                draft.branch.kept += taken
                answer.is_verified = taken == end - begin
                if self._prompt.style == "action":
                    answer.log_probability = _log_probability(tokens[begin:end], mine)
                return draft
        branch, rest = grower.branch(answer.place, prompt)
        return Draft(branch, rest, limit)

    def _limit(self, question: Question) -> int:
        if self._context is None:
            return self._options.max_output_tokens
        return min(self._options.max_output_tokens, self._context - question.prompt)

    def _read(self, answer: _Answer) -> Prediction:
        question, style = answer.question, self._prompt.style
        text = self._chat.text(answer.turns[-1].tokens)
        read = parse_answer(text, style)
        likely = style == "action" and read.action is not None
        return Prediction(
            action=read.action,
            rationale=answer.rationale if style == "two_turn" else read.rationale,
            confidence=math.exp(answer.turns[-1].log_probability) if likely else None,
            parse=read.level,
            forgiven=read.forgiven,
            answer=None if read.level == "strict" else text,
            shown=question.shown,
            usage=Usage(
                input_tokens=question.prompt,
                cached_tokens=question.cached,
                output_tokens=sum(len(turn.tokens) for turn in answer.turns),
            ),
        )


def _offset(row: Row, span: Span) -> int:
    """How many tokens of a row's spans are before a span."""
    return sum(other.end - other.begin for other in row.spans if other.begin < span.begin)


def _log_probability(said: Sequence[int], logits: torch.Tensor) -> float:
    tokens = torch.tensor(said, device=logits.device)
    own = logits.gather(1, tokens[:, None]).squeeze(1)
    return float((own - logits.logsumexp(dim=1)).sum())


def _end_tokens(checkpoint: Checkpoint) -> list[int]:
    """Tokens that end an answer besides that of the chat template: as the model's own settings say."""
    config = checkpoint.model.generation_config
    ends = config.eos_token_id if config is not None else None
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
