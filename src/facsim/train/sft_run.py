"""One run of supervised fine-tuning: prepare the examples, train, export the checkpoint."""

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
from facsim.lm.checkpoint import load_chat_tokenizer, load_checkpoint, tokenizer_file
from facsim.lm.checkpoint_files import fingerprint, read_config
from facsim.lm.locate import TINY, find_checkpoint
from facsim.lm.quiet import quiet_transformers
from facsim.prompt import PromptConfig
from facsim.train.config import INCIDENTAL, SftConfig
from facsim.train.example_file import write_examples
from facsim.train.example_set import build_examples, context_problem, fit_prompt_budget
from facsim.train.examples import ExampleCounts
from facsim.train.export import export_checkpoint
from facsim.train.report import TrainingReport
from facsim.train.serving import complete_tokenizer, stop_at_answers
from facsim.train.session_selection import leaks_into_test, training_sessions, validation_sessions
from facsim.train.stop_signals import StopRequest, TrainingInterrupted, stop_requests
from facsim.train.trainer import ScheduleCallback, SessionTrainer
from facsim.train.training_folder import EXAMPLES_INFO, TrainingFolder
from facsim.train.trl_settings import Hardware, trl_settings
from facsim.train.validation import Validation
from facsim.util.errors import ConfigError, InputError
from facsim.util.progress import Progress
from facsim.util.setting_differences import check_same_settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_PACKAGES = ("accelerate", "datasets", "facsim", "peft", "tokenizers", "torch", "transformers", "trl")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What training needs to know about the data."""

    prompt: PromptConfig
    counts: ExampleCounts
    validation: Validation | None


class SftRun:
    """One training, to be run once.

    Args:
        config: data, model, recipe.
        progress: called with what is done.

    Raises:
        ConfigError: if there is no such model or data set, or nothing to train on.
        InputError: if test sessions would be trained on.
    """

    def __init__(self, config: SftConfig, progress: Progress) -> None:
        self._config, self._progress = config, progress
        self._folder = TrainingFolder(config.out)
        self._data = DataSet.open(config.data)
        self._data.require_pages()
        if found := list(leaks_into_test(self._data, config)):
            raise InputError("; ".join(found), file=config.data)
        self._train = training_sessions(self._data, config)
        self._validation_data = validation_sessions(self._data, config)
        self._base = find_checkpoint(config.model)
        if too_long := context_problem(config, self._base):
            raise ConfigError(too_long)
        self._chat = load_chat_tokenizer(self._base)
        complete_tokenizer(self._chat)

    def run(self, *, resume: bool) -> TrainingReport:
        """Train: see `facsim.train.train_sft`."""
        if resume and self._folder.is_done:
            return self._finished()
        with _quiet_libraries():
            self._hardware = Hardware.of(self._config, read_config(self._base))
            self._state = PartialState()
            settings = trl_settings(self._config, self._hardware, self._folder.work)
            with self._folder.held(resume=resume, is_holder=self._hardware.is_main):
                with self._state.main_process_first(), self._folder.writing("the training examples"):
                    # The first process builds the examples; the others find them.
                    if self._hardware.is_main:
                        self._folder.begin(self._identity())
                    prepared = self._prepare()
                model = self._load_model()
                with stop_requests() as stop:
                    return self._run(prepared, model, settings, stop)

    def _finished(self) -> TrainingReport:
        """The report of a training that is complete."""
        self._folder.clear_finished()
        report = TrainingReport.read(self._folder.out)
        now = self._settings() | {"content_hash": self._data.content_hash}
        # Earlier versions had no setting page_text, and wrote pages as they are stored.
        before = {"page_text": "stored", **report.config, "content_hash": report.content_hash}
        check_same_settings(self._folder.out, before, now, ignore=INCIDENTAL)
        return report

    def _settings(self) -> dict[str, Any]:
        """The configuration, as the report records it."""
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
        """The model's name for others: its hub id or built-in name, or the last part of its folder."""
        is_folder = self._config.model != TINY and Path(self._config.model).expanduser().is_dir()
        return self._base.resolve().name if is_folder else self._config.model

    def _prepare(self) -> _Prepared:
        """The training examples, built or found."""
        info = self._folder.work / EXAMPLES_INFO
        if not info.is_file():
            self._build_examples(info)
        found = json.loads(info.read_text(encoding="utf-8"))
        tokenizer = tokenizer_file(self._base, self._chat, self._folder.work / "tokenizer")
        prompt = self._config.prompt(tokenizer, found["budget_tokens"])
        data = self._validation_data
        validation = None if data is None else Validation(data, self._chat, prompt)
        return _Prepared(prompt, ExampleCounts(**found["counts"]), validation)

    def _build_examples(self, info: Path) -> None:
        work, chat = self._folder.work, self._chat

        def build(prompt: PromptConfig) -> ExampleCounts:
            with write_examples(self._folder.examples) as keep:
                return build_examples(
                    self._train,
                    chat,
                    prompt,
                    context_tokens=self._config.context_tokens,
                    keep=keep,
                    progress=self._progress,
                )

        tokenizer = tokenizer_file(self._base, chat, work / "tokenizer")
        prompt, counts = fit_prompt_budget(self._config, self._train, chat, tokenizer, build)
        content = {"budget_tokens": prompt.budget_tokens, "counts": counts.to_dict()}
        partial = info.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        partial.rename(info)

    def _load_model(self) -> PreTrainedModel:
        config, hardware = self._config, self._hardware
        # Trained weights are kept in fp32, whatever the compute precision; those that LoRA freezes need not
        # be.
        half = hardware.bf16 and config.method == "lora"
        model = load_checkpoint(self._base, dtype="bfloat16" if half else "float32").model
        try:
            model.set_attn_implementation(hardware.attention)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"attention {hardware.attention}: {error}") from None
        stop_at_answers(model, self._chat)
        if not config.train_embeddings:
            model.get_input_embeddings().requires_grad_(False)
        return model

    def _run(
        self, prepared: _Prepared, model: PreTrainedModel, settings: Any, stop: StopRequest
    ) -> TrainingReport:
        parameters = sum(weight.numel() for weight in model.parameters())
        trainer = self._trainer(prepared, model, settings, stop)
        trained = sum(weight.numel() for weight in trainer.model.parameters() if weight.requires_grad)
        last = self._folder.checkpoint()
        if last is not None and self._folder.is_trained():  # killed during the export
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
                export_checkpoint(
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

        examples = Dataset.from_file(str(self._folder.examples))
        train_dataset = examples.select_columns(["input_ids", "labels"])
        if self._hardware.packing:
            with self._state.main_process_first():
                train_dataset = pack_dataset(train_dataset, self._config.context_tokens, "bfd")
        schedule = ScheduleCallback(
            validations=self._config.validations,
            save_every=self._config.save_every,
            should_stop=stop,
            progress=self._progress,
        )
        trainer = SessionTrainer(
            model,
            settings,
            examples=examples,
            train_dataset=train_dataset,
            validation=prepared.validation,
            folder=self._folder,
            is_muon=self._config.optimizer == "muon",
            processing_class=self._chat.tokenizer,
            peft_config=_lora(self._config),
            callbacks=[schedule],
        )
        trainer.remove_callback(PrinterCallback)
        schedule.trainer = trainer
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
            examples=prepared.counts.to_dict(),
            packed_examples=len(trainer.train_dataset),
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
        """What `facsim.json` records about the training."""
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
def _quiet_libraries() -> Iterator[None]:
    """Silence the libraries' logs, warnings and progress bars inside the block; errors are still raised."""
    import datasets  # noqa: PLC0415

    had_bars = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        with quiet_transformers(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        if had_bars:
            datasets.enable_progress_bars()
