"""Small data sets with runs over them, and the viewer of both on a free port."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from facsim.data import Card, DataSet, DataSetWriter, replay
from facsim.evaluation import CaseSelection, Run, RunConfig
from facsim.evaluation.config import Counts, Identity
from facsim.evaluation.environment import Environment
from facsim.evaluation.journal import Journal
from facsim.evaluation.records import RecordBuilder
from facsim.prompt import PromptConfig, prompt_hash
from facsim.schema import Action, Prediction, Session, Step, Truth
from facsim.util.localhost import running_in_thread
from facsim.view import build_app
from facsim.view.server import make_server

START = datetime(2025, 3, 1, 9, tzinfo=UTC)
ADDRESS = "http://127.0.0.1:8421"

HOME = """<html data-simplified="1"><head><title>A shop</title></head><body><header>
<input name="search_input" type="search" placeholder="Search the shop"> <button name="search">Search</button></header>
<main><h1>Welcome</h1><ul><li><a name="offers.mug" href="/mug">Blue mug</a></li>
<li><a name="offers.kettle" href="/kettle">Kettle</a></li></ul></main></body></html>"""
RESULTS = (
    """<html data-simplified="1"><head><title>Results</title></head><body>
<input name="search_input" type="search" value="mug"><ul>"""
    + "".join(
        f'<li><a name="results.mug_{n}.image" href="/mug/{n}"><img alt="Mug {n}"></a> '
        f'<h3><a name="results.mug_{n}.view_product" href="/mug/{n}">Mug number {n}</a></h3><p>${n}.00</p></li>'
        for n in range(40)
    )
    + """</ul><select name="sort"><option name="sort.price" selected>Price</option><option
 name="sort.rating">Rating</option></select><input type="checkbox" name="only_blue" checked></body></html>"""
)
SEARCH = Action.type_and_submit("search_input", "blue mug")
OPEN = Action.click("results.mug_30.view_product")
LEAVE = Action.terminate()

Answers = Callable[[Session, int], Prediction]


def made_session(number: int, outcome: str | None = "terminate", **fields: Any) -> tuple[Session, list[str]]:
    """A session of three steps and its pages."""
    truth = Truth(0.25, 0.5, Action.click("results.mug_2.view_product"), 1.5)
    reasons = ("I want a mug.", "This one looks sturdy.", "I have seen enough.")
    steps = tuple(
        Step(
            "",
            action,
            category=category,
            rationale=reason,
            rationale_source="human",
            timestamp=START + timedelta(seconds=30 * index),
            elapsed=30.0 * index,
            url=f"https://shop.example/{index}",
            truth=truth if index == 1 else None,
        )
        for index, (action, category, reason) in enumerate(
            zip((SEARCH, OPEN, LEAVE), ("search", "product_click", "terminate"), reasons, strict=True)
        )
    )
    about: dict[str, Any] = {
        "persona": "Ada, 36, reads every review.",
        "intent": f"A mug for person {number}.",
        "site": "shop.example",
    }
    session = Session(f"s{number:02d}", f"u{number}", steps, outcome=outcome, **(about | fields))  # type: ignore[arg-type]
    return session, [HOME, RESULTS, RESULTS]


def write_data(path: Path, sessions: Sequence[tuple[Session, list[str]]]) -> DataSet:
    """A data set of sessions, each with the pages of its steps."""
    with DataSetWriter(path, Card(name="made", source="jsonl", origin="a test")) as writer:
        for session, pages in sessions:
            steps = [
                Step(writer.add_page(page), *(getattr(step, name) for name in Step.__slots__[1:]))
                for step, page in zip(session.steps, pages, strict=True)
            ]
            fields = {name: getattr(session, name) for name in Session.__slots__ if name != "steps"}
            writer.add_session(Session(steps=tuple(steps), **fields))
    return DataSet.open(path)


def write_run(
    folder: Path,
    data: DataSet,
    answers: Answers,
    *,
    prompt: PromptConfig | None = None,
    settings: Mapping[str, Any] | None = None,
    predictor: str = "test:made",
) -> Run:
    """A run over a whole data set, first steps excepted, with its lines made as the runner makes them."""
    cases = CaseSelection.of(data, part="all", split_by="user", seed=0, first_step="exclude", limit=None)
    identity = Identity(
        predictor=predictor,
        settings=dict(settings or {}) | ({"prompt": prompt.model_dump(mode="json")} if prompt else {}),
        prompt_hash=prompt_hash(prompt) if prompt else None,
        cases=cases,
    )
    start = Environment(
        time=START, facsim="0.1.0", commit=None, dirty=None, python="3.11", platform="x", packages={}
    )
    folder.mkdir(parents=True)
    asked = sum(len(session.steps) - 1 for session in data)
    RunConfig(
        identity=identity,
        digest=identity.digest,
        data_path=str(data.path),
        counts=Counts(sessions=len(data), cases=asked, sessions_without_case=0),
        starts=(start,),
    ).write(folder)
    builder = RecordBuilder(data)
    with Journal(folder / "predictions.jsonl") as journal:
        for session in data:
            for so_far, step in replay(data, session):
                if so_far.step:
                    journal.append(builder.build(session, so_far, step, answers(session, so_far.step)))
    return Run.open(folder)


def told(action: Action | None, probability: float = 0.4, **fields: Any) -> Prediction:
    """A prediction with probabilities."""
    return Prediction(action, probabilities=None if action is None else {action: probability}, **fields)


def perfect(session: Session, step: int) -> Prediction:
    return told(session.steps[step].action, rationale="Because the mug is blue.")


def wrong(session: Session, step: int) -> Prediction:
    return told(Action.click("results.mug_3.view_product"))


def illegal(session: Session, step: int) -> Prediction:
    if step == 2:
        return Prediction(None, parse="failed", answer="I would rather not say")
    return told(Action.click("nowhere.to_be_found"), parse="lenient", answer="```json```")


@contextmanager
def served(data: Path, runs: Sequence[Path]) -> Iterator[str]:
    """The viewer's address, for as long as the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = make_server(build_app(data, runs))
    with listener, running_in_thread(server, listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def line_of(run: Path, session_id: str, step: int) -> dict[str, Any]:
    """A line of predictions.jsonl without its checksum, found the slow way."""
    lines = (json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines())
    found = next(line for line in lines if (line["session_id"], line["step"]) == (session_id, step))
    return {name: value for name, value in found.items() if name != "checksum"}
