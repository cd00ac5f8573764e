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

from facsim.predict.local.chat import Row

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

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
    vocabulary = int(model.config.get_text_config().vocab_size)
    batch: list[int] = []
    for place in sorted(range(len(rows)), key=lambda place: len(rows[place].tokens)):
        grown = [*batch, place]
        logits = len(grown) * sum(rows[one].trained for one in grown) * vocabulary
        if batch and (len(grown) * len(rows[place].tokens) > batch_tokens or logits > _MOST_LOGITS):
            yield batch
            grown = [place]
        batch = grown
    if batch:
        yield batch


def answer_logits(
    rows: Sequence[Row], model: PreTrainedModel, cache: DynamicCache | None = None
) -> list[torch.Tensor]:
    """What stands before every token of every answer, in one forward pass.

    Args:
        rows: one batch.
        model: in evaluation mode.
        cache: is filled with the keys and values of the rows, if given.

    Returns:
        For each row, logits [tokens of its spans in order, vocabulary] in float32, on the model's device.
    """
    longest = max(len(row.tokens) for row in rows)
    tokens = torch.zeros((len(rows), longest), dtype=torch.long)
    mask = torch.zeros_like(tokens)
    for number, row in enumerate(rows):
        tokens[number, : len(row.tokens)] = torch.tensor(row.tokens)
        mask[number, : len(row.tokens)] = 1
    # The logits that predict token i stand at i - 1.
    kept = sorted({place - 1 for row in rows for span in row.spans for place in range(span.begin, span.end)})
    index = {place: number for number, place in enumerate(kept)}
    arguments: dict[str, Any] = {} if len(rows) == 1 else {"attention_mask": mask.to(model.device)}
    # Not inference_mode: weights that FSDP gathers meanwhile could not be trained afterwards.
    with torch.no_grad():
        output = model(
            input_ids=tokens.to(model.device),
            past_key_values=cache,
            use_cache=cache is not None,
            logits_to_keep=torch.tensor(kept or [longest - 1], device=model.device),
            **arguments,
        )
    return [
        output.logits[number, [index[place - 1] for place in places_of(row)]].float()
        for number, row in enumerate(rows)
    ]


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
