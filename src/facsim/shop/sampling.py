"""Data sets of simulated shoppers, the same from the same seed on any number of workers."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from facsim.data import Card, DataSet, DataSetWriter, page_id_of
from facsim.schema import Session, Step
from facsim.shop.action_distribution import action_of, truth_of
from facsim.shop.shoppers import Choice, Shopper, pause, rationale_for
from facsim.shop.shoppers.session_simulator import DecisionPoint
from facsim.shop.simulation import CommonRandomNumbers, ShopSimulation, design_of
from facsim.shop.step_categories import StepCategories
from facsim.shop.storefront import SITE
from facsim.shop.version import version_of
from facsim.util.errors import ConfigError
from facsim.util.executor import open_executor
from facsim.util.process_pool import gc_paused
from facsim.util.progress import Progress, no_progress

SOURCE = "shop"
_CHUNK = 50
_PAGES_REMEMBERED = 20_000
_BEGINNING = datetime(2026, 1, 5, 8, tzinfo=UTC)


def sample(
    sessions: int,
    seed: int,
    out: str | Path,
    *,
    variant: str = "standard",
    workers: int | None = None,
    on: str | None = None,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> DataSet:
    """Simulate sessions of shoppers and write them as a data set.

    Each step carries the true probability of the action taken, the most probable action with its
    probability, and the entropy (`Step.truth`).

    Args:
        sessions: number of sessions.
        seed: of catalogue, people, needs, choices and times.
        out: the data set's folder.
        variant: name of the shop's design (`facsim.shop.DESIGNS`). The same people visit every design.
        workers: number of processes; by default one, on a cluster as many as it has cores. The result does
            not depend on it.
        on: `ray` or `ray://HOST:PORT` to simulate on a Ray cluster; None for this machine.
        overwrite: whether to replace an existing data set.
        progress: called after each session.

    Raises:
        ConfigError: if a number is out of range, there is no such design, or `out` exists and `overwrite` is
            false.
    """
    write_sample(
        sessions,
        seed,
        out,
        variant=variant,
        workers=workers,
        on=on,
        overwrite=overwrite,
        progress=progress,
    )
    return DataSet.open(out)


def write_sample(
    sessions: int,
    seed: int,
    out: str | Path,
    *,
    variant: str = "standard",
    workers: int | None = None,
    on: str | None = None,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> Card:
    """`sample` without opening the result: memory hardly grows with the number of sessions.

    An open data set holds its tables of sessions and steps in memory, a lot at 100,000 sessions.

    Returns:
        The data set's card.
    """
    if sessions < 1:
        raise ConfigError(f"{sessions} sessions: expected at least 1")
    design = design_of(variant)
    origin = "Simulated shoppers in Facsim's embedded shop; no real person's behaviour"
    card = Card(
        name=SOURCE if variant == "standard" else f"{SOURCE}-{variant}",
        source=SOURCE,
        origin=f"{origin}. {design.about}",
        licence="Apache-2.0",
        settings={"sessions": sessions, "seed": seed, "variant": variant},
    )
    with (
        open_executor(workers, on) as executor,
        DataSetWriter(out, card, overwrite=overwrite) as writer,
        gc_paused(),
    ):
        writer.card = card.model_copy(update={"settings": {**card.settings, "shop": version_of(seed)}})
        done = 0
        # A sampler remembers which pages it has delivered, so it must not outlive the writer.
        plan = _Plan(seed, sessions, variant, writer_id=token_hex(8))
        work = _Sampler(plan).chunk if executor.is_serial else partial(_chunk, plan)
        for chunk in executor.map(work, range(0, sessions, _CHUNK)):
            for page_id, html, raw_html in chunk.pages:
                writer.add_page(html, raw_html, page_id=page_id)
            for session in chunk.sessions:
                writer.add_session(session)
                done += 1
                progress(done, sessions, session.session_id)
    return Card.read(Path(out) / "card.json")


@dataclass(frozen=True)
class _Plan:
    seed: int
    sessions: int
    variant: str
    writer_id: str


@dataclass(frozen=True)
class _Chunk:
    """Consecutive sessions, with those of their pages that the worker has not delivered recently."""

    sessions: tuple[Session, ...]
    pages: tuple[tuple[str, str, str], ...]


def _chunk(plan: _Plan, start: int) -> _Chunk:
    """One chunk, in a worker process whose sampler is kept between chunks."""
    return _sampler(plan).chunk(start)


@lru_cache(maxsize=1)
def _sampler(plan: _Plan) -> _Sampler:
    return _Sampler(plan)


class _Sampler:
    """Simulates the sessions of one plan, in any order; fastest in ascending order."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._simulation = ShopSimulation(plan.seed, plan.sessions, plan.variant)
        self._categories = StepCategories()
        self._delivered: OrderedDict[str, None] = OrderedDict()
        self._next = 0

    def chunk(self, start: int) -> _Chunk:
        """The sessions from number `start` on."""
        end = min(start + _CHUNK, self._plan.sessions)
        if start < self._next:
            # A chunk that another worker lost. It is written before those whose pages were delivered here.
            self._delivered.clear()
        self._next = end
        with gc_paused():
            batch = [_RunningSession(self._simulation, number) for number in range(start, end)]
            for taken in self._simulation.simulate_batch(
                [(one.shopper, one.random_numbers.choose) for one in batch]
            ):
                for place, point, choice in taken:
                    self._step(batch[place], point, choice)
        # In the order of a sequential simulation.
        pages: dict[str, tuple[str, str]] = {}
        for running in batch:
            for page_id, texts in running.pages.items():
                pages.setdefault(page_id, texts)
        # Chunks are written in order, so pages delivered with an earlier one are in the data set.
        return _Chunk(
            tuple([running.session() for running in batch]),
            tuple((page_id, *texts) for page_id, texts in pages.items() if self._is_new(page_id)),
        )

    def _is_new(self, page_id: str) -> bool:
        known = page_id in self._delivered
        self._delivered[page_id] = None
        self._delivered.move_to_end(page_id)
        if len(self._delivered) > _PAGES_REMEMBERED:
            self._delivered.popitem(last=False)
        return not known

    def _step(self, running: _RunningSession, point: DecisionPoint, choice: Choice) -> None:
        """Add a step to a session, and its page."""
        named = self._simulation.store.named(point.rendered)
        page_id = page_id_of(named.page.html)
        running.pages.setdefault(page_id, (named.page.html, point.rendered.html))
        action = action_of(choice, named.names)
        url = SITE + point.view.address
        elapsed, why = running.explain(point, choice)
        step = Step(
            page_id=page_id,
            action=action,
            category=self._categories.category(point.action(choice), action, url),
            rationale=why,
            rationale_source="simulated",
            url=url,
            timestamp=running.began + timedelta(seconds=elapsed),
            elapsed=elapsed,
            submitted=True if action.type == "type_and_submit" else None,
            truth=truth_of(choice, point.choices, named.names),
        )
        running.steps.append(step)


