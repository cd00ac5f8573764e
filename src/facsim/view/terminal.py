"""Sessions in a terminal: the replay of one, and the list to choose from.

Text from data and models goes through `one_line` and `rich.text.Text`, never through markup, so it cannot
control the terminal.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.rule import Rule as Line
from rich.text import Text

from facsim.data import DataSet
from facsim.evaluation import Run
from facsim.evaluation.compare import run_labels
from facsim.metrics import METRICS, Rule, matches
from facsim.report.leaderboard_table import TextTable
from facsim.schema import Action, Page, Session, Step
from facsim.schema.action import describe_target
from facsim.util.display_text import format_seconds, one_line
from facsim.util.errors import ConfigError
from facsim.view.data_set_check import check_same_data
from facsim.view.number_format import format_elapsed
from facsim.view.verdict import predicted

RANDOM: Final = "random"
"""Selects any session."""

_AROUND: Final = 2
_HEADINGS: Final = 4
_LONGEST_LINE: Final = 160
_LONGEST_NAME: Final = 200
_LONGEST_TEXT: Final = 2_000
_INDENT: Final = "  "
_BAR: Final = "│ "
_ABSENT: Final = "-"


@dataclass(frozen=True, slots=True)
class SessionPredictions:
    """The predictions of one run for the steps of one session.

    Attributes:
        label: of the run.
        lines: its predictions by index of the step: the columns of `Run.predictions`.
        rule: the matching rule.
    """

    label: str
    lines: Mapping[int, Mapping[str, Any]]
    rule: Rule

    def is_right(self, step: int, true: Action) -> bool:
        """Whether the prediction for a step is correct."""
        line = self.lines[step]
        return matches(true, predicted(line), self.rule, same_destination=bool(line["same_destination"]))


def pick_session(data: DataSet, wanted: str, runs: Sequence[Run] = ()) -> Session:
    """The requested session.

    Args:
        data: the data set.
        wanted: its id; or else its place in the list, from 1; or else `random`.
        runs: the list is of the sessions that these answered, if there are any.

    Raises:
        ConfigError: if there is no such session, or a run is of other data.
    """
    if wanted in set(data.session_ids):
        return data.session(wanted)
    ids = listed_sessions(data, runs).session_ids
    if wanted == RANDOM and ids:
        return data.session(secrets.choice(ids))
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:12]) <= len(ids):
        return data.session(ids[int(wanted[:12]) - 1])
    raise ConfigError(
        f"{data.location} has no session {one_line(wanted, 80)!r}. Give an id, a number from 1 to "
        f"{len(ids):,}, or {RANDOM!r}; `facsim show {data.location}` lists the first ids"
    )


def session_list(
    data: DataSet, runs: Sequence[Run] = (), *, limit: int = 20, rule: Rule = "exact"
) -> RenderableType:
    """The first sessions, one per row, with the number of correct steps of each run.

    Args:
        data: the data set.
        runs: only sessions that one of these answered are listed.
        limit: maximum number of rows.
        rule: by which a prediction counts as right.

    Raises:
        ConfigError: if a run is of other data, or is given twice.
    """
    listed = listed_sessions(data, runs)
    tables = prediction_tables(runs)
    names = list(tables)
    rows = [["", "Session", "Steps", "Outcome", *(one_line(name, 24) for name in names), "Who and what for"]]
    for place, session_id in enumerate(listed.session_ids[:limit], start=1):
        session = listed.session(session_id)
        counts = [_count(found, session) for found in predictions_of(session, tables, rule)]
        about = " · ".join(text for text in (session.intent, session.persona) if text)
        cells = [str(place), one_line(session_id, 60), f"{len(session.steps)}", session.outcome or _ABSENT]
        rows.append([*cells, *counts, one_line(about, _LONGEST_LINE)])
    title = f"{one_line(data.card.name, _LONGEST_LINE)} · {len(listed):,} sessions"
    more = len(listed) - limit
    return Group(
        Text(f"{title} with a prediction" if runs else title, style="bold"),
        *_aligned(rows, right=(0, 2, *range(4, 4 + len(names)))),
        *([Text(f"… and {more:,} more", style="dim")] if more > 0 else []),
        Text(f"Replay one: facsim show {data.location} SESSION", style="dim"),
    )


def _aligned(rows: Sequence[Sequence[str]], right: Collection[int]) -> Iterator[Text]:
    """The rows, one line each, cut at the edge of the terminal. The first is the header."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for place, row in enumerate(rows):
        line = Text(no_wrap=True, overflow="ellipsis", style="" if place else "bold")
        for column, (cell, width) in enumerate(zip(row[:-1], widths, strict=False)):
            room = " " * (width - cell_len(cell))
            line.append(f"{room}{cell}  " if column in right else f"{cell}{room}  ")
        yield line.append(row[-1], style="dim" if place else "")


