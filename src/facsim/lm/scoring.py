"""Whole sessions scored in one forward pass.

A causal model that is shown a session with every answer in its place computes, before each token of an
answer, what it would say there had the person's tokens been its own up to then. So one pass tells, for every
step at once, whether greedy decoding would write exactly the person's answer (each of its tokens is the most
probable one), and how probable the answer is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from facsim.lm.chat_tokenizer import Row

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.cache_utils import Cache

BATCH_TOKENS: Final = 16_384
"""Most tokens in one forward pass, padding counted; a longer row goes alone."""
_MOST_LOGITS: Final = 2**28


@dataclass(frozen=True, slots=True)
class AnswerScore:
    """What one pass says of the answer at a step.

    Attributes:
        step: index of the step in its session.
        is_greedy: whether greedy decoding from the prompt writes this answer, token for token, and stops.
        action_is_greedy: the same of the action alone, given the person's rationale.
        log_probability: natural logarithm of the probability of the whole answer, its end included.
        action_log_probability: of the action (and the end of the turn), given the person's rationale.
        tokens: of the whole answer, its end included.
        smallest_margin: the least by which, over its tokens, the answer's logit is above the best other one;
            negative where another is above it. Near zero, rounding decides what is greedy.
    """

    step: int
    is_greedy: bool
    action_is_greedy: bool
    log_probability: float
    action_log_probability: float
    tokens: int
    smallest_margin: float


def score_rows(
    model: PreTrainedModel, rows: Sequence[Row], *, batch_tokens: int = BATCH_TOKENS
) -> list[tuple[AnswerScore, ...]]:
    """Score every answer of every row.

    Args:
        model: a causal language model, on any device; it is put into evaluation mode.
        rows: any number, of any length that the model takes.
        batch_tokens: rows of like length go through the model together up to so many tokens. It does not
            change the results beyond rounding.

    Returns:
        For each row, in the order given, its answers in the order of their steps.
    """
    model.train(False)
    scores: list[tuple[AnswerScore, ...]] = [()] * len(rows)
    for batch in batches(rows, batch_tokens, model):
        for place, found in zip(batch, _score([rows[place] for place in batch], model), strict=True):
            scores[place] = found
    return scores


def batches(rows: Sequence[Row], batch_tokens: int, model: PreTrainedModel) -> Iterator[list[int]]:
    """Indices of rows that go together: of like length, so that little is padding."""
    most = _MOST_LOGITS // int(model.config.get_text_config().vocab_size)
    batch: list[int] = []
    scored = 0
    for place in sorted(range(len(rows)), key=lambda place: len(rows[place].tokens)):
        row = rows[place]
        full = (len(batch) + 1) * len(row.tokens) > batch_tokens or scored + row.trained > most
        if batch and full:
            yield batch
            batch, scored = [], 0
        batch.append(place)
        scored += row.trained
    if batch:
        yield batch


def answer_logits(
    rows: Sequence[Row], model: PreTrainedModel, cache: Cache | None = None
) -> list[torch.Tensor]:
    """What stands before every token of every answer, in one forward pass.

    Args:
        rows: one batch.
        model: in evaluation mode.
        cache: is filled with the keys and values of the rows, if given.

    Returns:
        For each row, logits [tokens of its spans in order, vocabulary] in float32, on the model's device.
    """
    # Padding stands on the right, where no token of a row looks: causal attention needs no mask, and is
    # twice as fast without one.
    longest = max(len(row.tokens) for row in rows)
    tokens = torch.zeros((len(rows), longest), dtype=torch.long)
    for number, row in enumerate(rows):
        tokens[number, : len(row.tokens)] = torch.tensor(row.tokens)
    # The logits that predict token i stand at i - 1.
    before = [[place - 1 for place in places_of(row)] for row in rows]
    # Not inference_mode: weights that FSDP gathers meanwhile could not be trained afterwards.
    with torch.no_grad():
        logits = logits_at(
            model,
            before,
            input_ids=tokens.to(model.device),
            past_key_values=cache,
            use_cache=cache is not None,
        )
    return list(torch.split(logits, [len(places) for places in before]))


def logits_at(model: PreTrainedModel, places: Sequence[Sequence[int]], **inputs: Any) -> torch.Tensor:
    """A forward pass that computes logits at some places of every row only.

    A large part of a small model's time goes into the projection onto the vocabulary. `logits_to_keep` picks
    the same places of every row; here the states are picked one by one, before the model's own head.

    Args:
        model: a causal language model.
        places: for each row of the batch, where.
        **inputs: for the model.

    Returns:
        [all places, those of the first row first; vocabulary], in float32.
    """
    columns = torch.tensor([place for some in places for place in some], dtype=torch.long).to(model.device)
    if len(places) == 1:
        kept: torch.Tensor = model(**inputs, logits_to_keep=columns).logits[0].float()
        return kept
    rows = torch.tensor([row for row, some in enumerate(places) for _ in some], dtype=torch.long)
    rows = rows.to(model.device)
    head = model.get_output_embeddings()

    def pick(_head: torch.nn.Module, states: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return states[0][rows, columns][None]

    handle = head.register_forward_pre_hook(pick)
    try:
        picked: torch.Tensor = model(**inputs).logits[0].float()
    finally:
        handle.remove()
    return picked


def places_of(row: Row) -> list[int]:
    """Where in a row the tokens of its spans stand."""
    return [place for span in row.spans for place in range(span.begin, span.end)]


def _score(rows: Sequence[Row], model: PreTrainedModel) -> list[tuple[AnswerScore, ...]]:
    found = []
    for row, logits in zip(rows, answer_logits(rows, model), strict=True):
        said = torch.tensor([row.tokens[place] for place in places_of(row)], device=logits.device)
        own = logits.gather(1, said[:, None]).squeeze(1)
        log_probability = own - logits.logsumexp(dim=1)
        margin = own - logits.scatter(1, said[:, None], float("-inf")).amax(dim=1)
        # Of equal logits greedy decoding takes the first.
        greedy = logits.argmax(dim=1) == said
        found.append(_answers(row, log_probability.cpu(), margin.cpu(), greedy.cpu()))
    return found


def _answers(
    row: Row, log_probability: torch.Tensor, margin: torch.Tensor, greedy: torch.Tensor
) -> tuple[AnswerScore, ...]:
    answers = []
    done = 0
    for number, span in enumerate(row.spans):
        size = span.end - span.begin
        if number == 0 or row.spans[number - 1].step != span.step:
            begin = done
        done += size
        if span.part == "action":
            whole, action = slice(begin, done), slice(done - size, done)
            answers.append(
                AnswerScore(
                    step=span.step,
                    is_greedy=bool(greedy[whole].all()),
                    action_is_greedy=bool(greedy[action].all()),
                    log_probability=float(log_probability[whole].sum()),
                    action_log_probability=float(log_probability[action].sum()),
                    tokens=done - begin,
                    smallest_margin=float(margin[whole].min()),
                )
            )
    return tuple(answers)
