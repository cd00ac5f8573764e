"""From questions to answers: one pass per batch, then what is left to write or to weigh."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch

from facsim.lm.chat_tokenizer import Row, Span
from facsim.lm.checkpoint import Checkpoint
from facsim.lm.context import context_length
from facsim.lm.scoring import answer_logits, batches
from facsim.predict.local.candidate_scoring import Chooser, Offer
from facsim.predict.local.grammar import Grammars, Guide
from facsim.predict.local.kv_cache import roomy_cache
from facsim.predict.local.options import MOST_OUTPUT, LocalOptions
from facsim.predict.local.prefix_sharing import Alone, Branch, Grower, Trunk, can_branch
from facsim.predict.local.speculative import TIES, Draft, log_probability, write
from facsim.predict.local.step_requests import Question, Questioner
from facsim.predict.protocol import RecordedSession, StepAnswer
from facsim.prompt import ParsedAnswer, PromptConfig, parse_answer, parse_rationale
from facsim.schema import Prediction, SessionSoFar, Usage

Group = Sequence[StepAnswer]


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
        offer: what was found by weighing the page's actions.
    """

    question: Question
    place: int
    turns: list[Draft] = field(default_factory=list)
    rationale: str | None = None
    is_verified: bool = False
    log_probability: float | None = None
    offer: Offer | None = None

    @property
    def margin(self) -> float:
        """The least by which a token was chosen."""
        return min((turn.margin for turn in self.turns), default=math.inf)


