"""`facsim train`: show what a model would learn from a data set, and fine-tune it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Group, Parameter

app = App(name="train", help="Fine-tune a model on what people did.")

_SESSIONS = Group("Which sessions, and how they are shown")
_RECIPE = Group("The recipe (default: the preset's)")
_MACHINE = Group("The machine (default: what it has)")
_Flag = Parameter(negative="")
_Style = Literal["action", "rationale", "think", "two_turn"]


@Parameter(name="*", group=_SESSIONS)
@dataclass(frozen=True, kw_only=True)
class _Examples:
    """The training examples: the same for `check` and `sft`."""

    preset: Literal["paper", "small", "tiny"] | None = None
    """Recipe to start from. Default: tiny for tiny, small for a small model by name, otherwise paper."""
    config: Path | None = None
    """YAML file with any of these settings; the command line overrides it."""
    context_tokens: int | None = None
    """Most tokens of a training example, answers included. Longer sessions become several examples."""
    budget_tokens: int | None = None
    """Most tokens of a prompt. Default: what the context leaves beside the longest answer."""
    budget_policy: Literal["drop_oldest", "anchored"] | None = None
    """What is cut first in a session that is too long. Default: drop_oldest."""
    persona: bool | None = None
    """Whether the prompt includes the persona. Default: yes."""
    person_after_pages: bool | None = None
    """Whether persona and intent follow every page instead of being in the system message. Default: no."""
    page_text: Literal["condensed", "stored"] | None = None
    """Pages without addresses, empty boxes and repeated text, or as stored. Default: condensed."""
    pages: Literal["full", "changes"] | None = None
    """Whole pages, or pages after the first without what an earlier page shows. Default: full."""
    split_by: Literal["user", "session", "official", "time"] | None = None
    """How the data set is split. Default: user."""
    seed: int | None = None
    """Seed of the split, of the choice and order of sessions, and of LoRA's weights. Default: 0."""
    training_seed: int | None = None
    """Seed of the order of examples and of LoRA's weights alone. Default: that of --seed."""
    sessions: int | None = None
    """Train on at most this many sessions, drawn at random."""
    allow_shared_users: Annotated[bool | None, Parameter(negative="")] = None
    """Allow people of the test part in the train part."""


@Parameter(name="*", group=_RECIPE)
@dataclass(frozen=True, kw_only=True)
class _Recipe:
    """How the weights are trained."""

    method: Literal["full", "lora"] | None = None
    """Train all weights, or low-rank adapters. Default: full."""
    train_embeddings: bool | None = None
    """Train token embeddings, too. Default: yes; the preset small freezes them."""
    lora_rank: int | None = None
    """Rank of the LoRA adapters. Default: 16."""
    lora_alpha: int | None = None
    """Scale of the LoRA adapters, times their rank. Default: 32."""
    lora_dropout: float | None = None
    """Dropout on the inputs of the LoRA adapters. Default: 0."""
    optimizer: Literal["adamw", "muon"] | None = None
    """muon: for small models that have much to learn; method full, one process. Default: adamw."""
    learning_rate: float | None = None
    """Peak learning rate."""
    schedule: Literal["cosine", "linear", "constant"] | None = None
    """How the learning rate decays."""
    warmup_share: float | None = None
    """Share of the steps over which the learning rate rises to its peak. Default: 0."""
    weight_decay: float | None = None
    """Weight decay of AdamW. Default: 0."""
    max_grad_norm: float | None = None
    """Gradients are clipped to this norm. Default: 1."""
    epochs: float | None = None
    """How often every example is seen."""
    global_batch: int | None = None
    """Examples in one step of the optimizer, over all processes."""
    max_steps: int | None = None
    """Stop after this many steps of the optimizer."""
    validation_sessions: int | None = None
    """Most sessions to validate with. 0: no validation, and the last weights are kept."""
    validations: int | None = None
    """How many times to validate."""
    save_every: int | None = None
    """Steps between checkpoints to resume from. Default: with every validation."""
    log_to: Literal["trackio", "wandb", "mlflow", "tensorboard"] | None = None
    """Send loss, learning rate and validation to an experiment tracker."""


@Parameter(name="*", group=_MACHINE)
@dataclass(frozen=True, kw_only=True)
class _Machine:
    """How the machine is used."""

    packing: bool | None = None
    """Whether short examples are packed together, none attending to another."""
    precision: Literal["auto", "bf16", "fp32"] | None = None
    """auto: bf16 on a GPU that has it, and on a CPU where it is measured to be faster; otherwise fp32."""
    gradient_checkpointing: bool | None = None
    """Recompute activations instead of keeping them."""
    attention: str | None = None
    """An attention implementation of transformers, such as sdpa or flash_attention_2."""
    liger: bool | None = None
    """Whether layers run on Liger kernels."""
    cpu: Annotated[bool | None, Parameter(negative="")] = None
    """Train on the CPU even if there is a GPU."""


def _settings(*groups: _Examples | _Recipe | _Machine) -> dict[str, Any]:
    """The options of some groups, as `SftConfig.of` takes them."""
    given = {name: value for group in groups for name, value in asdict(group).items()}
    given["file"] = given.pop("config")
    return given


_DEFAULT_EXAMPLES, _DEFAULT_RECIPE, _DEFAULT_MACHINE = _Examples(), _Recipe(), _Machine()


