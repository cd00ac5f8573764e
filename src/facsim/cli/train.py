"""`facsim train`: what a model would learn from a data set, and learning it."""

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


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """What is learned, and from what: the same for looking at it and for learning it."""

    preset: Literal["paper", "tiny"] | None = None
    """Recipe to begin with. Default: tiny for tiny, else paper."""
    config: Path | None = None
    """YAML file with any of these settings; those given here win."""
    context_tokens: Annotated[int | None, Parameter(group=_SESSIONS)] = None
    """Most tokens of a sequence, answers included. Longer sessions become several."""
    budget_tokens: Annotated[int | None, Parameter(group=_SESSIONS)] = None
    """Most tokens of a prompt. Default: what the context leaves beside the longest answer."""
    budget_policy: Annotated[Literal["drop_oldest", "anchored"] | None, Parameter(group=_SESSIONS)] = None
    """What gives way first. Default: drop_oldest."""
    persona: Annotated[bool | None, Parameter(group=_SESSIONS)] = None
    """Whether the prompt tells what is known of the person. Default: yes."""
    person_after_pages: Annotated[bool | None, Parameter(group=_SESSIONS)] = None
    """Whether persona and intent stand below every page instead of in the system message. Default: no."""
    page_text: Annotated[Literal["condensed", "stored"] | None, Parameter(group=_SESSIONS)] = None
    """Pages without addresses, empty boxes and repeated text, or as stored. Default: condensed."""
    pages: Annotated[Literal["full", "changes"] | None, Parameter(group=_SESSIONS)] = None
    """Whole pages, or pages after the first without what an earlier page shows. Default: full."""
    split_by: Annotated[Literal["user", "session", "official", "time"] | None, Parameter(group=_SESSIONS)] = (
        None
    )
    """How the data set is split. Default: user."""
    seed: Annotated[int | None, Parameter(group=_SESSIONS)] = None
    """Of the split, of the choice and order of sessions, and of LoRA's weights. Default: 0."""
    sessions: Annotated[int | None, Parameter(group=_SESSIONS)] = None
    """Learn from so many sessions, drawn at random."""
    allow_shared_users: Annotated[bool, Parameter(negative="", group=_SESSIONS)] = False
    """People of the test part may be in the train part."""

    def fields(self) -> dict[str, Any]:
        """As `SftConfig.of` takes them."""
        given = asdict(self)
        given["file"] = given.pop("config")
        return given | {"allow_shared_users": self.allow_shared_users or None}


_AS_PRESET = _Chosen()


@app.command
def check(
    data: Path,
    *,
    model: str = "tiny",
    style: Annotated[_Style | None, Parameter(group=_SESSIONS)] = None,
    session: Annotated[str | None, Parameter(group=_SESSIONS)] = None,
    whole: Annotated[bool, Parameter(negative="", group=_SESSIONS)] = False,
    chosen: _Chosen = _AS_PRESET,
) -> int:
    """Show which tokens of a session would be trained, and count what a training would learn.

    Ends with exit code 1 if training would refuse the data: a sequence without a trained token, an action
    that is cut or that the tokenizer does not give back, people or sessions of the test part in the train
    part. No model is loaded, only its tokenizer.

    Args:
        data: The data set folder.
        model: Whose tokenizer: tiny, a folder, or the id of a model on the Hugging Face hub.
        style: Form of the answer. Default: each of the four in turn.
        session: Show this session. Default: the first one of the train part.
        whole: Show all of it; else long stretches that are not trained are shortened.
        chosen: The rest.
    """
    from facsim.cli.console import console, progress_bar
    from facsim.cli.train_check_output import counts_table, example_texts
    from facsim.train import SftConfig, check_training
    from facsim.train.check import STYLES

    config = SftConfig.of(data, model, Path(), **chosen.fields())
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
    verdict = "Refused: this would not be learned as it should." if found.failed else "Passed."
    console.print(verdict, style="bold red" if found.failed else "bold green")
    return 1 if found.failed else 0


