"""What a training did: training.json, and the model card beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from facsim.util.errors import InputError

REPORT_FILE: Final = "training.json"
"""File name of the report beside a checkpoint. It is written last: if it exists, the checkpoint is
complete."""


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """One training.

    Attributes:
        config: the settings; a model's folder is recorded by its name only.
        data: name of the data set.
        content_hash: of its content.
        licence: of the data, if known.
        prompt: how sessions were shown.
        examples: what the training examples contain (`facsim.train.examples.ExampleCounts`).
        packed_examples: the number of examples after packing; without packing, of all examples.
        validation: the number of sessions and steps that chose the weights.
        parameters: of the model.
        trained_parameters: of these, those that were trained.
        device: what it ran on.
        processes: their number.
        steps: of the optimizer.
        seconds: of training and validation, all resumes together.
        tokens_per_second: of training alone, in the last process.
        losses: step, loss per trained token, learning rate and gradient norm, in order.
        accuracies: step, accuracy with its standard error, and log-probability on the validation part, in
            order; step 0 is the untrained model.
        best_step: the step whose weights were kept.
        packages: their versions.
    """

    config: Mapping[str, Any]
    data: str
    content_hash: str
    licence: str | None
    prompt: Mapping[str, Any]
    examples: Mapping[str, int]
    packed_examples: int
    validation: Mapping[str, int]
    parameters: int
    trained_parameters: int
    device: str
    processes: int
    steps: int
    seconds: float
    tokens_per_second: float
    losses: tuple[Mapping[str, float], ...]
    accuracies: tuple[Mapping[str, float], ...]
    best_step: int
    packages: Mapping[str, str]

    @property
    def first_accuracy(self) -> float | None:
        """Validation accuracy of the untrained model."""
        return self.accuracies[0]["accuracy"] if self.accuracies else None

    @property
    def best_accuracy(self) -> float | None:
        """Validation accuracy of the kept weights."""
        kept = [entry for entry in self.accuracies if entry["step"] == self.best_step]
        return kept[-1]["accuracy"] if kept else None

    def to_json(self) -> str:
        """The content of training.json."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def read(cls, folder: str | Path) -> TrainingReport:
        """The report beside a checkpoint.

        Raises:
            InputError: if there is none, or it does not contain a report.
        """
        file = Path(folder) / REPORT_FILE
        remedy = "The checkpoint beside it works without it; for a new report, train into another folder"
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", file=file) from None
        except ValueError as error:
            raise InputError(f"is not JSON ({error})", file=file, remedy=remedy) from None
        if isinstance(found, dict):
            found = _with_current_names(found)
        names = {field.name for field in fields(cls)}
        if not isinstance(found, dict) or found.keys() != names:
            differing = sorted(names.symmetric_difference(found)) if isinstance(found, dict) else ["fields"]
            raise InputError(f"is not a report of this version: {differing[0]}", file=file, remedy=remedy)
        for name in ("losses", "accuracies"):
            entries = found[name]
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise InputError(f"{name} is not a list of steps", file=file, remedy=remedy)
            found[name] = tuple(entries)
        return cls(**found)

    def summary(self) -> str:
        """The outcome in a few lines."""
        counts = self.examples
        lines = [
            f"{counts['sessions']:,} sessions in {self.packed_examples:,} examples, "
            f"{counts['tokens']:,} tokens, {counts['trained_tokens']:,} of them trained",
            f"{self.steps:,} steps in {self.seconds:,.0f} s, {self.tokens_per_second:,.0f} tokens per second",
        ]
        if self.losses:
            lines.append(f"loss {self.losses[0]['loss']:.3f} → {self.losses[-1]['loss']:.3f}")
        if self.first_accuracy is not None and self.best_accuracy is not None:
            lines.append(
                f"validation accuracy {self.first_accuracy:.1%} → {self.best_accuracy:.1%} after step "
                f"{self.best_step} ({self.validation['sessions']} sessions, {self.validation['steps']} steps"
                f"{', given the rationale' if self.prompt['style'] != 'action' else ''})"
            )
        return "\n".join(lines)


_FORMER_NAMES: Final = {"rows": "examples", "sequences": "packed_examples"}
_FORMER_COUNTS: Final = {
    "rows": "examples",
    "rows_left_out": "examples_left_out",
    "trained": "trained_tokens",
    "trained_rationale": "trained_rationale_tokens",
    "longest": "longest_example",
    "most_rows": "most_examples",
}
"""Names in training.json of earlier versions, which are still read."""


