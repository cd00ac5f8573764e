"""What a training did: training.json, and the model card that stands beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from facsim.util.errors import InputError

REPORT_FILE: Final = "training.json"
"""Name of the report beside a checkpoint. It is written last: where it is, the checkpoint is whole."""


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """One training, whole.

    Attributes:
        config: the settings; of a model in a folder the folder's name only.
        data: name of the data set.
        content_hash: of its content.
        licence: of the data, if known.
        prompt: how sessions were shown.
        rows: what the sequences hold (`facsim.train.examples.RowCounts`).
        sequences: how many sequences were trained on: fewer than rows where these were packed.
        validation: sessions and steps that chose the weights.
        parameters: of the model.
        trained_parameters: of these, the ones that were trained.
        device: what it ran on.
        processes: how many.
        steps: of the optimizer.
        seconds: of training and validation, all resumes together.
        tokens_per_second: of training alone, in the last process.
        losses: step, loss a trained token, learning rate and gradient length, in order.
        accuracies: step, accuracy with its standard error, and log-probability on the validation part, in
            order; step 0 is the model as it came.
        best_step: after which step the weights that were kept stood.
        packages: versions.
    """

    config: Mapping[str, Any]
    data: str
    content_hash: str
    licence: str | None
    prompt: Mapping[str, Any]
    rows: Mapping[str, int]
    sequences: int
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
        """Validation accuracy of the model as it came."""
        return self.accuracies[0]["accuracy"] if self.accuracies else None

    @property
    def best_accuracy(self) -> float | None:
        """Validation accuracy of the weights that were kept."""
        kept = [entry for entry in self.accuracies if entry["step"] == self.best_step]
        return kept[-1]["accuracy"] if kept else None

    def to_json(self) -> str:
        """As it stands in training.json."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def read(cls, folder: str | Path) -> TrainingReport:
        """The report beside a checkpoint.

        Raises:
            InputError: if there is none, or it does not hold a report.
        """
        file = Path(folder) / REPORT_FILE
        remedy = "The checkpoint beside it is whole without it; to have one again, train into another folder"
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", file=file) from None
        except ValueError as error:
            raise InputError(f"is not JSON ({error})", file=file, remedy=remedy) from None
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
        rows = self.rows
        lines = [
            f"{rows['sessions']:,} sessions in {self.sequences:,} sequences, {rows['tokens']:,} tokens, "
            f"{rows['trained']:,} of them trained",
            f"{self.steps:,} steps in {self.seconds:,.0f} s, {self.tokens_per_second:,.0f} tokens a second",
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


def model_card(report: TrainingReport, *, auto_tokenizer: bool = True) -> str:
    """README.md of the checkpoint, with the metadata that the hub reads.

    Args:
        report: of the training.
        auto_tokenizer: whether `AutoTokenizer` loads the tokenizer that was trained with.
    """
    config, rows, prompt = report.config, report.rows, report.prompt
    base = str(config["model"])
    header = ["---", "library_name: transformers", "pipeline_tag: text-generation"]
    # The hub knows models by `owner/name`; a folder of this machine means nothing to others.
    if base.count("/") == 1:
        header.append(f"base_model: {base}")
    header += ["tags: [facsim, trl, sft]", "---"]
    style = prompt["style"]
    table = [
        ("Base model", base),
        ("Data", f"{report.data} (content hash `{report.content_hash}`), train part of the split by "
         f"{config['split_by']}, seed {config['seed']}"),
        ("Licence of the data", report.licence or "not recorded"),
        ("Sessions", f"{rows['sessions']:,} with {rows['steps']:,} steps"),
        ("Sequences", f"{report.sequences:,} of at most {config['context_tokens']:,} tokens; "
         f"{rows['tokens']:,} tokens, {rows['trained']:,} trained"),
        ("Not trained", f"{rows['unnamed']:,} steps on elements without a name, {rows['not_shown']:,} whose "
         "element was cut from the prompt"),
        ("Method", _method(config)),
        ("Recipe", f"{config['optimizer']}, learning rate {config['learning_rate']:g}, "
         f"{config['schedule']}, {config['epochs']:g} epochs, {config['global_batch']} sequences a step, "
         f"seed {config['seed']}"),
        ("Steps", f"{report.steps:,} in {report.seconds:,.0f} seconds on {report.device}"
         f"{f', {report.processes} processes' if report.processes > 1 else ''}"),
    ]  # fmt: skip
    lines = [
        *header,
        "",
        f"# {base.rstrip('/').rpartition('/')[2]}, fine-tuned on what people did",
        "",
        "Given a visit of a person to a website so far, this model writes what the person does next. "
        "It was trained with Facsim on whole recorded sessions, with loss "
        "on people's answers only.",
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
        "facsim evaluate DATA local:THIS_FOLDER --out runs",
        "```",
        "",
        f"Any server of transformers checkpoints can serve it. It must be prompted as it was trained: style "
        f"`{style}`, prompts of at most {prompt['budget_tokens']:,} tokens; `facsim.json` says it all.",
        *([] if auto_tokenizer else ["", *_OWN_TOKENIZER]),
        "",
        "## Limits",
        "",
        "It imitates the people it was trained on, on the sites it was trained on. What it writes is a guess "
        "at what a person would do, not advice, and says nothing of any one person.",
        "",
    ]
    return "\n".join(lines)


_OWN_TOKENIZER: Final = (
    "**Its tokenizer is not the one that transformers takes for this type of model.** Load it with",
    "`PreTrainedTokenizerFast.from_pretrained(FOLDER)`, as Facsim does: `AutoTokenizer`, and servers that",
    "use it, would split words otherwise, without saying so, and the model would answer badly.",
)


def _results(report: TrainingReport) -> list[str]:
    if not report.accuracies:
        return ["No validation was made."]
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