def session_replay(
    data: DataSet,
    session: Session,
    runs: Sequence[Run] = (),
    *,
    step: int | None = None,
    rule: Rule = "exact",
) -> RenderableType:
    """A session step by step: what was seen in brief, what was done and why, and what each run predicted.

    Args:
        data: the data set.
        session: one of its sessions.
        runs: runs over it.
        step: only the step with this number, from 1.
        rule: by which a prediction counts as right.

    Raises:
        ConfigError: if there is no such step, a run is of other data, or is given twice.
        InputError: if the data set lacks a page, or a run's predictions are damaged.
    """
    check_step(session, step)
    for run in runs:
        check_same_data(data.card, data.location, run)
    answers = predictions_of(session, prediction_tables(runs), rule)
    parts: list[RenderableType] = [_heading(session), *_person(session)]
    for index, taken in enumerate(session.steps):
        if step is None or index + 1 == step:
            before = session.steps[index - 1] if index else None
            parts += [Text(), *_step(data.page(taken.page_id), index, taken, before, answers)]
    if step is None and answers:
        parts += [Text(), *_totals(session, answers)]
    return Group(*parts)


def check_step(session: Session, step: int | None) -> None:
    """Check that a session has a step.

    Args:
        session: the session.
        step: its number, from 1; None for all.

    Raises:
        ConfigError: if it does not.
    """
    if step is not None and not 1 <= step <= len(session.steps):
        raise ConfigError(
            f"session {one_line(session.session_id, 80)} has no step {step}: its steps are 1 to "
            f"{len(session.steps)}"
        )


def prediction_tables(runs: Sequence[Run]) -> dict[str, pl.DataFrame]:
    """The predictions of each run by its label.

    Raises:
        ConfigError: if a run is given twice.
        InputError: if predictions are damaged.
    """
    names = run_labels(runs) if runs else []
    return {name: run.predictions() for name, run in zip(names, runs, strict=True)}


def predictions_of(
    session: Session, tables: Mapping[str, pl.DataFrame], rule: Rule
) -> list[SessionPredictions]:
    """The predictions of each run for a session."""
    return [_answers(name, session, table, rule) for name, table in tables.items()]


def run_metrics(run: Run) -> RenderableType:
    """Every metric of a run with its interval.

    Raises:
        InputError: if the run was not scored.
    """
    found = run.metrics
    rows = []
    for name, estimate in found.items():
        unit = METRICS[name].unit if name in METRICS else ""
        times = 100 if unit == "share" else 1
        numbers = [
            "" if value is None else f"{times * value:.4g}" if unit != "share" else f"{times * value:.1f}"
            for value in (estimate.value, estimate.low, estimate.high)
        ]
        rows.append([name, *numbers, "%" if unit == "share" else unit, f"{estimate.n:,}"])
    cases = run.config.identity.cases
    title = (
        f"{one_line(run.name, 80)} · {one_line(cases.data, 80)} ({cases.part} part) · {found.steps:,} steps"
    )
    below = (
        f"Low and High: the {100 * found.level:g}% interval, by {found.cluster}. "
        "docs/reference/metrics.md defines all",
    )
    table = TextTable(title, ["", "Value", "Low", "High", "Unit", "Of"], rows, left=1, below=below)
    return Group(table, *(Text(one_line(note, _LONGEST_TEXT), style="yellow") for note in run.notes))


