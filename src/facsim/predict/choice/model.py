"""The choice model: a learned probability for every element of the page, and for terminate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.data import DataSet, replay
from facsim.predict.choice.choice_rates import RATE_FAMILIES, ChoiceRates, SituationBatch
from facsim.predict.choice.choice_situation import ChoiceSituation, SituationReader, SymbolTable
from facsim.predict.choice.conditional_logit import ConditionalLogitData, fit_conditional_logit, raw_scores
from facsim.predict.choice.features import (
    CATEGORICAL,
    FEATURES,
    KEYS,
    OWN_FEATURES,
    candidate_features,
    sample_candidates,
)
from facsim.predict.choice.folds import HELD_OUT, fold_of
from facsim.predict.choice.intent import read_intent
from facsim.predict.choice.page_table import Floats, Ints
from facsim.predict.choice.parameters import ChoiceParameters
from facsim.predict.choice.storage import load_parameters, save_parameters
from facsim.predict.choice.text_model import TextModel
from facsim.predict.frequencies import ActionTarget, action_sequences
from facsim.predict.markov import spread
from facsim.schema import Prediction, SessionSoFar
from facsim.util.progress import Progress, no_progress

MOST_NEGATIVES = 40
"""Most negatives (candidates not chosen) per training step."""
MOST_ROWS = 600_000
"""Most training rows (0.5 GB). Larger train parts get fewer negatives per step."""
ROUNDS = 400
MOST_CODES = 120
"""Symbols with a categorical code of their own, if chosen at least `LEAST_CHOSEN` times."""
LEAST_CHOSEN = 10
LEAST_SPELLED = 0.005
"""Typable elements less probable than this get no texts. Their mass is not assigned to any action."""


class ChoicePredictor:
    """A fitted choice model. `ChoiceModel` fits one; `load` reads one from a folder.

    Attributes:
        spec: `choice`, or `choice:PATH` for a loaded model.
        parameters: what was learned.
        fingerprint: for a loaded model, the hash of its files.
    """

    concurrency = 1

    def __init__(
        self,
        parameters: ChoiceParameters | None = None,
        *,
        spec: str = "choice",
        fingerprint: str | None = None,
    ) -> None:
        self.spec, self.fingerprint = spec, fingerprint
        self.parameters = parameters or ChoiceParameters()
        self._reader = SituationReader(self.parameters.symbols)

    @classmethod
    def load(cls, path: str | Path) -> ChoicePredictor:
        """Read a model that `save` wrote.

        Raises:
            InputError: if the folder does not hold one, or its files were changed.
        """
        parameters, fingerprint = load_parameters(path)
        return ChoicePredictor(parameters, spec=f"choice:{path}", fingerprint=fingerprint)

    def save(self, path: str | Path) -> None:
        """Write the model into a folder: JSON and LightGBM's text format.

        Raises:
            ConfigError: if `path` exists and holds something else.
            FacsimError: if it cannot be written.
        """
        save_parameters(self.parameters, path)

    def settings(self) -> Mapping[str, Any]:
        """Everything that changes the answers, apart from the train part."""
        if self.fingerprint is not None:
            return {"model": self.fingerprint}
        return {
            "seed": self.parameters.seed,
            "rounds": ROUNDS,
            "negatives": MOST_NEGATIVES,
            "features": len(FEATURES),
        }

    async def close(self) -> None:
        """Nothing to free."""

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        """The most probable action, text included, with the distribution."""
        return self.answer(so_far)

    def answer(self, so_far: SessionSoFar) -> Prediction:
        """Predict synchronously."""
        situation = self._reader.read(so_far)
        shares = self._shares(situation)
        best = int(shares.argmax())
        targets = [situation.target(candidate) for candidate in range(len(situation))]
        texts: dict[ActionTarget, dict[str, float]] = {}
        for candidate, target in enumerate(targets):
            kind, name = target
            if kind == "type_and_submit" and name is not None:
                likely = candidate == best or shares[candidate] >= LEAST_SPELLED
                texts[target] = self.parameters.texts.texts(so_far, name) if likely else {}
        probabilities = spread(zip(targets, shares.tolist(), strict=True), texts)
        # Not the best text of the best target: where people may type a hundred texts, each of them is less
        # probable than a click that is less probable than typing.
        return Prediction(max(probabilities, key=probabilities.__getitem__), probabilities=probabilities)

    def _shares(self, situation: ChoiceSituation) -> NDArray[np.float64]:
        """Probability of each candidate, shape `(candidates,)`."""
        model = self.parameters
        if model.booster is None:
            return np.full(len(situation), 1 / len(situation))
        batch = SituationBatch.of([(_symbols_of(situation), situation.contexts)])
        columns = [
            candidate_features(situation, model.symbols.keys),
            model.codes[situation.slots][:, None],
            model.rates.of(batch),
        ]
        table = np.concatenate(columns, axis=1, dtype=np.float32)
        scores = raw_scores(model.booster, table) / model.temperature
        mass = np.exp(scores - scores.max())
        return np.asarray(mass / mass.sum(), np.float64)


class ChoiceModel(ChoicePredictor):
    """A choice model that is fitted on the train part before it answers."""

    learns = True
    artifact = "choice"

    def fit(self, train: DataSet, *, seed: int = 0, progress: Progress = no_progress) -> None:
        """Fit the rates, then the trees on out-of-fold rates, then the model of typed texts.

        Steps whose target has no name or is not on its page serve as history only.

        Raises:
            FacsimError: if the training steps vary too little to learn from.
        """
        self.parameters = ChoiceParameters(symbols=build_symbol_table(train), seed=seed)
        examples = self._read(train, seed, progress)
        # A new reader: the other one assigned ids to symbols while it read.
        self._reader = SituationReader(self.parameters.symbols)
        if examples is not None:
            self._fit_trees(examples, seed, progress)
        self.parameters.texts = TextModel()
        self.parameters.texts.fit(train, seed=seed, progress=progress)

    def _read(self, data: DataSet, seed: int, progress: Progress) -> _Examples | None:
        """Collect the training examples in one pass over all steps."""
        symbols = self.parameters.symbols
        random = np.random.default_rng(seed)
        total = data.steps.height
        most = max(4, min(MOST_NEGATIVES, MOST_ROWS // max(total, 1) - 1))
        symbols.learning = True
        examples = _Examples()
        reader = SituationReader(symbols)
        for done, (situation, chosen, fold) in enumerate(_chosen_steps(reader, data), start=1):
            rows, weights = sample_candidates(situation, chosen, most, random)
            table = candidate_features(situation, symbols.keys)[rows]
            examples.add(situation, chosen, fold, rows=rows, weights=weights, table=table)
            progress(done, total, "steps read")
        symbols.learning = False
        return examples if examples.chosen else None

    def _fit_trees(self, examples: _Examples, seed: int, progress: Progress) -> None:
        model = self.parameters
        batch, chosen = SituationBatch.of(examples.steps), np.array(examples.chosen)
        folds = np.array(examples.folds)
        model.rates = ChoiceRates.fit(batch, chosen, folds)
        slots = batch.symbols[1]
        model.codes = np.zeros(len(model.symbols.numbers) + 1, np.float32)
        frequent = Counter(slots[chosen].tolist()).most_common(MOST_CODES)
        for code, (symbol, count) in enumerate(frequent, start=1):
            if count >= LEAST_CHOSEN:
                model.codes[symbol] = code
        sampled = np.concatenate(examples.rows)
        table = np.empty((len(sampled), len(FEATURES)), np.float32)
        own = len(OWN_FEATURES)
        np.concatenate(examples.tables, out=table[:, :own])
        examples.tables.clear()
        table[:, own] = model.codes[slots[sampled]]
        sizes = np.array([len(rows) for rows in examples.rows])
        ends = np.cumsum(sizes)
        for steps, block in batch.blocks(MOST_ROWS // 4):
            rows = slice(ends[steps.start] - sizes[steps.start], ends[steps.stop - 1])
            inside = sampled[rows] - batch.starts[steps.start]
            table[rows, own + 1 :] = model.rates.of(block, folds[steps])[inside]
        model.booster, model.temperature = fit_conditional_logit(
            ConditionalLogitData(table, ends - sizes, np.concatenate(examples.weights)),
            folds == HELD_OUT,
            features=FEATURES,
            categorical=CATEGORICAL,
            rounds=ROUNDS,
            seed=seed,
            progress=progress,
        )


class _Examples:
    """Training examples of all steps, in order."""

    def __init__(self) -> None:
        self.steps: list[tuple[tuple[Ints, ...], tuple[tuple[int, ...], ...]]] = []
        self.chosen: list[int] = []
        self.folds: list[int] = []
        self.rows: list[Ints] = []
        self.weights: list[Floats] = []
        self.tables: list[Floats] = []
        self._candidates = 0

    def add(
        self,
        situation: ChoiceSituation,
        chosen: int,
        fold: int,
        *,
        rows: Ints,
        weights: Floats,
        table: Floats,
    ) -> None:
        """Add one step. Candidates are numbered across all steps."""
        self.steps.append((_symbols_of(situation), situation.contexts))
        self.chosen.append(self._candidates + chosen)
        self.folds.append(fold)
        self.rows.append(rows + self._candidates)
        self.weights.append(weights)
        self.tables.append(table)
        self._candidates += len(situation)


def _symbols_of(situation: ChoiceSituation) -> tuple[Ints, ...]:
    return tuple(family.symbols(situation) for family in RATE_FAMILIES)


def _chosen_steps(reader: SituationReader, data: DataSet) -> Iterator[tuple[ChoiceSituation, int, int]]:
    """For each step whose target is on its page: the situation, the chosen candidate, the fold."""
    for session in data:
        fold = fold_of(session.user_id)
        for so_far, step in replay(data, session):
            situation = reader.read(so_far)
            chosen = situation.choice_set.find(step.action)
            if chosen is not None:
                yield situation, chosen, fold


def build_symbol_table(train: DataSet) -> SymbolTable:
    """The symbol table with the names and intent keys of a train part."""
    sessions: Counter[str] = Counter()
    typed: set[str] = set()
    for actions in action_sequences(train):
        sessions.update({action.name for action in actions if action.name is not None})
        typed.update(action.name for action in actions if action.text is not None and action.name is not None)
    keys = Counter(key for intent in train.sessions["intent"] for key, _ in read_intent(intent).fields)
    return SymbolTable(
        names=frozenset(name for name, count in sessions.items() if count > 1),
        typed=frozenset(typed),
        keys=tuple(key for key, _ in keys.most_common(KEYS)),
    )
