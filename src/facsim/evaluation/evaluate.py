"""`evaluate`: runs one predictor over one part of a data set, into a run folder."""

from __future__ import annotations

from collections.abc import Set
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from facsim.data import DataSet
from facsim.data.splits import Part, SplitBy, split
from facsim.evaluation.config import CaseSelection, FirstStep, Identity, RunConfig, count_cases, lengths_of
from facsim.evaluation.environment import Environment
from facsim.evaluation.journal import CaseKey, Journal, answered, recorded
from facsim.evaluation.records import RecordBuilder
from facsim.evaluation.run import Run, score
from facsim.evaluation.run_dir import RUNS_DIR, check_run_dir, locked_run_dir, run_name
from facsim.evaluation.runner import PendingSession, Runner
from facsim.predict.protocol import KeepsPartialAnswers, Predictor, Savable, as_trainable
from facsim.predict.registry import load_predictor
from facsim.util.errors import ConfigError
from facsim.util.progress import Progress
from facsim.util.progress_bar import default_progress

if TYPE_CHECKING:
    from facsim.prompt import PromptConfig


def evaluate(
    data: DataSet | str | Path,
    predictor: str | Predictor,
    *,
    run_dir: str | Path | None = None,
    part: Part = "test",
    split_by: SplitBy = "user",
    seed: int = 0,
    first_step: FirstStep = "exclude",
    prompt: PromptConfig | None = None,
    limit: int | None = None,
    resume: bool = False,
    concurrency: int | None = None,
    progress: Progress | None = None,
) -> Run:
    """Ask a predictor what each person did next, at every test case of a part of the data, and score it.

    A predictor that learns is first fitted on the train part of the same split. Sessions run concurrently,
    the steps of a session one after another. Each answer is on disk before the next step of its session is
    asked, so a run can be killed at any time and continued with `resume`.

    If `run_dir` already holds this very run and it is complete, nothing is asked and that run is returned.

    Args:
        data: a data set, or its folder.
        predictor: a spec string such as `baseline:markov-2`, or a predictor. It is closed at the end.
        run_dir: the folder of the run; by default `runs/NAME`, with a name made from the predictor.
        part: the part to evaluate: `test`, `validation`, `train` or `all`.
        split_by: how the data set is split (`facsim.data.splits`).
        seed: of the split, of training, and of the sample of sessions under `limit`.
        first_step: whether a session's first step is a test case. The paper excludes it: nothing has happened
            yet that could reveal what the person is looking for.
        prompt: how sessions become chat messages, if the predictor is the spec string of a model.
        limit: evaluate at most this many sessions, sampled at random. A larger limit adds sessions to those
            of a smaller one.
        resume: continue the run in `run_dir`: ask for the missing steps and repeat calls that failed. Starts
            the run if there is none.
        concurrency: sessions in flight; by default the predictor's own choice.
        progress: called with (answered, all test cases, rate and cost). By default a progress bar is shown in
            terminals and notebooks; `facsim.util.progress.no_progress` shows none.

    Returns:
        The run, scored. Calls that failed for good are in it, counted as wrong; `resume` repeats them.

    Raises:
        ConfigError: if `run_dir` holds another run, an unfinished one and `resume` is not set, or is being
            written; if the part to evaluate or to learn from is empty.
        FacsimError: if the predictor reports that continuing makes no sense, or an answer cannot be written.
        RunInterrupted: after SIGINT or SIGTERM. All finished answers are on disk.
    """
    data = data if isinstance(data, DataSet) else DataSet.open(data)
    predictor = load_predictor(predictor, prompt=prompt) if isinstance(predictor, str) else predictor
    if concurrency is not None and concurrency < 1:
        raise ConfigError(f"concurrency {concurrency}: expected 1 or more")
    cases = CaseSelection.of(
        data, part=part, split_by=split_by, seed=seed, first_step=first_step, limit=limit
    )
    selection = cases.sessions(data)
    folder = RUNS_DIR / run_name(predictor.spec) if run_dir is None else Path(run_dir)
    check_run_dir(folder)
    if not resume and (folder / "config.json").exists():
        return _finished_run(folder, predictor, selection, cases)
    with default_progress(folder.name, progress) as report, locked_run_dir(folder):
        before = RunConfig.read(folder) if (folder / "config.json").exists() else None
        if before is not None:
            before.check_same(folder, predictor=predictor.spec, cases=cases)
        start = partial(
            _start,
            folder,
            before=before,
            data=data,
            selection=selection,
            cases=cases,
            predictor=predictor,
            progress=report,
        )
        file = folder / "predictions.jsonl"
        pending = _pending(selection, cases, answered(file))
        if before is None or pending:
            # The predictor is checked in full before any file of the run is changed.
            config = start()
            (folder / "metrics.json").unlink(missing_ok=True)  # of the answers so far
            if isinstance(predictor, KeepsPartialAnswers):
                predictor.keep_partial_answers(folder)
            with Journal(file) as journal:
                Runner(
                    selection,
                    predictor,
                    RecordBuilder(data),
                    journal,
                    total=config.counts.cases,
                    concurrency=concurrency or predictor.concurrency,
                    progress=report,
                ).run(iter(pending))
        else:
            _check_identity(before, folder, predictor, cases)
        return score(folder)


