"""Sessions as the sequences that a model learns from, each checked to teach what it should.

Sequences are those of `facsim.predict.local`, token for token: what is trained is what is scored. Trained are
the tokens of people's answers, nothing else. The answer at a step whose target the prompt does not show (it
has no name, or its element was cut away) is context only: learning it would be learning to make names up.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

from facsim.data import DataSet, replay
from facsim.lm.chat_tokenizer import ChatTokenizer, Row, Span
from facsim.prompt import PromptConfig, step_messages
from facsim.prompt.segments import Segment, Turn, segments
from facsim.schema import Session, SessionSoFar, Step
from facsim.util.errors import InputError

Unseen = Literal["no name", "not shown"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One segment of a session.

    Attributes:
        row: its tokens, with the spans of all answers.
        trained: the spans that are learned.
        unseen: steps whose target the prompt does not show, and why.
        segment: the messages that the tokens were made of.
        without_rationale: how many of its steps have no rationale.
    """

    row: Row
    trained: tuple[Span, ...]
    unseen: dict[int, Unseen]
    segment: Segment
    without_rationale: int

    @property
    def taught(self) -> Row:
        """The row with the trained spans only."""
        return replace(self.row, spans=self.trained)


@dataclass(slots=True)
class RowCounts:
    """What the rows of some sessions hold.

    Attributes:
        sessions: how many sessions.
        steps: how many steps.
        rows: how many sequences they became.
        rows_left_out: further sequences without anything to learn, which are not trained on.
        tokens: in all rows.
        trained: of these, tokens that are learned.
        trained_rationale: of the trained ones, those of rationales and their wrapping.
        longest: tokens of the longest row.
        most_rows: rows of the session that became the most.
        split_sessions: sessions that became more than one row.
        unnamed: steps not trained because their target has no name on the page.
        not_shown: steps not trained because their target was cut from the prompt.
        without_rationale: steps without a rationale, where the style has one.
    """

    sessions: int = 0
    steps: int = 0
    rows: int = 0
    rows_left_out: int = 0
    tokens: int = 0
    trained: int = 0
    trained_rationale: int = 0
    longest: int = 0
    most_rows: int = 0
    split_sessions: int = 0
    unnamed: int = 0
    not_shown: int = 0
    without_rationale: int = 0

    def add(self, lessons: list[Lesson]) -> None:
        """Count the lessons of one session."""
        self.sessions += 1
        self.split_sessions += len(lessons) > 1
        self.most_rows = max(self.most_rows, len(lessons))
        for lesson in lessons:
            self.steps += len(lesson.segment.turns)
            self.unnamed += sum(why == "no name" for why in lesson.unseen.values())
            self.not_shown += sum(why == "not shown" for why in lesson.unseen.values())
            self.without_rationale += lesson.without_rationale
            if not lesson.trained:
                self.rows_left_out += 1
                continue
            self.rows += 1
            self.tokens += len(lesson.row.tokens)
            self.longest = max(self.longest, len(lesson.row.tokens))
            self.trained += lesson.taught.trained
            self.trained_rationale += sum(
                span.end - span.begin for span in lesson.trained if span.part == "rationale"
            )

    def to_dict(self) -> dict[str, int]:
        """As JSON values."""
        return asdict(self)


def session_lessons(
    data: DataSet, session: Session, chat: ChatTokenizer, prompt: PromptConfig
) -> Iterator[Lesson]:
    """The sequences of one session.

    Raises:
        ConfigError: as `facsim.prompt.build_prompt`.
        InputError: if the tokenizer does not give an action back as it is written.
    """
    steps = list(replay(data, session))
    for segment in segments(steps, prompt):
        row = chat.row(segment)
        unseen: dict[int, Unseen] = {}
        for turn in segment.turns:
            _check_action(row, turn, segment, chat)
            if why := _unseen(*steps[turn.step], turn):
                unseen[turn.step] = why
        trained = tuple(span for span in row.spans if span.step not in unseen)
        lacking = sum(not (steps[turn.step][1].rationale or "").strip() for turn in segment.turns)
        yield Lesson(row, trained, unseen, segment, 0 if prompt.style == "action" else lacking)


def check_taught(row: Row) -> None:
    """Refuse a row that would teach nothing, or something else than answers.

    Raises:
        InputError: if no token of it is trained, or a span is not a stretch of its tokens.
    """
    if not row.trained:
        raise InputError("no token of a sequence is trained", where=f"session {row.session_id}")
    end = 0
    for span in row.spans:
        if not end <= span.begin < span.end <= len(row.tokens):
            raise InputError(
                f"an answer stands at tokens {span.begin} to {span.end} of a sequence of {len(row.tokens)}",
                where=f"session {row.session_id}, step {span.step}",
                expected="an answer that is whole within it",
            )
        end = span.end


def longest_answer(data: DataSet, chat: ChatTokenizer, prompt: PromptConfig) -> tuple[int, str]:
    """Tokens of the longest answer of any step, with what its messages bring along, and whose it is."""
    longest, whose = 0, ""
    seen: dict[tuple[object, str | None], int] = {}
    for session in data:
        for step in session.steps:
            key = (step.action, step.rationale)
            if key not in seen:
                _, *answered = step_messages("", step.action, step.rationale, prompt.style)
                texts = [message.content for message in answered]
                ids = chat.tokenizer(texts, add_special_tokens=False)["input_ids"]
                seen[key] = sum(map(len, ids)) + _AROUND_MESSAGE * len(texts)
                if seen[key] > longest:
                    longest, whose = seen[key], session.session_id
    return longest, whose


_AROUND_MESSAGE = 8
"""Tokens that templates put around a message, at most: those of the families seen need 2 to 6."""


def _unseen(so_far: SessionSoFar, step: Step, turn: Turn) -> Unseen | None:
    action = step.action
    if action.type == "terminate":
        return None
    if action.name is None or action.name not in so_far.page:
        return "no name"
    return "not shown" if turn.shown is not None and action.name not in turn.shown else None


def _check_action(row: Row, turn: Turn, segment: Segment, chat: ChatTokenizer) -> None:
    span = next((span for span in row.spans if span.step == turn.step and span.part == "action"), None)
    written = segment.messages[turn.messages[-1]].content[slice(*turn.action)]
    tokens = row.tokens[span.begin : span.end - 1] if span else ()
    said = chat.tokenizer.decode(tokens, clean_up_tokenization_spaces=False)
    if _normal(written) in _normal(said):
        return
    raise InputError(
        f"the tokenizer {chat.name} gives the action {written!r:.200} back as {said!r:.200}",
        where=f"session {segment.session_id}, step {turn.step}",
        expected="the same text",
        remedy="A model could not learn to write it. Use a tokenizer that keeps letters and white space "
        "(byte-level BPE does)",
    )


def _normal(text: str) -> str:
    """Some tokenizers normalise Unicode, and so does matching (`facsim.metrics.match`)."""
    return unicodedata.normalize("NFC", text)