@app.command
def check(
    data: Path,
    *,
    model: str = "tiny",
    style: Annotated[_Style | None, Parameter(group=_SESSIONS)] = None,
    session: Annotated[str | None, Parameter(group=_SESSIONS)] = None,
    whole: Annotated[bool, Parameter(negative="", group=_SESSIONS)] = False,
    examples: _Examples = _DEFAULT_EXAMPLES,
) -> int:
    """Show which tokens of a session would be trained, and count what a training would learn.

    Ends with exit code 1 if training would refuse the data: an example without a trained token, an action
    that is cut or that the tokenizer does not decode as encoded, people or sessions of the test part in the
    train part. Loads only the model's tokenizer, not the model.

    Args:
        data: The data set folder.
        model: Whose tokenizer: tiny, a model by name, a folder, or the id of a model on the hub.
        style: Form of the answer. Default: each of the four in turn.
        session: Show this session. Default: the first one of the train part.
        whole: Show all text; otherwise long contexts are shortened.
        examples: The training examples.
    """
    from facsim.cli.console import console, progress_bar
    from facsim.cli.train_check_output import counts_table, example_texts
    from facsim.train import SftConfig, check_training
    from facsim.train.check import STYLES

    config = SftConfig.of(data, model, Path(), **_settings(examples))
    with progress_bar("Reading sessions") as progress:
        found = check_training(
            config, styles=(style,) if style else STYLES, session_id=session, progress=progress
        )
    for text in example_texts(found, whole=whole):
        console.print(text, soft_wrap=True)
    if found.styles:
        console.print(counts_table(found))
    for problem in found.problems:
        console.print("error ", style="bold red", end="")
        console.print(problem, markup=False, highlight=False)
    verdict = "Refused: the model would not learn what it should." if found.failed else "Passed."
    console.print(verdict, style="bold red" if found.failed else "bold green")
    return 1 if found.failed else 0


@app.command
def sft(
    data: Path,
    *,
    model: str,
    out: Path,
    resume: Annotated[bool, _Flag] = False,
    on: Annotated[str | None, Parameter(group=_MACHINE)] = None,
    workers: Annotated[int | None, Parameter(group=_MACHINE)] = None,
    style: Annotated[_Style | None, Parameter(group=_SESSIONS)] = None,
    examples: _Examples = _DEFAULT_EXAMPLES,
    recipe: _Recipe = _DEFAULT_RECIPE,
    machine: _Machine = _DEFAULT_MACHINE,
) -> int:
    """Fine-tune a model on whole sessions, with loss on people's answers only.

    Trains on the train part of the split. The validation part is scored during training (exact match, macro
    over sessions), and the weights that predict it best are kept. OUT is then a plain transformers
    checkpoint, with facsim.json (how to prompt it), README.md (a model card), training.json, training.svg and
    training.png. A training that was stopped or killed continues with --resume.

    On several GPUs: facsim train accelerate 8 --out fsdp.yaml, then
    accelerate launch --config_file fsdp.yaml -m facsim train sft …; or on a Ray cluster, with --on ray.

    Args:
        data: The data set folder.
        model: tiny, a model by name (facsim models list), a folder, or the id of a model on the hub.
        out: Folder for the checkpoint.
        resume: Continue the training in OUT; starts it if there is none.
        on: ray or ray://HOST:PORT: train in several processes of a Ray cluster, which all see DATA and OUT.
        workers: Their number. Default: all GPUs of the cluster; without any, one process per node.
        style: Form of the answer. Default: rationale.
        examples: The training examples.
        recipe: How the weights are trained.
        machine: How the machine is used.
    """
    from facsim.cli.console import console, errors, progress_bar
    from facsim.train import SftConfig, TrainingInterrupted, train_sft
    from facsim.util.progress import no_progress

    config = SftConfig.of(data, model, out, style=style, **_settings(examples, recipe, machine))
    try:
        with progress_bar("Training") as progress:
            report = train_sft(
                config,
                resume=resume,
                progress=progress if _is_main() else no_progress,
                on=on,
                workers=workers,
            )
    except TrainingInterrupted as stop:
        if _is_main():
            errors.print(str(stop), markup=False, highlight=False)
        return 130
    if _is_main():
        console.print(report.summary(), markup=False, highlight=False)
        console.print(
            f"The checkpoint is in {out}. Next: facsim evaluate {data} local:{out}",
            markup=False,
            highlight=False,
        )
    return 0


@app.command
def accelerate(gpus: int, *, out: Path | None = None, gpus_per_machine: int = 8) -> int:
    """Write the accelerate configuration that shards a training over several GPUs (FSDP).

    Args:
        gpus: The total number of GPUs.
        out: File to write. Default: print it.
        gpus_per_machine: The number of GPUs in each machine.
    """
    from facsim.cli.console import console
    from facsim.train.launch import accelerate_config, launch_command
    from facsim.util.files import write_atomically

    text = accelerate_config(gpus, gpus_per_machine=gpus_per_machine)
    if out is None:
        console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
        return 0
    write_atomically(out, text)
    console.print(launch_command(out, gpus, gpus_per_machine=gpus_per_machine), markup=False, highlight=False)
    return 0


def _is_main() -> bool:
    """Whether this is the process that prints, of several that train together."""
    import os

    return os.environ.get("RANK", "0") == "0"
