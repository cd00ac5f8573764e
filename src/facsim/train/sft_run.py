"""The course of a training: prepare, train, hand over."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelerate import PartialState

from facsim.data import DataSet
from facsim.lm.checkpoint import fingerprint, load_checkpoint
from facsim.lm.locate import TINY, find_checkpoint
from facsim.prompt import PromptConfig
from facsim.train.config import INCIDENTAL, SftConfig
from facsim.train.example_file import write_rows
from facsim.train.example_set import fitted, make_rows
from facsim.train.examples import RowCounts
from facsim.train.export import hand_over
from facsim.train.report import TrainingReport
from facsim.train.session_selection import leaks, training_sessions, validation_sessions
from facsim.train.sft import TrainingInterrupted
from facsim.train.stop_signals import StopRequest, stop_requests
from facsim.train.tokenizer import beyond_model, load_chat, make_servable, stop_at_answers, tokenizer_file
from facsim.train.trainer import Conductor, SessionTrainer
from facsim.train.training_folder import ROWS_INFO, TrainingFolder
from facsim.train.trl_settings import Hardware, trl_settings
from facsim.train.validation import Validation
from facsim.util.errors import ConfigError, InputError
from facsim.util.progress import Progress

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_PACKAGES = ("accelerate", "datasets", "facsim", "peft", "tokenizers", "torch", "transformers", "trl")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Everything about the data that training needs."""

    prompt: PromptConfig
    counts: RowCounts
    validation: Validation | None


