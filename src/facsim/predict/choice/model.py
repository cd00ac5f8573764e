"""The choice model: a learned probability for every element of the page, and for leaving."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facsim.data import DataSet, replay
from facsim.predict.choice.booster import Choices, learn, scores_of
from facsim.predict.choice.candidates import Scene, SceneReader, Symbols
from facsim.predict.choice.choice_rates import FAMILIES, Offers, Rates
from facsim.predict.choice.features import (
    CATEGORICAL,
    FEATURES,
    KEYS,
    OWN_FEATURES,
    features_of,
    sample_rows,
)
from facsim.predict.choice.folds import HELD_OUT, fold_of
from facsim.predict.choice.intent_words import read_intent
from facsim.predict.choice.page_table import Floats, Ints
from facsim.predict.choice.text_model import TextModel
from facsim.predict.frequencies import Target, sequences
from facsim.predict.markov import spread
from facsim.schema import Prediction, SessionSoFar
from facsim.util.progress import Progress, no_progress

if TYPE_CHECKING:
    import lightgbm

MOST_NEGATIVES = 40
"""Candidates not chosen that stand for a training step."""
MOST_ROWS = 600_000
"""Rows that the booster learns from (0.5 GB); larger training splits get fewer negatives a step."""
ROUNDS = 400
MOST_CODES = 120
"""Symbols that get a code of their own, if chosen at least `LEAST_CHOSEN` times."""
LEAST_CHOSEN = 10
LEAST_SPELLED = 0.005
"""Typable elements less likely than this get no texts: their mass stays with the actions not listed."""


class ChoicePredictor:
    """A choice model that has learned. `ChoiceModel` makes one from a training split, `load` from a folder.

    Attributes:
        spec: `choice`, or `choice:PATH` for a loaded one.
        symbols: names, keys and symbols of the training split.
        rates: how often people choose what they are offered.
        codes: code of each symbol for the booster, 0 for rare ones.
        booster: the trees; None before learning, and where the training split had nothing to learn from.
        temperature: flattens (above 1) or sharpens the probabilities.
        texts: what is typed.
        seed: what it was learned with; None before.
        fingerprint: for a loaded model, the hash of its files.
    """

    concurrency = 1

    def __init__(self) -> None:
        self.spec = "choice"
        self.symbols = Symbols()
        self.rates = Rates()
        self.codes: Floats = np.zeros(1, np.float32)
        self.booster: lightgbm.Booster | None = None
        self.temperature = 1.0
        self.texts = TextModel()
        self.seed: int | None = None
        self.fingerprint: str | None = None
        self._reader = SceneReader(self.symbols)

    @classmethod
    def load(cls, path: str | Path) -> ChoicePredictor:
        """Read a model that `save` wrote.

        Raises:
            InputError: if the folder does not hold one, or it was changed since.
        """
        from facsim.predict.choice.storage import load  # noqa: PLC0415

        return load(path)

    def save(self, path: str | Path) -> None:
        """Write the model into a folder: JSON and LightGBM's text format.

        Raises:
            ConfigError: if `path` exists and holds something else.
        """
        from facsim.predict.choice.storage import save  # noqa: PLC0415

        save(self, path)

    def settings(self) -> Mapping[str, Any]:
        """What changes the answers, besides the training split."""
        if self.fingerprint is not None:
            return {"model": self.fingerprint}
        return {"seed": self.seed, "rounds": ROUNDS, "negatives": MOST_NEGATIVES, "features": len(FEATURES)}

    async def close(self) -> None:
        """Nothing to free."""

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        """The likeliest action, text included, with the distribution."""
        return self.answer(so_far)

    def answer(self, so_far: SessionSoFar) -> Prediction:
        """The answer, computed here and now."""
        scene = self._reader.read(so_far)
        shares = self._shares(scene)
        best = int(shares.argmax())
        targets = [scene.target(candidate) for candidate in range(len(scene))]
        texts: dict[Target, dict[str, float]] = {}
        for candidate, target in enumerate(targets):
            kind, name = target
            if kind == "type_and_submit" and name is not None:
                likely = candidate == best or shares[candidate] >= LEAST_SPELLED
                texts[target] = self.texts.texts(so_far, name) if likely else {}
        probabilities = spread(zip(targets, shares.tolist(), strict=True), texts)
        # Not the likeliest text of the likeliest target: where people may type a hundred texts, each of them
        # is less likely than a click that is less likely than typing.
        return Prediction(max(probabilities, key=probabilities.__getitem__), probabilities=probabilities)

    def _shares(self, scene: Scene) -> NDArray[np.float64]:
        """The probability of each candidate."""
        if self.booster is None:
            return np.full(len(scene), 1 / len(scene))
        offers = Offers.of([(_symbols_of(scene), scene.contexts)])
        columns = [
            features_of(scene, self.symbols.keys),
            self.codes[scene.slots][:, None],
            self.rates.of(offers),
        ]
        table = np.concatenate(columns, axis=1, dtype=np.float32)
        scores = scores_of(self.booster, table) / self.temperature
        mass = np.exp(scores - scores.max())
        return np.asarray(mass / mass.sum(), np.float64)


class ChoiceModel(ChoicePredictor):
    """A choice model that learns from the training split before it answers."""

    def fit(self, train: DataSet, *, seed: int = 0, progress: Progress = no_progress) -> None:
        """Learn from `train`: rates, then the booster on rates of other people, then the texts.

        Steps whose target has no name or is not on its page teach nothing but history.
        """
        self.seed = seed
        self.symbols = learn_symbols(train)
        examples = self._read(train, seed, progress)
        self._reader = SceneReader(self.symbols)  # Without what was numbered on the way.
        if examples is not None:
            self._learn(examples, seed, progress)
        self.texts = TextModel()
        self.texts.fit(train, seed=seed, progress=progress)

    def _read(self, data: DataSet, seed: int, progress: Progress) -> _Examples | None:
        """Walk over all steps once and keep what learning needs of them."""
        random = np.random.default_rng(seed)
        total = data.steps.height
        most = max(4, min(MOST_NEGATIVES, MOST_ROWS // max(total, 1) - 1))
        self.symbols.learning = True
        examples = _Examples()
        reader = SceneReader(self.symbols)
        for done, (scene, chosen, fold) in enumerate(_chosen_steps(reader, data), start=1):
            rows, weights = sample_rows(scene, chosen, most, random)
            table = features_of(scene, self.symbols.keys)[rows]
            examples.add(scene, chosen, fold, rows=rows, weights=weights, table=table)
            progress(done, total, "steps read")
        self.symbols.learning = False
        return examples if examples.chosen else None

    def _learn(self, examples: _Examples, seed: int, progress: Progress) -> None:
        offers, chosen = Offers.of(examples.steps), np.array(examples.chosen)
        folds = np.array(examples.folds)
        self.rates = Rates.fit(offers, chosen, folds)
        slots = offers.symbols[1]
        self.codes = np.zeros(
            len(self.symbols.numbers) + 1, np.float32
        )  # The last one is for unknown symbols.
        for code, (symbol, count) in enumerate(
            Counter(slots[chosen].tolist()).most_common(MOST_CODES), start=1
        ):
            if count >= LEAST_CHOSEN:
                self.codes[symbol] = code
        sampled = np.concatenate(examples.rows)
        table = np.empty((len(sampled), len(FEATURES)), np.float32)
        own = len(OWN_FEATURES)
        np.concatenate(examples.tables, out=table[:, :own])
        examples.tables.clear()
        table[:, own] = self.codes[slots[sampled]]
        sizes = np.array([len(rows) for rows in examples.rows])
        ends = np.cumsum(sizes)
        for steps, block in offers.blocks(MOST_ROWS // 4):
            rows = slice(ends[steps.start] - sizes[steps.start], ends[steps.stop - 1])
            inside = sampled[rows] - offers.starts[steps.start]
            table[rows, own + 1 :] = self.rates.of(block, folds[steps])[inside]
        choices = Choices(table, ends - sizes, np.concatenate(examples.weights))
        self.booster, self.temperature = learn(
            choices,
            folds == HELD_OUT,
            features=FEATURES,
            categorical=CATEGORICAL,
            rounds=ROUNDS,
            seed=seed,
            progress=progress,
        )


class _Examples:
    """What learning needs of the steps of a training split, in order."""

    def __init__(self) -> None:
        self.steps: list[tuple[tuple[Ints, ...], tuple[tuple[int, ...], ...]]] = []
        self.chosen: list[int] = []
        self.folds: list[int] = []
        self.rows: list[Ints] = []
        self.weights: list[Floats] = []
        self.tables: list[Floats] = []
        self._candidates = 0

    def add(
        self, scene: Scene, chosen: int, fold: int, *, rows: Ints, weights: Floats, table: Floats
    ) -> None:
        """Keep one step; candidates are numbered through all steps."""
        self.steps.append((_symbols_of(scene), scene.contexts))
        self.chosen.append(self._candidates + chosen)
        self.folds.append(fold)
        self.rows.append(rows + self._candidates)
        self.weights.append(weights)
        self.tables.append(table)
        self._candidates += len(scene)


def _symbols_of(scene: Scene) -> tuple[Ints, ...]:
    return tuple(family.symbols(scene) for family in FAMILIES)


def _chosen_steps(reader: SceneReader, data: DataSet) -> Iterator[tuple[Scene, int, int]]:
    """Per step whose target is on its page: the scene, the chosen candidate, the fold."""
    for session in data:
        fold = fold_of(session.user_id)
        for so_far, step in replay(data, session):
            scene = reader.read(so_far)
            chosen = scene.offer.find(step.action)
            if chosen is not None:
                yield scene, chosen, fold


def learn_symbols(train: DataSet) -> Symbols:
    """Names and keys of a training split."""
    sessions: Counter[str] = Counter()
    typed: set[str] = set()
    for actions in sequences(train):
        sessions.update({action.name for action in actions if action.name is not None})
        typed.update(action.name for action in actions if action.text is not None and action.name is not None)
    keys = Counter(key for intent in train.sessions["intent"] for key, _ in read_intent(intent).fields)
    return Symbols(
        names=frozenset(name for name, count in sessions.items() if count > 1),
        typed=frozenset(typed),
        keys=tuple(key for key, _ in keys.most_common(KEYS)),
    )
