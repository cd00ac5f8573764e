"""`evaluate` and `evaluate_many`: predictors over one part of a data set, each into a run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from facsim.data import DataSet
from facsim.data.splits import Part, SplitBy
from facsim.evaluation.config import CaseSelection, FirstStep, Identity, RunConfig, lengths_of
from facsim.evaluation.journal import CaseKey, Journal, answered, recorded
from facsim.evaluation.on_cluster import ClusterSessions
from facsim.evaluation.records import RecordBuilder
from facsim.evaluation.run import Run, score
from facsim.evaluation.run_dir import RUNS_DIR, check_run_dir, locked_run_dir, run_name
from facsim.evaluation.run_start import start_run
from facsim.evaluation.runner import PendingSession, RunInterrupted, Runner, run_side_by_side
from facsim.predict.protocol import KeepsPartialAnswers, Predictor, as_trainable
from facsim.predict.registry import calls_endpoint, load_predictor
from facsim.util.errors import ConfigError, FacsimError
from facsim.util.progress import Progress
from facsim.util.progress_bar import default_progress
from facsim.util.ray_cluster import RayCluster

if TYPE_CHECKING:
    from facsim.prompt import PromptConfig

Outcome = Run | FacsimError | RunInterrupted
"""How a run ended: scored, or by an error."""


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
    on: str | RayCluster | None = None,
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
        on: `ray` or `ray://HOST:PORT` to predict on a Ray cluster whose nodes all see the data set, or a
            `facsim.util.ray_cluster.RayCluster`; None for this process. The answers are the same. Models
            behind an API are called from this process in any case.
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
    folder = RUNS_DIR / run_name(predictor.spec) if run_dir is None else Path(run_dir)
    check_run_dir(folder)
    with default_progress(folder.name, progress) as report, _cluster_for([predictor], on) as cluster:
        (outcome,) = _side_by_side(
            data,
            {folder: predictor},
            cases,
            resume=resume,
            concurrency=concurrency,
            cluster=cluster,
            progress=[report],
        )
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def evaluate_many(
    data: DataSet,
    targets: Mapping[Path, Predictor],
    cases: CaseSelection,
    *,
    resume: bool = False,
    on: str | RayCluster | None = None,
    progress: Callable[[Sequence[str]], AbstractContextManager[Sequence[Progress]]],
) -> Iterator[Outcome]:
    """Evaluate several predictors. Those behind endpoints run side by side, in one event loop.

    Run folders and answers are those of one `evaluate` after another. Each endpoint has as many sessions in
    flight as it would have alone. An error ends its own run only: the runs beside it are finished, and those
    after it are not started. A signal stops all.

    Args:
        data: the data set.
        targets: the predictors by run folder. They are closed at the end.
        cases: the test cases.
        resume: continue existing runs, as in `evaluate`.
        on: a Ray cluster, as in `evaluate`; None for this process.
        progress: given the names of the runs that start together, the context manager of their callbacks.

    Yields:
        For each predictor, as it ends, its scored run or the error that ended it.
    """
    with _cluster_for(targets.values(), on) as cluster:
        for group in _groups(targets):
            with progress([folder.name for folder in group]) as reports:
                outcomes = _side_by_side(
                    data,
                    group,
                    cases,
                    resume=resume,
                    concurrency=None,
                    cluster=cluster,
                    progress=reports,
                )
            yield from outcomes
            if any(isinstance(outcome, BaseException) for outcome in outcomes):
                return


def _cluster_for(
    predictors: Iterable[Predictor], on: str | RayCluster | None
) -> AbstractContextManager[RayCluster | None]:
    """The connection for predictors that compute their answers; None if there are none, or no `on`."""
    if on is None or all(calls_endpoint(predictor.spec) for predictor in predictors):
        return nullcontext()
    return RayCluster(on) if isinstance(on, str) else on


def _groups(targets: Mapping[Path, Predictor]) -> Iterator[Mapping[Path, Predictor]]:
    """The targets in their order, one by one; all endpoints together, at the place of the first."""
    endpoints = {folder: predictor for folder, predictor in targets.items() if calls_endpoint(predictor.spec)}
    for folder, predictor in targets.items():
        if folder not in endpoints:
            yield {folder: predictor}
        elif folder == next(iter(endpoints)):
            yield endpoints


def _side_by_side(
    data: DataSet,
    targets: Mapping[Path, Predictor],
    cases: CaseSelection,
    *,
    resume: bool,
    concurrency: int | None,
    cluster: RayCluster | None,
    progress: Sequence[Progress],
) -> list[Outcome]:
    """Evaluate predictors in one event loop, and score them.

    Raises:
        BaseException: an error of a predictor that is no `FacsimError`, after all runs have ended.
    """
    selection = cases.sessions(data)
    outcomes: dict[Path, Outcome] = {}
    runners: dict[Path, Runner] = {}
    with ExitStack() as stack:
        for (folder, predictor), report in zip(targets.items(), progress, strict=True):
            try:
                if not resume and (folder / "config.json").exists():
                    outcomes[folder] = _finished_run(folder, predictor, selection, cases)
                    continue
                runner = stack.enter_context(
                    _opened_run(
                        folder,
                        data=data,
                        selection=selection,
                        cases=cases,
                        predictor=predictor,
                        concurrency=concurrency,
                        cluster=cluster,
                        progress=report,
                    )
                )
            except FacsimError as error:
                outcomes[folder] = error
            else:
                if runner is not None:
                    runners[folder] = runner
        if runners:
            run_side_by_side(tuple(runners.values()))
        for folder, runner in runners.items():
            if isinstance(runner.error, FacsimError | RunInterrupted):
                outcomes[folder] = runner.error
            elif runner.error is not None:
                raise runner.error
        return [outcomes[folder] if folder in outcomes else _scored(folder) for folder in targets]


@contextmanager
def _opened_run(
    folder: Path,
    *,
    data: DataSet,
    selection: DataSet,
    cases: CaseSelection,
    predictor: Predictor,
    concurrency: int | None,
    cluster: RayCluster | None,
    progress: Progress,
) -> Iterator[Runner | None]:
    """Hold a run folder, with config.json written and the predictor fitted.

    Yields:
        The runner of the outstanding steps; None if there are none.

    Raises:
        FacsimError: if the run cannot start or continue.
    """
    with ExitStack() as stack:
        stack.enter_context(locked_run_dir(folder))
        remote = None
        if cluster is not None and not calls_endpoint(predictor.spec):
            remote = stack.enter_context(ClusterSessions(cluster, data, predictor))
        before = RunConfig.read(folder) if (folder / "config.json").exists() else None
        if before is not None:
            before.check_same(folder, predictor=predictor.spec, cases=cases)
        file = folder / "predictions.jsonl"
        pending = _pending(selection, cases, answered(file))
        if before is not None and not pending:
            _check_identity(before, folder, remote.stand_in if remote else predictor, cases)
            yield None
            return
        # The predictor is checked in full before any file of the run is changed.
        config = start_run(
            folder,
            before=before,
            data=data,
            selection=selection,
            cases=cases,
            predictor=predictor,
            progress=progress,
            remote=remote,
        )
        (folder / "metrics.json").unlink(missing_ok=True)  # of the answers so far
        if isinstance(predictor, KeepsPartialAnswers):
            predictor.keep_partial_answers(folder)
        with Journal(file) as journal:
            yield Runner(
                selection,
                predictor,
                RecordBuilder(data),
                journal,
                iter(pending),
                total=config.counts.cases,
                concurrency=concurrency or predictor.concurrency,
                progress=progress,
                remote=remote.records if remote else None,
            )


def _scored(folder: Path) -> Outcome:
    try:
        return score(folder)
    except FacsimError as error:
        return error


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
