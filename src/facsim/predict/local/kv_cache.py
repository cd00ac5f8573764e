"""Keys and values with room to grow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers.cache_utils import Cache, DynamicLayer

if TYPE_CHECKING:
    import torch

_LEAST_ROOM = 64


class RoomyLayer(DynamicLayer):  # type: ignore[misc] # the library is not typed
    """What a `DynamicLayer` holds, with room behind it.

    A `DynamicLayer` copies all it holds whenever a token comes. Where many branches grow out of long rows,
    token by token, that copying takes longer than the model; here it happens once in a while.
    """

    is_initialized: bool

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Put keys and values of further tokens behind what is there; returns all of them."""
        held, more = self.get_seq_length(), key_states.shape[-2]
        if not self.is_initialized:
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
            self._rooms = [_room_for(key_states, more), _room_for(value_states, more)]
        elif held + more > self._rooms[0].shape[-2]:
            rooms = [_room_for(states, held + more) for states in (key_states, value_states)]
            for room, before in zip(rooms, self._rooms, strict=True):
                room[..., :held, :] = before[..., :held, :]
            self._rooms = rooms
        for room, states in zip(self._rooms, (key_states, value_states), strict=True):
            room[..., held : held + more, :] = states
        self.keys, self.values = (room[..., : held + more, :] for room in self._rooms)
        return self.keys, self.values


def _room_for(states: torch.Tensor, tokens: int) -> torch.Tensor:
    *outer, _, size = states.shape
    return states.new_empty((*outer, tokens + max(_LEAST_ROOM, tokens // 8), size))


def roomy_cache() -> Cache:
    """An empty cache for a model whose layers attend."""
    return Cache(layer_class_to_replicate=RoomyLayer)
