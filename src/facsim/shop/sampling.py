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
from typing import Any
from urllib.parse import urlsplit

from facsim.data import Card, DataSet, DataSetWriter, page_id_of
from facsim.page import CategoryRules
from facsim.schema import Action, Element, Page, Session, Step
from facsim.shop.shoppers import Choice, Shopper, pause, reason
from facsim.shop.shoppers.walk import Moment
from facsim.shop.storefront import SITE, Act
from facsim.shop.truth import action_of, truth_of
from facsim.shop.version import version_of
from facsim.shop.world import Luck, World, design_of
from facsim.util.errors import ConfigError
from facsim.util.process_pool import gc_paused, map_ordered
from facsim.util.progress import Progress, no_progress

SOURCE = "shop"
_CHUNK = 50
_PAGES_REMEMBERED = 20_000
# They lead to an address of the same product again, and are no look at a product.
_SAME_PRODUCT = frozenset({"option", "reviews"})
_BEGINNING = datetime(2026, 1, 5, 8, tzinfo=UTC)


def sample(
    sessions: int,
    seed: int,
    out: str | Path,
    *,
    variant: str = "standard",
    workers: int = 1,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> DataSet:
    """Let simulated shoppers visit the shop, and write what they saw, did and thought as a data set.

    Each step carries the true probability of the action taken, the most probable action with its
    probability, and the entropy (`Step.truth`).

    Args:
        sessions: how many visits.
        seed: decides everything: catalogue, people, needs, choices, times.
        out: the data set's folder.
        variant: name of the shop's design (`facsim.shop.DESIGNS`). The same people come to each design.
        workers: processes. The result does not depend on it.
        overwrite: whether a data set already there is replaced.
        progress: called after each visit.

    Raises:
        ConfigError: if a number makes no sense, there is no such design, or `out` exists and `overwrite` is
            false.
    """
    write_sample(
        sessions, seed, out, variant=variant, workers=workers, overwrite=overwrite, progress=progress
    )
    return DataSet.open(out)


def write_sample(
    sessions: int,
    seed: int,
    out: str | Path,
    *,
    variant: str = "standard",
    workers: int = 1,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> Card:
    """`sample` without opening what was written: the memory that it takes hardly grows with the sessions.

    An open data set has its tables of sessions and steps in memory, which at 100,000 visits is a lot.

    Returns:
        The data set's card.
    """
    if sessions < 1 or workers < 1:
        raise ConfigError(f"{sessions} sessions on {workers} workers: expected at least 1 of each")
    design = design_of(variant)
    origin = "Simulated shoppers in Facsim's embedded shop; no real person's behaviour"
    card = Card(
        name=SOURCE if variant == "standard" else f"{SOURCE}-{variant}",
        source=SOURCE,
        origin=f"{origin}. {design.about}",
        licence="Apache-2.0",
        settings={"sessions": sessions, "seed": seed, "variant": variant},
    )
    with DataSetWriter(out, card, overwrite=overwrite) as writer, gc_paused():
        writer.card = card.model_copy(update={"settings": {**card.settings, "shop": version_of(seed)}})
        done = 0
        plan = _Plan(seed, sessions, variant)
        # A sampler remembers what it handed over, so it must not outlive the writer.
        work = _Sampler(plan).chunk if workers == 1 else partial(_chunk, plan)
        for chunk in map_ordered(work, range(0, sessions, _CHUNK), workers):
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


@dataclass(frozen=True)
class _Chunk:
    """Consecutive visits, and those of their pages that the worker has not handed over lately."""

    sessions: tuple[Session, ...]
    pages: tuple[tuple[str, str, str], ...]


def _chunk(plan: _Plan, start: int) -> _Chunk:
    """In a worker: one chunk, of a sampler that stays between chunks."""
    return _sampler(plan).chunk(start)


@lru_cache(maxsize=1)
def _sampler(plan: _Plan) -> _Sampler:
    return _Sampler(plan)


class _Sampler:
    """Makes the visits of one plan, in ascending order."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._world = World(plan.seed, plan.sessions, plan.variant)
        self._rules = CategoryRules.default()
        self._handed_over: OrderedDict[str, None] = OrderedDict()

    def chunk(self, start: int) -> _Chunk:
        """The visits from number `start` on."""
        end = min(start + _CHUNK, self._plan.sessions)
        with gc_paused():
            visits = [_Visit(self._world, number) for number in range(start, end)]
            for taken in self._world.side_by_side([(one.shopper, one.luck.choose) for one in visits]):
                for place, moment, choice in taken:
                    self._step(visits[place], moment, choice)
        # In the order in which they would be shown if people came one after another.
        pages: dict[str, tuple[str, str]] = {}
        for visit in visits:
            for page_id, texts in visit.pages.items():
                pages.setdefault(page_id, texts)
        # Chunks are written in order, so what went with an earlier one is there already.
        return _Chunk(
            tuple([visit.session() for visit in visits]),
            tuple((page_id, *texts) for page_id, texts in pages.items() if self._is_news(page_id)),
        )

    def _is_news(self, page_id: str) -> bool:
        known = page_id in self._handed_over
        self._handed_over[page_id] = None
        self._handed_over.move_to_end(page_id)
        if len(self._handed_over) > _PAGES_REMEMBERED:
            self._handed_over.popitem(last=False)
        return not known

    def _category(self, act: Act | None, action: Action, url: str) -> str:
        if act is None or action.name is None:
            return self._rules.category(action, None, url)
        if act.kind in _SAME_PRODUCT:
            return "other"
        return self._rules.category(action, _alone(act, action.name), url)

    def _step(self, visit: _Visit, moment: Moment, choice: Choice) -> None:
        """Add a step to a visit, and its page."""
        named = self._world.store.named(moment.rendered)
        page_id = page_id_of(named.page.html)
        visit.pages.setdefault(page_id, (named.page.html, moment.rendered.html))
        action = action_of(choice, named.names)
        url = SITE + moment.view.address
        elapsed, why = visit.said(moment, choice)
        step = Step(
            page_id=page_id,
            action=action,
            category=self._category(moment.act(choice), action, url),
            rationale=why,
            rationale_source="simulated",
            url=url,
            timestamp=visit.began + timedelta(seconds=elapsed),
            elapsed=elapsed,
            submitted=True if action.type == "type_and_submit" else None,
            truth=truth_of(choice, moment.choices, named.names),
        )
        visit.steps.append(step)


class _Visit:
    """A visit under way.

    Args:
        world: where.
        number: of the visit.
    """

    def __init__(self, world: World, number: int) -> None:
        self._seed, self._number = world.seed, number
        self.shopper, self.luck = world.shopper(number), Luck(world.seed, number)
        self._beside = Random(f"beside:{world.seed}:{number}")  # noqa: S311
        self.began = _BEGINNING + timedelta(minutes=7 * number, seconds=self._beside.randrange(60))
        self._elapsed = 0.0
        self.steps: list[Step] = []
        self.pages: dict[str, tuple[str, str]] = {}

    def said(self, moment: Moment, choice: Choice) -> tuple[float, str]:
        """Seconds since the visit began when a choice is made, and the reason for it."""
        view, beside = moment.view, self._beside
        self._elapsed = round(self._elapsed + pause(beside, choice, view, self.shopper), 1)
        return self._elapsed, reason(beside, choice, view, moment.memory, self.shopper)

    def session(self) -> Session:
        """The visit, once it is over."""
        shopper = self.shopper
        return Session(
            session_id=session_id_of(self._seed, self._number),
            user_id=shopper.user_id,
            steps=tuple(self.steps),
            persona=shopper.persona,
            persona_fields=_fields(shopper),
            intent=shopper.intent,
            outcome="terminate" if self.steps[-1].action.type == "terminate" else "purchase",
            site=urlsplit(SITE).netloc,
            source=SOURCE,
        )


def _alone(act: Act, name: str) -> Page:
    """A page with the element of an act alone, to read its category off: reading whole pages takes long."""
    tag, role = ("a", "link") if act.method == "get" else ("button", "button")
    if act.kind == "search":
        tag, role = ("button", "button") if act.part == "button" else ("input", "searchbox")
    href = act.address if tag == "a" else None
    element = Element(name=name, tag=tag, role=role, text=act.label, href=href)
    return Page("", lambda: (element,))


def _fields(shopper: Shopper) -> str:
    return json.dumps(dict(shopper.fields), sort_keys=True, ensure_ascii=False)


def session_id_of(seed: int, number: int) -> str:
    """The id of a visit.

    >>> session_id_of(7, 12)
    'shop-7-000012'
    """
    return f"{SOURCE}-{seed}-{number:06d}"


def number_of(session_id: str, settings: Mapping[str, Any]) -> int | None:
    """The number of a visit, from its id and its card's settings; None if it is none of theirs.

    >>> number_of("shop-7-000012", {"seed": 7, "sessions": 20}), number_of("s1", {"seed": 7, "sessions": 20})
    (12, None)
    """
    number = session_id.rpartition("-")[2]
    if not (number.isascii() and number.isdecimal()) or len(number) > 18:
        return None
    known = session_id == session_id_of(settings["seed"], int(number)) and int(number) < settings["sessions"]
    return int(number) if known else None