class _RunningSession:
    """A session in progress.

    Args:
        simulation: the shop with its shoppers.
        number: session number.
    """

    def __init__(self, simulation: ShopSimulation, number: int) -> None:
        self._seed, self._number = simulation.seed, number
        self.shopper, self.random_numbers = (
            simulation.shopper(number),
            CommonRandomNumbers(simulation.seed, number),
        )
        self._beside = Random(f"beside:{simulation.seed}:{number}")  # noqa: S311
        self.began = _BEGINNING + timedelta(minutes=7 * number, seconds=self._beside.randrange(60))
        self._elapsed = 0.0
        self.steps: list[Step] = []
        self.pages: dict[str, tuple[str, str]] = {}

    def explain(self, point: DecisionPoint, choice: Choice) -> tuple[float, str]:
        """Seconds since the session began, and the rationale of the choice."""
        view, beside = point.view, self._beside
        self._elapsed = round(self._elapsed + pause(beside, choice, view, self.shopper), 1)
        return self._elapsed, rationale_for(beside, choice, view, point.memory, self.shopper)

    def session(self) -> Session:
        """The finished session."""
        shopper = self.shopper
        return Session(
            session_id=session_id_of(self._seed, self._number),
            user_id=shopper.user_id,
            steps=tuple(self.steps),
            persona=shopper.persona,
            persona_fields=persona_fields_of(shopper),
            intent=shopper.intent,
            outcome="terminate" if self.steps[-1].action.type == "terminate" else "purchase",
            site=urlsplit(SITE).netloc,
            source=SOURCE,
        )


def persona_fields_of(shopper: Shopper) -> str:
    """Observable traits of a shopper as a JSON object."""
    return json.dumps(dict(shopper.fields), sort_keys=True, ensure_ascii=False)


def session_id_of(seed: int, number: int) -> str:
    """The id of a session.

    >>> session_id_of(7, 12)
    'shop-7-000012'
    """
    return f"{SOURCE}-{seed}-{number:06d}"


def number_of(session_id: str, settings: Mapping[str, Any]) -> int | None:
    """The number of a session, from its id and its card's settings; None if it is not one of them.

    >>> number_of("shop-7-000012", {"seed": 7, "sessions": 20}), number_of("s1", {"seed": 7, "sessions": 20})
    (12, None)
    """
    number = session_id.rpartition("-")[2]
    if not (number.isascii() and number.isdecimal()) or len(number) > 18:
        return None
    known = session_id == session_id_of(settings["seed"], int(number)) and int(number) < settings["sessions"]
    return int(number) if known else None
