"""`evaluate`: one predictor over one part of a data set, into a run folder."""

from __future__ import annotations

from collections.abc import Set
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from facsim.data import DataSet
from facsim.data.splits import Part, SplitBy
from facsim.data.splits import split as part_of_split
from facsim.evaluation.config import CaseSelection, FirstStep, Identity, RunConfig, count_cases, lengths_of
from facsim.evaluation.environment import Environment
from facsim.evaluation.journal import Journal, answered
from facsim.evaluation.records import Scorer
from facsim.evaluation.run import Run, score
from facsim.evaluation.runner import Owed, Runner
from facsim.predict.protocol import Predictor, Savable, as_trainable
from facsim.predict.registry import load_predictor
from facsim.util.errors import ConfigError
from facsim.util.files import FolderLock
from facsim.util.progress import Progress, no_progress

if TYPE_CHECKING:
    from facsim.prompt import PromptConfig


def evaluate(
    data: DataSet | str | Path,
    predictor: str | Predictor,
    *,
    out: str | Path,
    split: Part = "test",
    split_by: SplitBy = "user",
    seed: int = 0,
    first_step: FirstStep = "exclude",
    prompt: PromptConfig | None = None,
    limit: int | None = None,
    resume: bool = False,
    concurrency: int | None = None,
    progress: Progress = no_progress,
) -> Run:
    """Ask a predictor what each person did next, at every test case of a split, and score the answers.

    A predictor that learns is fitted on the train part of the same split first. Sessions run side by side,
    the steps of a session one after another. Each answer is on disk before the next step of its session is
    asked for, so a run can be killed at any time and continued with `resume`.

    Args:
        data: a data set, or its folder.
        predictor: a spec string such as `baseline:markov-2`, or a predictor. It is closed at the end.
        out: the run's folder. It must not exist, unless `resume` is set.
        split: the part to evaluate.
        split_by: how the data set is split (`facsim.data.splits`).
        seed: of the split, of training, and of the choice of sessions under `limit`.
        first_step: whether a session's first step is a test case. The paper excludes it: nothing has happened
            yet that could tell what the person is after.
        prompt: how sessions become chat messages, for predictors that are spec strings of endpoints.
        limit: ask about at most so many sessions, drawn at random. A larger limit adds sessions to those of a
            smaller one.
        resume: continue the run in `out`: ask what is owed, calls that failed included. Starts it if there is
            none.
        concurrency: sessions in flight; the predictor's own choice by default.
        progress: called with (answered, all test cases, rate and cost).

    Returns:
        The run, scored. Calls that failed for good are in it, counted as wrong; `resume` asks them again.

    Raises:
        ConfigError: if `out` exists, holds another run or is being written; if the part to evaluate or to
            learn from is empty.
        FacsimError: if the predictor says that going on makes no sense, or an answer cannot be written.
        RunInterrupted: after SIGINT or SIGTERM. Everything finished is on disk.
    """
    data = data if isinstance(data, DataSet) else DataSet.open(data)
    predictor = load_predictor(predictor, prompt=prompt) if isinstance(predictor, str) else predictor
    if concurrency is not None and concurrency < 1:
        raise ConfigError(f"concurrency {concurrency}: expected 1 or more")
    cases = CaseSelection.of(
        data, part=split, split_by=split_by, seed=seed, first_step=first_step, limit=limit
    )
    selection = cases.sessions(data)
    folder = Path(out)
    _make_folder(folder, resume=resume)
    with FolderLock(folder):
        before = RunConfig.read(folder) if (folder / "config.json").exists() else None
        if before is not None:
            before.check_same(folder, predictor=predictor.spec, cases=cases)
        learn = partial(
            _learn_and_begin,
            folder,
            before=before,
            data=data,
            selection=selection,
            cases=cases,
            predictor=predictor,
            progress=progress,
        )
        file = folder / "predictions.jsonl"
        owed = _owed(selection, cases, answered(file))
        if before is None or owed:
            # Who is asked is checked in full before anything that stands in the folder is changed.
            config = learn()
            (folder / "metrics.json").unlink(missing_ok=True)  # of the answers so far
            with Journal(file) as journal:
                Runner(
                    selection,
                    predictor,
                    Scorer(data),
                    journal,
                    total=config.counts.cases,
                    concurrency=concurrency or predictor.concurrency,
                    progress=progress,
                ).run(iter(owed))
        elif as_trainable(predictor) is None:
            # What a predictor that learns has learned is known only once it has, which a finished run spares.
            before.check_same(folder, **dict(Identity.of(predictor, cases)))
        return score(folder)


