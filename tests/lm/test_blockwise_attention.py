"""Attention over blocks of queries: the outputs and gradients of exact attention, and the fall-back."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import LlamaConfig, LlamaForCausalLM

from facsim.lm.blockwise_attention import blockwise_attention, register_blockwise_attention

HEADS, KEY_HEADS, SIZE = 6, 2, 16


def layer() -> torch.nn.Module:
    module = torch.nn.Module()
    module.num_key_value_groups = HEADS // KEY_HEADS
    module.is_causal = True
    return module


def states(tokens: int, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(1, heads, tokens, SIZE, generator=generator)
        for heads in (HEADS, KEY_HEADS, KEY_HEADS, HEADS)
    ]


@pytest.mark.parametrize("tokens", [129, 256, 300, 1000])
@pytest.mark.parametrize("scaling", [None, 0.5])
def test_outputs_and_gradients_are_those_of_exact_attention(tokens, scaling):
    query, key, value, upstream = states(tokens)
    found, exact = ([x.clone().requires_grad_() for x in (query, key, value)] for _ in range(2))
    with torch.autocast("cpu", torch.bfloat16):
        output, probabilities = blockwise_attention(layer(), *found, None, scaling=scaling)
    assert probabilities is None and output.dtype == torch.bfloat16
    assert output.shape == (1, tokens, HEADS, SIZE)
    q, k, v = exact
    expected = scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling, enable_gqa=True)
    output = output.transpose(1, 2)
    torch.testing.assert_close(output.float(), expected, atol=0.03, rtol=0.03)
    (output.float() * upstream).sum().backward()
    (expected * upstream).sum().backward()
    for one, other in zip(found, exact, strict=True):
        assert one.grad.dtype == torch.float32
        error = (one.grad - other.grad).norm() / other.grad.norm()
        assert error < 0.02


def test_no_token_sees_a_later_one():
    query, key, value, _ = (x.bfloat16() for x in states(400))
    before, _ = blockwise_attention(layer(), query, key, value, None)
    key[:, :, 250:], value[:, :, 250:] = 7.0, -3.0
    after, _ = blockwise_attention(layer(), query, key, value, None)
    assert torch.equal(before[:, :250], after[:, :250])
    assert not torch.equal(before[:, 250:], after[:, 250:])


def test_a_mask_is_obeyed():
    query, key, value, _ = (x.bfloat16() for x in states(300))
    rows, columns = torch.arange(300)[:, None], torch.arange(300)[None]
    packed = (columns <= rows) & ((columns >= 200) | (rows < 200))  # two sequences in one
    output, _ = blockwise_attention(layer(), query, key, value, packed[None, None])
    alone, _ = blockwise_attention(layer(), query[:, :, 200:], key[:, :, 200:], value[:, :, 200:], None)
    torch.testing.assert_close(output[:, 200:], alone, atol=0.03, rtol=0.03)


def test_several_sequences_and_cached_keys_fall_back():
    query, key, value, _ = (x.bfloat16() for x in states(300))
    one, _ = blockwise_attention(layer(), query, key, value, None)
    pair, _ = blockwise_attention(layer(), *(x.repeat(2, 1, 1, 1) for x in (query, key, value)), None)
    torch.testing.assert_close(pair, one.repeat(2, 1, 1, 1), atol=0.03, rtol=0.03)
    last, _ = blockwise_attention(layer(), query[:, :, -1:], key, value, None)
    torch.testing.assert_close(last, one[:, -1:], atol=0.03, rtol=0.03)


def test_values_of_another_size_than_keys_fall_back():
    query, key, value, _ = (x.bfloat16() for x in states(300))
    output, _ = blockwise_attention(layer(), query, key, value[..., :8], None)
    whole, _ = blockwise_attention(layer(), query, key, value, None)
    torch.testing.assert_close(output, whole[..., :8], atol=0.03, rtol=0.03)


def test_a_model_trains_with_it():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=100,
        hidden_size=96,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=KEY_HEADS,
        attn_implementation="sdpa",
    )
    model = LlamaForCausalLM(config)
    ids = torch.randint(0, 100, (1, 400))
    losses, gradients = [], []
    for name in ("sdpa", register_blockwise_attention()):
        model.set_attn_implementation(name)
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        losses.append(float(loss.detach()))
        gradients.append(model.model.layers[0].self_attn.k_proj.weight.grad.clone())
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert not torch.equal(*gradients)  # the other implementation did run
    assert (gradients[0] - gradients[1]).norm() / gradients[0].norm() < 0.05
