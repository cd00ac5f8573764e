"""TRL's SFTTrainer for whole sessions: loss on answers, the real metric, atomic checkpoints, clear errors."""

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

from facsim.train.example_file import IGNORE_INDEX
from facsim.train.muon import MuonAdamW
from facsim.train.training_folder import TrainingFolder
from facsim.train.validation import Validation, ValidationScore
from facsim.util.errors import FacsimError
from facsim.util.progress import Progress

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, TrainerControl, TrainerState


class SessionTrainer(SFTTrainer):  # type: ignore[misc] # the library is not typed
    """An `SFTTrainer` over examples that are tokenized already.

    Args:
        model: the model to train.
        args: TRL's settings.
        examples: columns `session_id`, `input_ids`, `labels`; not packed.
        train_dataset: the examples, packed or not.
        validation: chooses the weights that are kept; None: the last ones are.
        folder: where checkpoints go.
        is_muon: whether Muon trains the matrices of the layers.
        options: further arguments of `SFTTrainer`.
    """

    optimizer: torch.optim.Optimizer | None

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrlConfig,
        *,
        examples: Dataset,
        train_dataset: Dataset,
        validation: Validation | None,
        folder: TrainingFolder,
        is_muon: bool = False,
        **options: Any,
    ) -> None:
        self._is_muon = is_muon
        super().__init__(model, args, train_dataset=train_dataset, **options)
        self._examples, self._validation, self._folder = examples, validation, folder
        self._staging: Path | None = None
        self._step_inputs: list[torch.Tensor] = []
        self._start = time.perf_counter()
        self._seconds_before = self._elapsed = 0.0
        self._tokens = 0
        self._not_training = 0.0
        self.best: tuple[ValidationScore, int] | None = folder.best()

    def create_optimizer(self, model: PreTrainedModel | None = None) -> torch.optim.Optimizer:
        """The configured optimizer."""
        if self._is_muon and self.optimizer is None:
            rate, decay = self.args.learning_rate, self.args.weight_decay
            self.optimizer = MuonAdamW(model or self.model, rate, weight_decay=decay)
        optimizer: torch.optim.Optimizer = super().create_optimizer(model)
        return optimizer

    # --- loss

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The mean negative log-likelihood of the trained tokens of an optimizer step.

        On CUDA, TRL's fused head computes logits at trained positions only. Elsewhere TRL projects every
        position onto the vocabulary, which takes most of a small model's time; here only those before trained
        tokens are.

        Args:
            model: the model, perhaps wrapped.
            inputs: `input_ids` and `labels`, both `(batch, tokens)`.
            return_outputs: as in `SFTTrainer`.
            num_items_in_batch: trained tokens in the whole step.

        Returns:
            A scalar.
        """
        self._step_inputs.append(inputs["input_ids"])
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
        """The loss (a scalar) of a batch of one example, with logits `(trained tokens, vocab)` only."""
        targets = inputs["labels"][0, 1:]
        positions = (targets != IGNORE_INDEX).nonzero().squeeze(1)
        visible = {name: value for name, value in inputs.items() if name not in ("labels", "use_cache")}
        # Position ids keep packed examples apart; that needs the KV cache switched off.
        logits = model(**visible, use_cache=False, logits_to_keep=positions).logits[0]
        loss = torch.nn.functional.cross_entropy(logits.float(), targets[positions], reduction="sum")
        total = positions.numel() if num_items_in_batch is None else num_items_in_batch
        loss = loss / total
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return loss

    def _clip_grad_norm(self, model: torch.nn.Module) -> torch.Tensor:
        norm = super()._clip_grad_norm(model)
        value = float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)
        if not math.isfinite(value):
            raise self._diverged("gradient", value, self._step_inputs)
        self._step_inputs = []
        return norm

    def _diverged(self, what: str, value: float, batches: list[torch.Tensor]) -> FacsimError:
        """An error that names the sessions of some batches `(batch, tokens)`, found by their tokens."""
        sequences = [tuple(row.tolist()) for batch in batches for row in batch.cpu()]
        ids = [
            example["session_id"]
            for example in self._examples
            if any(_contains(sequence, tuple(example["input_ids"])) for sequence in sequences)
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
        start = time.perf_counter()
        with self.compute_loss_context_manager():
            score = self._validation.score(
                self.model, rank=self.args.process_index, ranks=self.args.world_size
            )
        self.model.train(True)
        if self.best is None or score.beats(self.best[0]):
            self.best = (score, self.state.global_step)
            self._keep_best(score)
        found = {f"validation_{name}": value for name, value in score.to_dict().items()}
        self._not_training += time.perf_counter() - start
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
        """Write a checkpoint to a staging folder, then rename it: a complete one exists at any time."""
        start = time.perf_counter()
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
        self._not_training += time.perf_counter() - start

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Does nothing: Facsim writes its own model card."""

    # --- log

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the seconds of training so far, those before a resume included, and log."""
        self._elapsed = time.perf_counter() - self._start
        logs["seconds"] = round(self._seconds_before + self._elapsed, 3)
        super().log(logs, start_time)

    @property
    def tokens_per_second(self) -> float:
        """Training speed of all processes since this process started, without validation and saving."""
        tokens: int = self._tokens * self.args.world_size
        return tokens / max(self._elapsed - self._not_training, 1e-9)

    def begin(self) -> None:
        """Start the clock, after the time that earlier processes have trained."""
        history = self.state.log_history
        self._seconds_before = max((entry.get("seconds", 0.0) for entry in history), default=0.0)
        self._start = time.perf_counter()


def _contains(sequence: tuple[int, ...], tokens: tuple[int, ...]) -> bool:
    """Whether a sequence `(tokens,)`, perhaps packed, contains an example."""
    first = tokens[0]
    size = len(tokens)
    return any(
        token == first and sequence[start : start + size] == tokens
        for start, token in enumerate(sequence[: len(sequence) - size + 1])
    )


class ScheduleCallback(TrainerCallback):  # type: ignore[misc] # the library is not typed
    """Decides when to validate, save and stop, and reports progress.

    Args:
        validations: how many times the validation part is scored.
        save_every: steps between checkpoints; None: with every validation.
        should_stop: whether a signal asked to stop.
        progress: called with examples.
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
        """Score the untrained model, once."""
        assert self.trainer is not None
        self.trainer.begin()
        if not state.global_step:
            self.trainer.evaluate()

    def on_substep_end(self, args: TrlConfig, state: TrainerState, *_: Any, **__: Any) -> None:
        """Report progress within a step."""
        self._substeps += 1
        self._report(args, state)

    def on_step_end(
        self, args: TrlConfig, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Decide whether to validate, save or stop after this step."""
        self._substeps = 0
        step, last = state.global_step, state.max_steps
        due = {round(last * number / self._validations) for number in range(1, self._validations + 1)}
        control.should_evaluate = step in due
        control.should_save = step in due if self._save_every is None else step % self._save_every == 0
        stop = self._stop_everywhere(args)
        if stop or step >= last:
            control.should_save = control.should_training_stop = True
        self._report(args, state)
        return control

    def _stop_everywhere(self, args: TrlConfig) -> bool:
        """Whether any process was asked to stop: then all stop, at the same step."""
        if args.world_size == 1:
            return self._should_stop()
        asked = torch.tensor(float(self._should_stop()), device=args.device)
        torch.distributed.all_reduce(asked)
        return bool(asked.item())

    def _report(self, args: TrlConfig, state: TrainerState) -> None:
        per_step = args.gradient_accumulation_steps
        done = state.global_step * per_step + self._substeps
        self._progress(done * args.world_size, state.max_steps * per_step * args.world_size, _note(state))


def _note(state: TrainerState) -> str:
    """The latest loss and accuracy, as text."""
    parts = []
    for key, form in (("loss", "loss {:.3f}"), ("validation_accuracy", "accuracy {:.1%}")):
        value = next((entry[key] for entry in reversed(state.log_history) if key in entry), None)
        if value is not None:
            parts.append(form.format(value))
    return " · ".join(parts)
