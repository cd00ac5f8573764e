"""A data set of simulated shoppers. Same seed, same bytes, on any number of workers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from facsim.data import DataSet, DataSetWriter
from facsim.data.card import Card
from facsim.data.writer import page_id_of
from facsim.page import CategoryRules
from facsim.schema import Action, ConfigError, Progress, Session, Step, no_progress
from facsim.shop.first.catalogue import Catalogue, Query
from facsim.shop.first.people import draw_need, draw_person
from facsim.shop.first.policy import Chooser, Option, Visit
from facsim.shop.first.reasons import reason
from facsim.shop.first.storefront import SITE, Served, Storefront, address_of

MAX_STEPS = 60
_CHUNK = 20
_TYPO = 0.05
_STAMINA = (1.9, 0.8)  # mean and deviation of the logarithm of steps: a few people have a lot of it
_BEGINNING = datetime(2026, 1, 5, 8, tzinfo=UTC)
_FINAL = ("buy_now", "place_order")


def sample(
    sessions: int,
    seed: int,
    out: str | Path,
    *,
    workers: int = 1,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> DataSet:
    """Let simulated shoppers visit the shop, and write what they saw, did and thought as a data set.

    Args:
        sessions: how many visits.
        seed: decides everything: catalogue, persons, needs, choices, times.
        out: the data set's folder.
        workers: processes. The result does not depend on it.
        overwrite: whether a data set already there is replaced.
        progress: called after each visit.

    Raises:
        ConfigError: if a number makes no sense, or `out` exists and `overwrite` is false.
    """
    if sessions < 1 or workers < 1:
        raise ConfigError(f"{sessions} sessions on {workers} workers: expected at least 1 of each")
    card = Card(
        name="shop",
        source="shop",
        origin="Simulated shoppers in Facsim's embedded shop; no real person's behaviour",
        licence="Apache-2.0",
        settings={"sessions": sessions, "seed": seed},
    )
    with DataSetWriter(out, card, overwrite=overwrite) as writer:
        for done, visited in enumerate(_visits(sessions, seed, workers), 1):
            for html, raw_html in visited.pages:
                writer.add_page(html, raw_html)
            writer.add_session(visited.session)
            progress(done, sessions, visited.session.session_id)
    return DataSet.open(out)


@dataclass(frozen=True)
class _Visited:
    session: Session
    pages: tuple[tuple[str, str], ...]


def _visits(sessions: int, seed: int, workers: int) -> Iterator[_Visited]:
    chunks = [(seed, sessions, start) for start in range(0, sessions, _CHUNK)]
    if workers == 1:
        for chunk in chunks:
            yield from _chunk(chunk)
        return
    # Forking a process that has threads (polars) may hang.
    with ProcessPoolExecutor(min(workers, len(chunks)), mp_context=get_context("spawn")) as pool:
        for visited in pool.map(_chunk, chunks):
            yield from visited


def _chunk(chunk: tuple[int, int, int]) -> list[_Visited]:
    seed, sessions, start = chunk
    simulator = _simulator(seed)
    return [simulator.visit(number, sessions) for number in range(start, min(start + _CHUNK, sessions))]


@cache
def _simulator(seed: int) -> _Simulator:
    return _Simulator(seed)


class _Simulator:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._catalogue = Catalogue(seed)
        self._store = Storefront(self._catalogue)
        self._chooser = Chooser(self._catalogue)
        self._rules = CategoryRules.default()

    def visit(self, number: int, sessions: int) -> _Visited:
        rng = Random(f"visit:{self._seed}:{number}")  # noqa: S311
        # People come back: about two visits a person.
        person = draw_person(self._seed, rng.randrange(max(1, sessions // 2)))
        need = draw_need(rng, self._catalogue, person)
        visit = Visit(person, need, stamina=math.exp(rng.gauss(*_STAMINA)))
        began = _BEGINNING + timedelta(minutes=7 * number, seconds=rng.randrange(60))
        elapsed = 0.0
        steps: list[Step] = []
        pages: dict[str, tuple[str, str]] = {}
        while True:
            served = self._store.serve(visit.address, visit.cart)
            option = self._choose(rng, served, visit)
            elapsed += _pause(rng, option)
            page_id = page_id_of(served.page.html)
            pages[page_id] = (served.page.html, served.raw_html)
            url = SITE + visit.address
            steps.append(
                Step(
                    page_id=page_id,
                    action=option.action,
                    category=self._rules.category(option.action, served.page, url),
                    rationale=reason(rng, option, visit),
                    rationale_source="simulated",
                    timestamp=began + timedelta(seconds=elapsed),
                    elapsed=elapsed,
                    url=url,
                    submitted=True if option.action.type == "type_and_submit" else None,
                )
            )
            if option.action.type == "terminate" or option.action.name in _FINAL:
                break
            self._advance(option, visit)
        bought = steps[-1].action.name in _FINAL
        session = Session(
            session_id=f"shop-{self._seed}-{number:06d}",
            user_id=person.user_id,
            steps=tuple(steps),
            persona=person.text,
            intent=visit.need.text,
            outcome="purchase" if bought else "terminate",
            site=urlsplit(SITE).netloc,
            source="shop",
        )
        return _Visited(session, tuple(pages.values()))

    def _choose(self, rng: Random, served: Served, visit: Visit) -> Option:
        option = self._chooser.choose(rng, served.page, visit)
        if visit.steps >= MAX_STEPS:
            return Option(Action.terminate(), {"tired": 1.0})
        text = option.action.text
        if text is not None and rng.random() < _TYPO:
            return Option(Action.type_and_submit(option.action.name, _misspelt(rng, text)), option.terms)
        return option

    def _advance(self, option: Option, visit: Visit) -> None:
        visit.steps += 1
        if option.action.text is not None:
            visit.queries.append(option.action.text)
            visit.filters = 0
            visit.address = address_of(Query(text=option.action.text))
            return
        assert option.href is not None
        if option.action.name is not None and option.action.name.startswith("refinements."):
            visit.filters += 1
        visit.address, visit.cart = self._store.follow(option.href, visit.cart)
        if visit.address.startswith("/product/") and option.subject is not None:
            visit.seen.add(option.subject.id)


def _pause(rng: Random, option: Option) -> float:
    """Seconds before an action: right-skewed, longer for typing."""
    typed = 0.25 * len(option.action.text or "")
    return round(math.exp(rng.gauss(2.2, 0.8)) + typed, 1)


def _misspelt(rng: Random, text: str) -> str:
    """Two neighbouring letters swapped, one left out or one doubled, not at the beginning of a word."""
    places = [place for place in range(1, len(text) - 1) if text[place - 1 : place + 2].isalpha()]
    if not places:
        return text
    place = rng.choice(places)
    before, here, after = text[:place], text[place], text[place + 1 :]
    return rng.choice((before + after[0] + here + after[1:], before + after, before + here + here + after))
