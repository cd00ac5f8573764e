"""Runs the sessions of a rollout: several in flight in one event loop, or in worker processes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from facsim.data import DataSet
from facsim.predict.oracle import Oracle
from facsim.predict.protocol import Predictor, as_trainable
from facsim.predict.registry import load_predictor
from facsim.rollout.action_draw import ActionDraw
from facsim.rollout.people import SimulatedPerson
from facsim.rollout.rollout_answer import SessionEnd
from facsim.rollout.rollout_journal import RolloutJournal
from facsim.rollout.session_log import JournalLog, MemoryLog
from facsim.rollout.session_loop import LoopSettings, SessionLoop, SessionStopped
from facsim.rollout.shop_site import ShopSite
from facsim.rollout.web_environment import Site
from facsim.util.errors import ConfigError
from facsim.util.executor import Executor
from facsim.util.progress import Progress
from facsim.util.workers import WorkerPool

_CHUNK: Final = 20
_ATTEMPTS: Final = 3
_REPORT_SECONDS: Final = 0.1


class RolloutInterrupted(KeyboardInterrupt):
    """A signal stopped a rollout. All answers so far are kept."""


class RolloutRunner:
    """The main loop of one rollout. Use it once.

    Args:
        site: where; not yet open.
        predictor: fitted; closed at the end.
        settings: of the session loop.
        seed: of the random numbers.
        journal: open; keeps everything.
        total: sessions in all, finished ones included.
        done: how the finished ones ended.
        progress: called after sessions, at most ten times a second.
    """

    def __init__(
        self,
        site: Site,
        predictor: Predictor,
        settings: LoopSettings,
        *,
        seed: int,
        journal: RolloutJournal,
        total: int,
        done: Sequence[SessionEnd],
        progress: Progress,
    ) -> None:
        self._site, self._predictor, self._settings, self._seed = site, predictor, settings, seed
        self._journal = journal
        self._meter = _Meter(total, done, progress)

    def run(self, people: Iterator[SimulatedPerson], concurrency: int) -> None:
        """Produce the sessions of these people, several at once.

        Raises:
            RolloutInterrupted: after SIGINT or SIGTERM.
            FacsimError: if the predictor or the site cannot continue, or an answer cannot be written.
        """
        pool = WorkerPool(concurrency, self._predictor.spec)
        opened = asyncio.Lock()
        is_open = False

        async def work() -> None:
            nonlocal is_open
            async with opened:
                if not is_open:
                    await self._site.__aenter__()
                    is_open = True
            environment = self._site.environment()
            loop = SessionLoop(environment, self._predictor, self._settings, lambda: pool.is_stopping)
            try:
                for person in people:
                    end = await self._session(loop, person)
                    self._journal.end(person.session_id, end)
                    self._meter.count(end)
                    if pool.is_stopping:
                        return
            except SessionStopped:
                return
            finally:
                await environment.close()

        async def close() -> None:
            try:
                if is_open:
                    await self._site.__aexit__(None, None, None)
            finally:
                await self._predictor.close()

        pool.run(work, close=close)
        self._meter.report()
        if pool.error is not None:
            raise pool.error
        if pool.interrupted:
            raise RolloutInterrupted(
                f"stopped with {self._meter.done} of {self._meter.total} sessions done. Every answer is kept "
                f"in {self._journal.file.parent}. Run the same command again with --resume to continue"
            )

    def run_in_workers(self, plan: WorkerPlan, people: Iterator[SimulatedPerson], executor: Executor) -> None:
        """The same in the workers of an open executor, each with its own site and predictor.

        Raises:
            FacsimError: as `run`.
        """
        chunks = iter(lambda: tuple(islice(people, _CHUNK)), ())
        for logs in executor.map(partial(_run_chunk, plan), chunks):
            with self._journal.transaction():
                for log in logs:
                    session_id = log.person.session_id
                    self._journal.put_person(log.person)
                    for page_id, (html, raw_html) in log.pages.items():
                        self._journal.put_page(page_id, html, raw_html)
                    for answer in log.answers.values():
                        self._journal.put_answer(session_id, answer)
                    assert log.end is not None
                    self._journal.end(session_id, log.end)
            for log in logs:
                assert log.end is not None
                self._meter.count(log.end)
        self._meter.report()

    async def _session(self, loop: SessionLoop, person: SimulatedPerson) -> SessionEnd:
        """One session, again from its start if the browser is lost. No answer is asked for again."""
        for attempt in range(_ATTEMPTS):
            log = JournalLog(self._journal, person)
            end = await loop.run(person, ActionDraw(self._seed, person.draw_key), log)
            if not end.can_retry or attempt == _ATTEMPTS - 1:
                break
        return end


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What a worker process needs to make its own site and predictor.

    Attributes:
        variant: design of the shop.
        shop_seed: seed of the shop.
        shop_sessions: sessions of the shop's people.
        predictor: spec string.
        options: options of the predictor, as (name, value).
        train: the data set that it is fitted on; None for none.
        train_sessions: its sessions that are used; None for all.
        settings: of the session loop.
        seed: of the random numbers.
    """

    variant: str
    shop_seed: int
    shop_sessions: int
    predictor: str
    options: tuple[tuple[str, Any], ...]
    train: Path | str | None
    train_sessions: tuple[str, ...] | None
    settings: LoopSettings
    seed: int