def check_resumable(
    run_dir: Path, data: DataSet, predictor: Predictor, cases: CaseSelection, *, resume: bool
) -> None:
    """Check what can be known before a run starts: whether `evaluate` could write to, or return, `run_dir`.

    Raises:
        ConfigError: if the folder holds something else, another run, or an unfinished one without `resume`.
    """
    check_run_dir(run_dir)
    if not (run_dir / "config.json").exists():
        return
    if resume:
        RunConfig.read(run_dir).check_same(run_dir, predictor=predictor.spec, cases=cases)
    else:
        _check_finished(run_dir, predictor, cases.sessions(data), cases)


def _finished_run(folder: Path, predictor: Predictor, selection: DataSet, cases: CaseSelection) -> Run:
    """The run that a folder already holds.

    Raises:
        ConfigError: if it is another run, or unfinished.
    """
    _check_finished(folder, predictor, selection, cases)
    run = Run.open(folder)
    return run if (folder / "metrics.json").exists() else score(folder)


def _check_finished(folder: Path, predictor: Predictor, selection: DataSet, cases: CaseSelection) -> None:
    before = RunConfig.read(folder)
    _check_identity(before, folder, predictor, cases)
    done = recorded(folder / "predictions.jsonl")
    if _pending(selection, cases, done.keys()):
        raise ConfigError(
            f"{folder} already holds this run, unfinished: {len(done)} of {before.counts.cases} steps are "
            "answered. Continue it with --resume (in Python resume=True), or choose another folder"
        )


def _check_identity(before: RunConfig, folder: Path, predictor: Predictor, cases: CaseSelection) -> None:
    """Check that a predictor is the one of a run, as far as that is known without fitting it."""
    before.check_same(folder, predictor=predictor.spec, cases=cases)
    if as_trainable(predictor) is None:
        before.check_same(folder, **dict(Identity.of(predictor, cases)))


def _pending(selection: DataSet, cases: CaseSelection, done: Set[CaseKey]) -> list[PendingSession]:
    """The sessions with steps still to be asked, in stored order."""
    pending = []
    for session_id, length in lengths_of(selection).items():
        steps = frozenset(step for step in range(cases.first, length) if (session_id, step) not in done)
        if steps:
            pending.append(PendingSession(session_id, steps))
    return pending


def _start(
    folder: Path,
    *,
    before: RunConfig | None,
    data: DataSet,
    selection: DataSet,
    cases: CaseSelection,
    predictor: Predictor,
    progress: Progress,
) -> RunConfig:
    """Fit the predictor; then write config.json, or check it against the existing one."""
    train_sessions = _fit(predictor, data, selection, cases, progress)
    identity = Identity.of(predictor, cases)
    _check_not_trained_on(identity)
    start = Environment.now()
    if before is not None:
        before.check_same(folder, **dict(identity))
        config = before.model_copy(update={"starts": (*before.starts, start), "data_path": str(data.path)})
    else:
        config = RunConfig(
            identity=identity,
            digest=identity.digest,
            data_path=str(data.path),
            source=data.card.source,
            counts=count_cases(selection, cases, train_sessions),
            starts=(start,),
        )
    if not config.counts.cases:
        raise ConfigError(
            f"{data.path}: no test case in the {cases.part} part: each of its {config.counts.sessions} "
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