def check_folder(folder: Path, *, resume: bool) -> None:
    """Check that a run may be written into a folder.

    Raises:
        ConfigError: if it exists and `resume` is not set, or holds something else than a run.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigError(f"{folder} is a file. Choose a folder for the run")
    held = {file.name for file in folder.iterdir() if not file.name.startswith(".")}
    if held and "config.json" not in held:
        raise ConfigError(f"{folder} exists and is not a run. Choose another folder")
    if held and not resume:
        raise ConfigError(
            f"{folder} exists. Continue it with --resume (resume=True), or choose another folder"
        )


def _make_folder(folder: Path, *, resume: bool) -> None:
    check_folder(folder, resume=resume)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made: {error.strerror}") from None


def _owed(selection: DataSet, cases: CaseSelection, done: Set[tuple[str, int]]) -> list[Owed]:
    """The sessions with steps still to be asked, in stored order."""
    owed = []
    for session_id, length in lengths_of(selection).items():
        steps = frozenset(step for step in range(cases.first, length) if (session_id, step) not in done)
        if steps:
            owed.append(Owed(session_id, steps))
    return owed


def _learn_and_begin(
    folder: Path,
    *,
    before: RunConfig | None,
    data: DataSet,
    selection: DataSet,
    cases: CaseSelection,
    predictor: Predictor,
    progress: Progress,
) -> RunConfig:
    """Fit a predictor that learns; then write config.json, or check it against the one that is there."""
    train_sessions = _fit(predictor, data, cases, progress)
    identity = Identity.of(predictor, cases)
    _check_not_learned(identity)
    start = Environment.now()
    if before is not None:
        before.check_same(folder, **dict(identity))
        config = before.model_copy(update={"starts": (*before.starts, start), "data_path": str(data.path)})
    else:
        config = RunConfig(
            identity=identity,
            digest=identity.digest,
            data_path=str(data.path),
            counts=count_cases(selection, cases, train_sessions),
            starts=(start,),
        )
    if not config.counts.cases:
        raise ConfigError(
            f"{data.path}: no test case in the {cases.part} part: each of its {config.counts.sessions} "
            "sessions has a single step, and first steps are excluded. "
            "Say --first-step include to ask about them"
        )
    config.write(folder)
    if train_sessions is not None and isinstance(predictor, Savable):
        artifact = folder / predictor.artifact
        if not artifact.exists():  # an existing one came from the same training split and seed
            predictor.save(artifact)
    return config


def _check_not_learned(identity: Identity) -> None:
    """Refuse to test a checkpoint on data that it learned from.

    Raises:
        ConfigError: if it would be.
    """
    learned, cases = identity.settings.get("learned"), identity.cases
    if not isinstance(learned, dict) or learned.get("content_hash") != cases.content_hash:
        return
    split_by, seed = learned.get("split_by"), learned.get("seed")
    if (split_by, seed) != (cases.split_by, cases.seed):
        raise ConfigError(
            f"{identity.predictor} learned from this data set, split by {split_by} with seed {seed}: split "
            f"by {cases.split_by} with seed {cases.seed}, it would be tested on what it learned. "
            f"Give --split-by {split_by} --seed {seed}"
        )
    if cases.part in ("train", "all"):
        raise ConfigError(
            f"{identity.predictor} learned from the train part of this data set: on `{cases.part}` it would "
            "be tested on what it learned. Evaluate the test or the validation part"
        )


def _fit(predictor: Predictor, data: DataSet, cases: CaseSelection, progress: Progress) -> int | None:
    """Fit a predictor that learns. Returns how many sessions it learned from, None if it does not learn."""
    trainable = as_trainable(predictor)
    if trainable is None:
        return None
    if cases.part in ("train", "all") and trainable.learns:
        raise ConfigError(
            f"{predictor.spec} learns from the train part: on `{cases.part}` it would be tested on what it "
            "learned. Evaluate the test or the validation part"
        )
    train = part_of_split(data, "train", cases.split_by, cases.seed)
    trainable.fit(train, seed=cases.seed, progress=progress)
    return len(train)
