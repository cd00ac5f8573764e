"""Kills, full disks, NaN losses: the last checkpoint is complete, and resuming ends with the same weights."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_training import make_model

from facsim.train import train_sft, training_folder
from facsim.util.errors import FacsimError

PROGRAM = Path(__file__).parent / "programs" / "train.py"


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, shop, small_model):
    """An uninterrupted training: its configuration and final weights."""
    from facsim.train import SftConfig

    config = SftConfig.of(
        shop,
        str(small_model),
        tmp_path_factory.mktemp("undisturbed") / "out",
        preset="tiny",
        context_tokens=1024,
        epochs=2,
        global_batch=4,
        sessions=10,
        validation_sessions=2,
        validations=2,
        save_every=2,
    )
    report = train_sft(config)
    assert report.steps == 6  # two and a half batches an epoch
    return config, weights(config.out)


@pytest.mark.parametrize("step", [3])
def test_killed_and_resumed_training_ends_with_the_same_weights(undisturbed, tmp_path, step):
    config, expected = undisturbed
    mine = config.model_copy(update={"out": tmp_path / "out"})
    (tmp_path / "config.json").write_text(mine.model_dump_json())
    died = subprocess.run(
        [sys.executable, PROGRAM, tmp_path / "config.json", str(step)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr[-2000:]
    assert [path.name for path in (mine.out / "training").glob("checkpoint-*")] == ["checkpoint-2"]
    train_sft(mine, resume=True)
    assert weights(mine.out) == expected


class Killed(BaseException):
    """Ends everything at once; nothing catches it, as nothing catches SIGKILL."""


@pytest.mark.parametrize(
    "moment",
    [pytest.param(moment, marks=[] if moment in (6, 16) else pytest.mark.slow) for moment in range(0, 30, 2)],
)
def test_a_kill_at_any_write_loses_nothing(undisturbed, tmp_path, monkeypatch, moment):
    """The process dies just before one of the renames that put checkpoints and the result in place."""
    config, expected = undisturbed
    mine = config.model_copy(update={"out": tmp_path / "out"})
    moves = []

    def counted(move):
        def moved(*arguments, **options):
            if len(moves) == moment:
                raise Killed
            moves.append(move.__name__)
            return move(*arguments, **options)

        return moved

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", counted(Path.rename))
        patch.setattr(training_folder.shutil, "rmtree", counted(shutil.rmtree))
        try:
            train_sft(mine)
        except Killed:
            pass
        else:
            pytest.skip(f"there are only {len(moves)} moves")
    train_sft(mine, resume=True)
    assert weights(mine.out) == expected
    assert not (mine.out / "training").exists()


def poisoned(folder, name="model.norm.weight"):
    """A model whose every output is NaN."""
    state = load_file(folder / "model.safetensors")
    state[name] = torch.full_like(state[name], float("nan"))
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_a_nan_loss_stops_and_names_the_session(config, tmp_path):
    model = poisoned(make_model(tmp_path / "poisoned"))
    with pytest.raises(
        FacsimError, match=r"the loss became nan at step 1, on session s\d+-\d\. No checkpoint"
    ):
        train_sft(config(model=str(model), validation_sessions=0))


def test_validation_refuses_a_model_that_predicts_nothing(config, tmp_path):
    """Its probabilities would be 1, and the best of all."""
    model = poisoned(make_model(tmp_path / "poisoned"))
    with pytest.raises(FacsimError, match=r"session s\d+-\d, step \d: the model's logits are NaN"):
        train_sft(config(model=str(model)))


def test_a_packed_batch_names_every_session_in_it(config, tmp_path):
    model = poisoned(make_model(tmp_path / "poisoned"))
    with pytest.raises(FacsimError, match=r"on session (s\d+-\d, )+s\d+-\d\."):
        train_sft(config(model=str(model), validation_sessions=0, packing=True, context_tokens=4096))


def test_a_nan_gradient_stops_too(config, monkeypatch):
    """A loss may be finite where its gradient is not; the step is never taken."""
    from facsim.train.trainer import SessionTrainer

    plain = SessionTrainer.training_step

    def spoil(trainer, *arguments, **options):
        loss = plain(trainer, *arguments, **options)
        if trainer.state.global_step == 2:
            next(trainer.model.parameters()).grad[0, 0] = float("inf")
        return loss

    monkeypatch.setattr(SessionTrainer, "training_step", spoil)
    settings = config(save_every=1)
    with pytest.raises(
        FacsimError, match=r"the gradient became (inf|nan) at step 3, on session s.*step 2 is complete"
    ):
        train_sft(settings)
    monkeypatch.undo()
    assert train_sft(settings, resume=True).steps == 4


@pytest.fixture
def small_disk(tmp_path):
    """A file system of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_keeps_the_last_good_checkpoint(undisturbed, small_disk):
    """Another program fills the disk after the first checkpoint; with room again, training resumes."""
    config, expected = undisturbed
    mine = config.model_copy(update={"out": small_disk / "out"})
    ballast = small_disk / "ballast"

    def progress(done, total, note=""):
        if note != "sessions" and done == 9:
            file = os.open(ballast, os.O_WRONLY | os.O_CREAT)
            with contextlib.suppress(OSError):
                while True:
                    os.write(file, bytes(1024))
            os.close(file)

    with pytest.raises(
        FacsimError, match=r"cannot be written: .*after step 2 is complete: --resume continues"
    ):
        train_sft(mine, progress=progress)
    work = mine.out / "training"
    assert (work / "checkpoint-2" / "trainer_state.json").is_file()
    assert not (work / ".partial").exists()
    ballast.unlink()
    train_sft(mine, resume=True)
    assert weights(mine.out) == expected


def test_one_folder_is_trained_by_one_process(undisturbed, tmp_path):
    import fcntl

    from facsim.util.errors import ConfigError

    config, _ = undisturbed
    mine = config.model_copy(update={"out": tmp_path / "out"})
    (mine.out / "training").mkdir(parents=True)
    with (mine.out / "training" / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="training is being written by another process"):
            train_sft(mine, resume=True)
