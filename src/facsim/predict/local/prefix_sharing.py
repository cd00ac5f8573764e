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
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from transformers import DynamicCache

from facsim.lm.scoring import logits_at
from facsim.predict.local.kv_cache import roomy_cache

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.cache_utils import Cache

Positions: TypeAlias = npt.NDArray[np.int64]


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

    @property
    def before(self) -> Sequence[int]:
        """Of each token the index of the one before it, -1 for the branch's end."""
        return range(-1, len(self.tokens) - 1) if self.parents is None else self.parents


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

    def __init__(self, model: PreTrainedModel, rows: Sequence[Sequence[int]], cache: Cache) -> None:
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
        stand = [_positions(sprout) for sprout in sprouts]
        wanted: list[list[int]] = [[] for _ in self._rows]
        for number, (begin, sprout) in enumerate(zip(begins, sprouts, strict=True)):
            row, end = sprout.branch.row, begin + len(sprout.tokens)
            tokens[row, begin:end] = torch.tensor(sprout.tokens)
            positions[row, begin:end] = torch.from_numpy(stand[number])
            wanted[row] += range(begin, end) if ends is None else [ends[number]]
        masks = {
            kind: self._mask(sprouts, begins, stand, size, window) for kind, window in self._windows.items()
        }
        device = self._model.device
        with torch.inference_mode():
            logits = logits_at(
                self._model,
                wanted,
                input_ids=tokens.to(device),
                attention_mask=masks if len(masks) > 1 else next(iter(masks.values())),
                position_ids=positions.to(device),
                past_key_values=self._cache,
                use_cache=True,
            )
        # Rows come one after the other, and in a row its sprouts.
        order = sorted(range(len(sprouts)), key=lambda number: (sprouts[number].branch.row, begins[number]))
        sizes = [len(sprouts[number].tokens) if ends is None else 1 for number in order]
        parts = dict(zip(order, torch.split(logits, sizes), strict=True))
        return [parts[number] for number in range(len(sprouts))]

    def _mask(
        self,
        sprouts: Sequence[Sprout],
        begins: Sequence[int],
        stand: Sequence[Positions],
        size: int,
        window: int | None,
    ) -> torch.Tensor:
        """What is added to attention: [rows, 1, size, cached tokens and `size`], 0 where a token may look."""
        allowed = np.zeros((len(self._rows), size, self._width + size), dtype=np.bool_)
        allowed[:, :, 0] = True  # whoever attends to nothing would be no number
        for begin, sprout, places in zip(begins, sprouts, stand, strict=True):
            branch, count = sprout.branch, len(sprout.tokens)
            first = self._width + begin
            part = allowed[branch.row, begin : begin + count]
            part[:, 0] = False
            part[:, : branch.kept] = True
            part[:, branch.columns] = True
            own = part[:, first : first + count]
            for number, parent in enumerate(sprout.before):
                if parent >= 0:
                    own[number] = own[parent]
                own[number, number] = True
            if window is not None:
                text = np.arange(self._width + size)  # where in the text the columns stand
                text[branch.columns] = np.arange(branch.kept, branch.kept + len(branch.columns))
                text[first : first + count] = places
                part &= text > places[:, None] - window
        seen = torch.from_numpy(allowed)[:, None].to(self._model.device)
        least = torch.finfo(self._model.dtype).min
        mask = torch.full(seen.shape, least, dtype=self._model.dtype, device=seen.device)
        return mask.masked_fill_(seen, 0)


def _positions(sprout: Sprout) -> Positions:
    """Where in the text the tokens of a sprout stand."""
    base = sprout.branch.kept + len(sprout.branch.columns)
    places: list[int] = []
    for parent in sprout.before:
        places.append(places[parent] + 1 if parent >= 0 else base)
    return np.array(places, dtype=np.int64)


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
        parents = sprout.before
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
            cache = roomy_cache()
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
