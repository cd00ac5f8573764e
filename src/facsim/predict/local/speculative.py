"""Greedy decoding, with what people did as the draft (speculative decoding).

The person's answer at a step serves as a draft. The pass over the whole session has computed, before each of
its tokens, what greedy decoding would write there if it had written the person's tokens so far. As long as
that is the person's next token, greedy decoding has written the person's tokens: by induction they are its
own. At the first token that differs, the model's own is taken, the draft is dropped, and decoding goes on
from there. So every token of every answer is the model's own first choice, whatever the person did; the
person's action only decides how many of them had to be computed one after another. A test replaces what
people did and finds the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import torch

from facsim.predict.local.prefix_sharing import Branch, PrefixDecoder, TokenTree

if TYPE_CHECKING:
    from facsim.predict.local.grammar import GrammarConstraint

NEAR_TIE: Final = {torch.float32: 1e-3}
"""Where the best logit is less than this above the next, rounding may decide, and rounding depends on what is
computed together. Such answers are decoded again, each by itself."""


@dataclass(frozen=True, slots=True)
class GreedyChoices:
    """The most probable tokens at consecutive positions.

    Attributes:
        tokens: the most probable token of each.
        log_probabilities: of these tokens.
        margins: their logit minus the next best.
    """

    tokens: list[int]
    log_probabilities: list[float]
    margins: list[float]

    @classmethod
    def of(cls, logits: torch.Tensor) -> GreedyChoices:
        """The most probable tokens by logits `(positions, vocab)`."""
        best = logits.amax(dim=1)
        tokens = logits.argmax(dim=1)
        others = logits.scatter(1, tokens[:, None], float("-inf")).amax(dim=1)
        return cls(tokens.tolist(), (best - logits.logsumexp(dim=1)).tolist(), (best - others).tolist())


@dataclass(slots=True)
class Generation:
    """One turn of an answer while it is decoded.

    Attributes:
        branch: where its tokens are computed.
        pending: tokens that the model has not read yet; empty once the turn is finished.
        limit: most tokens.
        constraint: decides which tokens may come next; None: any.
        tokens: decoded so far, without the token that ends the turn.
        log_probability: of these tokens, the end token included.
        margin: smallest margin with which a token was chosen.
    """

    branch: Branch
    pending: Sequence[int]
    limit: int
    constraint: GrammarConstraint | None = None
    tokens: list[int] = field(default_factory=list)
    log_probability: float = 0.0
    margin: float = float("inf")

    def append(self, token: int, log_probability: float, margin: float, end_tokens: frozenset[int]) -> None:
        """Go on with a token."""
        self.log_probability += log_probability
        self.margin = min(self.margin, margin)
        if token in end_tokens:
            self.pending = ()
            return
        self.tokens.append(token)
        if self.constraint is not None:
            self.constraint.accept(token)
        self.pending = () if len(self.tokens) >= self.limit else (token,)

    def verify(self, draft: Sequence[int], logits: torch.Tensor, end_tokens: frozenset[int]) -> int:
        """Accept draft tokens as long as they are the model's own, then append the model's.

        Args:
            draft: the person's tokens, the end of the turn last.
            logits: `(draft tokens, vocab)`, those that predict each of them.
            end_tokens: tokens that end a turn.

        Returns:
            The number of draft tokens accepted, the end of the turn included.
        """
        choices = None if self.constraint else GreedyChoices.of(logits)
        for position, token in enumerate(draft):
            here = choices or GreedyChoices.of(self.constrained(logits[position])[None])
            index = position if choices else 0
            chosen = here.tokens[index]
            self.append(chosen, here.log_probabilities[index], here.margins[index], end_tokens)
            if chosen != token:
                return position
            if not self.pending:
                return position + 1
        raise AssertionError("the draft does not end its turn")

    def constrained(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits `(vocab,)` with those of tokens that may not come next at minus infinity."""
        return logits if self.constraint is None else self.constraint.mask_logits(logits)


def greedy_decode(
    generations: Sequence[Generation], decoder: PrefixDecoder, end_tokens: frozenset[int]
) -> Iterator[list[Generation]]:
    """Decode turns to their ends, side by side; yields after each forward pass those that it finished."""
    yield [generation for generation in generations if not generation.pending]
    active = [generation for generation in generations if generation.pending]
    while active:
        logits = decoder.extend([TokenTree(generation.branch, generation.pending) for generation in active])
        if any(generation.constraint for generation in active):
            logits = torch.stack(
                [generation.constrained(row) for generation, row in zip(active, logits, strict=True)]
            )
        choices = GreedyChoices.of(logits)
        for index, generation in enumerate(active):
            generation.append(
                choices.tokens[index], choices.log_probabilities[index], choices.margins[index], end_tokens
            )
        yield [generation for generation in active if not generation.pending]
        active = [generation for generation in active if generation.pending]


def answer_log_probability(
    answer: Sequence[int], logits: torch.Tensor, constraint: GrammarConstraint | None = None
) -> float:
    """Natural logarithm of the probability of a person's tokens; minus infinity if a constraint forbids one.

    Args:
        answer: the tokens, the end of the turn last.
        logits: `(answer tokens, vocab)`, those that predict each of them.
        constraint: a new one, where decoding is constrained.
    """
    if constraint is not None:
        allowed = []
        for position, token in enumerate(answer):
            allowed.append(constraint.mask_logits(logits[position]))
            if allowed[-1][token] == float("-inf"):
                return float("-inf")
            if position < len(answer) - 1:
                constraint.accept(token)
        logits = torch.stack(allowed)
    tokens = torch.tensor(answer, device=logits.device)
    own = logits.gather(1, tokens[:, None]).squeeze(1)
    return float((own - logits.logsumexp(dim=1)).sum())
