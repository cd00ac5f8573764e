"""A KV cache that grows without copying at every token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers.cache_utils import Cache, DynamicLayer

if TYPE_CHECKING:
    import torch

_MIN_SPARE = 64


class PreallocatedLayer(DynamicLayer):  # type: ignore[misc] # the library is not typed
    """A `DynamicLayer` that allocates room for further tokens.

    A `DynamicLayer` copies all keys and values at every new token. With many branches that grow token by
    token out of long prefixes, that takes longer than the model; here it happens once in a while.
    """

    is_initialized: bool

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append keys and values of new tokens.

        Args:
            key_states: `(batch, heads, new tokens, head size)`.
            value_states: likewise.

        Returns:
            All keys and all values, `(batch, heads, tokens, head size)`.
        """
        used, new = self.get_seq_length(), key_states.shape[-2]
        if not self.is_initialized:
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
            self._buffers = [_allocate(key_states, new), _allocate(value_states, new)]
        elif used + new > self._buffers[0].shape[-2]:
            buffers = [_allocate(states, used + new) for states in (key_states, value_states)]
            for buffer, previous in zip(buffers, self._buffers, strict=True):
                buffer[..., :used, :] = previous[..., :used, :]
            self._buffers = buffers
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[..., used : used + new, :] = states
        self.keys, self.values = (buffer[..., : used + new, :] for buffer in self._buffers)
        return self.keys, self.values

    @property
    def allocated(self) -> int:
        """Tokens for which there is memory."""
        return self._buffers[0].shape[-2] if self.is_initialized else 0


def _allocate(states: torch.Tensor, tokens: int) -> torch.Tensor:
    """An uninitialised buffer `(batch, heads, tokens and spare, head size)` like `states`."""
    *outer, _, size = states.shape
    return states.new_empty((*outer, tokens + max(_MIN_SPARE, tokens // 8), size))


def preallocated_cache() -> Cache:
    """An empty KV cache for a model all of whose layers are attention layers."""
    return Cache(layer_class_to_replicate=PreallocatedLayer)


def allocated_tokens(cache: Cache) -> int:
    """Tokens for which a preallocated cache has memory."""
    return max((layer.allocated for layer in cache.layers), default=0)


def keep_first(cache: Cache, tokens: int) -> None:
    """Cut a cache to its first tokens."""
    if (surplus := cache.get_seq_length() - tokens) > 0:
        cache.crop(-surplus)


def copy_of_first(cache: Cache, tokens: int) -> Cache:
    """A cache of its own of the first tokens."""
    copied = preallocated_cache()
    if tokens:
        for number, layer in enumerate(cache.layers):
            copied.update(layer.keys[..., :tokens, :], layer.values[..., :tokens, :], number)
    return copied
