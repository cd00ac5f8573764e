"""What a training would teach from a data set, counted and checked before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, get_args

from facsim.data import DataSet
from facsim.prompt import PromptConfig, Style
from facsim.train.config import SftConfig
from facsim.util.errors import FacsimError, InputError
from facsim.util.progress import Progress, no_progress

if TYPE_CHECKING:
    from facsim.lm.chat_tokenizer import ChatTokenizer
    from facsim.lm.operations import ModelShape
    from facsim.train.examples import ExampleCounts, TrainingExample

STYLES: tuple[Style, ...] = get_args(Style)


@dataclass(frozen=True, slots=True)
class StyleCheck:
    """What would be trained in one style.

    Attributes:
        style: the form of an answer.
        prompt: how sessions are shown, budget included.
        counts: what the examples of the train part contain.
        shown: the training examples of one session, to be looked at.
        gpu_hours: of the training on H100s, by arithmetic, without validation (`facsim.lm.operations`); None
            if the formula does not hold for the model.
    """

    style: Style
    prompt: PromptConfig
    counts: ExampleCounts
    shown: tuple[TrainingExample, ...]
    gpu_hours: float | None


@dataclass(frozen=True, slots=True)
class TrainingCheck:
    """What would be trained, and why training would refuse it.

    Attributes:
        styles: in the order requested; those with a problem of their own are missing.
        problems: why training would refuse, in sentences; empty if it would not.
        chat: the tokenizer, for showing examples.
    """

    styles: tuple[StyleCheck, ...]
    problems: tuple[str, ...]
    chat: ChatTokenizer

    @property
    def failed(self) -> bool:
        """Whether training would refuse."""
        return bool(self.problems)


def check_training(
    config: SftConfig,
    *,
    styles: tuple[Style, ...] = STYLES,
    session_id: str | None = None,
    progress: Progress = no_progress,
) -> TrainingCheck:
    """Build the examples of the train part as training would, and count what they teach. Loads no model.

    Args:
        config: the training. Its style is ignored.
        styles: the forms of an answer to check.
        session_id: the session to show; by default the first one of the train part.
        progress: called with sessions done.

    Raises:
        ConfigError: if the model's tokenizer is unsuitable, or the train part is empty.
        InputError: if the data set cannot be read, or has no such session.
    """
    from facsim.lm.checkpoint import load_chat_tokenizer, tokenizer_file  # noqa: PLC0415
    from facsim.lm.locate import find_checkpoint  # noqa: PLC0415
    from facsim.lm.operations import model_shape  # noqa: PLC0415
    from facsim.train.example_set import context_problem  # noqa: PLC0415
    from facsim.train.session_selection import leaks_into_test, training_sessions  # noqa: PLC0415

    data = DataSet.open(config.data)
    data.require_pages()
    train = training_sessions(data, config)
    if session_id is not None and session_id not in train.session_ids:
        raise InputError(f"no session {session_id} in the train part", file=config.data)
    model = find_checkpoint(config.model)
    chat = load_chat_tokenizer(model)
    problems = list(leaks_into_test(data, config))
    if too_long := context_problem(config, model):
        problems.append(too_long)
    shape, found = model_shape(model), []
    with TemporaryDirectory() as scratch:
        tokenizer = tokenizer_file(model, chat, Path(scratch))
        for style in styles:
            chosen = config.model_copy(update={"style": style})
            try:
                found.append(
                    _check_style(
                        chosen, train, chat, tokenizer, shape, session_id=session_id, progress=progress
                    )
                )
            except FacsimError as error:
                problems.append(f"{style}: {error}")
    return TrainingCheck(tuple(found), tuple(problems), chat)


def _check_style(
    config: SftConfig,
    train: DataSet,
    chat: ChatTokenizer,
    tokenizer: Path,
    shape: ModelShape | None,
    *,
    session_id: str | None,
    progress: Progress,
) -> StyleCheck:
    from facsim.train.example_set import build_examples, fit_prompt_budget  # noqa: PLC0415
    from facsim.train.examples import session_examples  # noqa: PLC0415

    lengths: list[int] = []

    def build(prompt: PromptConfig) -> ExampleCounts:
        lengths.clear()
        return build_examples(
            train,
            chat,
            prompt,
            context_tokens=config.context_tokens,
            keep=lambda example: lengths.append(len(example.tokens)),
            progress=progress,
        )

    prompt, counts = fit_prompt_budget(config, train, chat, tokenizer, build)
    session = train.session(session_id or train.session_ids[0])
    return StyleCheck(
        config.style,
        prompt,
        counts,
        tuple(session_examples(train, session, chat, prompt)),
        None if shape is None else training_hours(config, shape, lengths),
    )


def training_hours(config: SftConfig, shape: ModelShape, lengths: Sequence[int]) -> float:
    """GPU hours of a training, by arithmetic.

    A backward pass takes two forward passes; one, if the weights do not learn, as under LoRA. Recomputed
    activations, the default on a GPU, take another.

    Args:
        config: the training.
        shape: of the model.
        lengths: tokens of each example; at least one.
    """
    from facsim.lm.operations import gpu_hours  # noqa: PLC0415

    passes = 2 if config.method == "lora" else 3
    passes += config.gradient_checkpointing is not False
    epochs = config.epochs
    if config.max_steps is not None:
        epochs = min(epochs, config.max_steps * config.global_batch / len(lengths))
    return gpu_hours(passes * epochs * sum(map(shape.forward_operations, lengths)))