class Asker:
    """Asks one model.

    Args:
        checkpoint: the model.
        prompt: how sessions become messages; made to fit the model.
        options: how it is asked.

    Attributes:
        ties: how many answers were written once more, by themselves, because a choice was near a tie.

    Raises:
        ConfigError: if answers are to be constrained and cannot be.
    """

    def __init__(self, checkpoint: Checkpoint, prompt: PromptConfig, options: LocalOptions) -> None:
        self._model, self._chat, trained = checkpoint
        self._prompt, self._options = prompt, options
        # What was trained to write actions and nothing else writes nothing else of use.
        only_actions = trained is not None and trained.prompt.style == prompt.style == "action"
        self._questioner = Questioner(
            self._chat,
            prompt,
            context_length(self._model),
            options.max_output_tokens or MOST_OUTPUT,
            only_actions=only_actions and options.max_output_tokens is None,
        )
        self._branches = can_branch(self._model)
        self._tie = TIES.get(self._model.dtype, 0.0)
        self._ends = frozenset({self._chat.end, *_end_tokens(checkpoint)})
        self.ties = 0
        vocabulary = int(self._model.config.get_text_config().vocab_size)
        self._grammars: Grammars | None = None
        self._chooser: Chooser | None = None
        if options.decoding == "constrained":
            self._grammars = Grammars(self._chat, vocabulary, self._ends)
        elif options.decoding == "candidates":
            self._chooser = Chooser(self._chat, prompt.style, self._ends, vocabulary)

    def questions(self, recorded: RecordedSession) -> list[Question]:
        """The steps of a session that are asked about.

        Raises:
            ConfigError: if a prompt does not fit the model.
        """
        return self._questioner.recorded(recorded)

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
        return self._alone(self._questioner.alone(so_far))

    def _alone(self, question: Question) -> Prediction:
        """An answer that depends on nothing else in the batch, nor on what the person did."""
        tokens = self._questioner.prompt_of(question)
        alone = replace(question, row=Row("", tokens, ()), spans=(), prompt=len(tokens), recorded=None)
        grower = Alone(self._model, [tokens])
        (answer,) = [done for group in self._run([_Answer(alone, 0)], grower, None) for done in group]
        answer.question = question
        return self._read(answer)

    def _batch(self, asked: Sequence[Sequence[Question]]) -> Iterator[Group]:
        rows = [questions[0].row for questions in asked]
        tokens = [row.tokens for row in rows]
        if self._chooser is not None and self._prompt.style == "action":
            rows = [replace(row, spans=()) for row in rows]  # nothing is written, so no draft is checked
        cache = roomy_cache() if self._branches else None
        logits = answer_logits(rows, self._model, cache)
        grower = Alone(self._model, tokens) if cache is None else Trunk(self._model, tokens, cache)
        answers = [_Answer(one, place) for place, questions in enumerate(asked) for one in questions]
        for done in self._run(answers, grower, logits):
            group = []
            for answer in done:
                prediction = self._read(answer)
                if cache is not None and answer.margin < self._tie:
                    self.ties += 1
                    prediction = self._alone(answer.question)
                recorded = answer.question.recorded
                assert recorded is not None
                step = answer.question.so_far.step
                group.append(StepAnswer(recorded, step, prediction, answer.log_probability))
            yield group

    def _run(
        self, answers: Sequence[_Answer], grower: Grower, logits: Sequence[torch.Tensor] | None
    ) -> Iterator[list[_Answer]]:
        """Find answers; after each forward pass those that are ready.

        Args:
            answers: not begun.
            grower: computes.
            logits: per row, what stands before each token of its spans; None where nothing is checked.
        """
        style = self._prompt.style
        turns = 2 if style == "two_turn" else 1
        if self._chooser is not None:
            # The action is weighed, not written: there is a rationale to write, or nothing.
            turns = 0 if style == "action" else 1
        for turn in range(turns):
            drafts = [
                self._begin(answer, turn, grower, logits[answer.place] if logits else None)
                for answer in answers
            ]
            of_draft = dict(zip(map(id, drafts), answers, strict=True))
            for finished in write(drafts, grower, self._ends):
                done = [of_draft[id(draft)] for draft in finished]
                for answer, draft in zip(done, finished, strict=True):
                    answer.turns.append(draft)
                    if style == "two_turn" and turn == 0:
                        answer.rationale = parse_rationale(self._chat.text(draft.tokens))
                yield done if turn == turns - 1 and self._chooser is None else []
        if self._chooser is not None:
            for answer in answers:
                answer.offer = self._offer(answer)
            for _ in self._chooser.choose([answer.offer for answer in answers if answer.offer], grower):
                yield []
            for answer in answers:
                assert answer.offer is not None
                answer.log_probability = answer.offer.log_probability
            yield list(answers)

    def _begin(self, answer: _Answer, turn: int, grower: Grower, logits: torch.Tensor | None) -> Draft:
        """Begin a turn of an answer: with what the person said as a draft, if it is there."""
        question, style = answer.question, self._prompt.style
        limit, guide = self._questioner.limit(question), self._guide(question, turn)
        spans = [span for span in question.spans if style != "two_turn" or turn == int(span.part == "action")]
        if turn == 0:
            prompt = self._questioner.prompt_of(question)
        else:
            prompt = self._questioner.second_prompt_of(question, answer.rationale)
        if logits is not None and spans and (turn == 0 or answer.is_verified):
            begin, end = spans[0].begin, spans[-1].end
            tokens = question.row.tokens
            if tokens[:begin] == prompt:
                first = _offset(question.row, spans[0])
                mine = logits[first : first + end - begin]
                draft = Draft(Branch(answer.place, begin), (), limit, guide)
                taken = draft.check(tokens[begin:end], mine, self._ends)
                draft.branch.kept += taken
                answer.is_verified = taken == end - begin
                if style == "action":
                    answer.log_probability = log_probability(
                        tokens[begin:end], mine, self._guide(question, turn)
                    )
                return draft
        branch, rest = grower.branch(answer.place, prompt)
        return Draft(branch, rest, limit, guide)

    def _guide(self, question: Question, turn: int) -> Guide | None:
        if self._grammars is None or (self._prompt.style == "two_turn" and turn == 0):
            return None
        return self._grammars.guide(question.so_far.page, self._prompt.style)

    def _offer(self, answer: _Answer) -> Offer:
        """The actions of a page, to be weighed after the rationale that was written."""
        question, style = answer.question, self._prompt.style
        rationale = answer.rationale
        if style == "two_turn":
            prompt = self._questioner.second_prompt_of(question, rationale)
        else:
            prompt = self._questioner.prompt_of(question)
            if style != "action":
                rationale = answer.rationale = self._parsed(answer).rationale
        recorded = question.recorded
        return Offer(
            place=answer.place,
            prompt=prompt,
            page=question.so_far.page,
            limit=self._questioner.limit(question),
            rationale=rationale,
            truth=None if recorded is None else recorded.steps[question.so_far.step][1].action,
        )

    def _parsed(self, answer: _Answer) -> ParsedAnswer:
        return parse_answer(self._chat.text(answer.turns[-1].tokens), self._prompt.style)

    def _read(self, answer: _Answer) -> Prediction:
        question, style = answer.question, self._prompt.style
        usage = Usage(
            input_tokens=question.prompt,
            cached_tokens=question.cached,
            output_tokens=sum(len(turn.tokens) for turn in answer.turns),
        )
        if answer.offer is not None:
            return Prediction(
                action=answer.offer.best,
                rationale=answer.rationale,
                probabilities=answer.offer.probabilities,
                shown=question.shown,
                usage=replace(usage, output_tokens=usage.output_tokens + answer.offer.written),
            )
        read = self._parsed(answer)
        likely = style == "action" and read.action is not None
        return Prediction(
            action=read.action,
            rationale=answer.rationale if style == "two_turn" else read.rationale,
            confidence=math.exp(answer.turns[-1].log_probability) if likely else None,
            parse=read.level,
            forgiven=read.forgiven,
            answer=None if read.level == "strict" else self._chat.text(answer.turns[-1].tokens),
            shown=question.shown,
            usage=usage,
        )


def _offset(row: Row, span: Span) -> int:
    """How many tokens of a row's spans are before a span."""
    return sum(other.end - other.begin for other in row.spans if other.begin < span.begin)


def _end_tokens(checkpoint: Checkpoint) -> list[int]:
    """Tokens that end an answer besides that of the chat template: as the model's own settings say."""
    config = checkpoint.model.generation_config
    ends = config.eos_token_id if config is not None else None
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
