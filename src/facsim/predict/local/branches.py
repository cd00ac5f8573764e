"""Many continuations of one computed prefix, without computing or copying the prefix again.

`Trunk` holds the keys and values of a batch of rows. A branch leaves its row after any token and grows by
tokens of its own. What a token of a branch attends to is a matter of the attention mask alone: its row up to
where the branch leaves it, the branch's own tokens before it, and itself. So the cache is cut back for each
branch without being cut, and all branches of all rows grow in one forward pass.

`Alone` does the same for any model, and for the canonical result: each branch computes its own prefix by
itself, so nothing depends on what else is in the batch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from operator import eq
from typing import TYPE_CHECKING, Any, Protocol

import torch
from transformers import DynamicCache

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(slots=True)
class Branch:
    """A continuation of a row.

    Attributes:
        row: which row of the batch.
        kept: how many tokens of the row are before it.
        columns: where in the cache its own tokens stand.
        cache: its own cache, where it grows alone.
    """

    row: int
    kept: int
    columns: list[int] = field(default_factory=list)
    cache: DynamicCache | None = None


@dataclass(frozen=True, slots=True)
class Sprout:
    """Tokens that follow a branch: a chain, or a tree whose every token has its parent before it.

    Attributes:
        branch: what they follow.
        tokens: their ids.
        parents: for each the index of its parent among them, -1 for the branch's end; None for a chain.
    """

    branch: Branch
    tokens: Sequence[int]
    parents: Sequence[int] | None = None


class Grower(Protocol):
    """Lets branches grow."""

    def branch(self, row: int, tokens: Sequence[int]) -> tuple[Branch, Sequence[int]]:
        """A branch that shares what it can with its row, and the rest of `tokens` (at least one)."""

    def grow(self, sprouts: Sequence[Sprout]) -> torch.Tensor:
        """Let branches grow by chains, for good. Returns logits after the last token of each, float32."""

    def look(self, sprouts: Sequence[Sprout]) -> list[torch.Tensor]:
        """What comes after every token of chains or trees, as logits [tokens, vocabulary]. Nothing grows."""


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common from their beginning."""
    return sum(1 for _ in takewhile(bool, map(eq, one, other)))


