"""Score whole sessions in one forward pass.

A causal model that reads a session with every answer in its place computes, before each token of an answer,
its own prediction given the person's tokens so far. One pass therefore tells, for every step at once, whether
greedy decoding would write exactly the person's answer (each token is the most probable one), and how
probable it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from facsim.lm.chat_tokenizer import AnswerSpan, TokenizedSegment
from facsim.util.errors import FacsimError

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.cache_utils import Cache

BATCH_TOKENS: Final = 16_384
"""Most tokens in one forward pass, padding included; a longer segment forms a batch of its own."""
_MAX_LOGITS: Final = 2**28


@dataclass(frozen=True, slots=True)
class AnswerScore:
    """What one pass tells about the answer at a step.

    Attributes:
        step: index of the step in its session.
        is_greedy: whether greedy decoding from the prompt writes this answer, token for token, and stops.
        action_is_greedy: the same for the action alone, given the person's rationale.
        log_probability: natural logarithm of the probability of the whole answer, its end token included.
        action_log_probability: of the action (and the end token), given the person's rationale.
        tokens: of the whole answer, its end token included.
        smallest_margin: minimum over its tokens of the token's logit minus the best other logit; negative
            where another token is preferred. Near zero, rounding decides what is greedy.
    """

    step: int
    is_greedy: bool
    action_is_greedy: bool
    log_probability: float
    action_log_probability: float
    tokens: int
    smallest_margin: float


def score_segments(
    model: PreTrainedModel, segments: Sequence[TokenizedSegment], *, batch_tokens: int = BATCH_TOKENS
) -> list[tuple[AnswerScore, ...]]:
    """Score every answer of every segment.

    Args:
        model: a causal language model on any device; it is put into evaluation mode.
        segments: any number, each of any length that the model takes.
        batch_tokens: segments of similar length share a forward pass of at most this many tokens. Does not
            change results beyond rounding.

    Returns:
        For each segment, in the order given, its answers in the order of their steps.

    Raises:
        FacsimError: if a logit is NaN or infinite, naming session and step.
    """
    model.train(False)
    scores: list[tuple[AnswerScore, ...]] = [()] * len(segments)
    for batch in batch_by_length(segments, batch_tokens, model):
        found = _score_batch([segments[index] for index in batch], model)
        for index, answers in zip(batch, found, strict=True):
            scores[index] = answers
    return scores


def batch_by_length(
    segments: Sequence[TokenizedSegment], batch_tokens: int, model: PreTrainedModel
) -> Iterator[list[int]]:
    """Indices of segments to batch together: of similar length, to keep padding small."""
    max_scored = _MAX_LOGITS // int(model.config.get_text_config().vocab_size)
    batch: list[int] = []
    scored = 0
    for index in sorted(range(len(segments)), key=lambda index: len(segments[index].tokens)):
        segment = segments[index]
        is_full = (len(batch) + 1) * len(segment.tokens) > batch_tokens
        if batch and (is_full or scored + segment.answer_tokens > max_scored):
            yield batch
            batch, scored = [], 0
        batch.append(index)
        scored += segment.answer_tokens
    if batch:
        yield batch


def answer_logits(
    segments: Sequence[TokenizedSegment], model: PreTrainedModel, cache: Cache | None = None
) -> list[torch.Tensor]:
    """The logits that predict every answer token, from one forward pass.

    Args:
        segments: one batch.
        model: in evaluation mode.
        cache: a KV cache to fill with the segments' keys and values, `(batch, heads, tokens, head size)`.

    Returns:
        For each segment, logits `(answer tokens, vocab)` in float32 on the model's device.

    Raises:
        FacsimError: if one is NaN or infinite, naming session and step.
    """
    # Padding is on the right, where no token of a segment attends: causal attention needs no mask, and is
    # twice as fast without one.
    longest = max(len(segment.tokens) for segment in segments)
    tokens = torch.zeros((len(segments), longest), dtype=torch.long)
    for index, segment in enumerate(segments):
        tokens[index, : len(segment.tokens)] = torch.tensor(segment.tokens)
    # The logits that predict token i are at position i - 1.
    before = [[position - 1 for position in answer_positions(segment)] for segment in segments]
    # Not inference_mode: weights that FSDP gathers meanwhile could not be trained afterwards.
    with torch.no_grad():
        logits = logits_at(
            model,
            before,
            input_ids=tokens.to(model.device),
            past_key_values=cache,
            use_cache=cache is not None,
        )
    found = list(torch.split(logits, [len(positions) for positions in before]))
    for segment, answers in zip(segments, found, strict=True):
        require_finite(
            answers, [_place(segment, span) for span in segment.spans for _ in range(span.start, span.end)]
        )
    return found


def require_finite(logits: torch.Tensor, places: Sequence[str]) -> None:
    """Refuse logits that make no probabilities: NaN would count as certainty, or as nothing.

    Single logits of minus infinity are fine: they rule a token out.

    Args:
        logits: `(positions, vocab)`.
        places: for each position the session and step, for the message.

    Raises:
        FacsimError: naming the first place with a logit that is NaN or infinite.
    """
    if not len(places):
        return
    # The maximum of a row is NaN if any of its logits is.
    is_finite = torch.isfinite(logits.amax(dim=1))
    if bool(is_finite.all()):
        return
    place = places[int((~is_finite).nonzero()[0])]
    raise FacsimError(
        f"{place}: the model's logits are NaN or infinite, so it predicts nothing. Its weights are damaged, "
        "or overflow in this precision: download the model again, or use float32 (--dtype float32, "
        "--precision fp32)"
    )


def _place(segment: TokenizedSegment, span: AnswerSpan) -> str:
    return f"session {segment.session_id}, step {span.step + 1}"


def logits_at(model: PreTrainedModel, positions: Sequence[Sequence[int]], **inputs: Any) -> torch.Tensor:
    """A forward pass that computes logits at some positions of every row of the batch only.

    Much of a small model's time goes into the projection onto the vocabulary. `logits_to_keep` selects the
    same positions in every row; here hidden states are selected one by one, before the model's own head.

    Args:
        model: a causal language model.
        positions: for each row of the batch, the positions wanted.
        **inputs: for the model; `input_ids` is `(batch, tokens)`.

    Returns:
        Logits `(all positions, vocab)` in float32, those of the first row first.
    """
    columns = torch.tensor([position for row in positions for position in row], dtype=torch.long)
    columns = columns.to(model.device)
    if len(positions) == 1:
        kept: torch.Tensor = model(**inputs, logits_to_keep=columns).logits[0].float()
        return kept
    rows = torch.tensor([index for index, row in enumerate(positions) for _ in row], dtype=torch.long)
    rows = rows.to(model.device)
    head = model.get_output_embeddings()

    def select(_head: torch.nn.Module, states: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return states[0][rows, columns][None]

    handle = head.register_forward_pre_hook(select)
    try:
        selected: torch.Tensor = model(**inputs).logits[0].float()
    finally:
        handle.remove()
    return selected


def answer_positions(segment: TokenizedSegment) -> list[int]:
    """The positions of a segment's answer tokens."""
    return [position for span in segment.spans for position in range(span.start, span.end)]


