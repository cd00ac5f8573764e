"""A conditional logit on gradient-boosted trees: softmax over the candidates of a step.

LightGBM grows the trees with a custom objective: the negative log-likelihood of the chosen candidate
(McFadden, 1974). Its own ranking objectives optimise an order, not probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facsim.predict.choice.page_table import Flags, Floats, Ints
from facsim.util.errors import FacsimError
from facsim.util.progress import Progress, no_progress

if TYPE_CHECKING:
    import lightgbm

Doubles = NDArray[np.float64]

PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "min_sum_hessian_in_leaf": 1e-3,
    "feature_fraction": 0.5,
    "lambda_l2": 1.0,
    "max_bin": 127,
    "max_cat_to_onehot": 8,
    "cat_smooth": 10.0,
}


class TooLittleVariationError(FacsimError):
    """No feature of the training data can be split."""


@dataclass(frozen=True, eq=False)
class ConditionalLogitData:
    """Training steps, with the candidates of a step contiguous and the chosen one first.

    Attributes:
        table: features, shape `(candidates, features)`.
        starts: first row of each step, shape `(steps,)`.
        weights: weight of each candidate in its step's softmax denominator, shape `(candidates,)`. It is
            above one for a sampled negative that represents several candidates.
    """

    table: Floats
    starts: Ints
    weights: Floats

    def __len__(self) -> int:
        return len(self.starts)

    def select(self, steps: Flags) -> ConditionalLogitData:
        """The steps where the mask `steps`, shape `(steps,)`, is true; at least one."""
        sizes = np.diff(self.starts, append=len(self.table))
        rows, kept = np.repeat(steps, sizes), sizes[steps]
        return ConditionalLogitData(self.table[rows], np.cumsum([0, *kept[:-1]]), self.weights[rows])

    def softmax(self, scores: Doubles) -> Doubles:
        """Probability of each candidate within its step. Scores and result have shape `(candidates,)`."""
        sizes = np.diff(self.starts, append=len(scores))
        top = np.repeat(np.maximum.reduceat(scores, self.starts), sizes)
        mass = np.exp(scores - top) * self.weights
        return np.asarray(mass / np.repeat(np.add.reduceat(mass, self.starts), sizes), np.float64)

    def loss(self, scores: Doubles) -> float:
        """Mean negative log-likelihood of the chosen candidates, in nats."""
        return float(-np.log(np.maximum(self.softmax(scores)[self.starts], 1e-300)).mean())


def fit_conditional_logit(
    data: ConditionalLogitData,
    held_out: Flags,
    *,
    features: tuple[str, ...],
    categorical: tuple[str, ...],
    rounds: int,
    seed: int,
    progress: Progress = no_progress,
) -> tuple[lightgbm.Booster, float]:
    """Fit trees and a softmax temperature.

    The number of trees and the temperature are chosen on held-out steps. The final trees are then grown on
    all steps.

    Args:
        data: the steps.
        held_out: mask of held-out steps, shape `(steps,)`. If all or none are held out, `rounds // 4` trees
            are grown and the temperature is 1.
        features: column names.
        categorical: the columns that hold category codes.
        rounds: maximum number of trees.
        seed: of the column sampling.
        progress: called after every tree.

    Raises:
        TooLittleVariationError: if no feature takes different values often enough for a single split.
    """

    def grow(own: ConditionalLogitData, unseen: ConditionalLogitData | None, most: int) -> lightgbm.Booster:
        return train(
            own,
            unseen,
            features=features,
            categorical=categorical,
            rounds=most,
            seed=seed,
            progress=progress,
        )

    if held_out.all() or not held_out.any():
        return grow(data, None, rounds // 4), 1.0
    unseen = data.select(held_out)
    stopped = grow(data.select(~held_out), unseen, rounds)
    temperature = fit_temperature(unseen, raw_scores(stopped, unseen.table))
    return grow(data, None, stopped.best_iteration), temperature


def raw_scores(booster: lightgbm.Booster, table: Floats) -> Doubles:
    """Scores before the softmax. Takes `(candidates, features)`, returns `(candidates,)`."""
    return np.asarray(booster.predict(table, raw_score=True, num_threads=1), np.float64)


def train(
    data: ConditionalLogitData,
    held_out: ConditionalLogitData | None,
    *,
    features: tuple[str, ...],
    categorical: tuple[str, ...],
    rounds: int,
    seed: int,
    progress: Progress = no_progress,
) -> lightgbm.Booster:
    """Grow trees until the held-out loss stops falling; without held-out data, grow `rounds` trees.

    One thread and fixed seeds: the same data gives the same trees on the same type of machine.
    """
    import lightgbm  # noqa: PLC0415

    shared: dict[str, Any] = {
        "metric": "none",
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    parameters = PARAMETERS | shared | {"objective": _objective(data)}
    training_set = lightgbm.Dataset(
        data.table,
        label=np.zeros(len(data.table)),
        params=PARAMETERS | shared,
        feature_name=list(features),
        categorical_feature=list(categorical),
    ).construct()
    # LightGBM gives a feature that cannot be split fewer than two bins, and fails if no other is left.
    if all(training_set.feature_num_bin(column) < 2 for column in range(len(features))):
        raise TooLittleVariationError(
            f"{len(data)} training steps with {len(data.table)} candidates vary too little to learn from: no "
            "feature can be split. Train on more sessions, or use a baseline such as baseline:markov-1"
        )
    valid, callbacks = [], [_progress_callback(rounds, progress)]
    if held_out is not None:
        label = np.zeros(len(held_out.table))
        valid = [lightgbm.Dataset(held_out.table, label=label, reference=training_set)]
        callbacks.append(lightgbm.early_stopping(30, verbose=False))

    def metric(scores: Doubles, _: lightgbm.Dataset) -> tuple[str, float, bool]:
        assert held_out is not None
        return "loss", held_out.loss(scores), False

    return lightgbm.train(
        parameters,
        training_set,
        num_boost_round=rounds,
        valid_sets=valid,
        feval=metric if held_out is not None else None,
        callbacks=callbacks,
    )


def _objective(data: ConditionalLogitData) -> Any:
    """LightGBM's custom objective: scores `(candidates,)` to gradients and Hessian diagonal."""
    chosen = np.zeros(len(data.table))
    chosen[data.starts] = 1

    def gradients(scores: Doubles, _: lightgbm.Dataset) -> tuple[Doubles, Doubles]:
        shares = data.softmax(scores)
        return shares - chosen, np.maximum(shares * (1 - shares), 1e-6)

    return gradients


def _progress_callback(rounds: int, progress: Progress) -> Any:
    def report(environment: Any) -> None:
        progress(environment.iteration + 1, rounds, "trees")

    return report


def fit_temperature(data: ConditionalLogitData, scores: Doubles) -> float:
    """The temperature that minimises the held-out loss: golden-section search on log T in [0.25, 4]."""
    low, high = np.log(0.25), np.log(4.0)
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if data.loss(scores / np.exp(left)) < data.loss(scores / np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def stack_choice_sets(tables: Sequence[Floats]) -> ConditionalLogitData:
    """Concatenate steps. Each table has shape `(candidates, features)`, with the chosen candidate first."""
    table = np.concatenate(tables)
    starts = np.cumsum([0, *(len(own) for own in tables[:-1])])
    return ConditionalLogitData(table, starts, np.ones(len(table), np.float32))
