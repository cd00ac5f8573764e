"""Causal attention for training in bfloat16 on a CPU, as matrix products over blocks of queries.

PyTorch's fused kernel (`scaled_dot_product_attention`) does not reach the speed of this CPU's bfloat16 matrix
products, and repeats keys and values for every query head. Here every block of queries meets the keys before
it in one product, with the heads that share a key stacked into its rows. Probabilities are not kept for the
backward pass but computed again there, as FlashAttention does: memory grows linearly with the tokens.

`docs/research/speed.md` has the measured ratio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

if TYPE_CHECKING:
    from torch.autograd.function import FunctionCtx

BLOCKWISE: Final = "facsim_blockwise"
"""The name of this implementation in transformers."""

_BLOCK: Final = 128
"""Queries in a block. Larger blocks compute more scores that the mask then drops."""


def register_blockwise_attention() -> str:
    """Make the implementation known to transformers, and return its name for `set_attn_implementation`."""
    AttentionInterface.register(BLOCKWISE, blockwise_attention)
    AttentionMaskInterface.register(BLOCKWISE, sdpa_mask)
    return BLOCKWISE


def blockwise_attention(  # noqa: PLR0917 - the order of transformers
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it. Falls back to `sdpa` where blocks do not apply.

    Blocks apply to one sequence that attends to itself causally: no padding, packing, dropout or KV cache.

    Args:
        module: the attention layer.
        query: `(batch, heads, tokens, size)`.
        key: `(batch, key heads, tokens, size)`; the number of heads is a multiple of the key heads.
        value: as `key`.
        attention_mask: None if every token attends to itself and all tokens before it.
        dropout: share of probabilities that are dropped.
        scaling: factor of the scores; default 1 / sqrt(size).
        is_causal: overrides the layer's own flag.
        options: further arguments of transformers, passed on to `sdpa`.

    Returns:
        `(batch, tokens, heads, size)`, and None for the probabilities.
    """
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    applies = (
        causal
        and attention_mask is None
        and not dropout
        and query.device.type == "cpu"
        and query.shape[0] == 1
        and query.shape[2] == key.shape[2] > _BLOCK
        and query.shape[-1] == value.shape[-1]  # in latent attention, values are smaller
        and options.get("softcap") is None
        and options.get("position_bias") is None
    )
    if applies and torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        query, key, value = (states.to(dtype) for states in (query, key, value))
    if not applies or query.dtype != torch.bfloat16:
        states: torch.Tensor = sdpa_attention_forward(
            module,
            query,
            key,
            value,
            attention_mask,
            dropout=dropout,
            scaling=scaling,
            is_causal=is_causal,
            **options,
        )[0]
        return states, None
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    output: torch.Tensor = _CausalAttention.apply(query[0] * scale, key[0], value[0])
    return output.transpose(0, 1).unsqueeze(0), None


class _CausalAttention(torch.autograd.Function):  # type: ignore[misc] # the library is not typed
    """Attention of scaled queries `(heads, tokens, size)` to keys and values `(key heads, tokens, size)`."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        with torch.autocast("cpu", enabled=False):
            grouped, value = query.unflatten(0, (key.shape[0], -1)), value.contiguous()
            transposed_keys = key.transpose(1, 2).contiguous()
            output = torch.empty_like(grouped, memory_format=torch.contiguous_format)
            for start, end in _blocks(query.shape[1]):
                probabilities = _probabilities(grouped, transposed_keys, start, end)
                output[:, :, start:end] = torch.bmm(probabilities, value[:, :end]).view_as(
                    output[:, :, start:end]
                )
        ctx.save_for_backward(query, key, value)
        return output.flatten(0, 1)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        query, key, value = ctx.saved_tensors
        heads = (key.shape[0], -1)
        with torch.autocast("cpu", enabled=False):
            grouped, gradient = query.unflatten(0, heads), gradient.unflatten(0, heads)
            key = key.contiguous()
            transposed_keys, transposed_values = (
                states.transpose(1, 2).contiguous() for states in (key, value)
            )
            of_query = torch.empty_like(grouped, memory_format=torch.contiguous_format)
            # Sums over many blocks, so in float32.
            of_key, of_value = (torch.zeros_like(key, dtype=torch.float32) for _ in range(2))
            for start, end in _blocks(query.shape[1]):
                rows, gradient_rows = (_rows(states, start, end) for states in (grouped, gradient))
                probabilities = _probabilities(grouped, transposed_keys, start, end)
                of_value[:, :end] += torch.bmm(probabilities.transpose(1, 2), gradient_rows)
                of_probabilities = torch.bmm(gradient_rows, transposed_values[:, :, :end])
                of_scores = torch._softmax_backward_data(
                    of_probabilities, probabilities, -1, probabilities.dtype
                )
                of_query[:, :, start:end] = torch.bmm(of_scores, key[:, :end]).view_as(
                    of_query[:, :, start:end]
                )
                of_key[:, :end] += torch.bmm(of_scores.transpose(1, 2), rows)
        return of_query.flatten(0, 1), of_key.to(key.dtype), of_value.to(value.dtype)


def _blocks(tokens: int) -> list[tuple[int, int]]:
    return [(start, min(start + _BLOCK, tokens)) for start in range(0, tokens, _BLOCK)]


def _rows(states: torch.Tensor, start: int, end: int) -> torch.Tensor:
    """The block of `(key heads, group, tokens, size)` as `(key heads, group * block, size)`."""
    return states[:, :, start:end].flatten(1, 2)


def _probabilities(
    grouped: torch.Tensor, transposed_keys: torch.Tensor, start: int, end: int
) -> torch.Tensor:
    """The probabilities of a block of queries, `(key heads, group * block, end)`.

    Args:
        grouped: scaled queries `(key heads, group, tokens, size)`.
        transposed_keys: `(key heads, size, tokens)`.
        start: the first query.
        end: the query after the last, and the number of keys.
    """
    scores = torch.bmm(_rows(grouped, start, end), transposed_keys[:, :, :end])
    block = end - start
    later = torch.ones(block, block, dtype=torch.bool).triu(1)
    scores.view(*grouped.shape[:2], block, end)[..., start:].masked_fill_(later, float("-inf"))
    return torch.softmax(scores, -1)
