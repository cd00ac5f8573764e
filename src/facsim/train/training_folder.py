"""The folder of a training: what can be resumed, and what is kept.

    OUT/                  the checkpoint, once training is done: a plain transformers folder
    OUT/training/         during training
        config.json       settings that identify the training
        examples.arrow    the training examples
        checkpoint-N/     weights, optimizer, schedule and random state after step N: the last one only
        best/             the best weights so far, by validation

Folders are written under a temporary name and renamed, so each is complete or absent, whatever happens. The
last checkpoint is removed only after the next one is in place.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from facsim.train.report import REPORT_FILE
from facsim.train.validation import ValidationScore
from facsim.util.errors import ConfigError, FacsimError, InputError
from facsim.util.files import LOCK_FILE, FolderLock, write_atomically
from facsim.util.setting_differences import check_same_settings
from facsim.util.store_addresses import require_folder

WORK: Final = "training"
SCORE_FILE: Final = "validation.json"
"""The validation score of the best weights, beside them."""

EXAMPLES_INFO: Final = "examples.json"
"""The counts of the training examples; without it they are built again."""

_PREFIX: Final = "checkpoint-"
_STATE: Final = "trainer_state.json"
_PICKLED: Final = "training_args.bin"
_CONFIG_PARTIAL: Final = ".config.json.partial"


class TrainingFolder:
    """The paths in a training's folder, and the renames that keep it consistent.

    Args:
        out: the folder of the checkpoint to be.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.work = out / WORK
        self.examples = self.work / "examples.arrow"
        self.config = self.work / "config.json"
        self.staging = self.work / ".partial"
        self.best_folder = self.work / "best"
        self._old_best = self.work / ".old"
        self._done = out / f".{WORK}"

    @property
    def is_begun(self) -> bool:
        """Whether the folder contains an unfinished training with progress that could be lost."""
        kept = (self.best_folder, self._old_best, self.checkpoint())
        return any(folder is not None and folder.exists() for folder in kept)

    @property
    def is_done(self) -> bool:
        """Whether the folder contains a finished training."""
        return (self.out / REPORT_FILE).is_file() and not self.work.exists()

    @contextmanager
    def held(self, *, resume: bool, is_holder: bool = True) -> Iterator[None]:
        """Create the folder, or find a training in it, and lock it for this training.

        The operating system releases the lock when the process ends, however it ends.

        Args:
            resume: whether to continue a training in it.
            is_holder: whether this process takes the lock; one of several that train together does.

        Raises:
            ConfigError: if it contains something else, or a training while `resume` is false, or if another
                process has the lock.
            FacsimError: if it cannot be created.
        """
        if not is_holder:
            yield
            return
        require_folder(self.out, "a training is written")
        self._check_folder(resume=resume)
        try:
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FacsimError(f"{self.out}: cannot be written: {error.strerror}") from None
        with FolderLock(self.work):
            yield

    def _check_folder(self, *, resume: bool) -> None:
        if self.out.exists() and not self.out.is_dir():
            raise ConfigError(f"{self.out} is a file. Choose a folder for the checkpoint")
        if self.is_begun:
            if not resume:
                raise ConfigError(
                    f"{self.out} contains a training. Continue it with --resume, or choose another folder"
                )
        elif self.out.is_dir() and (
            {file.name for file in self.out.iterdir()} - {WORK} or self._is_foreign()
        ):
            raise ConfigError(f"{self.out} exists and is not a training to resume. Choose another folder")

    def _is_foreign(self) -> bool:
        """Whether `training/` is another program's folder of that name, which must not be removed."""
        if not self.work.is_dir():
            return self.work.exists()
        if self.config.is_file():
            return not {"base", "content_hash"} <= (self._identity() or {}).keys()
        return bool({file.name for file in self.work.iterdir()} - {LOCK_FILE, _CONFIG_PARTIAL})

    def begin(self, identity: Mapping[str, Any]) -> None:
        """Record which training this is, or check that it is the one in the folder.

        Whatever a killed process left unfinished is repaired. A training with other settings that never
        reached a first checkpoint is discarded: its settings may well have ended it.

        Raises:
            ConfigError: if the folder contains a training with other settings, which are named.
            InputError: if its settings cannot be read.
        """
        now = json.loads(json.dumps(identity))
        before = self._identity()
        if before == now:
            self._tidy()
            return
        if self.is_begun:
            check_same_settings(self.out, before or {}, now)
        # A kill in between leaves a config.json without examples, or nothing.
        for left in sorted(
            self.work.iterdir(), key=lambda file: (file == self.config, file.name != EXAMPLES_INFO)
        ):
            if left.is_dir():
                shutil.rmtree(left)
            elif left.name != LOCK_FILE:
                left.unlink()
        write_atomically(self.config, json.dumps(now, indent=2, ensure_ascii=False) + "\n")

    def _identity(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self.config.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise InputError(f"cannot be read: {error}", file=self.config) from None
        return found if isinstance(found, dict) else {}

    def _tidy(self) -> None:
        """Remove what a killed process left unfinished; restore what it had moved away."""
        self.clear_staging()
        if self._old_best.exists():
            if self.best_folder.exists():
                shutil.rmtree(self._old_best)
            else:
                self._old_best.rename(self.best_folder)

    def is_trained(self) -> bool:
        """Whether the latest checkpoint is that of the last step."""
        last = self.checkpoint()
        if last is None:
            return False
        state = json.loads((last / _STATE).read_text(encoding="utf-8"))
        return bool(state["global_step"] >= state["max_steps"])

    def checkpoint(self) -> Path | None:
        """The latest checkpoint."""
        found = [path for path in self.work.glob(f"{_PREFIX}*") if path.name[len(_PREFIX) :].isdigit()]
        return max(found, key=lambda path: int(path.name[len(_PREFIX) :]), default=None)

    def clear_staging(self) -> None:
        """Remove unfinished files."""
        shutil.rmtree(self.staging, ignore_errors=True)

    def clear_finished(self) -> None:
        """Remove what a process killed at the very end left."""
        shutil.rmtree(self._done, ignore_errors=True)

    def keep_checkpoint(self, step: int) -> None:
        """Put the staged checkpoint in place, then remove older ones."""
        place = self.work / f"{_PREFIX}{step}"
        staged = self.staging / place.name
        (staged / _PICKLED).unlink(missing_ok=True)
        _to_disk(staged)
        if place.exists():
            shutil.rmtree(place)
        staged.rename(place)
        for other in self.work.glob(f"{_PREFIX}*"):
            if other != place:
                shutil.rmtree(other, ignore_errors=True)
        self.clear_staging()

    def keep_best(self, score: ValidationScore, step: int) -> None:
        """Replace the best weights by the staged ones."""
        content = json.dumps({"step": step, **score.to_dict()})
        (self.staging / SCORE_FILE).write_text(content + "\n", encoding="utf-8")
        self._put_best()

    def keep_last(self) -> None:
        """Use the weights of the last checkpoint as the best ones, where there is no validation."""
        last = self.checkpoint()
        assert last is not None
        self.clear_staging()
        self.staging.mkdir()
        for file in last.iterdir():
            if file.is_file() and file.suffix in (".json", ".safetensors", ".jinja", ".txt", ".model"):
                shutil.copyfile(file, self.staging / file.name)
        (self.staging / _STATE).unlink(missing_ok=True)
        self._put_best()

    def _put_best(self) -> None:
        (self.staging / _PICKLED).unlink(missing_ok=True)
        _to_disk(self.staging)
        if self.best_folder.exists():
            self.best_folder.rename(self._old_best)
        self.staging.rename(self.best_folder)
        shutil.rmtree(self._old_best, ignore_errors=True)

    def best(self) -> tuple[ValidationScore, int] | None:
        """The validation score of the best weights, and their step; None if there are none."""
        file = self.best_folder / SCORE_FILE
        if not file.is_file():
            return None
        found = json.loads(file.read_text(encoding="utf-8"))
        step = found.pop("step")
        return ValidationScore(**found), step

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Turn a full disk into an error that says what is safe.

        Torch and safetensors raise errors of their own when a disk is full.
        """
        from safetensors import SafetensorError  # noqa: PLC0415

        try:
            yield
        except (OSError, SafetensorError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not _is_of_writing(error):
                raise
            self.clear_staging()
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            raise FacsimError(
                f"{self.work}: {what} cannot be written: {reason.splitlines()[0][:200]}. {self.remedy()}"
            ) from error

    def remedy(self) -> str:
        """What is safe after an error, and how to continue."""
        last = self.checkpoint()
        if last is None:
            return "No checkpoint was written yet."
        step = last.name[len(_PREFIX) :]
        return f"The checkpoint after step {step} is complete: --resume continues from there."

    def finish(self) -> None:
        """Remove what only a resumed training needs, in one rename: the training is either done or not."""
        self.work.rename(self._done)
        shutil.rmtree(self._done, ignore_errors=True)


def _is_of_writing(error: RuntimeError) -> bool:
    """Whether torch failed to write a file; only the message tells."""
    text = str(error)
    return any(sign in text for sign in ("PytorchStreamWriter", "inline_container", "No space left"))


def _to_disk(folder: Path) -> None:
    """Flush a folder's files to disk, so that a rename never precedes their content."""
    for file in [*folder.rglob("*"), folder]:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
