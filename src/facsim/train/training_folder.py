"""The folder of a training: what can be resumed, and what is kept.

    OUT/                  the checkpoint, once training is done: a plain transformers folder
    OUT/training/         while it goes on
        config.json       what identifies the training
        rows.arrow        the sequences
        checkpoint-N/     weights, optimizer, schedule and random state after step N: the last one only
        best/             the weights that validated best so far

Folders are written under another name and renamed, so each is whole or not there, whatever happens. The last
checkpoint goes only after the next one is in place.
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

WORK: Final = "training"
SCORE_FILE: Final = "validation.json"
"""How the best weights validated, beside them."""

ROWS_INFO: Final = "rows.json"
"""What was counted of the rows; without it they are made again."""

_PREFIX: Final = "checkpoint-"
_STATE: Final = "trainer_state.json"
_PICKLED: Final = "training_args.bin"
_CONFIG_PARTIAL: Final = ".config.json.partial"


class TrainingFolder:
    """Paths and renames.

    Args:
        out: the folder of the checkpoint to be.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.work = out / WORK
        self.rows = self.work / "rows.arrow"
        self.config = self.work / "config.json"
        self.staging = self.work / ".partial"
        self.best_folder = self.work / "best"
        self._old_best = self.work / ".old"
        self._done = out / f".{WORK}"

    @property
    def is_begun(self) -> bool:
        """Whether a training has come to something here that could be lost, and is not done."""
        kept = (self.best_folder, self._old_best, self.checkpoint())
        return any(folder is not None and folder.exists() for folder in kept)

    @property
    def is_done(self) -> bool:
        """Whether a training was finished here."""
        return (self.out / REPORT_FILE).is_file() and not self.work.exists()

    @contextmanager
    def held(self, *, resume: bool, is_holder: bool = True) -> Iterator[None]:
        """Make the folder, or find a training in it, and hold it for one training.

        The system lets go of it when the process ends, however it ends.

        Args:
            resume: whether to go on with a training that is there.
            is_holder: whether this process holds it; of several that train together one does.

        Raises:
            ConfigError: if it holds something else, or a training that is not to go on, or that another
                process is at.
            FacsimError: if it cannot be made.
        """
        if not is_holder:
            yield
            return
        self._check_place(resume=resume)
        try:
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FacsimError(f"{self.out}: cannot be written: {error.strerror}") from None
        with FolderLock(self.work):
            yield

    def _check_place(self, *, resume: bool) -> None:
        if self.out.exists() and not self.out.is_dir():
            raise ConfigError(f"{self.out} is a file. Choose a folder for the checkpoint")
        if self.is_begun:
            if not resume:
                raise ConfigError(
                    f"{self.out} holds a training. Continue it with --resume, or choose another folder"
                )
        elif self.out.is_dir() and (
            {file.name for file in self.out.iterdir()} - {WORK} or self._is_foreign()
        ):
            raise ConfigError(f"{self.out} exists and is not a training to resume. Choose another folder")

    def _is_foreign(self) -> bool:
        """Whether `training/` is somebody else's folder of that name, not to be cleared away."""
        if not self.work.is_dir():
            return self.work.exists()
        if self.config.is_file():
            return not {"base", "content_hash"} <= (self._identity() or {}).keys()
        return bool({file.name for file in self.work.iterdir()} - {LOCK_FILE, _CONFIG_PARTIAL})

    def begin(self, identity: Mapping[str, Any]) -> None:
        """Write down which training this is, or check that it is the one that was begun.

        What a killed process left half done is put right. A training that never came to a first checkpoint is
        forgotten if it was another one: it may well have been its settings that ended it.

        Raises:
            ConfigError: if another training was begun; what differs is named.
            InputError: if what is written of it cannot be read.
        """
        now = json.loads(json.dumps(identity))
        before = self._identity()
        if before == now:
            self._tidy()
            return
        if self.is_begun:
            before = before or {}
            changes = ", ".join(
                f"{key} ({before.get(key)!r} → {now.get(key)!r})"
                for key in sorted({*before, *now})
                if before.get(key) != now.get(key)
            )
            raise ConfigError(
                f"{self.out} holds another training: {changes}. Use the same settings, or another folder"
            )
        # A kill in between leaves a config.json beside no rows, or nothing.
        for left in sorted(
            self.work.iterdir(), key=lambda file: (file == self.config, file.name != ROWS_INFO)
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
        """Remove what a killed process left half done; put back what it had moved aside."""
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
        """The latest one."""
        found = [path for path in self.work.glob(f"{_PREFIX}*") if path.name[len(_PREFIX) :].isdigit()]
        return max(found, key=lambda path: int(path.name[len(_PREFIX) :]), default=None)

    def clear_staging(self) -> None:
        """Remove what was not finished."""
        shutil.rmtree(self.staging, ignore_errors=True)

    def clear_finished(self) -> None:
        """Remove what a process that was killed at the very end left."""
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
        """Put the staged weights in the place of the best ones."""
        content = json.dumps({"step": step, **score.to_dict()})
        (self.staging / SCORE_FILE).write_text(content + "\n", encoding="utf-8")
        self._put_best()

    def keep_last(self) -> None:
        """Take the weights of the last checkpoint for the best ones, where nothing chose any."""
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
        """How well the weights that are kept validated, and after which step; None if there are none."""
        file = self.best_folder / SCORE_FILE
        if not file.is_file():
            return None
        found = json.loads(file.read_text(encoding="utf-8"))
        step = found.pop("step")
        return ValidationScore(**found), step

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Turns a full disk into a sentence that says what is safe.

        Torch and safetensors raise errors of their own for a disk that is full.
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
        """What is safe after a fault, and how to go on from it."""
        last = self.checkpoint()
        if last is None:
            return "No checkpoint was written yet."
        return f"The checkpoint after step {last.name[len(_PREFIX) :]} is whole: --resume goes on from there."

    def finish(self) -> None:
        """Remove what only a training that goes on needs: in one move, so that it is done or not."""
        self.work.rename(self._done)
        shutil.rmtree(self._done, ignore_errors=True)


def _is_of_writing(error: RuntimeError) -> bool:
    """Whether torch could not write a file: it says so in words only."""
    text = str(error)
    return any(sign in text for sign in ("PytorchStreamWriter", "inline_container", "No space left"))


def _to_disk(folder: Path) -> None:
    """Have the operating system write a folder's files, so that a rename never precedes what it names."""
    for file in [*folder.rglob("*"), folder]:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