@app.command
def sft(
    data: Path,
    *,
    model: str,
    out: Path,
    resume: Annotated[bool, _Flag] = False,
    chosen: _Chosen = _AS_PRESET,
    style: Annotated[_Style | None, Parameter(group=_SESSIONS)] = None,
    validation_sessions: Annotated[int | None, Parameter(group=_SESSIONS)] = None,
    method: Annotated[Literal["full", "lora"] | None, Parameter(group=_RECIPE)] = None,
    lora_rank: Annotated[int | None, Parameter(group=_RECIPE)] = None,
    optimizer: Annotated[Literal["adamw", "muon"] | None, Parameter(group=_RECIPE)] = None,
    learning_rate: Annotated[float | None, Parameter(group=_RECIPE)] = None,
    schedule: Annotated[Literal["cosine", "linear", "constant"] | None, Parameter(group=_RECIPE)] = None,
    epochs: Annotated[float | None, Parameter(group=_RECIPE)] = None,
    global_batch: Annotated[int | None, Parameter(group=_RECIPE)] = None,
    max_steps: Annotated[int | None, Parameter(group=_RECIPE)] = None,
    validations: Annotated[int | None, Parameter(group=_RECIPE)] = None,
    save_every: Annotated[int | None, Parameter(group=_RECIPE)] = None,
    packing: Annotated[bool | None, Parameter(group=_MACHINE)] = None,
    precision: Annotated[Literal["auto", "bf16", "fp32"] | None, Parameter(group=_MACHINE)] = None,
    gradient_checkpointing: Annotated[bool | None, Parameter(group=_MACHINE)] = None,
    attention: Annotated[str | None, Parameter(group=_MACHINE)] = None,
    liger: Annotated[bool | None, Parameter(group=_MACHINE)] = None,
    cpu: Annotated[bool, Parameter(negative="", group=_MACHINE)] = False,
) -> int:
    """Fine-tune a model on whole sessions, with loss on people's answers only.

    Learns from the train part of the split. The validation part is scored as training goes on (exact match,
    macro over sessions), and the weights that predict it best are kept. OUT is then a plain transformers
    checkpoint, with facsim.json (how to prompt it), README.md (a model card), training.json, training.svg and
    training.png. A training that was stopped or killed goes on with --resume.

    On several GPUs: facsim train accelerate 8 --out fsdp.yaml, then
    accelerate launch --config_file fsdp.yaml -m facsim train sft …

    Args:
        data: The data set folder.
        model: tiny, a folder, or the id of a model on the Hugging Face hub.
        out: Folder for the checkpoint.
        resume: Go on with the training in OUT; starts it if there is none.
        chosen: The rest.
        style: Form of the answer. Default: rationale.
        validation_sessions: Most sessions to validate with; 0: none, and the last weights are kept.
        method: Train all weights, or low-rank additions to them. Default: full.
        lora_rank: Rank of these. Default: 16.
        optimizer: muon: for small models that have much to learn; all weights, one process. Default: adamw.
        learning_rate: The highest one.
        schedule: How it falls.
        epochs: How often every sequence is seen.
        global_batch: Sequences in one step of the optimizer, over all processes.
        max_steps: Stop after so many steps.
        validations: How many times to validate.
        save_every: Steps between checkpoints. Default: with every validation.
        packing: Whether short sessions share a sequence, none seeing another.
        precision: auto: bf16 on a GPU that has it, else fp32.
        gradient_checkpointing: Compute activations again instead of keeping them.
        attention: An attention implementation of transformers, such as sdpa or flash_attention_2.
        liger: Whether layers run on Liger kernels.
        cpu: Train on the CPU, though there is a GPU.
    """
    from facsim.cli.console import console, errors, progress_bar
    from facsim.train import SftConfig, TrainingInterrupted, train_sft
    from facsim.util.progress import no_progress

    config = SftConfig.of(
        data,
        model,
        out,
        **chosen.fields(),
        style=style,
        validation_sessions=validation_sessions,
        method=method,
        lora_rank=lora_rank,
        optimizer=optimizer,
        learning_rate=learning_rate,
        schedule=schedule,
        epochs=epochs,
        global_batch=global_batch,
        max_steps=max_steps,
        validations=validations,
        save_every=save_every,
        packing=packing,
        precision=precision,
        gradient_checkpointing=gradient_checkpointing,
        attention=attention,
        liger=liger,
        cpu=cpu or None,
    )
    try:
        with progress_bar("Training") as progress:
            report = train_sft(config, resume=resume, progress=progress if _speaks() else no_progress)
    except TrainingInterrupted as stop:
        if _speaks():
            errors.print(str(stop), markup=False, highlight=False)
        return 130
    if _speaks():
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
        gpus: How many in all.
        out: File to write. Default: print it.
        gpus_per_machine: How many each machine has.
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


def _speaks() -> bool:
    """Whether this is the process that prints, of several that train together."""
    import os

    return os.environ.get("RANK", "0") == "0"
