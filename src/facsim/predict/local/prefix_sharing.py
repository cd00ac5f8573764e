"""Decode many continuations of one computed prefix without computing or copying it again.

`SharedPrefix` holds the KV cache of a batch of rows. A branch leaves its row after any token and grows by
tokens of its own. The attention mask alone decides what a branch's token attends to: its row up to where the
branch leaves it, the branch's own tokens before it, and itself. So the cache is never cut for a branch, and
all branches of all rows grow in one forward pass (tree attention).

`SeparatePrefix` does the same for any model, and gives the canonical result: each branch computes its own
prefix by itself, so nothing depends on what else is in the batch.
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

from facsim.lm.scoring import logits_at, require_finite
from facsim.predict.local.kv_cache import keep_first, preallocated_cache
from facsim.util.errors import FacsimError

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.cache_utils import Cache

PositionIds: TypeAlias = npt.NDArray[np.int64]


@dataclass(slots=True)
class Branch:
    """A continuation of a row.

    Attributes:
        row: index of the row in the batch.
        prefix_length: the number of the row's tokens before the branch.
        cache_slots: positions in the KV cache of the branch's own tokens.
        cache: its own KV cache, where it grows separately.
        place: session and step, for error messages.
    """

    row: int
    prefix_length: int
    cache_slots: list[int] = field(default_factory=list)
    cache: DynamicCache | None = None
    place: str = "an unknown step"


@dataclass(frozen=True, slots=True)
class TokenTree:
    """Tokens that continue a branch: a chain, or a tree in which every parent comes before its children.

    Attributes:
        branch: what they continue.
        tokens: token ids, shape `(tokens,)`.
        parents: for each token the index of its parent, -1 for the end of the branch; None for a chain.
    """

    branch: Branch
    tokens: Sequence[int]
    parents: Sequence[int] | None = None

    @property
    def parent_indices(self) -> Sequence[int]:
        """For each token the index of the one before it, -1 for the end of the branch."""
        return range(-1, len(self.tokens) - 1) if self.parents is None else self.parents


class PrefixDecoder(Protocol):
    """Computes logits for continuations of the rows of a batch."""

    def branch(self, row: int, tokens: Sequence[int]) -> tuple[Branch, Sequence[int]]:
        """A branch that shares as much as possible with its row, and the rest of `tokens` (at least one)."""

    def extend(self, chains: Sequence[TokenTree]) -> torch.Tensor:
        """Append chains to their branches.

        Returns:
            Logits after the last token of each chain, `(chains, vocab)` in float32.

        Raises:
            FacsimError: if one is NaN or infinite, naming the branch's place.
        """

    def score(self, trees: Sequence[TokenTree]) -> list[torch.Tensor]:
        """Logits after every token of chains or trees, without appending them.

        Returns:
            For each tree, `(tokens, vocab)` in float32.

        Raises:
            FacsimError: if one is NaN or infinite, naming the branch's place.
        """


def common_prefix_length(one: Sequence[int], other: Sequence[int]) -> int:
    """The number of tokens that two sequences have in common from their start."""
    return sum(1 for _ in takewhile(bool, map(eq, one, other)))


class SharedPrefix:
    """Rows whose keys and values are computed, shared by all their branches.

    Args:
        model: a model for which `supports_shared_prefix` is true.
        rows: the tokens of each row.
        cache: their KV cache, `(batch, heads, tokens, head size)` a layer, padded on the right.
    """

    def __init__(self, model: PreTrainedModel, rows: Sequence[Sequence[int]], cache: Cache) -> None:
        self._model, self._rows, self._cache = model, rows, cache
        self._cached = cache.get_seq_length()
        self._windows = attention_windows(model) or {"": None}

    def branch(self, row: int, tokens: Sequence[int]) -> tuple[Branch, Sequence[int]]:
        """A branch that shares as much as possible with its row, and the rest of `tokens` (at least one)."""
        shared = min(common_prefix_length(self._rows[row], tokens), len(tokens) - 1)
        return Branch(row, shared), tokens[shared:]

    def extend(self, chains: Sequence[TokenTree]) -> torch.Tensor:
        """Append chains to their branches.

        Returns:
            Logits after the last token of each chain, `(chains, vocab)` in float32.
        """
        starts = self._starts(chains)
        lasts = [start + len(chain.tokens) - 1 for start, chain in zip(starts, chains, strict=True)]
        logits = self._forward(chains, starts, lasts)
        for start, chain in zip(starts, chains, strict=True):
            first = self._cached + start
            chain.branch.cache_slots += range(first, first + len(chain.tokens))
        self._cached = self._cache.get_seq_length()
        return torch.stack([found[-1] for found in logits])

    def score(self, trees: Sequence[TokenTree]) -> list[torch.Tensor]:
        """Logits after every token of chains or trees, without appending them.

        Returns:
            For each tree, `(tokens, vocab)` in float32.
        """
        logits = self._forward(trees, self._starts(trees), None)
        keep_first(self._cache, self._cached)
        return logits

    def _starts(self, trees: Sequence[TokenTree]) -> list[int]:
        """Where in its row of the forward pass each tree starts."""
        used: dict[int, int] = {}
        starts = []
        for tree in trees:
            starts.append(used.get(tree.branch.row, 0))
            used[tree.branch.row] = starts[-1] + len(tree.tokens)
        return starts

    def _forward(
        self, trees: Sequence[TokenTree], starts: Sequence[int], lasts: Sequence[int] | None
    ) -> list[torch.Tensor]:
        """Logits after every token of each tree, `(tokens, vocab)`; or only after those at `lasts`."""
        size = max(start + len(tree.tokens) for start, tree in zip(starts, trees, strict=True))
        tokens = torch.zeros((len(self._rows), size), dtype=torch.long)
        position_ids = torch.zeros_like(tokens)
        tree_positions = [_position_ids(tree) for tree in trees]
        wanted: list[list[int]] = [[] for _ in self._rows]
        for index, (start, tree) in enumerate(zip(starts, trees, strict=True)):
            row, end = tree.branch.row, start + len(tree.tokens)
            tokens[row, start:end] = torch.tensor(tree.tokens)
            position_ids[row, start:end] = torch.from_numpy(tree_positions[index])
            wanted[row] += range(start, end) if lasts is None else [lasts[index]]
        masks = {
            kind: self._attention_mask(trees, starts, tree_positions, size, window)
            for kind, window in self._windows.items()
        }
        device = self._model.device
        with torch.inference_mode():
            logits = logits_at(
                self._model,
                wanted,
                input_ids=tokens.to(device),
                attention_mask=masks if len(masks) > 1 else next(iter(masks.values())),
                position_ids=position_ids.to(device),
                past_key_values=self._cache,
                use_cache=True,
            )
        # Logits come row by row, and within a row tree by tree.
        order = sorted(range(len(trees)), key=lambda index: (trees[index].branch.row, starts[index]))
        sizes = [len(trees[index].tokens) if lasts is None else 1 for index in order]
        places = [trees[index].branch.place for index in order]
        require_finite(
            logits, [place for place, size in zip(places, sizes, strict=True) for _ in range(size)]
        )
        parts = dict(zip(order, torch.split(logits, sizes), strict=True))
        return [parts[index] for index in range(len(trees))]

    def _attention_mask(
        self,
        trees: Sequence[TokenTree],
        starts: Sequence[int],
        tree_positions: Sequence[PositionIds],
        size: int,
        window: int | None,
    ) -> torch.Tensor:
        """The additive attention mask `(rows, 1, size, cached + size)`: 0 where a token may attend."""
        allowed = np.zeros((len(self._rows), size, self._cached + size), dtype=np.bool_)
        allowed[:, :, 0] = True  # softmax over nothing would be NaN
        for start, tree, positions in zip(starts, trees, tree_positions, strict=True):
            branch, count = tree.branch, len(tree.tokens)
            first = self._cached + start
            part = allowed[branch.row, start : start + count]
            part[:, 0] = False
            part[:, : branch.prefix_length] = True
            part[:, branch.cache_slots] = True
            own = part[:, first : first + count]
            for index, parent in enumerate(tree.parent_indices):
                if parent >= 0:
                    own[index] = own[parent]
                own[index, index] = True
            if window is not None:
                slot_positions = np.arange(self._cached + size)  # position in the text of each cache slot
                slot_positions[branch.cache_slots] = np.arange(
                    branch.prefix_length, branch.prefix_length + len(branch.cache_slots)
                )
                slot_positions[first : first + count] = positions
                part &= slot_positions > positions[:, None] - window
        visible = torch.from_numpy(allowed)[:, None].to(self._model.device)
        lowest = torch.finfo(self._model.dtype).min
        mask = torch.full(visible.shape, lowest, dtype=self._model.dtype, device=visible.device)
        return mask.masked_fill_(visible, 0)


def _position_ids(tree: TokenTree) -> PositionIds:
    """The position in the text of each token of a tree, `(tokens,)`."""
    base = tree.branch.prefix_length + len(tree.branch.cache_slots)
    positions: list[int] = []
    for parent in tree.parent_indices:
        positions.append(positions[parent] + 1 if parent >= 0 else base)
    return np.array(positions, dtype=np.int64)


class SeparatePrefix:
    """Branches that each compute their prefix by themselves, with the model's own cache.

    Args:
        model: any causal language model.
        rows: the tokens of each row.
    """

    def __init__(self, model: PreTrainedModel, rows: Sequence[Sequence[int]]) -> None:
        self._model, self._rows = model, rows

    def branch(self, row: int, tokens: Sequence[int]) -> tuple[Branch, Sequence[int]]:
        """A branch that shares nothing, and all of `tokens`."""
        return Branch(row, 0), tokens

    def extend(self, chains: Sequence[TokenTree]) -> torch.Tensor:
        """Append chains to their branches.

        Returns:
            Logits after the last token of each chain, `(chains, vocab)` in float32.
        """
        found = []
        for chain in chains:
            branch = chain.branch
            tokens = chain.tokens
            if branch.cache is None:
                branch.cache = DynamicCache(config=self._model.config)
                tokens = [*self._rows[branch.row][: branch.prefix_length], *tokens]
            found.append(self._forward(tokens, branch, branch.cache, last=True)[-1])
            branch.cache_slots += range(len(chain.tokens))
        return torch.stack(found)

    def score(self, trees: Sequence[TokenTree]) -> list[torch.Tensor]:
        """Logits after every token of chains or trees, without appending them.

        Returns:
            For each tree, `(tokens, vocab)` in float32.
        """
        return [self._score_tree(tree) for tree in trees]

    def _score_tree(self, tree: TokenTree) -> torch.Tensor:
        """Logits `(tokens, vocab)`, from one forward pass for each path from root to leaf."""
        branch, tokens = tree.branch, tree.tokens
        parents = tree.parent_indices
        inner = set(parents)
        found: list[torch.Tensor | None] = [None] * len(tokens)
        for leaf in range(len(tokens)):
            if leaf in inner:
                continue
            path = [leaf]
            while (parent := parents[path[-1]]) >= 0:
                path.append(parent)
            path.reverse()
            before: Sequence[int] = () if branch.cache else self._rows[branch.row][: branch.prefix_length]
            cache = copy.deepcopy(branch.cache) if branch.cache else None
            chain = [*before, *(tokens[index] for index in path)]
            logits = self._forward(chain, branch, cache, last=False)[len(before) :]
            for index, row in zip(path, logits, strict=True):
                found[index] = row
        return torch.stack([row for row in found if row is not None])

    def _forward(
        self, tokens: Sequence[int], branch: Branch, cache: DynamicCache | None, *, last: bool
    ) -> torch.Tensor:
        """Logits `(tokens, vocab)` in float32, or `(1, vocab)` after the last token only."""
        with torch.inference_mode():
            output = self._model(
                input_ids=torch.tensor([list(tokens)], device=self._model.device),
                past_key_values=cache,
                use_cache=cache is not None,
                **({"logits_to_keep": 1} if last else {}),
            )
        logits: torch.Tensor = output.logits[0].float()
        require_finite(logits, [branch.place] * len(logits))
        return logits


def attention_windows(model: PreTrainedModel) -> dict[str, int | None] | None:
    """The sliding window of each kind of attention layer (None: unlimited); None for other architectures."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ["sliding_attention" if window else "full_attention"])
    known = {"full_attention": None, "sliding_attention": window}
    return {kind: known[kind] for kind in sorted(kinds)} if kinds <= set(known) else None


