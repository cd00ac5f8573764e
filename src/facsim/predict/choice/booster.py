"""A conditional logit on boosted trees: softmax over the candidates of a step.

LightGBM grows the trees; the loss is ours, because its ranking objectives optimise an order and not the
probabilities: the negative log-likelihood of the chosen candidate (McFadden, 1974).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facsim.predict.choice.page_table import Flags, Floats, Ints
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


@dataclass(frozen=True, eq=False)
class Choices:
    """Steps to learn from, candidates of a step contiguous and the chosen one first.

    Attributes:
        table: [candidates, features].
        starts: the first row of each step.
        weights: weight of each candidate in its step's denominator (above one where it stands for others).
    """

    table: Floats
    starts: Ints
    weights: Floats

    def __len__(self) -> int:
        return len(self.starts)

    def only(self, steps: Flags) -> Choices:
        """Some of the steps, at least one."""
        sizes = np.diff(self.starts, append=len(self.table))
        rows, kept = np.repeat(steps, sizes), sizes[steps]
        return Choices(self.table[rows], np.cumsum([0, *kept[:-1]]), self.weights[rows])

    def softmax(self, scores: Doubles) -> Doubles:
        """Each candidate's share of its step's mass."""
        sizes = np.diff(self.starts, append=len(scores))
        top = np.repeat(np.maximum.reduceat(scores, self.starts), sizes)
        mass = np.exp(scores - top) * self.weights
        return np.asarray(mass / np.repeat(np.add.reduceat(mass, self.starts), sizes), np.float64)

    def loss(self, scores: Doubles) -> float:
        """Mean negative log-likelihood of the chosen candidates, in nats."""
        return float(-np.log(np.maximum(self.softmax(scores)[self.starts], 1e-300)).mean())


def learn(
    choices: Choices,
    held_out: Flags,
    *,
    features: tuple[str, ...],
    categorical: tuple[str, ...],
    rounds: int,
    seed: int,
    progress: Progress = no_progress,
) -> tuple[lightgbm.Booster, float]:
    """Trees and their temperature.

    How many trees, and the temperature, is found on steps held out; so many are then grown on all steps.

    Args:
        choices: the steps.
        held_out: per step, whether it is held out. If all are or none is, a quarter of `rounds` is grown.
        features: names of the columns.
        categorical: those of them that hold codes.
        rounds: the most trees.
        seed: for the draw of columns.
        progress: told of every tree.
    """

    def grow(own: Choices, unseen: Choices | None, most: int) -> lightgbm.Booster:
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
        return grow(choices, None, rounds // 4), 1.0
    unseen = choices.only(held_out)
    stopped = grow(choices.only(~held_out), unseen, rounds)
    temperature = fit_temperature(unseen, scores_of(stopped, unseen.table))
    return grow(choices, None, stopped.best_iteration), temperature


def scores_of(booster: lightgbm.Booster, table: Floats) -> Doubles:
    """The score of each row."""
    return np.asarray(booster.predict(table, raw_score=True, num_threads=1), np.float64)


def train(
    choices: Choices,
    held_out: Choices | None,
    *,
    features: tuple[str, ...],
    categorical: tuple[str, ...],
    rounds: int,
    seed: int,
    progress: Progress = no_progress,
) -> lightgbm.Booster:
    """Grow trees until the held-out loss stops falling, or for `rounds` where nothing is held out.

    One thread and fixed seeds: the same choices give the same trees on the same machine type.
    """
    import lightgbm  # noqa: PLC0415

    parameters = PARAMETERS | {
        "objective": _gradients_of(choices),
        "metric": "none",
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        choices.table,
        label=np.zeros(len(choices.table)),
        params=parameters,
        feature_name=list(features),
        categorical_feature=list(categorical),
    )
    valid, callbacks = [], [_reporter(rounds, progress)]
    if held_out is not None:
        valid = [lightgbm.Dataset(held_out.table, label=np.zeros(len(held_out.table)), reference=data)]
        callbacks.append(lightgbm.early_stopping(30, verbose=False))

    def metric(scores: Doubles, _: lightgbm.Dataset) -> tuple[str, float, bool]:
        assert held_out is not None
        return "loss", held_out.loss(scores), False

    return lightgbm.train(
        parameters,
        data,
        num_boost_round=rounds,
        valid_sets=valid,
        feval=metric if held_out is not None else None,
        callbacks=callbacks,
    )


def _gradients_of(choices: Choices) -> Any:
    chosen = np.zeros(len(choices.table))
    chosen[choices.starts] = 1

    def gradients(scores: Doubles, _: lightgbm.Dataset) -> tuple[Doubles, Doubles]:
        shares = choices.softmax(scores)
        return shares - chosen, np.maximum(shares * (1 - shares), 1e-6)

    return gradients


def _reporter(rounds: int, progress: Progress) -> Any:
    def report(environment: Any) -> None:
        progress(environment.iteration + 1, rounds, "trees")

    return report


def fit_temperature(choices: Choices, scores: Doubles) -> float:
    """The temperature that minimises the held-out loss, by golden section over [0.25, 4] on a log scale."""
    low, high = np.log(0.25), np.log(4.0)
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if choices.loss(scores / np.exp(left)) < choices.loss(scores / np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def as_choices(tables: Sequence[Floats]) -> Choices:
    """Put steps together, each given as its candidates' rows, the chosen one first."""
    table = np.concatenate(tables)
    starts = np.cumsum([0, *(len(own) for own in tables[:-1])])
    return Choices(table, starts, np.ones(len(table), np.float32))