class Trunk:
    """Rows whose keys and values are computed; made by `begin`.

    Args:
        model: a model that `can_branch`.
        rows: the tokens of each row.
        cache: their keys and values, padded on the right to the longest.
    """

    def __init__(self, model: PreTrainedModel, rows: Sequence[Sequence[int]], cache: DynamicCache) -> None:
        self._model, self._rows, self._cache = model, rows, cache
        self._width = cache.get_seq_length()
        self._windows = attention_windows(model) or {"": None}

    def branch(self, row: int, tokens: Sequence[int]) -> tuple[Branch, Sequence[int]]:
        """A branch that shares what it can with its row, and the rest of `tokens` (at least one)."""
        kept = min(shared(self._rows[row], tokens), len(tokens) - 1)
        return Branch(row, kept), tokens[kept:]

    def grow(self, sprouts: Sequence[Sprout]) -> torch.Tensor:
        """Let branches grow by chains. Returns logits after the last token of each, in float32."""
        begins = self._begins(sprouts)
        ends = [begin + len(sprout.tokens) - 1 for begin, sprout in zip(begins, sprouts, strict=True)]
        logits = self._forward(sprouts, begins, ends)
        for begin, sprout in zip(begins, sprouts, strict=True):
            sprout.branch.columns += range(self._width + begin, self._width + begin + len(sprout.tokens))
        self._width = self._cache.get_seq_length()
        return torch.stack([found[-1] for found in logits])

    def look(self, sprouts: Sequence[Sprout]) -> list[torch.Tensor]:
        """What comes after every token of chains or trees. Nothing grows."""
        found = self._forward(sprouts, self._begins(sprouts), None)
        self._cache.crop(self._width - self._cache.get_seq_length())
        return found

    def _begins(self, sprouts: Sequence[Sprout]) -> list[int]:
        """Where in its row's part of the forward pass each sprout begins."""
        used: dict[int, int] = {}
        begins = []
        for sprout in sprouts:
            begins.append(used.get(sprout.branch.row, 0))
            used[sprout.branch.row] = begins[-1] + len(sprout.tokens)
        return begins

    def _forward(
        self, sprouts: Sequence[Sprout], begins: Sequence[int], ends: Sequence[int] | None
    ) -> list[torch.Tensor]:
        """Logits after every token of each sprout, or after those at `ends` only."""
        size = max(begin + len(sprout.tokens) for begin, sprout in zip(begins, sprouts, strict=True))
        tokens = torch.zeros((len(self._rows), size), dtype=torch.long)
        positions = torch.zeros_like(tokens)
        # Of each token, where in the text the columns that it may attend to stand; -1: it may not.
        seen = torch.full((len(self._rows), size, self._width + size), -1, dtype=torch.int32)
        seen[:, :, 0] = 0  # whoever attends to nothing would be no number
        text = torch.arange(self._width, dtype=torch.int32)
        for begin, sprout in zip(begins, sprouts, strict=True):
            branch, rows = sprout.branch, slice(begin, begin + len(sprout.tokens))
            tokens[branch.row, rows] = torch.tensor(sprout.tokens)
            base = branch.kept + len(branch.columns)
            part = seen[branch.row, rows]
            part[:, 0] = 0 if branch.kept else -1
            part[:, : branch.kept] = text[: branch.kept]
            part[:, branch.columns] = torch.arange(branch.kept, base, dtype=torch.int32)
            places: list[int] = []
            for number in range(len(sprout.tokens)):
                parent = number - 1 if sprout.parents is None else sprout.parents[number]
                if parent >= 0:
                    part[number, self._width + begin :] = part[parent, self._width + begin :]
                places.append(places[parent] + 1 if parent >= 0 else base)
                part[number, self._width + begin + number] = places[-1]
            positions[branch.row, rows] = torch.tensor(places)
        return self._run(sprouts, begins, ends, tokens=tokens, positions=positions, seen=seen)

    def _run(
        self,
        sprouts: Sequence[Sprout],
        begins: Sequence[int],
        ends: Sequence[int] | None,
        *,
        tokens: torch.Tensor,
        positions: torch.Tensor,
        seen: torch.Tensor,
    ) -> list[torch.Tensor]:
        device = self._model.device
        seen, positions = seen.to(device), positions.to(device)
        masks = {kind: self._mask(seen, positions, window) for kind, window in self._windows.items()}
        kept = sorted(set(ends)) if ends is not None else None
        arguments: dict[str, Any] = {}
        if kept is not None:
            arguments["logits_to_keep"] = torch.tensor(kept, device=device)
        with torch.inference_mode():
            logits = self._model(
                input_ids=tokens.to(device),
                attention_mask=masks if len(masks) > 1 else next(iter(masks.values())),
                position_ids=positions,
                past_key_values=self._cache,
                use_cache=True,
                **arguments,
            ).logits
        found = []
        for number, (begin, sprout) in enumerate(zip(begins, sprouts, strict=True)):
            row = logits[sprout.branch.row]
            if ends is None or kept is None:
                found.append(row[begin : begin + len(sprout.tokens)].float())
            else:
                found.append(row[kept.index(ends[number])][None].float())
        return found

    def _mask(self, seen: torch.Tensor, positions: torch.Tensor, window: int | None) -> torch.Tensor:
        allowed = seen >= 0
        if window is not None:
            allowed &= seen > positions[:, :, None] - window
        least = torch.finfo(self._model.dtype).min
        mask = torch.zeros(allowed.shape, dtype=self._model.dtype, device=allowed.device)
        return mask.masked_fill_(~allowed, least)[:, None]


