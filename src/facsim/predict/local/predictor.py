"""`local:PATH_OR_HUB_ID`: a checkpoint, asked in this process, whole sessions at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from facsim.lm.checkpoint import (
    Checkpoint,
    find_checkpoint,
    fingerprint,
    load_checkpoint,
    need_packages,
    read_config,
    read_settings,
)
from facsim.lm.context import context_length, fit_prompt
from facsim.predict.local.options import MOST_OUTPUT, LocalOptions
from facsim.predict.protocol import RecordedSession, StepAnswer
from facsim.prompt import PromptConfig
from facsim.schema import Prediction, SessionSoFar

if TYPE_CHECKING:
    from facsim.predict.local.decoding import Asker
    from facsim.predict.local.estimate import LocalEstimate
    from facsim.predict.local.step_requests import Question

LEARNED: Final = ("content_hash", "part", "split_by", "seed")
"""What is noted of the sessions that a checkpoint has learned, so that it is not tested on them."""

_WINDOW: Final = 8
"""So many batches are drawn together, so that rows of like length meet."""


class LocalPredictor:
    """A causal language model that runs in this process.

    It is loaded when it is first needed. What can be seen to be wrong without loading is said at once.

    Args:
        source: folder of a checkpoint, id of a model on the Hugging Face hub, or `tiny`.
        prompt: how sessions become messages. Fields that are not set are those that the checkpoint was
            trained with. It is made to fit the model: see `facsim.lm.context.fit_prompt`.
        options: how the model is asked.

    Raises:
        ConfigError: if there is no such model, it cannot answer, or a package is missing.
        InputError: if one of its files is missing or damaged.
    """

    concurrency = 1

    def __init__(
        self, source: str | Path, prompt: PromptConfig | None = None, options: LocalOptions | None = None
    ) -> None:
        need_packages()
        self.spec = f"local:{source}"
        self.options = options or LocalOptions()
        self.folder = find_checkpoint(source)
        settings = read_settings(self.folder)
        config = read_config(self.folder)
        self._learned = {
            name: settings.trained_on[name] for name in LEARNED if settings and name in settings.trained_on
        }
        trained = settings.prompt if settings else None
        wanted = trained or PromptConfig()
        if prompt is not None:
            given = {name: getattr(prompt, name) for name in prompt.model_fields_set}
            wanted = wanted.model_copy(update=given)
        self.prompt = fit_prompt(
            wanted,
            self.folder,
            context_length(config),
            answer_tokens=self.options.max_output_tokens or MOST_OUTPUT,
            trained=trained,
        )
        self._checkpoint: Checkpoint | None = None
        self._made: Asker | None = None

    def settings(self) -> Mapping[str, Any]:
        """What changes the answers: the model by its fingerprint, how it computes, prompt and decoding."""
        model = self.checkpoint.model
        prompt = self.prompt.model_dump(mode="json", exclude={"tokenizer"})
        return {
            "model": fingerprint(self.folder),
            "device": model.device.type,
            "dtype": str(model.dtype).removeprefix("torch."),
            "decoding": self.options.decoding,
            "max_output_tokens": self.options.max_output_tokens,
            "prompt": prompt | {"tokenizer": None if self.prompt.tokenizer is None else "its own"},
            **({"learned": self._learned} if self._learned else {}),
        }

    @property
    def checkpoint(self) -> Checkpoint:
        """The model, loaded.

        Raises:
            ConfigError: if it cannot answer.
            InputError: if one of its files is damaged.
        """
        if self._checkpoint is None:
            self._checkpoint = load_checkpoint(self.folder, self.options.device, self.options.dtype)
        return self._checkpoint

    def predict_sessions(self, sessions: Iterable[RecordedSession]) -> Iterator[StepAnswer | None]:
        """Answer every step that is asked about, rows of many sessions together.

        Raises:
            ConfigError: if a prompt does not fit the model.
        """
        asker = self._asker()
        clock = _Clock()
        questions: list[Question] = []
        for recorded in sessions:
            questions += asker.questions(recorded)
            yield None
            if sum(question.weight for question in questions) >= _WINDOW * self.options.batch_tokens:
                yield from clock.stamped(asker.answer(questions))
                questions = []
        yield from clock.stamped(asker.answer(questions))

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        """The answer for one step, written token by token, with no person's answer to check."""
        return self.answer(so_far)

    def answer(self, so_far: SessionSoFar) -> Prediction:
        """`predict`, here and now.

        Raises:
            ConfigError: if the prompt does not fit the model.
        """
        began = time.perf_counter()
        prediction = self._asker().ask(so_far)
        usage = replace(prediction.usage, seconds=time.perf_counter() - began)
        return replace(prediction, usage=usage)

    def estimate(self, steps: Iterable[SessionSoFar]) -> LocalEstimate:
        """Tokens and time for `steps`, by counting, and by answering a few of them.

        Raises:
            ConfigError: if a prompt does not fit the model.
        """
        from facsim.predict.local.estimate import estimate  # noqa: PLC0415

        return estimate(steps, self._asker(), self.prompt)

    async def close(self) -> None:
        """Let go of the model."""
        self._checkpoint = self._made = None

    def _asker(self) -> Asker:
        from facsim.predict.local.decoding import Asker  # noqa: PLC0415 - torch is slow to import

        if self._made is None:
            self._made = Asker(self.checkpoint, self.prompt, self.options)
        return self._made


class _Clock:
    """Tells each answer its share of the time: what has passed since the answers before it, split evenly.

    So the seconds of all answers add up to what the run took.
    """

    def __init__(self) -> None:
        self._mark = time.perf_counter()

    def stamped(self, groups: Iterable[Sequence[StepAnswer]]) -> Iterator[StepAnswer | None]:
        for group in groups:
            now = time.perf_counter()
            for answer in group:
                usage = replace(answer.prediction.usage, seconds=(now - self._mark) / len(group))
                yield replace(answer, prediction=replace(answer.prediction, usage=usage))
            if group:
                self._mark = now
            yield None
