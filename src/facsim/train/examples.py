"""Sessions as training examples, each checked to teach what it should.

Examples are the token sequences of `facsim.lm`, exactly: what is trained is what is scored. Only the tokens
of people's answers are trained. The answer at a step whose target the prompt does not show (it has no name,
or its element was cut away) is context only: training it would teach the model to make names up. So is one
whose text was masked by the recorder: it would teach the model to write the mask.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

from facsim.data import DataSet, replay
from facsim.lm.chat_tokenizer import AnswerSpan, ChatTokenizer, TokenizedSegment
from facsim.prompt import PromptConfig, step_messages
from facsim.prompt.segments import Segment, Turn, segments
from facsim.schema import MASKED_TEXT, Session, SessionSoFar, Step
from facsim.util.errors import InputError

MissingTarget = Literal["no name", "not shown", "masked text"]


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """One segment of a session, as it is trained on.

    Attributes:
        tokenized: its tokens, with the spans of all answers.
        trained: the spans that are trained.
        missing_targets: steps that are not trained, since their target or text is unknown, and why.
        segment: the chat messages that the tokens come from.
        without_rationale: how many of its steps have no rationale.
    """

    tokenized: TokenizedSegment
    trained: tuple[AnswerSpan, ...]
    missing_targets: dict[int, MissingTarget]
    segment: Segment
    without_rationale: int

    @property
    def masked(self) -> TokenizedSegment:
        """The tokens with the trained spans only."""
        return replace(self.tokenized, spans=self.trained)


@dataclass(slots=True)
class ExampleCounts:
    """What the training examples of some sessions contain.

    Attributes:
        sessions: the number of sessions.
        steps: the number of steps.
        examples: the number of training examples.
        examples_left_out: further ones without anything to learn, which are not trained on.
        tokens: in all examples.
        trained_tokens: of these, tokens with a loss.
        trained_rationale_tokens: of the trained ones, those of rationales and their wrapping.
        longest_example: tokens of the longest example.
        most_examples: examples of the session that became the most.
        split_sessions: sessions that became more than one example.
        unnamed: steps not trained because their target has no name on the page.
        not_shown: steps not trained because their target was cut from the prompt.
        masked_text: steps not trained because the recorder masked what was typed.
        without_rationale: steps without a rationale, where the style has one.
    """

    sessions: int = 0
    steps: int = 0
    examples: int = 0
    examples_left_out: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    trained_rationale_tokens: int = 0
    longest_example: int = 0
    most_examples: int = 0
    split_sessions: int = 0
    unnamed: int = 0
    not_shown: int = 0
    masked_text: int = 0
    without_rationale: int = 0

    def add(self, examples: list[TrainingExample]) -> None:
        """Count the examples of one session."""
        self.sessions += 1
        self.split_sessions += len(examples) > 1
        self.most_examples = max(self.most_examples, len(examples))
        for example in examples:
            self.steps += len(example.segment.turns)
            self.unnamed += sum(why == "no name" for why in example.missing_targets.values())
            self.not_shown += sum(why == "not shown" for why in example.missing_targets.values())
            self.masked_text += sum(why == "masked text" for why in example.missing_targets.values())
            self.without_rationale += example.without_rationale
            if not example.trained:
                self.examples_left_out += 1
                continue
            self.examples += 1
            self.tokens += len(example.tokenized.tokens)
            self.longest_example = max(self.longest_example, len(example.tokenized.tokens))
            self.trained_tokens += example.masked.answer_tokens
            self.trained_rationale_tokens += sum(
                span.end - span.start for span in example.trained if span.part == "rationale"
            )

    def to_dict(self) -> dict[str, int]:
        """The counts as JSON values."""
        return asdict(self)


def session_examples(
    data: DataSet, session: Session, chat: ChatTokenizer, prompt: PromptConfig
) -> Iterator[TrainingExample]:
    """The training examples of one session.

    Raises:
        ConfigError: as `facsim.prompt.build_prompt`.
        InputError: if the tokenizer does not decode an action to the text that was encoded.
    """
    steps = list(replay(data, session))
    for segment in segments(steps, prompt):
        tokenized = chat.encode_segment(segment)
        missing: dict[int, MissingTarget] = {}
        for turn in segment.turns:
            _check_action(tokenized, turn, segment, chat)
            if why := _missing_target(*steps[turn.step], turn):
                missing[turn.step] = why
        trained = tuple(span for span in tokenized.spans if span.step not in missing)
        lacking = sum(not (steps[turn.step][1].rationale or "").strip() for turn in segment.turns)
        yield TrainingExample(
            tokenized, trained, missing, segment, 0 if prompt.style == "action" else lacking
        )


def check_example(example: TokenizedSegment) -> None:
    """Refuse an example that would teach nothing, or something other than answers.

    Raises:
        InputError: if none of its tokens is trained, or a span does not lie within its tokens.
    """
    if not example.answer_tokens:
        raise InputError("no token of an example is trained", where=f"session {example.session_id}")
    end = 0
    for span in example.spans:
        if not end <= span.start < span.end <= len(example.tokens):
            raise InputError(
                f"an answer is at tokens {span.start} to {span.end} of an example of {len(example.tokens)}",
                where=f"session {example.session_id}, step {span.step + 1}",
                expected="an answer that lies within it completely",
            )
        end = span.end


def longest_answer(data: DataSet, chat: ChatTokenizer, prompt: PromptConfig) -> tuple[int, str]:
    """Tokens of the longest answer of any step, what templates put around it included, and its session."""
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
"""Most tokens that templates put around a message: those of the families seen need 2 to 6."""


def _missing_target(so_far: SessionSoFar, step: Step, turn: Turn) -> MissingTarget | None:
    action = step.action
    if action.type == "terminate":
        return None
    if action.name is None or action.name not in so_far.page:
        return "no name"
    if action.text == MASKED_TEXT:
        return "masked text"
    return "not shown" if turn.shown is not None and action.name not in turn.shown else None


def _check_action(tokenized: TokenizedSegment, turn: Turn, segment: Segment, chat: ChatTokenizer) -> None:
    span = next((span for span in tokenized.spans if span.step == turn.step and span.part == "action"), None)
    written = segment.messages[turn.messages[-1]].content[slice(*turn.action)]
    tokens = tokenized.tokens[span.start : span.end - 1] if span else ()
    decoded = chat.tokenizer.decode(tokens, clean_up_tokenization_spaces=False)
    if _normalized(written) in _normalized(decoded):
        return
    raise InputError(
        f"the tokenizer {chat.name} decodes the action {written!r:.200} as {decoded!r:.200}",
        where=f"session {segment.session_id}, step {turn.step + 1}",
        expected="the same text",
        remedy="A model could not learn to write it. Use a tokenizer that keeps letters and white space "
        "(byte-level BPE does)",
    )


def _normalized(text: str) -> str:
    """Some tokenizers normalise Unicode, and so does matching (`facsim.metrics.match`)."""
    return unicodedata.normalize("NFC", text)
