"""Greedy answers, checked against what people did before they are written.

What a person did at a step serves as a draft. The pass over the whole session has computed, before each token
of it, what greedy decoding would say there if it had written the person's tokens up to then. As long as that
is the person's next token, greedy decoding has written the person's tokens: by induction they are its own.
Where it first is another token, that token is taken, the draft is dropped, and writing goes on from there. So
every token of every answer is the model's own first choice, whatever the person did; the person's action only
decides how many of them had to be computed one after another. A test replaces what people did and finds the
same answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import torch

from facsim.predict.local.prefix_sharing import Branch, Grower, Sprout

if TYPE_CHECKING:
    from facsim.predict.local.grammar import Guide

TIES: Final = {torch.float32: 1e-3}
"""Where the best logit is less than this above the next, rounding may decide, and rounding depends on what is
computed together. Such answers are written once more, each by itself."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the model would say at consecutive places.

    Attributes:
        tokens: its first choice.
        log_probabilities: of that choice.
        margins: by how much its logit is above the next one.
    """

    tokens: list[int]
    log_probabilities: list[float]
    margins: list[float]

    @classmethod
    def of(cls, logits: torch.Tensor) -> Choices:
        """The first choices by logits [places, vocabulary]."""
        best = logits.amax(dim=1)
        tokens = logits.argmax(dim=1)
        others = logits.scatter(1, tokens[:, None], float("-inf")).amax(dim=1)
        return cls(tokens.tolist(), (best - logits.logsumexp(dim=1)).tolist(), (best - others).tolist())


@dataclass(slots=True)
class Draft:
    """One turn of an answer, being written.

    Attributes:
        branch: where its tokens are computed.
        pending: tokens that the model has not seen yet; none once it is finished.
        limit: most tokens.
        guide: says which tokens may come next; None: any.
        tokens: what is written, without the token that ends the turn.
        log_probability: of what is written, its end included.
        margin: the least by which a token was chosen.
    """

    branch: Branch
    pending: Sequence[int]
    limit: int
    guide: Guide | None = None
    tokens: list[int] = field(default_factory=list)
    log_probability: float = 0.0
    margin: float = float("inf")

    def take(self, token: int, log_probability: float, margin: float, ends: frozenset[int]) -> None:
        """Go on with a token."""
        self.log_probability += log_probability
        self.margin = min(self.margin, margin)
        if token in ends:
            self.pending = ()
            return
        self.tokens.append(token)
        if self.guide is not None:
            self.guide.accept(token)
        self.pending = () if len(self.tokens) >= self.limit else (token,)

    def check(self, said: Sequence[int], logits: torch.Tensor, ends: frozenset[int]) -> int:
        """Take the tokens of what a person said as long as they are the model's, then the model's own.

        Args:
            said: the person's tokens, the end of the turn last.
            logits: what stands before each of them.
            ends: tokens that end a turn.

        Returns:
            How many of the person's tokens were taken; the one that ends the turn counts.
        """
        choices = None if self.guide else Choices.of(logits)
        for place, token in enumerate(said):
            here = choices or Choices.of(self.guided(logits[place])[None])
            index = place if choices else 0
            chosen = here.tokens[index]
            self.take(chosen, here.log_probabilities[index], here.margins[index], ends)
            if chosen != token:
                return place
            if not self.pending:
                return place + 1
        raise AssertionError("what was said does not end")

    def guided(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits of the tokens that may come next; the others at minus infinity."""
        return logits if self.guide is None else self.guide.mask(logits)


def write(drafts: Sequence[Draft], grower: Grower, ends: frozenset[int]) -> Iterator[list[Draft]]:
    """Write drafts to their ends, side by side. After each forward pass, those that it finished."""
    yield [draft for draft in drafts if not draft.pending]
    writing = [draft for draft in drafts if draft.pending]
    while writing:
        logits = grower.grow([Sprout(draft.branch, draft.pending) for draft in writing])
        if any(draft.guide for draft in writing):
            logits = torch.stack([draft.guided(row) for draft, row in zip(writing, logits, strict=True)])
        choices = Choices.of(logits)
        for place, draft in enumerate(writing):
            draft.take(choices.tokens[place], choices.log_probabilities[place], choices.margins[place], ends)
        yield [draft for draft in writing if not draft.pending]
        writing = [draft for draft in writing if draft.pending]


def log_probability(said: Sequence[int], logits: torch.Tensor, guide: Guide | None = None) -> float:
    """Natural logarithm of the probability of a person's tokens; minus infinity if a guide forbids one.

    Args:
        said: the tokens, the end of the turn last.
        logits: what stands before each of them.
        guide: a new one, where answers are constrained.
    """
    if guide is not None:
        allowed = []
        for place, token in enumerate(said):
            allowed.append(guide.mask(logits[place]))
            if allowed[-1][token] == float("-inf"):
                return float("-inf")
            if place < len(said) - 1:
                guide.accept(token)
        logits = torch.stack(allowed)
    tokens = torch.tensor(said, device=logits.device)
    own = logits.gather(1, tokens[:, None]).squeeze(1)
    return float((own - logits.logsumexp(dim=1)).sum())
