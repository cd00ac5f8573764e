"""The data set of a rollout: written from the journal in the order of the people, and read back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from facsim.data import Card, DataSet, DataSetWriter
from facsim.evaluation.environment import Environment
from facsim.rollout.people import SimulatedPerson
from facsim.rollout.rollout_answer import RolloutAnswer, SessionEnd
from facsim.rollout.rollout_journal import RolloutJournal
from facsim.schema import Action, Session, Step
from facsim.util.errors import ConfigError
from facsim.util.setting_differences import check_same_settings

SOURCE: Final = "rollout"


@dataclass(frozen=True, slots=True)
class Rollout:
    """The sessions that a predictor produced.

    Attributes:
        path: the data set's folder.
        ends: number of sessions by how they ended: `purchase`, `terminate`, `max_steps`, `max_seconds`,
            `failed` (several unusable answers in a row) or `site` (the site or the browser failed).
        failures: number of unusable answers by kind: `call_failed`, `unparseable`, `not_on_page` or
            `not_possible`.
        answers: number of answers, unusable ones included.
        cost: US dollars; None if no price is known.
    """

    path: Path
    ends: Mapping[str, int]
    failures: Mapping[str, int]
    answers: int
    cost: float | None = None

    def __str__(self) -> str:
        ends = ", ".join(f"{count:,} {kind}" for kind, count in self.ends.items())
        lines = [f"{self.path}: {self.sessions:,} sessions ({ends}), {self.answers:,} answers"]
        if self.failures:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.failures.items())
            lines.append(f"Unusable answers: {kinds}; {self.path / 'rollout.json'} lists them")
        if self.cost is not None:
            lines.append(f"Cost: ${self.cost:.2f}")
        return "\n".join(lines)

    @property
    def data(self) -> DataSet:
        """The data set, opened."""
        return DataSet.open(self.path)

    @property
    def sessions(self) -> int:
        """Number of sessions."""
        return sum(self.ends.values())


def card_of(settings: Mapping[str, Any]) -> Card:
    """The card of a rollout, without its counts.

    Args:
        settings: everything that determines the sessions.
    """
    predictor, site = settings["predictor"], settings["site"]["spec"]
    return Card(
        name=f"{predictor} on {site}",
        source=SOURCE,
        origin=f"Sessions that the predictor {predictor} produced on {site}; no real person's behaviour",
        settings={**settings, "versions": Environment.now().model_dump(mode="json")},
    )


def open_rollout(out: Path, settings: Mapping[str, Any]) -> Rollout:
    """The rollout that a folder already holds, if it has these settings.

    Raises:
        ConfigError: if it holds something else.
    """
    card = Card.read(out / "card.json")
    if card.source != SOURCE:
        raise ConfigError(f"{out} exists. Choose another folder, or use --overwrite")
    before = {name: card.settings.get(name) for name in settings}
    check_same_settings(out, before, settings)
    counts = card.settings["counts"]
    return Rollout(out, **counts)


@dataclass(slots=True)
class _Counts:
    """What came of the sessions, as they are written."""

    ends: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    cost: float | None = None

    def add(self, answers: Sequence[RolloutAnswer], end: SessionEnd) -> None:
        self.ends[end.kind] += 1
        self.answers += len(answers)
        for answer in answers:
            if answer.failure is not None:
                self.failures[answer.failure] += 1
            cost = (answer.usage or {}).get("cost")
            if cost is not None:
                self.cost = (self.cost or 0.0) + cost

    def to_dict(self) -> dict[str, Any]:
        return {
            "ends": dict(sorted(self.ends.items())),
            "failures": dict(sorted(self.failures.items())),
            "answers": self.answers,
            "cost": self.cost,
        }


def write_rollout(
    out: Path,
    settings: Mapping[str, Any],
    people: Sequence[SimulatedPerson],
    journal: RolloutJournal,
    *,
    site_name: str,
    overwrite: bool,
) -> Rollout:
    """Write the data set from the journal, in the order of the people.

    Args:
        out: its folder.
        settings: everything that determines the sessions.
        people: all of them, each with a session in the journal that has ended.
        journal: the answers, pages and ends.
        site_name: name of the site, as predictors were told.
        overwrite: whether an existing data set is replaced.

    Raises:
        FacsimError: if it cannot be written.
    """
    ends, counts, rows = journal.ends(), _Counts(), []
    with DataSetWriter(out, card_of(settings), overwrite=overwrite) as writer:
        for person in people:
            answers, end = journal.answers(person.session_id), ends[person.session_id]
            counts.add(answers, end)
            rows.append(_report_row(person, answers, end))
            for answer in answers:
                if answer.page_id not in writer.page_ids:
                    writer.add_page(*journal.page(answer.page_id), page_id=answer.page_id)
            session = session_of(person, answers, end, site_name)
            if session is not None:
                writer.add_session(session)
                for answer in taken(answers):
                    writer.add_probabilities(person.session_id, answer.step, answer.probabilities)
        card = writer.card
        writer.card = card.model_copy(update={"settings": {**card.settings, "counts": counts.to_dict()}})
        report = {**counts.to_dict(), "sessions": rows}
        as_json = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
        writer.add_report(as_json, _report_markdown(settings, counts, rows), name="rollout")
    return Rollout(out, **counts.to_dict())


def _report_row(person: SimulatedPerson, answers: Sequence[RolloutAnswer], end: SessionEnd) -> dict[str, Any]:
    """How a session ended, and its unusable answers."""
    row: dict[str, Any] = {"session_id": person.session_id, "end": end.kind}
    if end.message is not None:
        row["message"] = end.message
    failures = [
        {"step": one.step, "kind": one.failure, "message": one.message, "answer": one.answer}
        for one in answers
        if one.failure is not None
    ]
    return row | ({"failures": failures} if failures else {})


def _report_markdown(settings: Mapping[str, Any], counts: _Counts, rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f"# Rollout of {settings['predictor']} on {settings['site']['spec']}",
        "",
        f"{len(rows):,} sessions, {counts.answers:,} answers.",
        "",
        "| sessions ended by | count |",
        "|---|---|",
        *(f"| {kind} | {count:,} |" for kind, count in sorted(counts.ends.items())),
        "",
    ]
    if counts.failures:
        lines += ["| unusable answers | count |", "|---|---|"]
        lines += [f"| {kind} | {count:,} |" for kind, count in sorted(counts.failures.items())]
        lines += ["", "`rollout.json` lists them by session."]
    return "\n".join(lines) + "\n"


def session_of(
    person: SimulatedPerson, answers: Sequence[RolloutAnswer], end: SessionEnd, site_name: str
) -> Session | None:
    """A session as it is stored; None if not even its first page was seen.

    A session that did not end with a purchase or by leaving is censored. If its first answers were unusable,
    its only step has an action without a name, which data sets count as unreachable.
    """
    steps = [_step_of(answer, answer.action) for answer in taken(answers) if answer.action is not None]
    if not steps and answers:
        steps = [_step_of(answers[0], Action.click(None))]
    if not steps:
        return None
    outcome = end.kind if end.kind in ("purchase", "terminate") else None
    return Session(
        session_id=person.session_id,
        user_id=person.user_id,
        steps=tuple(steps),
        persona=person.persona,
        persona_fields=person.persona_fields,
        intent=person.intent,
        outcome=outcome,
        site=site_name,
        source=SOURCE,
        censored=outcome is None,
    )


def taken(answers: Sequence[RolloutAnswer]) -> list[RolloutAnswer]:
    """The answers that were carried out: one for each step."""
    return [answer for answer in answers if answer.failure is None and answer.action is not None]


def _step_of(answer: RolloutAnswer, action: Action) -> Step:
    return Step(
        page_id=answer.page_id,
        action=action,
        category=answer.category,
        rationale=answer.rationale,
        rationale_source=None if answer.rationale is None else "synthetic",
        url=answer.url,
        submitted=True if action.type == "type_and_submit" else None,
        truth=answer.truth,
    )