def _score_batch(
    segments: Sequence[TokenizedSegment], model: PreTrainedModel
) -> list[tuple[AnswerScore, ...]]:
    found = []
    for segment, logits in zip(segments, answer_logits(segments, model), strict=True):
        answer = torch.tensor(
            [segment.tokens[position] for position in answer_positions(segment)], device=logits.device
        )
        own = logits.gather(1, answer[:, None]).squeeze(1)
        log_probability = own - logits.logsumexp(dim=1)
        margin = own - logits.scatter(1, answer[:, None], float("-inf")).amax(dim=1)
        # Of equal logits greedy decoding takes the first.
        greedy = logits.argmax(dim=1) == answer
        found.append(_answer_scores(segment, log_probability.cpu(), margin.cpu(), greedy.cpu()))
    return found


def _answer_scores(
    segment: TokenizedSegment, log_probability: torch.Tensor, margin: torch.Tensor, greedy: torch.Tensor
) -> tuple[AnswerScore, ...]:
    """One score a step, from values `(answer tokens,)`."""
    scores = []
    done = 0
    for index, span in enumerate(segment.spans):
        size = span.end - span.start
        if index == 0 or segment.spans[index - 1].step != span.step:
            start = done
        done += size
        if span.part == "action":
            answer, action = slice(start, done), slice(done - size, done)
            scores.append(
                AnswerScore(
                    step=span.step,
                    is_greedy=bool(greedy[answer].all()),
                    action_is_greedy=bool(greedy[action].all()),
                    log_probability=float(log_probability[answer].sum()),
                    action_log_probability=float(log_probability[action].sum()),
                    tokens=done - start,
                    smallest_margin=float(margin[answer].min()),
                )
            )
    return tuple(scores)