class Alone:
    """Branches that compute their prefix each by itself, with the model's own cache.

    Args:
        model: any causal language model.
        rows: the tokens of each row.
    """

    def __init__(self, model: PreTrainedModel, rows: Sequence[Sequence[int]]) -> None:
        self._model, self._rows = model, rows

    def branch(self, row: int, tokens: Sequence[int]) -> tuple[Branch, Sequence[int]]:
        """A branch of its own, which shares nothing."""
        return Branch(row, 0), tokens

    def grow(self, sprouts: Sequence[Sprout]) -> torch.Tensor:
        """Let branches grow by chains. Returns logits after the last token of each, in float32."""
        found = []
        for sprout in sprouts:
            branch = sprout.branch
            tokens = sprout.tokens
            if branch.cache is None:
                branch.cache = DynamicCache(config=self._model.config)
                tokens = [*self._rows[branch.row][: branch.kept], *tokens]
            found.append(self._forward(tokens, branch.cache, last=True)[-1])
            branch.columns += range(len(sprout.tokens))
        return torch.stack(found)

    def look(self, sprouts: Sequence[Sprout]) -> list[torch.Tensor]:
        """What comes after every token of chains or trees. Nothing grows."""
        return [self._look(sprout) for sprout in sprouts]

    def _look(self, sprout: Sprout) -> torch.Tensor:
        branch, tokens = sprout.branch, sprout.tokens
        parents = sprout.parents if sprout.parents is not None else range(-1, len(tokens) - 1)
        inner = set(parents)
        found: list[torch.Tensor | None] = [None] * len(tokens)
        for leaf in range(len(tokens)):
            if leaf in inner:
                continue
            path = [leaf]
            while (parent := parents[path[-1]]) >= 0:
                path.append(parent)
            path.reverse()
            before: Sequence[int] = () if branch.cache else self._rows[branch.row][: branch.kept]
            cache = copy.deepcopy(branch.cache) if branch.cache else None
            chain = [*before, *(tokens[number] for number in path)]
            logits = self._forward(chain, cache, last=False)[len(before) :]
            for number, row in zip(path, logits, strict=True):
                found[number] = row
        return torch.stack([row for row in found if row is not None])

    def _forward(self, tokens: Sequence[int], cache: DynamicCache | None, *, last: bool) -> torch.Tensor:
        with torch.inference_mode():
            output = self._model(
                input_ids=torch.tensor([list(tokens)], device=self._model.device),
                past_key_values=cache,
                use_cache=cache is not None,
                **({"logits_to_keep": 1} if last else {}),
            )
        logits: torch.Tensor = output.logits[0].float()
        return logits


def attention_windows(model: PreTrainedModel) -> dict[str, int | None] | None:
    """Per kind of attention layer how far back it looks (None: all the way); None for other models."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ["sliding_attention" if window else "full_attention"])
    known = {"full_attention": None, "sliding_attention": window}
    return {kind: known[kind] for kind in sorted(kinds)} if kinds <= set(known) else None


def can_branch(model: PreTrainedModel) -> bool:
    """Whether branches of a model can share its cache; found out by trying.

    Models that attend by recurrence, or that place tokens otherwise than by `position_ids`, cannot.
    """
    if attention_windows(model) is None:
        return False
    trunk, other, branch = [5, 6, 7, 8], [4, 3], [3, 4]
    tokens = torch.tensor([[*trunk[:2], *branch]], device=model.device)
    try:
        with torch.inference_mode():
            expected = model(input_ids=tokens, use_cache=False).logits[0, -1].float()
            cache = DynamicCache()
            model(input_ids=torch.tensor([trunk], device=model.device), past_key_values=cache, use_cache=True)
        grown = Trunk(model, [trunk], cache)
        begun = Branch(0, 2)
        grown.grow([Sprout(begun, branch[:1]), Sprout(Branch(0, 3), other)])
        found = grown.grow([Sprout(begun, branch[1:])])[0]
    except (RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError, NotImplementedError):
        return False
    scale = float(expected.abs().max()) + 1e-6
    tolerance = 1e-3 if model.dtype == torch.float32 else 0.05
    return bool((expected - found).abs().max() <= tolerance * scale)