def _with_current_names(found: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a report under their current names."""
    if "rows" not in found:
        return dict(found)
    counts = found["rows"] if isinstance(found["rows"], dict) else {}
    renamed = {_FORMER_COUNTS.get(name, name): value for name, value in counts.items()}
    return {_FORMER_NAMES.get(name, name): value for name, value in found.items()} | {"examples": renamed}


def model_card(report: TrainingReport, *, auto_tokenizer: bool = True) -> str:
    """README.md of the checkpoint, with the metadata that the hub reads.

    Args:
        report: of the training.
        auto_tokenizer: whether `AutoTokenizer` loads the tokenizer used in training.
    """
    config, counts, prompt = report.config, report.examples, report.prompt
    base = str(config["model"])
    header = ["---", "library_name: transformers", "pipeline_tag: text-generation"]
    # The hub knows models as `owner/name`; a local folder means nothing to others.
    if base.count("/") == 1:
        header.append(f"base_model: {base}")
    header += ["tags: [facsim, trl, sft]", "---"]
    style = prompt["style"]
    table = [
        ("Base model", base),
        ("Data", f"{report.data} (content hash `{report.content_hash}`), train part of the split by "
         f"{config['split_by']}, seed {config['seed']}"),
        ("Licence of the data", report.licence or "not recorded"),
        ("Sessions", f"{counts['sessions']:,} with {counts['steps']:,} steps"),
        ("Examples", f"{report.packed_examples:,} of at most {config['context_tokens']:,} tokens; "
         f"{counts['tokens']:,} tokens, {counts['trained_tokens']:,} trained"),
        ("Not trained", f"{counts['unnamed']:,} steps on elements without a name, "
         f"{counts['not_shown']:,} whose element was cut from the prompt"),
        ("Method", _method(config)),
        ("Recipe", f"{config['optimizer']}, learning rate {config['learning_rate']:g}, "
         f"{config['schedule']}, {config['epochs']:g} epochs, {config['global_batch']} examples a step, "
         f"seed {config['seed']}"),
        ("Steps", f"{report.steps:,} in {report.seconds:,.0f} seconds on {report.device}"
         f"{f', {report.processes} processes' if report.processes > 1 else ''}"),
    ]  # fmt: skip
    lines = [
        *header,
        "",
        f"# {base.rstrip('/').rpartition('/')[2]}, fine-tuned on what people did",
        "",
        "Given a person's session on a website so far, this model writes what the person does next. "
        "It was trained with Facsim on whole recorded sessions, with loss on people's answers only.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in table),
        "",
        "## How it did",
        "",
        *_results(report),
        "",
        "![Loss and accuracy](training.svg)",
        "",
        "## Use",
        "",
        "```bash",
        "facsim evaluate DATA local:THIS_FOLDER",
        "```",
        "",
        f"Any server of transformers checkpoints can serve it. It must be prompted as in training: style "
        f"`{style}`, prompts of at most {prompt['budget_tokens']:,} tokens; `facsim.json` has all settings.",
        *([] if auto_tokenizer else ["", *_OWN_TOKENIZER]),
        "",
        "## Limits",
        "",
        "It imitates the people it was trained on, on the sites it was trained on. What it writes is a guess "
        "at what a person would do, not advice, and tells nothing about any individual.",
        "",
    ]
    return "\n".join(lines)


_OWN_TOKENIZER: Final = (
    "**Its tokenizer is not the one that transformers uses for this type of model.** Load it with",
    "`PreTrainedTokenizerFast.from_pretrained(FOLDER)`, as Facsim does: `AutoTokenizer`, and servers that",
    "use it, would split words differently without a warning, and the model would answer badly.",
)


def _results(report: TrainingReport) -> list[str]:
    if not report.accuracies:
        return ["It was not validated."]
    given = "" if report.prompt["style"] == "action" else " (action after the person's own rationale)"
    return [
        f"On {report.validation['sessions']} validation sessions with {report.validation['steps']} test "
        f"cases: exact match, macro over sessions{given}. The weights in this folder are those after step "
        f"{report.best_step}.",
        "",
        "| Step | Accuracy | Log-probability of the action |",
        "|---:|---:|---:|",
        *(
            f"| {entry['step']:.0f} | {entry['accuracy']:.1%} | {entry['log_probability']:.3f} |"
            for entry in report.accuracies
        ),
    ]


def _method(config: Mapping[str, Any]) -> str:
    if config["method"] == "lora":
        return f"LoRA, rank {config['lora_rank']}, alpha {config['lora_alpha']}, merged into the weights"
    return "all weights"
