"""`local:PATH_OR_HUB_ID`: a checkpoint that runs in this process and predicts whole sessions at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from facsim.lm.checkpoint import Checkpoint, load_checkpoint, require_packages
from facsim.lm.checkpoint_files import fingerprint, read_config
from facsim.lm.checkpoint_settings import read_settings
from facsim.lm.context import context_length, fit_prompt
from facsim.lm.locate import find_checkpoint
from facsim.predict.local.options import DEFAULT_MAX_OUTPUT_TOKENS, LocalOptions
from facsim.predict.protocol import RecordedSession, StepAnswer
from facsim.prompt import PromptConfig
from facsim.schema import Prediction, SessionSoFar

if TYPE_CHECKING:
    from facsim.predict.local.decoding import Decoder
    from facsim.predict.local.estimate import LocalEstimate
    from facsim.predict.local.step_requests import StepRequest

LEARNED: Final = ("content_hash", "part", "split_by", "seed")
"""Facts about the sessions that a checkpoint was trained on, so that it is not tested on them."""

_WINDOW: Final = 8
"""This many batches are collected at a time, so that sequences of similar length meet."""


class LocalPredictor:
    """A causal language model that runs in this process.

    The model is loaded when it is first needed. What is wrong with its files is reported at once.

    Args:
        source: folder of a checkpoint, id of a model on the Hugging Face hub, or a name such as `tiny`.
        prompt: how sessions become messages. Fields that are not set are those that the checkpoint was
            trained with. It is fitted to the model: see `facsim.lm.context.fit_prompt`.
        options: how the model predicts.

    Raises:
        ConfigError: if there is no such model, it cannot answer, or a package is missing.
        InputError: if one of its files is missing or damaged.
    """

    concurrency = 1

    def __init__(
        self, source: str | Path, prompt: PromptConfig | None = None, options: LocalOptions | None = None
    ) -> None:
        require_packages()
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
            answer_tokens=self.options.max_output_tokens or DEFAULT_MAX_OUTPUT_TOKENS,
            trained=trained,
        )
        self._checkpoint: Checkpoint | None = None
        self._decoder: Decoder | None = None

    def settings(self) -> Mapping[str, Any]:
        """What changes predictions: the model's fingerprint, how it computes, prompt and decoding."""
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
        """Predict every step that is asked for, sequences of many sessions together.

        Raises:
            ConfigError: if a prompt does not fit the model.
        """
        decoder = self._loaded_decoder()
        clock = _Clock()
        requests: list[StepRequest] = []
        for recorded in sessions:
            requests += decoder.requests(recorded)
            yield None
            if sum(request.weight for request in requests) >= _WINDOW * self.options.batch_tokens:
                yield from clock.stamped(decoder.decode(requests))
                requests = []
        yield from clock.stamped(decoder.decode(requests))

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        """The prediction for the next step of a session; only what is new since the one before is computed.

        Raises:
            ConfigError: if the prompt does not fit the model.
        """
        return self._timed(self._loaded_decoder().decode_next_step, so_far)

    def answer(self, so_far: SessionSoFar) -> Prediction:
        """The prediction for one step, computed from scratch, without a draft.

        Raises:
            ConfigError: if the prompt does not fit the model.
        """
        return self._timed(self._loaded_decoder().decode_step, so_far)

    def _timed(self, decode: Callable[[SessionSoFar], Prediction], so_far: SessionSoFar) -> Prediction:
        start = time.perf_counter()
        prediction = decode(so_far)
        usage = replace(prediction.usage, seconds=time.perf_counter() - start)
        return replace(prediction, usage=usage)

    def estimate(self, steps: Iterable[SessionSoFar]) -> LocalEstimate:
        """Tokens and time for `steps`: tokens counted, time measured on a few of them.

        Raises:
            ConfigError: if a prompt does not fit the model.
        """
        from facsim.predict.local.estimate import estimate  # noqa: PLC0415

        decoder = self._loaded_decoder()
        return estimate(steps, self.prompt, decoder.requests, decoder.decode)

    def count(self, steps: Iterable[SessionSoFar]) -> LocalEstimate:
        """Tokens for `steps`, as `estimate` counts them, without loading the model or measuring any time.

        Raises:
            ConfigError: if a prompt does not fit the model.
        """
        from facsim.lm.checkpoint import load_chat_tokenizer  # noqa: PLC0415
        from facsim.predict.local.estimate import estimate  # noqa: PLC0415
        from facsim.predict.local.step_requests import StepRequestBuilder  # noqa: PLC0415

        builder = StepRequestBuilder.of(
            load_chat_tokenizer(self.folder),
            read_settings(self.folder),
            self.prompt,
            context_length(read_config(self.folder)),
            self.options,
        )
        return estimate(steps, self.prompt, builder.of_session)

    def on_device(self, device: str) -> LocalPredictor:
        """The same model for another device, not loaded yet."""
        other = copy(self)
        other.options = self.options.model_copy(update={"device": device})
        other._checkpoint = other._decoder = None
        return other

    async def close(self) -> None:
        """Free the model."""
        self._checkpoint = self._decoder = None

    def _loaded_decoder(self) -> Decoder:
        from facsim.predict.local.decoding import Decoder  # noqa: PLC0415 - torch is slow to import

        if self._decoder is None:
            self._decoder = Decoder(self.checkpoint, self.prompt, self.options)
        return self._decoder


class _Clock:
    """Gives each answer its share of the time: the time since the answers before it, split evenly.

    So the seconds of all answers add up to the duration of the run.
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