def listed_sessions(data: DataSet, runs: Sequence[Run]) -> DataSet:
    """The sessions that at least one run answered; all of them without a run.

    Raises:
        ConfigError: if a run is of other data.
    """
    for run in runs:
        check_same_data(data.card, data.location, run)
    if not runs:
        return data
    ids = pl.concat([run.predictions()["session_id"] for run in runs]).unique()
    return data.select(ids.to_list())


def _answers(label: str, session: Session, predictions: pl.DataFrame, rule: Rule) -> SessionPredictions:
    found = predictions.filter(pl.col("session_id") == session.session_id).rows(named=True)
    # Another step than the data set has would be of other data, which was refused.
    return SessionPredictions(
        label, {line["step"]: line for line in found if line["step"] < len(session.steps)}, rule
    )


def _count(answers: SessionPredictions, session: Session) -> str:
    right = sum(answers.is_right(step, session.steps[step].action) for step in answers.lines)
    return f"{right}/{len(answers.lines)}" if answers.lines else _ABSENT


def _heading(session: Session) -> RenderableType:
    facts = [f"{len(session.steps)} step{'' if len(session.steps) == 1 else 's'}"]
    if session.steps and (elapsed := session.steps[-1].elapsed) is not None:
        facts.append(format_seconds(elapsed))
    facts += [f"outcome {session.outcome}"] if session.outcome else []
    facts += [one_line(text, 80) for text in (session.user_id, session.site) if text]
    name = one_line(session.session_id, _LONGEST_NAME)
    return HangingIndent(Text(), Text.assemble((f"Session {name}", "bold"), f" · {' · '.join(facts)}"))


def _person(session: Session) -> Iterator[RenderableType]:
    for label, text in (("Persona ", session.persona), ("Intent  ", session.intent)):
        if text:
            yield HangingIndent(Text(label, style="bold"), Text(one_line(text, _LONGEST_TEXT)))


def _step(
    page: Page, index: int, step: Step, before: Step | None, answers: Sequence[SessionPredictions]
) -> Iterator[RenderableType]:
    at = format_elapsed(step.elapsed, before.elapsed if before else None)
    yield SectionRule(f"Step {index + 1}{f' · {at}' if at else ''}")
    title = one_line(page.outline.title, _LONGEST_LINE) or "(page without a title)"
    yield _cut(Text.assemble(_INDENT, (title, "bold"), (f" · {len(page.elements):,} elements", "dim")))
    if step.url:
        yield _cut(Text(f"{_INDENT}{one_line(step.url, _LONGEST_LINE)}", style="dim"))
    yield from _surroundings(page, step.action)
    yield _action(step)
    if step.rationale:
        source = f"  ({step.rationale_source})" if step.rationale_source else ""
        reason = Text.assemble((f"“{one_line(step.rationale, _LONGEST_TEXT)}”", "italic"), (source, "dim"))
        yield HangingIndent(Text(_INDENT * 2), reason)
    width = max((cell_len(one_line(found.label, 40)) for found in answers), default=0)
    for found in answers:
        yield _prediction(found, index, step.action, width)


def _surroundings(page: Page, action: Action) -> Iterator[RenderableType]:
    """The lines of the page around the element acted on; its headings, if there is none."""
    lines = page.outline.lines
    place = next((at for at, line in enumerate(lines) if line.name and line.name == action.name), None)
    if place is None:
        shown = [line for line in lines if line.heading][:_HEADINGS]
    else:
        shown = list(lines[max(0, place - _AROUND) : place + _AROUND + 1])
    for line in shown:
        acted = place is not None and line is lines[place]
        text, role = line.text, ""
        if line.name and (element := page.by_name.get(line.name)) is not None:
            text, role = element.text or element.value or "", element.role
        mark = ("▶ ", "bold yellow") if acted else (_BAR, "dim")
        style = "bold yellow" if acted else "bold" if line.heading else ""
        words = one_line(text, _LONGEST_LINE) or ("(no text)" if line.name else "")
        yield _cut(
            Text.assemble(_INDENT, mark, (words, style), (f"  {one_line(role, 40)}" if role else "", "dim"))
        )