def supports_shared_prefix(model: PreTrainedModel) -> bool:
    """Whether branches of a model can share its KV cache, found by trying.

    Recurrent models, and models that place tokens other than by `position_ids`, cannot.
    """
    if attention_windows(model) is None:
        return False
    row, other, branch = [5, 6, 7, 8], [4, 3], [3, 4]
    tokens = torch.tensor([[*row[:2], *branch]], device=model.device)
    try:
        with torch.inference_mode():
            expected = model(input_ids=tokens, use_cache=False).logits[0, -1].float()
            cache = preallocated_cache()
            model(input_ids=torch.tensor([row], device=model.device), past_key_values=cache, use_cache=True)
        prefix = SharedPrefix(model, [row], cache)
        first = Branch(0, 2)
        prefix.extend([TokenTree(first, branch[:1]), TokenTree(Branch(0, 3), other)])
        found = prefix.extend([TokenTree(first, branch[1:])])[0]
    except (
        FacsimError,
        RuntimeError,
        TypeError,
        ValueError,
        IndexError,
        KeyError,
        AttributeError,
        NotImplementedError,
    ):
        return False
    scale = float(expected.abs().max()) + 1e-6
    tolerance = 1e-3 if model.dtype == torch.float32 else 0.05
    return bool((expected - found).abs().max() <= tolerance * scale)
