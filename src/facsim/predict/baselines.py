"""The trivial baselines. They are rows of every leaderboard, so that base rates are not mistaken for skill.

Each uses the train part only, and is deterministic given session, data and seed. Each rule is stated in
a sentence in `docs/reference/predictors.md`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

from facsim.data import DataSet
from facsim.predict.frequencies import ActionFrequencies, last_named
from facsim.schema import Action, ActionType, Prediction, SessionSoFar
from facsim.util.progress import Progress, no_progress


class Baseline:
    """A predictor that needs only the action frequencies of the train part.

    Before `fit` it answers as on an empty train part.
    """

    spec: str
    concurrency = 1
    learns = True

    def __init__(self) -> None:
        self.frequencies = ActionFrequencies()

    def settings(self) -> Mapping[str, Any]:
        """Nothing but the train part changes the answers."""
        return {}

    def fit(self, train: DataSet, *, seed: int = 0, progress: Progress = no_progress) -> None:  # noqa: ARG002
        """Count the actions of `train`."""
        self.frequencies = ActionFrequencies.of(train)
        progress(len(train), len(train), "sessions counted")

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        """Predict one step."""
        return self.answer(so_far)

    def answer(self, so_far: SessionSoFar) -> Prediction:
        """Predict synchronously."""
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing to free."""


class AlwaysTerminate(Baseline):
    """Predicts `terminate` at every step."""

    spec = "baseline:always-terminate"
    learns = False

    def answer(self, so_far: SessionSoFar) -> Prediction:  # noqa: ARG002
        """Terminate."""
        return Prediction(Action.terminate())


class MajorityType(Baseline):
    """The most frequent action type, on the element that most often received it among those on the page."""

    spec = "baseline:majority-type"

    def answer(self, so_far: SessionSoFar) -> Prediction:
        """The most frequent action of the majority type that is possible on the page."""
        majority: ActionType = (
            self.frequencies.types.most_common(1)[0][0] if self.frequencies.types else "click"
        )
        return Prediction(self.frequencies.most_frequent(so_far.page, of_type=majority))


class RepeatLast(Baseline):
    """Repeats the previous action, text included, whether or not its target is still on the page."""

    spec = "baseline:repeat-last"

    def answer(self, so_far: SessionSoFar) -> Prediction:
        """The last action with a name; if there is none, the most frequent possible action."""
        last = last_named(so_far)
        return Prediction(last or self.frequencies.most_frequent(so_far.page))


class MostFrequentName(Baseline):
    """The element most often acted upon, with the most frequent action type of that element."""

    spec = "baseline:most-frequent-name"

    def __init__(self) -> None:
        super().__init__()
        self._names: Counter[str] = Counter()
        self._types: dict[str, Counter[ActionType]] = {}

    def fit(self, train: DataSet, *, seed: int = 0, progress: Progress = no_progress) -> None:
        """Count the actions of `train` by name."""
        super().fit(train, seed=seed, progress=progress)
        self._names, self._types = Counter(), {}
        for (kind, name), count in self.frequencies.targets.items():
            if name is not None:
                self._names[name] += count
                self._types.setdefault(name, Counter())[kind] += count

    def answer(self, so_far: SessionSoFar) -> Prediction:
        """The most frequent name that is on the page; the first element if none is known."""
        for name, _ in self._names.most_common():
            if name in so_far.page:
                return Prediction(self.frequencies.action(self._types[name].most_common(1)[0][0], name))
        return Prediction(self.frequencies.most_frequent(so_far.page, of_type="click"))


class RandomElement(Baseline):
    """A click on a uniformly drawn element. The draw depends on seed, session and step only."""

    spec = "baseline:random-element"
    learns = False

    def __init__(self) -> None:
        super().__init__()
        self.seed: int | None = None

    def settings(self) -> Mapping[str, Any]:
        """The seed; None before `fit`, which sets it."""
        return {"seed": self.seed}

    def fit(self, train: DataSet, *, seed: int = 0, progress: Progress = no_progress) -> None:
        """Store the seed. Nothing is learned."""
        self.seed = seed
        progress(len(train), len(train), "nothing to learn")

    def answer(self, so_far: SessionSoFar) -> Prediction:
        """A click on any element with equal probability; `terminate` on a page without elements."""
        elements = so_far.page.elements
        if not elements:
            return Prediction(Action.terminate(), probabilities={Action.terminate(): 1.0})
        key = f"{self.seed}\0{so_far.session_id}\0{so_far.step}".encode("utf-8", "surrogatepass")
        random = Random(hashlib.blake2b(key, digest_size=8).digest())  # noqa: S311
        share = 1 / len(elements)
        return Prediction(
            Action.click(random.choice(elements).name),
            probabilities={Action.click(element.name): share for element in elements},
        )
