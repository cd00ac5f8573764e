"""From step requests to predictions: one pass a batch, then what is left to decode or to score."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch

from facsim.lm.chat_tokenizer import AnswerSpan, TokenizedSegment
from facsim.lm.checkpoint import Checkpoint
from facsim.lm.context import context_length
from facsim.lm.scoring import answer_logits, batch_by_length
from facsim.predict.local.candidate_scoring import CandidateScorer, ScoringRequest
from facsim.predict.local.grammar import GrammarCache, GrammarConstraint
from facsim.predict.local.kv_cache import preallocated_cache
from facsim.predict.local.options import LocalOptions
from facsim.predict.local.prefix_sharing import (
    Branch,
    PrefixDecoder,
    SeparatePrefix,
    SharedPrefix,
    supports_shared_prefix,
)
from facsim.predict.local.session_caches import SessionCaches
from facsim.predict.local.speculative import NEAR_TIE, Generation, answer_log_probability, greedy_decode
from facsim.predict.local.step_requests import StepRequest, StepRequestBuilder
from facsim.predict.protocol import RecordedSession, StepAnswer
from facsim.prompt import ParsedAnswer, PromptConfig, parse_answer, parse_rationale
from facsim.schema import Prediction, SessionSoFar, Usage

Group = Sequence[StepAnswer]


@dataclass(eq=False, slots=True)
class _PartialAnswer:
    """An answer, as far as it is decoded.

    Attributes:
        request: what it answers.
        row: index of its row in the batch.
        turns: finished turns.
        rationale: the rationale of the first of two turns.
        is_verified: whether all of it so far is what the person answered.
        log_probability: of what the person did.
        scoring: the scores of the page's actions, in `candidates` decoding.
    """

    request: StepRequest
    row: int
    turns: list[Generation] = field(default_factory=list)
    rationale: str | None = None
    is_verified: bool = False
    log_probability: float | None = None
    scoring: ScoringRequest | None = None

    @property
    def margin(self) -> float:
        """Smallest margin with which a token was chosen."""
        return min((turn.margin for turn in self.turns), default=math.inf)


class Decoder:
    """Predicts with one model.

    Args:
        checkpoint: the model.
        prompt: how sessions become messages, fitted to the model.
        options: how to decode.

    Attributes:
        near_ties: how many answers were decoded again, by themselves, because a choice was a near tie.

    Raises:
        ConfigError: if decoding is to be constrained and cannot be.
    """

    def __init__(self, checkpoint: Checkpoint, prompt: PromptConfig, options: LocalOptions) -> None:
        self._model, self._chat, trained = checkpoint
        self._prompt, self._options = prompt, options
        self._requests = StepRequestBuilder.of(
            self._chat, trained, prompt, context_length(self._model), options
        )
        self._shares_prefix = supports_shared_prefix(self._model)
        self._session_caches = SessionCaches(self._model, options.batch_tokens)
        self._near_tie = NEAR_TIE.get(self._model.dtype, 0.0)
        self._end_tokens = frozenset({self._chat.end_token, *_end_tokens(checkpoint)})
        self.near_ties = 0
        vocab_size = int(self._model.config.get_text_config().vocab_size)
        self._grammars: GrammarCache | None = None
        self._scorer: CandidateScorer | None = None
        if options.decoding == "constrained":
            self._grammars = GrammarCache(self._chat, vocab_size, self._end_tokens)
        elif options.decoding == "candidates":
            self._scorer = CandidateScorer(self._chat, prompt.style, self._end_tokens, vocab_size)

    def requests(self, recorded: RecordedSession) -> list[StepRequest]:
        """Requests for the steps of a session that are to be predicted.

        Raises:
            ConfigError: if a prompt does not fit the model.
        """
        return self._requests.of_session(recorded)

    def decode(self, requests: Sequence[StepRequest]) -> Iterator[Group]:
        """Answer requests; yields groups of answers as they are ready, possibly empty ones."""
        of_segment: dict[int, list[StepRequest]] = {}
        for request in requests:
            of_segment.setdefault(id(request.segment), []).append(request)
        grouped = list(of_segment.values())
        segments = [group[0].segment for group in grouped]
        for batch in batch_by_length(segments, self._options.batch_tokens, self._model):
            yield from self._decode_batch([grouped[index] for index in batch])

    def decode_step(self, so_far: SessionSoFar) -> Prediction:
        """Answer one step from scratch, without knowing what the person did.

        Raises:
            ConfigError: if the prompt does not fit the model.
        """
        return self._decode_alone(self._requests.of_step(so_far))

    def decode_next_step(self, so_far: SessionSoFar) -> Prediction:
        """The same, but of a session whose earlier steps were answered here, only what is new is computed.

        Raises:
            ConfigError: if the prompt does not fit the model.
        """
        request = self._requests.of_step(so_far)
        if not self._shares_prefix:
            return self._decode_alone(request)
        tokens = self._requests.prompt_tokens(request)
        with self._session_caches.computed(tokens) as (prefix, cached):
            answer = self._run_one(replace(request, cached=cached), prefix)
        if answer.margin < self._near_tie:
            self.near_ties += 1
            return self._decode_alone(request)
        return self._prediction(answer)

    def _decode_alone(self, request: StepRequest) -> Prediction:
        """An answer that depends on nothing else in the batch, nor on what the person did."""
        tokens = self._requests.prompt_tokens(request)
        alone = replace(
            request,
            segment=TokenizedSegment("", tokens, ()),
            spans=(),
            prompt_length=len(tokens),
            recorded=None,
        )
        answer = self._run_one(alone, SeparatePrefix(self._model, [tokens]))
        answer.request = request
        return self._prediction(answer)

    def _run_one(self, request: StepRequest, prefix: PrefixDecoder) -> _PartialAnswer:
        """The complete answer to a request whose prompt is the only row."""
        (answer,) = [
            done for group in self._run([_PartialAnswer(request, 0)], prefix, None) for done in group
        ]
        return answer

    def _decode_batch(self, grouped: Sequence[Sequence[StepRequest]]) -> Iterator[Group]:
        segments = [requests[0].segment for requests in grouped]
        rows = [segment.tokens for segment in segments]
        if self._scorer is not None and self._prompt.style == "action":
            # Nothing is decoded, so no draft is verified.
            segments = [replace(segment, spans=()) for segment in segments]
        cache = preallocated_cache() if self._shares_prefix else None
        logits = answer_logits(segments, self._model, cache)
        prefix: PrefixDecoder = (
            SeparatePrefix(self._model, rows) if cache is None else SharedPrefix(self._model, rows, cache)
        )
        answers = [_PartialAnswer(one, row) for row, requests in enumerate(grouped) for one in requests]
        for done in self._run(answers, prefix, logits):
            group = []
            for answer in done:
                prediction = self._prediction(answer)
                if cache is not None and answer.margin < self._near_tie:
                    self.near_ties += 1
                    prediction = self._decode_alone(answer.request)
                recorded = answer.request.recorded
                assert recorded is not None
                step = answer.request.so_far.step
                group.append(StepAnswer(recorded, step, prediction, answer.log_probability))
            yield group

    def _run(
        self,
        answers: Sequence[_PartialAnswer],
        prefix: PrefixDecoder,
        logits: Sequence[torch.Tensor] | None,
    ) -> Iterator[list[_PartialAnswer]]:
        """Complete answers; yields after each forward pass those that are ready.

        Args:
            answers: with nothing decoded yet.
            prefix: computes logits.
            logits: for each row, those that predict its answer tokens, `(answer tokens, vocab)`; None where
                no draft is verified.
        """
        style = self._prompt.style
        turns = 2 if style == "two_turn" else 1
        if self._scorer is not None:
            # The action is scored, not decoded: only a rationale is decoded, or nothing.
            turns = 0 if style == "action" else 1
        for turn in range(turns):
            generations = [
                self._start_turn(answer, turn, prefix, logits[answer.row] if logits else None)
                for answer in answers
            ]
            answer_of = dict(zip(map(id, generations), answers, strict=True))
            for finished in greedy_decode(generations, prefix, self._end_tokens):
                done = [answer_of[id(generation)] for generation in finished]
                for answer, generation in zip(done, finished, strict=True):
                    answer.turns.append(generation)
                    if style == "two_turn" and turn == 0:
                        answer.rationale = parse_rationale(self._chat.decode_answer(generation.tokens))
                yield done if turn == turns - 1 and self._scorer is None else []
        if self._scorer is not None:
            for answer in answers:
                answer.scoring = self._scoring_request(answer)
            requests = [answer.scoring for answer in answers if answer.scoring]
            for _ in self._scorer.score(requests, prefix):
                yield []
            for answer in answers:
                assert answer.scoring is not None
                answer.log_probability = answer.scoring.log_probability
            yield list(answers)

    def _start_turn(
        self, answer: _PartialAnswer, turn: int, prefix: PrefixDecoder, logits: torch.Tensor | None
    ) -> Generation:
        """Start a turn of an answer, with the person's answer as a draft if there is one."""
        request, style = answer.request, self._prompt.style
        limit, constraint = self._requests.max_output_tokens(request), self._constraint(request, turn)
        spans = [span for span in request.spans if style != "two_turn" or turn == int(span.part == "action")]
        if turn == 0:
            prompt = self._requests.prompt_tokens(request)
        else:
            prompt = self._requests.second_prompt_tokens(request, answer.rationale)
        if logits is not None and spans and (turn == 0 or answer.is_verified):
            start, end = spans[0].start, spans[-1].end
            tokens = request.segment.tokens
            if tokens[:start] == prompt:
                first = _offset(request.segment, spans[0])
                own_logits = logits[first : first + end - start]
                branch = Branch(answer.row, start, place=request.place)
                generation = Generation(branch, (), limit, constraint)
                accepted = generation.verify(tokens[start:end], own_logits, self._end_tokens)
                generation.branch.prefix_length += accepted
                answer.is_verified = accepted == end - start
                if style == "action":
                    answer.log_probability = answer_log_probability(
                        tokens[start:end], own_logits, self._constraint(request, turn)
                    )
                return generation
        branch, rest = prefix.branch(answer.row, prompt)
        branch.place = request.place
        return Generation(branch, rest, limit, constraint)

    def _constraint(self, request: StepRequest, turn: int) -> GrammarConstraint | None:
        if self._grammars is None or (self._prompt.style == "two_turn" and turn == 0):
            return None
        return self._grammars.constraint(request.so_far.page, self._prompt.style)

    def _scoring_request(self, answer: _PartialAnswer) -> ScoringRequest:
        """The actions of a page, to be scored after the rationale that was decoded."""
        request, style = answer.request, self._prompt.style
        rationale = answer.rationale
        if style == "two_turn":
            prompt = self._requests.second_prompt_tokens(request, rationale)
        else:
            prompt = self._requests.prompt_tokens(request)
            if style != "action":
                rationale = answer.rationale = self._parsed(answer).rationale
        recorded = request.recorded
        return ScoringRequest(
            row=answer.row,
            place=request.place,
            prompt=prompt,
            page=request.so_far.page,
            limit=self._requests.max_output_tokens(request),
            rationale=rationale,
            truth=None if recorded is None else recorded.steps[request.so_far.step][1].action,
        )

    def _parsed(self, answer: _PartialAnswer) -> ParsedAnswer:
        return parse_answer(self._chat.decode_answer(answer.turns[-1].tokens), self._prompt.style)

    def _prediction(self, answer: _PartialAnswer) -> Prediction:
        request, style = answer.request, self._prompt.style
        usage = Usage(
            input_tokens=request.prompt_length,
            cached_tokens=request.cached,
            output_tokens=sum(len(turn.tokens) for turn in answer.turns),
        )
        if answer.scoring is not None:
            return Prediction(
                action=answer.scoring.best,
                rationale=answer.rationale,
                probabilities=answer.scoring.probabilities,
                shown=request.shown,
                usage=replace(usage, output_tokens=usage.output_tokens + answer.scoring.text_tokens),
            )
        parsed = self._parsed(answer)
        has_confidence = style == "action" and parsed.action is not None
        return Prediction(
            action=parsed.action,
            rationale=answer.rationale if style == "two_turn" else parsed.rationale,
            confidence=math.exp(answer.turns[-1].log_probability) if has_confidence else None,
            parse=parsed.level,
            forgiven=parsed.forgiven,
            answer=None if parsed.level == "strict" else self._chat.decode_answer(answer.turns[-1].tokens),
            shown=request.shown,
            usage=usage,
        )


def _offset(segment: TokenizedSegment, span: AnswerSpan) -> int:
    """The number of a segment's answer tokens before a span."""
    return sum(other.end - other.start for other in segment.spans if other.start < span.start)


def _end_tokens(checkpoint: Checkpoint) -> list[int]:
    """Tokens that end an answer besides the chat template's: those of the model's generation config."""
    config = checkpoint.model.generation_config
    ends = config.eos_token_id if config is not None else None
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
