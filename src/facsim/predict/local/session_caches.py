"""KV caches of sessions in progress, so that the next step of a session computes only what is new."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from facsim.predict.local.kv_cache import allocated_tokens, copy_of_first, keep_first, preallocated_cache
from facsim.predict.local.prefix_sharing import SharedPrefix, common_prefix_length

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.cache_utils import Cache

_TURN_HEAD: Final = 32
"""A kept prompt that is continued but for its last tokens, which ask for an answer, is the same session's."""
_BLOCK: Final = 256
"""Prompts are computed in blocks of so many tokens from their start, and kept blocks are used whole. Rounding
depends on what is computed together: so a kept block is, to the last bit, what it would be computed again."""
_ROOM: Final = 2
"""A kept cache takes at most so many times the memory of its tokens."""


@dataclass(frozen=True, eq=False, slots=True)
class _ComputedPrompt:
    """Tokens, `(tokens,)`, and their KV cache."""

    tokens: Sequence[int]
    cache: Cache


class SessionCaches:
    """The prompts of the sessions that were continued last, computed.

    A prompt that grows from step to step is computed once, whatever the number of steps: a step adds what is
    new. Where a prompt changes, it is computed from there on. What sessions begin with is computed once. Keys
    and values depend on the prompt alone, not on what is kept: answers are the same in any order.

    Args:
        model: a model for which `supports_shared_prefix` is true.
        max_tokens: most tokens kept; the last prompt is kept whatever its length.
    """

    def __init__(self, model: PreTrainedModel, max_tokens: int) -> None:
        self._model, self._max_tokens = model, max_tokens
        self._kept: deque[_ComputedPrompt] = deque()

    @contextmanager
    def computed(self, prompt: Sequence[int]) -> Iterator[tuple[SharedPrefix, int]]:
        """A prompt, all but its last token computed, as the only row of a prefix, and kept afterwards.

        Args:
            prompt: `(tokens,)`, at least one.

        Yields:
            The prefix, and how many of the tokens were there already.
        """
        row = prompt[:-1]
        cache, shared = self._take(row)
        with torch.inference_mode():
            for start in range(shared, len(row), _BLOCK):
                self._model(
                    input_ids=torch.tensor([list(row[start : start + _BLOCK])], device=self._model.device),
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
        yield SharedPrefix(self._model, [row], cache), shared
        keep_first(cache, len(row))
        if allocated_tokens(cache) > _ROOM * len(row):  # the actions of a long page were scored behind it
            cache = copy_of_first(cache, len(row))
        self._kept.append(_ComputedPrompt(row, cache))
        while len(self._kept) > 1 and sum(len(one.tokens) for one in self._kept) > self._max_tokens:
            self._kept.popleft()

    def _take(self, row: Sequence[int]) -> tuple[Cache, int]:
        """A cache of the blocks that these tokens share with a kept prompt, and their number of tokens."""
        if not self._kept:
            return preallocated_cache(), 0
        in_common = [(common_prefix_length(one.tokens, row), one) for one in self._kept]
        common, best = max(in_common, key=lambda found: found[0])
        shared = common - common % _BLOCK
        if common < len(best.tokens) - _TURN_HEAD:
            # Another session with the same beginning, or one whose prompt changed: a copy of that.
            return copy_of_first(best.cache, shared), shared
        self._kept.remove(best)
        keep_first(best.cache, shared)
        return best.cache, shared
