"""TRL's SFTTrainer for whole sessions: loss at answers, the real metric, whole checkpoints, clear faults."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback
from trl import SFTConfig as TrlConfig
from trl import SFTTrainer

from facsim.train.example_file import IGNORED
from facsim.train.muon import MuonAdamW
from facsim.train.training_folder import TrainingFolder
from facsim.train.validation import Validation, ValidationScore
from facsim.util.errors import FacsimError
from facsim.util.progress import Progress

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, TrainerControl, TrainerState


class SessionTrainer(SFTTrainer):  # type: ignore[misc] # the library is not typed
    """An `SFTTrainer` over rows that are tokens already.

    Args:
        model: to be trained.
        args: TRL's settings.
        rows: columns `session_id`, `input_ids`, `labels`; unpacked, whatever is trained on.
        train_dataset: the sequences, packed or not.
        validation: what chooses the weights that are kept; None: nothing does.
        folder: where checkpoints go.
        is_muon: whether Muon trains the matrices of the layers.
        options: further ones of `SFTTrainer`.
    """

    optimizer: torch.optim.Optimizer | None

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrlConfig,
        *,
        rows: Dataset,
        train_dataset: Dataset,
        validation: Validation | None,
        folder: TrainingFolder,
        is_muon: bool = False,
        **options: Any,
    ) -> None:
        self._is_muon = is_muon
        super().__init__(model, args, train_dataset=train_dataset, **options)
        self._rows, self._validation, self._folder = rows, validation, folder
        self._staging: Path | None = None
        self._since_step: list[torch.Tensor] = []
        self._began = time.perf_counter()
        self._seconds_before = self._trained_for = 0.0
        self._tokens = 0
        self._aside = 0.0
        self.best: tuple[ValidationScore, int] | None = folder.best()

    def create_optimizer(self, model: PreTrainedModel | None = None) -> torch.optim.Optimizer:
        """The optimizer that the configuration names."""
        if self._is_muon and self.optimizer is None:
            rate, decay = self.args.learning_rate, self.args.weight_decay
            self.optimizer = MuonAdamW(model or self.model, rate, weight_decay=decay)
        optimizer: torch.optim.Optimizer = super().create_optimizer(model)
        return optimizer

    # --- the loss

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The mean negative log-likelihood of the trained tokens of a step.

        On CUDA TRL's fused head computes it from the trained positions. Elsewhere TRL projects every position
        onto the vocabulary; here only those before trained tokens are, which is what most of a small model's
        time goes into.
        """
        self._since_step.append(inputs["input_ids"])
        self._tokens += inputs["input_ids"].numel()
        if inputs["input_ids"].is_cuda or inputs["input_ids"].shape[0] != 1 or self.aux_loss_enabled:
            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        else:
            loss = self._loss_at_answers(model, inputs, num_items_in_batch)
        if not math.isfinite(float(loss.detach())):
            raise self._diverged("loss", float(loss.detach()), [inputs["input_ids"]])
        return loss

    def _loss_at_answers(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | None
    ) -> torch.Tensor:
        said = inputs["labels"][0, 1:]
        places = (said != IGNORED).nonzero().squeeze(1)
        shown = {name: value for name, value in inputs.items() if name not in ("labels", "use_cache")}
        # Packed sessions stay apart by their positions; that needs the cache switched off.
        logits = model(**shown, use_cache=False, logits_to_keep=places).logits[0]
        loss = torch.nn.functional.cross_entropy(logits.float(), said[places], reduction="sum")
        total = places.numel() if num_items_in_batch is None else num_items_in_batch
        loss = loss / total
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return loss

    def _clip_grad_norm(self, model: torch.nn.Module) -> torch.Tensor:
        norm = super()._clip_grad_norm(model)
        value = float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)
        if not math.isfinite(value):
            raise self._diverged("gradient", value, self._since_step)
        self._since_step = []
        return norm

    def _diverged(self, what: str, value: float, batches: list[torch.Tensor]) -> FacsimError:
        """Names the sessions of some batches, found again by their tokens."""
        sequences = [tuple(row.tolist()) for batch in batches for row in batch.cpu()]
        ids = [
            row["session_id"]
            for row in self._rows
            if any(_holds(sequence, tuple(row["input_ids"])) for sequence in sequences)
        ]
        names = ", ".join(dict.fromkeys(ids))
        return FacsimError(
            f"the {what} became {value} at step {self.state.global_step + 1}, on session {names}. "
            f"{self._folder.remedy()} Try a smaller learning rate, or look at that session with "
            "facsim train check --session"
        )

    # --- validation

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Score the validation sessions, and keep the weights if they are the best so far."""
        if self._validation is None:
            return {}
        began = time.perf_counter()
        with self.compute_loss_context_manager():
            score = self._validation.score(
                self.model, rank=self.args.process_index, ranks=self.args.world_size
            )
        self.model.train(True)
        if self.best is None or score.beats(self.best[0]):
            self.best = (score, self.state.global_step)
            self._keep_best(score)
        found = {f"validation_{name}": value for name, value in score.to_dict().items()}
        self._aside += time.perf_counter() - began
        self.log(dict(found))
        self.control: TrainerControl = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, found
        )
        return found

    def _keep_best(self, score: ValidationScore) -> None:
        with self._folder.writing("the best weights so far"):
            if self.args.should_save:
                self._folder.clear_staging()
            self.accelerator.wait_for_everyone()
            self.save_model(str(self._folder.staging), _internal_call=True)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                self._folder.keep_best(score, self.state.global_step)

    # --- checkpoints

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._staging or super()._get_output_dir(trial))

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        """Write a checkpoint beside its place, then rename it: there is a whole one at any time."""
        began = time.perf_counter()
        with self._folder.writing("a checkpoint"):
            if self.args.should_save:
                self._folder.clear_staging()
            self.accelerator.wait_for_everyone()
            self._staging = self._folder.staging
            try:
                super()._save_checkpoint(model, trial)
            finally:
                self._staging = None
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                self._folder.keep_checkpoint(self.state.global_step)
            self.accelerator.wait_for_everyone()
        self._aside += time.perf_counter() - began

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Facsim writes its own."""

    # --- the record

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Record, with the seconds and tokens of training up to now, those before a resume included."""
        self._trained_for = time.perf_counter() - self._began
        logs["seconds"] = round(self._seconds_before + self._trained_for, 3)
        super().log(logs, start_time)

    @property
    def tokens_per_second(self) -> float:
        """Trained on by all processes, since this process began; validation and saving not counted."""
        tokens: int = self._tokens * self.args.world_size
        return tokens / max(self._trained_for - self._aside, 1e-9)

    def begin(self) -> None:
        """Start the clock, after what an earlier process has trained."""
        history = self.state.log_history
        self._seconds_before = max((entry.get("seconds", 0.0) for entry in history), default=0.0)
        self._began = time.perf_counter()


def _holds(sequence: tuple[int, ...], tokens: tuple[int, ...]) -> bool:
    """Whether a sequence, perhaps packed, holds a row."""
    first = tokens[0]
    size = len(tokens)
    return any(
        token == first and sequence[place : place + size] == tokens
        for place, token in enumerate(sequence[: len(sequence) - size + 1])
    )


class Conductor(TrainerCallback):  # type: ignore[misc] # the library is not typed
    """Says when to validate and to save, stops in good order, and tells how far it is.

    Args:
        validations: how many times the validation part is scored.
        save_every: steps between checkpoints; None: with every validation.
        should_stop: whether a signal asked to stop.
        progress: told about sequences.
    """

    def __init__(
        self,
        *,
        validations: int,
        save_every: int | None,
        should_stop: Callable[[], bool],
        progress: Progress,
    ) -> None:
        self._validations, self._save_every = validations, save_every
        self._should_stop, self._progress = should_stop, progress
        self._substeps = 0
        self.trainer: SessionTrainer | None = None

    def on_train_begin(self, _args: TrlConfig, state: TrainerState, *_: Any, **__: Any) -> None:
        """Score the model as it came, once."""
        assert self.trainer is not None
        self.trainer.begin()
        if not state.global_step:
            self.trainer.evaluate()

    def on_substep_end(self, args: TrlConfig, state: TrainerState, *_: Any, **__: Any) -> None:
        """Tell how far it is."""
        self._substeps += 1
        self._tell(args, state)

    def on_step_end(
        self, args: TrlConfig, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Decide what happens after this step."""
        self._substeps = 0
        step, last = state.global_step, state.max_steps
        due = {round(last * number / self._validations) for number in range(1, self._validations + 1)}
        control.should_evaluate = step in due
        control.should_save = step in due if self._save_every is None else step % self._save_every == 0
        stop = self._stop_everywhere(args)
        if stop or step >= last:
            control.should_save = control.should_training_stop = True
        self._tell(args, state)
        return control

    def _stop_everywhere(self, args: TrlConfig) -> bool:
        """Whether any process was asked to stop: then all do, at the same step."""
        if args.world_size == 1:
            return self._should_stop()
        asked = torch.tensor(float(self._should_stop()), device=args.device)
        torch.distributed.all_reduce(asked)
        return bool(asked.item())

    def _tell(self, args: TrlConfig, state: TrainerState) -> None:
        per_step = args.gradient_accumulation_steps
        done = state.global_step * per_step + self._substeps
        self._progress(done * args.world_size, state.max_steps * per_step * args.world_size, _note(state))


def _note(state: TrainerState) -> str:
    """The latest loss and accuracy, in words."""
    parts = []
    for key, form in (("loss", "loss {:.3f}"), ("validation_accuracy", "accuracy {:.1%}")):
        value = next((entry[key] for entry in reversed(state.log_history) if key in entry), None)
        if value is not None:
            parts.append(form.format(value))
    return " · ".join(parts)