def _run_chunk(plan: WorkerPlan, people: Sequence[SimulatedPerson]) -> list[MemoryLog]:
    """The sessions of a few people, in a worker process that keeps its site and predictor."""
    loop = _worker_loop(plan)

    async def run() -> list[MemoryLog]:
        logs = []
        for person in people:
            log = MemoryLog(person)
            log.end = await loop.run(person, ActionDraw(plan.seed, person.draw_key), log)
            logs.append(log)
        return logs

    return asyncio.run(run())


@lru_cache(maxsize=1)
def _worker_loop(plan: WorkerPlan) -> SessionLoop:
    site = ShopSite(plan.variant, plan.shop_seed, plan.shop_sessions)
    predictor = load_predictor(plan.predictor, **dict(plan.options))
    train = None
    if plan.train is not None:
        train = DataSet.open(plan.train)
        if plan.train_sessions is not None:
            train = train.select(plan.train_sessions)
    prepare_predictor(predictor, site, train, plan.seed)
    return SessionLoop(site.environment(), predictor, plan.settings)


def prepare_predictor(predictor: Predictor, site: Site, train: DataSet | None, seed: int) -> None:
    """Fit a predictor that learns; tell the oracle which shop it is in.

    Raises:
        ConfigError: if it needs a data set, or a shop, and there is none.
    """
    if isinstance(predictor, Oracle):
        shop = shop_of(site)
        if shop is None:
            raise ConfigError(
                f"{predictor.spec} knows the shoppers of the embedded shop only, not {site.spec}"
            )
        # Site and predictor are asked by the same thread, so they may share the pages.
        predictor.use(shop.simulation, shop.variant)
        return
    fit_predictor(predictor, train, seed)


def fit_predictor(predictor: Predictor, train: DataSet | None, seed: int) -> None:
    """Fit a predictor if it learns.

    Raises:
        ConfigError: if it needs a data set and there is none.
    """
    trainable = as_trainable(predictor)
    if trainable is None:
        return
    if train is None and trainable.learns:
        raise ConfigError(f"{predictor.spec} learns from people: give it a data set with --train")
    if train is not None:
        trainable.fit(train, seed=seed)


def shop_of(site: Site) -> ShopSite | None:
    """The embedded shop that a site is, in process or in a browser; None for any other site."""
    shop = getattr(site, "shop", site)
    return shop if isinstance(shop, ShopSite) else None


class _Meter:
    """Rate, purchases and failures so far, for the progress display."""

    def __init__(self, total: int, done: Sequence[SessionEnd], progress: Progress) -> None:
        self.total, self._progress = total, progress
        self._ends = Counter(end.kind for end in done)
        self._before = self.done
        self._start = self._next_report = time.monotonic()

    @property
    def done(self) -> int:
        """Finished sessions."""
        return self._ends.total()

    def count(self, end: SessionEnd) -> None:
        """Count a session that ended."""
        self._ends[end.kind] += 1
        now = time.monotonic()
        if now >= self._next_report:
            self._next_report = now + _REPORT_SECONDS
            self.report()

    def report(self) -> None:
        """Report now."""
        elapsed = time.monotonic() - self._start
        parts = [f"{(self.done - self._before) / elapsed:.1f}/s"] if elapsed > 0 else []
        parts += [f"{count} {kind}" for kind, count in sorted(self._ends.items())]
        self._progress(self.done, self.total, " · ".join(parts))
