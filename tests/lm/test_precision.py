"""bfloat16 on a CPU is measured, kept for the machine, and never chosen for narrow models."""

import json
import logging

import pytest
import torch
from cpu_time import cpu_limit
from transformers import LlamaConfig

from facsim.lm import precision
from facsim.lm.precision import cpu_dtype, measured_speedup

WIDE = LlamaConfig(hidden_size=576, intermediate_size=1536)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The file with what was measured."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "facsim" / "cpu_precision.json"


def test_narrow_models_are_computed_in_float32_without_measuring(kept):
    assert cpu_dtype(LlamaConfig(hidden_size=128, intermediate_size=256)) == torch.float32
    assert not kept.exists()


def test_what_was_measured_is_kept_and_said(kept, caplog):
    with caplog.at_level(logging.WARNING):
        first = cpu_dtype(WIDE)
    ((_, speedup),) = json.loads(kept.read_text()).items()
    assert speedup > 0
    assert (first == torch.bfloat16) == (speedup >= 1.2)
    assert f"{speedup:.1f} times as fast" in caplog.text
    assert str(first).removeprefix("torch.") in caplog.text
    assert cpu_dtype(WIDE) == first


@pytest.mark.parametrize(
    ("speedup", "dtype"), [(0.4, torch.float32), (1.1, torch.float32), (1.8, torch.bfloat16)]
)
def test_the_faster_one_is_chosen_as_before_on_this_machine(kept, speedup, dtype):
    cpu_dtype(WIDE)
    kept.write_text(json.dumps(dict.fromkeys(json.loads(kept.read_text()), speedup)))
    assert cpu_dtype(WIDE) == dtype


@pytest.mark.parametrize("content", ["", "[]", '{"x": "y"}', "{"])
def test_a_damaged_file_is_measured_again(kept, content):
    kept.parent.mkdir(parents=True)
    kept.write_text(content)
    cpu_dtype(WIDE)
    assert len(json.loads(kept.read_text())) == 1


def test_measuring_takes_the_time_it_is_given():

    with cpu_limit(5):
        assert measured_speedup(576, 1536, seconds=0.1) > 0
    assert precision._SECONDS == 0.5
