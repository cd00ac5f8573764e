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

from facsim.predict.choice.pages import Floats, Ints
from facsim.schema import Progress, no_progress

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

    def softmax(self, scores: Doubles) -> Doubles:
        """Each candidate's share of its step's mass."""
        sizes = np.diff(self.starts, append=len(scores))
        top = np.repeat(np.maximum.reduceat(scores, self.starts), sizes)
        mass = np.exp(scores - top) * self.weights
        return np.asarray(mass / np.repeat(np.add.reduceat(mass, self.starts), sizes), np.float64)

    def loss(self, scores: Doubles) -> float:
        """Mean negative log-likelihood of the chosen candidates, in nats."""
        return float(-np.log(np.maximum(self.softmax(scores)[self.starts], 1e-300)).mean())


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


def as_choices(tables: Sequence[Floats], weights: Sequence[Floats] | None = None) -> Choices | None:
    """Put steps together, each with its candidates' rows, the chosen one first. None if there are none."""
    if not tables:
        return None
    table = np.concatenate(tables)
    starts = np.cumsum([0, *(len(own) for own in tables[:-1])])
    return Choices(
        table, starts, np.ones(len(table), np.float32) if weights is None else np.concatenate(weights)
    )