def _action(step: Step) -> RenderableType:
    name = one_line(describe_target(step.action), _LONGEST_TEXT)
    found = [Text(step.action.type, style="bold"), Text(name, style="cyan")]
    if step.category:
        found.append(Text(f"[{one_line(step.category, 60)}]", style="magenta"))
    if step.truth is not None:
        found.append(Text(f"true probability {_probability(step.truth.probability)}", style="dim"))
    body = Text("  ").join(part for part in found if part.plain)
    return HangingIndent(Text(f"{_INDENT}→ ", style="bold"), body)


def _prediction(answers: SessionPredictions, index: int, true: Action, width: int) -> RenderableType:
    label = one_line(answers.label, 40)
    label += " " * (width - cell_len(label) + 1)
    if index not in answers.lines:
        return HangingIndent(Text(f"{_INDENT}· {label}", style="dim"), Text("not asked", style="dim"))
    line = answers.lines[index]
    right, action = answers.is_right(index, true), predicted(line)
    mark, style = ("✓", "bold green") if right else ("✗", "bold red")
    parts: list[Text] = []
    if action is None:
        parts.append(Text(_no_action(line), style="red"))
    elif action == true:
        parts.append(Text("the same"))
    else:
        target = one_line(describe_target(action), _LONGEST_NAME)
        parts.append(Text.assemble(action.type, " " if target else "", (target, "cyan")))
    if line["on_page"] is False:
        parts.append(Text("not on the page", style="red"))
    parts += [Text(words, style="dim") for words in _chances(line, right=right)]
    said = one_line(line["rationale"] or line["error"] or line["answer"] or "", _LONGEST_TEXT)
    if said:
        parts.append(Text(f"“{said}”", style="italic dim"))
    return HangingIndent(Text.assemble(_INDENT, (f"{mark} ", style), label), Text("  ").join(parts))


def _no_action(line: Mapping[str, Any]) -> str:
    """Why a line has no action that Facsim knows."""
    if line["failed"]:
        return "no answer: the call failed"
    if line["pred_type"] is not None:
        return f"not an action of Facsim: {one_line(str(line['pred_type']), 40)}"
    return "an answer that cannot be read"


def _chances(line: Mapping[str, Any], *, right: bool) -> Iterator[str]:
    """The probabilities of a prediction."""
    if line["confidence"] is not None:
        yield f"probability {_probability(line['confidence'])}"
    if not right and line["log_probability"] is not None:
        rank = f", ranked {line['rank']}" if line["rank"] is not None else ""
        yield f"what was done {_probability(math.exp(line['log_probability']))}{rank}"


def _totals(session: Session, answers: Sequence[SessionPredictions]) -> Iterator[RenderableType]:
    asked = [found for found in answers if found.lines]
    if asked:
        counts = " · ".join(f"{one_line(found.label, 40)} {_count(found, session)}" for found in asked)
        yield HangingIndent(Text("Right  ", style="bold"), Text(counts))
    for found in answers:
        if not found.lines:
            yield Text(f"{one_line(found.label, 40)} was not asked about this session", style="yellow")


def _probability(value: float) -> str:
    return f"{100 * value:.1f} %" if value >= 0.001 else "<0.1 %"


def _cut(text: Text) -> Text:
    """A line that is cut at the edge of the terminal."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


@dataclass(frozen=True, slots=True)
class SectionRule:
    """A title with a line to the edge of a terminal; in a pipe the title alone."""

    title: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        if options.no_wrap:
            yield Text(f"── {self.title}")
        else:
            yield Line(Text(self.title, style="bold"), align="left", style="dim")


@dataclass(frozen=True, slots=True)
class HangingIndent:
    """A text behind a label; its further lines begin below its first. In a pipe it is one line."""

    label: Text
    body: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        indent = self.label.cell_len
        room = options.max_width - indent
        if options.no_wrap or room < 20:
            yield Text.assemble(self.label, self.body)
            return
        for place, line in enumerate(self.body.wrap(console, room, overflow="fold")):
            yield Text.assemble(Text(" " * indent) if place else self.label, line)
