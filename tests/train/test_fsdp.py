"""Two processes that shard the weights learn what one learns."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from facsim.train import TrainingReport, train_sft

PROGRAM = Path(__file__).parent / "programs" / "sharded.py"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_give_the_loss_curve_of_one(config, tmp_path):
    """FSDP 2 over gloo. Sums are computed in another order, so curves are equal up to rounding."""
    one = config(out_name="one", epochs=2, cpu=True, optimizer="adamw")
    train_sft(one)
    two = one.model_copy(update={"out": tmp_path / "two"})
    (tmp_path / "two.json").write_text(two.model_dump_json())
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"),
            *("--master_port", str(free_port()), PROGRAM, tmp_path / "two.json"),
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    alone, together = TrainingReport.read(one.out), TrainingReport.read(two.out)
    assert together.processes == 2
    assert [entry["loss"] for entry in together.losses] == pytest.approx(
        [entry["loss"] for entry in alone.losses], rel=1e-3
    )
    assert [entry["accuracy"] for entry in together.accuracies] == [
        entry["accuracy"] for entry in alone.accuracies
    ]
    first, second = load_file(one.out / "model.safetensors"), load_file(two.out / "model.safetensors")
    # A tied head is stored a second time by a sharded model.
    assert second.keys() - first.keys() <= {"lm_head.weight"}
    for name, tensor in first.items():
        assert (tensor - second[name]).abs().max() < 1e-2
