"""Training on a Ray cluster of this machine: what two workers learn, and what happens when one is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from accelerate.commands.launch import launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env

pytest.importorskip("ray", reason="Ray is not installed (pip install 'facsim[ray]')")

from small_ray import small_cluster

from facsim.train import TrainingReport, train_sft
from facsim.train.config import SftConfig
from facsim.train.launch import accelerate_config, fsdp_environment
from facsim.util.errors import ConfigError


def test_processes_shard_as_accelerate_launch_says(tmp_path: Path) -> None:
    (tmp_path / "fsdp.yaml").write_text(accelerate_config(8))
    from accelerate.commands.launch import _validate_launch_command

    parsed = launch_command_parser().parse_args(["--config_file", str(tmp_path / "fsdp.yaml"), "train.py"])
    launched = prepare_multi_gpu_env(_validate_launch_command(parsed)[0])
    assert {name: launched[name] for name in fsdp_environment()} == fsdp_environment()


@pytest.mark.parametrize("workers", [0, -1])
def test_a_number_of_workers_that_is_none_is_refused(tmp_path: Path, workers: int) -> None:
    config = SftConfig.of(tmp_path / "data", "tiny", tmp_path / "out")
    with pytest.raises(ConfigError, match=f"workers {workers}: expected 1 or more"):
        train_sft(config, on="ray://127.0.0.1:9", workers=workers)


# Ray ends the process that started it when its own raylet ends: not in a process with other tests.
@pytest.fixture(scope="module")
def on():
    with small_cluster(num_cpus=3) as cluster:
        import ray

        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield f"ray://{cluster.address}"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_workers_give_the_loss_curve_of_one_process(on, config, tmp_path):
    one = config(out_name="one", cpu=True, optimizer="adamw")
    train_sft(one)
    two = config(out_name="two", cpu=True, optimizer="adamw")
    seen = []
    report = train_sft(two, on=on, workers=2, progress=lambda done, total, note="": seen.append(done))
    alone = TrainingReport.read(one.out)
    assert report.processes == 2
    assert [entry["loss"] for entry in report.losses] == pytest.approx(
        [entry["loss"] for entry in alone.losses], rel=1e-3
    )
    assert [entry["accuracy"] for entry in report.accuracies] == [
        entry["accuracy"] for entry in alone.accuracies
    ]
    assert seen, "no progress came from the workers"
    assert sorted(path.name for path in two.out.iterdir()) == sorted(path.name for path in one.out.iterdir())
    assert not list(tmp_path.glob(".two.ray"))
    # A finished training is returned, and another command is refused.
    assert train_sft(two, on=on, workers=2, resume=True).losses == report.losses
    with pytest.raises(ConfigError, match="resume"):
        train_sft(two, on=on, workers=2)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_worker_resumes(on, config):
    made = config(cpu=True, optimizer="adamw", epochs=6.0, save_every=2, validations=1)
    killed = []

    def kill_one() -> None:
        """Kill a process of the training once there is a checkpoint."""
        while not any(made.out.glob("training/checkpoint-*")):
            time.sleep(0.05)
        found = subprocess.run(["pgrep", "-f", "RayTrainWorker"], capture_output=True, text=True, check=False)
        for pid in found.stdout.split()[:1]:
            os.kill(int(pid), signal.SIGKILL)
            killed.append(pid)

    thread = threading.Thread(target=kill_one)
    thread.start()
    report = train_sft(made, on=on, workers=2)
    thread.join()
    assert killed
    calm = config(out_name="calm", cpu=True, optimizer="adamw", epochs=6.0, save_every=2, validations=1)
    undisturbed = train_sft(calm, on=on, workers=2)
    assert [entry["loss"] for entry in report.losses] == pytest.approx(
        [entry["loss"] for entry in undisturbed.losses]
    )


@pytest.mark.slow
def test_what_cannot_run_is_refused_before_processes_start(on, config):
    with pytest.raises(ConfigError, match="9 workers need as many CPU cores: the cluster has 3"):
        train_sft(config(cpu=True), on=on, workers=9)
    with pytest.raises(ConfigError, match="only on a cluster"):
        train_sft(config(), workers=2)
