"""Populations and data sets written by hand, for the tests of fidelity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from facsim.data import Card, DataSet, DataSetWriter
from facsim.fidelity import SessionPopulation
from facsim.fidelity.session_population import SESSIONS_SCHEMA, STEPS_SCHEMA
from facsim.schema import Action, Session, Step

Row = Mapping[str, object]


def step(category: str, **fields: object) -> Row:
    """A step; `query` is typed text, `page` its page, `name` its target."""
    return {"category": category, **fields}


def population(name: str, sessions: Sequence[Mapping[str, object]]) -> SessionPopulation:
    """A population; each session has `steps`, and optionally `user`, `intent`, `id` and `outcome`."""
    people, steps = [], []
    for number, session in enumerate(sessions):
        found = {
            "outcome": "terminate",
            "user": f"{name}-{number}",
            "id": f"{name}-{number}",
            "intent": None,
        } | dict(session)
        people.append((number, found["id"], found["user"], found["intent"], found["outcome"]))
        for place, row in enumerate(found["steps"]):
            kind = (
                "type_and_submit"
                if row.get("query")
                else "terminate"
                if row["category"] == "terminate"
                else "click"
            )
            steps.append(
                (
                    number,
                    place,
                    kind,
                    row.get("name"),
                    row.get("query"),
                    row["category"],
                    row.get("page"),
                    row.get("elapsed"),
                )
            )
    return SessionPopulation(
        name,
        pl.DataFrame(people, schema=SESSIONS_SCHEMA, orient="row"),
        pl.DataFrame(steps, schema=STEPS_SCHEMA, orient="row"),
    )


def data_set(path: Path, sessions: Sequence[Session], *, source: str = "made") -> DataSet:
    """A data set of these sessions, all on one page."""
    card = Card(name=path.name, source=source, origin="made by hand")
    with DataSetWriter(path, card) as writer:
        page = writer.add_page('<html><body><a name="go">go</a></body></html>')
        for session in sessions:
            steps = tuple(
                Step(
                    page if one.page_id == "" else one.page_id,
                    one.action,
                    one.category,
                    url=one.url,
                    elapsed=one.elapsed,
                )
                for one in session.steps
            )
            writer.add_session(
                Session(
                    session.session_id, session.user_id, steps, intent=session.intent, outcome=session.outcome,
                    censored=session.censored,
                )
            )  # fmt: skip
    return DataSet.open(path)


def clicks(*categories: str, url: str | None = None) -> tuple[Step, ...]:
    """Steps of these categories; the last one leaves if it is `terminate`."""
    return tuple(
        Step("", Action.terminate() if one == "terminate" else Action.click("go"), one, url=url)
        for one in categories
    )


def halves(data: DataSet, seed: int) -> tuple[DataSet, DataSet]:
    """Two samples of one population: random halves of the people."""
    users = sorted(set(data.sessions["user_id"]))
    np.random.default_rng(seed).shuffle(users)
    first = set(users[: len(users) // 2])
    rows = list(data.sessions.select("session_id", "user_id").iter_rows())
    one = _selected(data, [session for session, user in rows if user in first], "one")
    return one, _selected(data, [session for session, user in rows if user not in first], "other")


def _selected(data: DataSet, sessions: Sequence[str], name: str) -> DataSet:
    found = data.select(sessions)
    found.path = Path(name)
    return found


def written(data: DataSet, folder: Path) -> Path:
    """A selection as a data set of its own."""
    with DataSetWriter(folder, data.card) as writer:
        writer.copy_pages(data.pages)
        for session in data:
            writer.add_session(session)
    return folder
