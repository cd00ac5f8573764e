"""Starts a run: fits the predictor, checks that the test is fair, and writes config.json."""

from __future__ import annotations

from pathlib import Path

from facsim.data import DataSet
from facsim.data.splits import split
from facsim.evaluation.config import CaseSelection, Identity, RunConfig, count_cases
from facsim.evaluation.environment import Environment
from facsim.evaluation.on_cluster import ClusterSessions
from facsim.predict.protocol import Predictor, Savable, as_trainable
from facsim.util.errors import ConfigError
from facsim.util.progress import Progress


def start_run(
    folder: Path,
    *,
    before: RunConfig | None,
    data: DataSet,
    selection: DataSet,
    cases: CaseSelection,
    predictor: Predictor,
    progress: Progress,
    remote: ClusterSessions | None = None,
) -> RunConfig:
    """Fit the predictor; then write config.json, or check it against the existing one.

    Args:
        folder: the run folder, held for writing.
        before: the config of a run to continue.
        data: the data set.
        selection: its sessions to evaluate.
        cases: how they were selected.
        predictor: the predictor.
        progress: called while it is fitted.
        remote: the workers of a cluster that will predict; None for this process.

    Raises:
        ConfigError: if there is nothing to evaluate or to learn from, the run in the folder is another one,
            or the predictor would be tested on what it learned.
    """
    train_sessions = _fit(predictor, data, selection, cases, progress)
    identity = Identity.of(remote.stand_in if remote else predictor, cases)
    _check_not_trained_on(identity)
    start = Environment.now(remote.nodes if remote else None)
    if before is not None:
        before.check_same(folder, **dict(identity))
        config = before.model_copy(update={"starts": (*before.starts, start), "data_path": data.location})
    else:
        config = RunConfig(
            identity=identity,
            digest=identity.digest,
            data_path=data.location,
            source=data.card.source,
            counts=count_cases(selection, cases, train_sessions),
            starts=(start,),
        )
    if not config.counts.cases:
        raise ConfigError(
            f"{data.location}: no test case in the {cases.part} part: each of its {config.counts.sessions} "
            "sessions has a single step, and first steps are excluded. "
            "Include them with --first-step include"
        )
    config.write(folder)
    if train_sessions is not None and isinstance(predictor, Savable):
        saved = folder / predictor.artifact
        # An existing one was fitted on the same train part with the same seed.
        if not saved.exists():
            predictor.save(saved)
    return config


def _check_not_trained_on(identity: Identity) -> None:
    """Refuse to test a checkpoint on data that it was trained on.

    Raises:
        ConfigError: if it would be.
    """
    learned, cases = identity.settings.get("learned"), identity.cases
    if not isinstance(learned, dict) or learned.get("content_hash") != cases.content_hash:
        return
    split_by, seed = learned.get("split_by"), learned.get("seed")
    if (split_by, seed) != (cases.split_by, cases.seed):
        raise ConfigError(
            f"{identity.predictor} was trained on this data set, split by {split_by} with seed {seed}. Split "
            f"by {cases.split_by} with seed {cases.seed}, it would be tested on what it learned. "
            f"Use --split-by {split_by} --seed {seed}"
        )
    if cases.part in ("train", "all"):
        raise ConfigError(
            f"{identity.predictor} was trained on the train part of this data set: on `{cases.part}` it "
            "would be tested on what it learned. Evaluate the test or the validation part"
        )


def _fit(
    predictor: Predictor, data: DataSet, selection: DataSet, cases: CaseSelection, progress: Progress
) -> int | None:
    """Fit a predictor that learns. One that does not is given the sessions it will be asked about, for facts.

    Returns:
        How many sessions it learned from; None if it does not learn.
    """
    trainable = as_trainable(predictor)
    if trainable is None:
        return None
    if not trainable.learns:
        trainable.fit(selection, seed=cases.seed, progress=progress)
        return None
    if cases.part in ("train", "all"):
        raise ConfigError(
            f"{predictor.spec} learns from the train part: on `{cases.part}` it would be tested on what it "
            "learned. Evaluate the test or the validation part"
        )
    train = split(data, "train", cases.split_by, cases.seed)
    trainable.fit(train, seed=cases.seed, progress=progress)
    return len(train)