class Course:
    """One training. Use it once.

    Args:
        config: what to do.
        progress: told how far it is.

    Raises:
        ConfigError: if there is no such model or data set, or nothing to learn from.
        InputError: if tests would be of what was learned.
    """

    def __init__(self, config: SftConfig, progress: Progress) -> None:
        self._config, self._progress = config, progress
        self._folder = TrainingFolder(config.out)
        self._data = DataSet.open(config.data)
        if found := list(leaks(self._data, config)):
            raise InputError("; ".join(found), file=config.data)
        self._train = training_sessions(self._data, config)
        self._validated = validation_sessions(self._data, config)
        self._base = find_checkpoint(config.model)
        if too_long := beyond_model(config, self._base):
            raise ConfigError(too_long)
        self._chat = load_chat(self._base)
        make_servable(self._chat)

    def run(self, *, resume: bool) -> TrainingReport:
        """Do it: see `facsim.train.train_sft`."""
        if resume and self._folder.is_done:
            return self._finished()
        with _quiet():
            self._hardware = Hardware.of(self._config)
            self._state = PartialState()
            settings = trl_settings(self._config, self._hardware, self._folder.work)
            with self._folder.held(resume=resume, is_holder=self._hardware.is_main):
                with self._state.main_process_first(), self._folder.writing("the sequences"):
                    # The first process makes the rows; the others find them.
                    if self._hardware.is_main:
                        self._folder.begin(self._identity())
                    prepared = self._prepare()
                model = self._load_model()
                with stop_requests() as stop:
                    return self._run(prepared, model, settings, stop)

    def _finished(self) -> TrainingReport:
        """The report of a training that has nothing left to do."""
        self._folder.clear_finished()
        report = TrainingReport.read(self._folder.out)
        now = self._settings() | {"content_hash": self._data.content_hash}
        before = {**report.config, "content_hash": report.content_hash}
        changes = ", ".join(
            f"{key} ({before.get(key)!r} → {now.get(key)!r})"
            for key in sorted({*before, *now} - INCIDENTAL)
            if before.get(key) != now.get(key)
        )
        if changes:
            raise ConfigError(
                f"{self._folder.out} holds a checkpoint that was trained otherwise: {changes}. "
                "Choose another folder"
            )
        return report

    def _settings(self) -> dict[str, Any]:
        """The configuration as the report has it."""
        return self._config.model_dump(mode="json", exclude={"data", "out"}) | {"model": self._base_name}

    def _identity(self) -> dict[str, Any]:
        return {
            **self._config.identity(),
            "content_hash": self._data.content_hash,
            "base": fingerprint(self._base),
            **self._hardware.identity(),
        }

    @property
    def _base_name(self) -> str:
        """What the model is called: its id on the hub or `tiny`; of a folder its last part, for others."""
        is_folder = self._config.model != TINY and Path(self._config.model).expanduser().is_dir()
        return self._base.resolve().name if is_folder else self._config.model

    def _prepare(self) -> _Prepared:
        """The rows, made or found."""
        about = self._folder.work / ROWS_INFO
        if not about.is_file():
            self._make_rows(about)
        found = json.loads(about.read_text(encoding="utf-8"))
        tokenizer = tokenizer_file(self._base, self._chat, self._folder.work / "tokenizer")
        prompt = self._config.prompt(tokenizer, found["budget_tokens"])
        chosen_by = self._validated
        validation = None if chosen_by is None else Validation(chosen_by, self._chat, prompt)
        return _Prepared(prompt, RowCounts(**found["counts"]), validation)

    def _make_rows(self, about: Path) -> None:
        work, chat = self._folder.work, self._chat

        def make(prompt: PromptConfig) -> RowCounts:
            with write_rows(self._folder.rows) as keep:
                return make_rows(
                    self._train,
                    chat,
                    prompt,
                    context_tokens=self._config.context_tokens,
                    keep=keep,
                    progress=self._progress,
                )

        tokenizer = tokenizer_file(self._base, chat, work / "tokenizer")
        prompt, counts = fitted(self._config, self._train, chat, tokenizer, make)
        content = {"budget_tokens": prompt.budget_tokens, "counts": counts.to_dict()}
        partial = about.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        partial.rename(about)

    def _load_model(self) -> PreTrainedModel:
        config, hardware = self._config, self._hardware
        # All weights are trained in fp32, whatever is computed in; those that LoRA leaves alone need not be.
        half = hardware.bf16 and config.method == "lora"
        model = load_checkpoint(self._base, dtype="bfloat16" if half else "float32").model
        try:
            model.set_attn_implementation(hardware.attention)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"attention {hardware.attention}: {error}") from None
        stop_at_answers(model, self._chat)
        return model

    def _run(
        self, prepared: _Prepared, model: PreTrainedModel, settings: Any, stop: StopRequest
    ) -> TrainingReport:
        parameters = sum(weight.numel() for weight in model.parameters())
        trainer = self._trainer(prepared, model, settings, stop)
        trained = sum(weight.numel() for weight in trainer.model.parameters() if weight.requires_grad)
        last = self._folder.checkpoint()
        if last is not None and self._folder.is_trained():  # killed while it was handed over
            trainer.state = type(trainer.state).load_from_json(str(last / "trainer_state.json"))
        else:
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        state = trainer.state
        if state.global_step < state.max_steps:
            raise TrainingInterrupted(self._folder.out, state.global_step, state.max_steps)
        report = self._report(prepared, trainer, parameters, trained)
        if self._hardware.is_main:
            with self._folder.writing("the checkpoint"):
                if trainer.best is None:
                    self._folder.keep_last()
                hand_over(
                    self._folder,
                    report,
                    base=self._base,
                    chat=self._chat,
                    prompt=prepared.prompt,
                    facts=self._facts(report),
                )
                self._folder.finish()
        self._state.wait_for_everyone()
        return report

    def _trainer(
        self, prepared: _Prepared, model: PreTrainedModel, settings: Any, stop: StopRequest
    ) -> SessionTrainer:
        from datasets import Dataset  # noqa: PLC0415 - slow to import
        from transformers.trainer_callback import PrinterCallback  # noqa: PLC0415
        from trl import pack_dataset  # noqa: PLC0415

        rows = Dataset.from_file(str(self._folder.rows))
        sequences = rows.select_columns(["input_ids", "labels"])
        if self._hardware.packing:
            with self._state.main_process_first():
                sequences = pack_dataset(sequences, self._config.context_tokens, "bfd")
        conductor = Conductor(
            validations=self._config.validations,
            save_every=self._config.save_every,
            should_stop=stop,
            progress=self._progress,
        )
        trainer = SessionTrainer(
            model,
            settings,
            rows=rows,
            train_dataset=sequences,
            validation=prepared.validation,
            folder=self._folder,
            is_muon=self._config.optimizer == "muon",
            processing_class=self._chat.tokenizer,
            peft_config=_lora(self._config),
            callbacks=[conductor],
        )
        trainer.remove_callback(PrinterCallback)
        conductor.trainer = trainer
        return trainer

    def _report(
        self, prepared: _Prepared, trainer: SessionTrainer, parameters: int, trained: int
    ) -> TrainingReport:
        history = trainer.state.log_history
        validation = prepared.validation
        prompt = prepared.prompt.model_dump(mode="json", exclude={"tokenizer"})
        return TrainingReport(
            config=self._settings(),
            data=self._data.card.name,
            content_hash=self._data.content_hash,
            licence=self._data.card.licence,
            prompt=prompt,
            rows=prepared.counts.to_dict(),
            sequences=len(trainer.train_dataset),
            validation={"sessions": validation.sessions, "steps": validation.steps} if validation else {},
            parameters=parameters,
            trained_parameters=trained,
            device=self._hardware.device,
            processes=self._hardware.processes,
            steps=trainer.state.global_step,
            seconds=round(max((entry.get("seconds", 0.0) for entry in history), default=0.0), 1),
            tokens_per_second=round(trainer.tokens_per_second, 1),
            losses=tuple(
                {name: entry[name] for name in ("step", "loss", "learning_rate", "grad_norm")}
                for entry in history
                if "loss" in entry
            ),
            accuracies=tuple(
                {
                    "step": entry["step"],
                    "accuracy": entry["validation_accuracy"],
                    "log_probability": entry["validation_log_probability"],
                    "error": entry["validation_error"],
                }
                for entry in history
                if "validation_accuracy" in entry
            ),
            best_step=trainer.best[1] if trainer.best else trainer.state.global_step,
            packages={name: metadata.version(name) for name in _PACKAGES},
        )

    def _facts(self, report: TrainingReport) -> dict[str, Any]:
        """What `facsim.json` says of the training."""
        config = report.config
        return {
            "base": config["model"],
            "data": report.data,
            "content_hash": report.content_hash,
            "part": "train",
            **{name: config[name] for name in ("split_by", "seed", "sessions", "context_tokens")},
            "steps": report.steps,
            "best_step": report.best_step,
            "validation": {**report.validation, "accuracy": report.best_accuracy},
            "bf16": self._hardware.bf16,
        }


def _lora(config: SftConfig) -> Any:
    if config.method == "full":
        return None
    from peft import LoraConfig  # noqa: PLC0415 - slow to import

    return LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """The libraries neither draw bars nor give advice meanwhile; what is wrong is raised."""
    import datasets  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    level, drew = logging.get_verbosity(), logging.is_progress_bar_enabled()
    also_drew = not datasets.are_progress_bars_disabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if drew:
            logging.enable_progress_bar()
        if also_drew:
            datasets.enable_progress_bars()
