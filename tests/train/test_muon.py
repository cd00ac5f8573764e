"""The optimizer of small models."""

import copy

import pytest
import torch
from transformers import AutoModelForCausalLM

from facsim.train import train_sft
from facsim.train.muon import MuonAdamW, orthogonal
from facsim.util.errors import ConfigError


@pytest.fixture
def model(small_model):
    return AutoModelForCausalLM.from_pretrained(small_model, dtype=torch.float32)


def some_gradients(model, seed):
    draw = torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        weight.grad = torch.randn(weight.shape, generator=draw)


@pytest.mark.parametrize("shape", [(96, 32), (32, 96), (64, 63)])
def test_matrices_become_orthogonal(shape):
    found = orthogonal(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    values = torch.linalg.svdvals(found)
    assert found.shape == shape
    # A square matrix of chance is nearly singular: its least values stay small.
    assert 0.5 < values.quantile(0.1) <= values.max() < 1.3


def test_a_step_is_as_large_as_one_of_adamw(model):
    before = copy.deepcopy(model)
    some_gradients(model, 0)
    MuonAdamW(model, 1e-2).step()
    for old, new in zip(before.model.layers.parameters(), model.model.layers.parameters(), strict=True):
        if old.ndim == 2:
            assert (new - old).detach().square().mean().sqrt() == pytest.approx(0.2e-2, rel=0.25)


def test_embeddings_and_vectors_are_updated_by_adamw(model):
    other = copy.deepcopy(model)
    names = [name for name, weight in model.named_parameters() if weight.ndim < 2 or "layers" not in name]
    assert any("embed" in name for name in names)
    assert any("norm" in name for name in names)
    mine = MuonAdamW(model, 1e-2, weight_decay=0.1)
    decayed = [weight for name, weight in other.named_parameters() if name in names and weight.ndim > 1]
    plain = [weight for name, weight in other.named_parameters() if name in names and weight.ndim < 2]
    groups = [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]
    theirs = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.98), weight_decay=0.1)
    for seed in range(3):
        some_gradients(model, seed)
        some_gradients(other, seed)
        mine.step()
        theirs.step()
    expected = dict(other.named_parameters())
    for name, weight in model.named_parameters():
        if name in names:
            torch.testing.assert_close(weight, expected[name])
        else:
            assert not torch.equal(weight, expected[name])


def test_it_resumes_from_its_state(model):
    whole = MuonAdamW(model, 1e-2)
    some_gradients(model, 0)
    whole.step()
    other = copy.deepcopy(model)
    again = MuonAdamW(other, 1e-2)
    again.load_state_dict(copy.deepcopy(whole.state_dict()))
    for one in (model, other):
        some_gradients(one, 1)
    whole.step()
    again.step()
    for first, second in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(first, second)


def test_lora_is_refused(config):
    with pytest.raises(ConfigError, match=r"optimizer muon: .* use adamw"):
        train_sft(config(method="lora", optimizer="muon"))
