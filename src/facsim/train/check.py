"""What a training would learn from a data set, counted and looked over before it begins."""

from __future__ import annotations

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
    from facsim.train.examples import Lesson, RowCounts

STYLES: tuple[Style, ...] = get_args(Style)


@dataclass(frozen=True, slots=True)
class StyleCheck:
    """What is learned in one style.

    Attributes:
        style: which.
        prompt: how sessions are shown, budget included.
        counts: what the rows of the train part hold.
        example: the lessons of one session.
    """

    style: Style
    prompt: PromptConfig
    counts: RowCounts
    example: tuple[Lesson, ...]


@dataclass(frozen=True, slots=True)
class TrainingCheck:
    """What would be learned, and what speaks against it.

    Attributes:
        styles: in the order asked for; those that have a problem of their own are missing.
        problems: why training would be refused, in sentences; none if it would not.
        chat: the tokenizer, for showing the example.
    """

    styles: tuple[StyleCheck, ...]
    problems: tuple[str, ...]
    chat: ChatTokenizer

    @property
    def failed(self) -> bool:
        """Whether training would be refused."""
        return bool(self.problems)


def check_training(
    config: SftConfig,
    *,
    styles: tuple[Style, ...] = STYLES,
    session_id: str | None = None,
    progress: Progress = no_progress,
) -> TrainingCheck:
    """Make the sequences of the train part as training would, and count what they teach. No model is loaded.

    Args:
        config: the training. Its style is not looked at.
        styles: the forms of an answer to look at.
        session_id: the session to show; by default the first one of the train part.
        progress: told about sessions.

    Raises:
        ConfigError: if the model's tokenizer cannot serve, or the train part is empty.
        InputError: if the data set cannot be read, or has no such session.
    """
    from facsim.lm.locate import find_checkpoint  # noqa: PLC0415
    from facsim.train.session_selection import leaks, training_sessions  # noqa: PLC0415
    from facsim.train.tokenizer import beyond_model, load_chat, tokenizer_file  # noqa: PLC0415

    data = DataSet.open(config.data)
    train = training_sessions(data, config)
    if session_id is not None and session_id not in train.session_ids:
        raise InputError(f"no session {session_id} in the train part", file=config.data)
    model = find_checkpoint(config.model)
    chat = load_chat(model)
    problems = list(leaks(data, config))
    if too_long := beyond_model(config, model):
        problems.append(too_long)
    found = []
    with TemporaryDirectory() as scratch:
        tokenizer = tokenizer_file(model, chat, Path(scratch))
        for style in styles:
            chosen = config.model_copy(update={"style": style})
            try:
                found.append(
                    _check_style(chosen, train, chat, tokenizer, session_id=session_id, progress=progress)
                )
            except FacsimError as error:
                problems.append(f"{style}: {error}")
    return TrainingCheck(tuple(found), tuple(problems), chat)


def _check_style(
    config: SftConfig,
    train: DataSet,
    chat: ChatTokenizer,
    tokenizer: Path,
    *,
    session_id: str | None,
    progress: Progress,
) -> StyleCheck:
    from facsim.train.example_set import fitted, make_rows  # noqa: PLC0415
    from facsim.train.examples import session_lessons  # noqa: PLC0415

    def make(prompt: PromptConfig) -> RowCounts:
        return make_rows(
            train,
            chat,
            prompt,
            context_tokens=config.context_tokens,
            keep=lambda _: None,
            progress=progress,
        )

    prompt, counts = fitted(config, train, chat, tokenizer, make)
    shown = train.session(session_id or train.session_ids[0])
    return StyleCheck(config.style, prompt, counts, tuple(session_lessons(train, shown, chat, prompt)))
