"""The checks of `audit`, one function each. Thresholds are documented here."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import polars as pl

from facsim.data.audit_finding import Finding, Severity, examples
from facsim.data.page_survey import PageSurvey
from facsim.data.replay import replay
from facsim.data.splits import SplitBy
from facsim.data.store import DataSet
from facsim.data.writer import hash_session, rows_of
from facsim.schema import SessionSoFar
from facsim.util.progress import Progress

ShownNames = Callable[[SessionSoFar], frozenset[str] | None]
"""The element names of the current page in a prompt; None if the page is complete."""
Parts = Mapping[str, str | None]

MIN_REACHABILITY = 0.9
"""Below this share of steps whose target is on the page, the audit fails.

Reachability is the ceiling of accuracy for everyone. Published systems differ by 3 to 6 points on one
data set (paper: with and without rationales, 3.1 points on OPeRA). A loss of more than 10 points exceeds
the differences to be measured, and two tools seldom lose the same steps.
"""
GOOD_REACHABILITY = 0.99
_ON_NO_PAGE = "Check how the source or its mapping names the targets"
"""Below this the audit warns: the loss is as large as the differences that comparisons report."""

SAME_PATH_STEPS = 3
"""Shorter sessions often have the same pages and actions by chance: search, leave."""
SAME_PATH_SHARE = 0.05
"""More test sessions than this with the same pages and actions as a training session: memory scores well."""
SAME_PAIR_SHARE = 0.5
"""More test steps than this with the same page and action as a training step: memory alone scores high."""


def integrity(data: DataSet, survey: PageSurvey) -> Iterator[Finding]:
    """Every page exists, and the content matches the hashes of the card and the pages."""
    missing = _first_seen(data.steps["page_id"], survey.characters)
    if missing:
        yield Finding(
            "missing pages",
            "error",
            f"{len(missing):,} pages that steps refer to are missing",
            examples(missing),
        )
    if survey.altered:
        message = f"{len(survey.altered):,} pages were changed after they were stored: content and id differ"
        yield Finding("content hash", "error", message, examples(survey.altered))
    if not data.is_whole:
        return  # The card's hash covers the whole data set.
    digest = hashlib.blake2b(digest_size=16)
    for session in data:
        hash_session(digest, *rows_of(session))
    if digest.hexdigest() != data.content_hash:
        message = (
            "sessions or steps were changed, added or taken away after they were stored: "
            "their hash is not the card's"
        )
        yield Finding("content hash", "error", message)


def no_pages() -> Iterator[Finding]:
    """The log had no pages: whatever needs one was not checked."""
    message = "the log has no pages: good for shares, transitions, lengths and fidelity only"
    yield Finding("no pages", "note", message)


def names(data: DataSet, survey: PageSurvey) -> Iterator[Finding]:
    """Every page has named elements, and names are unique."""
    if survey.ambiguous:
        cases = sorted(f"{name} on page {page_id}" for page_id, name in survey.ambiguous)
        message = (
            f"{len(cases):,} acted-on names stand more than once on their page: "
            "an exact match cannot say which element was meant"
        )
        yield Finding("duplicate names", "error", message, examples(cases))
    if survey.repeated:
        message = (
            f"{len(survey.repeated):,} of {len(survey.names):,} pages have a name more than once; "
            "the first element of a name counts"
        )
        yield Finding("duplicate names", "warning", message, examples(survey.repeated))
    bare = [page_id for page_id, count in survey.names.items() if not count]
    if bare:
        message = (
            f"{len(bare):,} of {len(survey.names):,} pages have no named element: only terminate is possible"
        )
        yield Finding("pages without names", "warning", message, examples(bare))
    nameless = data.steps.filter((pl.col("action_type") != "terminate") & pl.col("action_name").is_null())
    if nameless.height:
        yield Finding(
            "targets without a name",
            "note",
            f"{nameless.height:,} of {data.steps.height:,} steps ({nameless.height / data.steps.height:.1%}) "
            "act on something without a name: kept, and counted as unreachable",
        )


def sessions(data: DataSet, split_by: SplitBy) -> Iterator[Finding]:
    """Sessions meet the assumptions of the metrics."""
    is_last = pl.col("step") == pl.col("step").max().over("session_id")
    early = data.steps.filter((pl.col("action_type") == "terminate") & ~is_last)["session_id"].unique()
    if len(early):
        message = f"{len(early):,} sessions go on after a terminate: the outcome is read off the last step"
        yield Finding("terminate", "warning", message, examples(sorted(early)))
    single = data.steps.group_by("session_id").len().filter(pl.col("len") == 1).height
    if single:
        message = (
            f"{single:,} {'session has' if single == 1 else 'sessions have'} one step only, and no test case "
            "while first steps are excluded"
        )
        yield Finding("session length", "note", message)
    if split_by == "user" and data.sessions["user_id"].n_unique() == len(data) > 1:
        message = "every session has a user of its own: if people are not known, nobody can tell who returns"
        yield Finding("users", "note", message)


def leaked_users(data: DataSet, parts: Parts, split_by: SplitBy) -> tuple[list[Finding], dict[str, float]]:
    """People in both train and test."""
    users: dict[str | None, set[str]] = defaultdict(set)
    for session_id, user_id in data.sessions.select("session_id", "user_id").iter_rows():
        users[parts[session_id]].add(user_id)
    shared = sorted(users["test"] & users["train"])
    numbers: dict[str, float] = {"users in test": len(users["test"]), "of these also in train": len(shared)}
    if not shared:
        return [], numbers
    if split_by == "user":
        severity: Severity = "error"
        meaning = "this split promises that there is none"
    else:
        severity = "warning"
        meaning = (
            f"the split by {split_by} does not keep people apart, so results say how well people seen before "
            "are predicted, not new ones. Split by user for that"
        )
    message = f"{len(shared)} of {len(users['test'])} users in test are also in train: {meaning}"
    return [Finding("leaked users", severity, message, examples(shared))], numbers


def leaked_sessions(data: DataSet, parts: Parts) -> tuple[list[Finding], dict[str, float]]:
    """Training sessions that also occur in the test part.

    Two sessions with the same pages, actions and times are copies. With the same pages and actions only
    (`SAME_PATH_STEPS` or more), people may have taken the same path. Without recorded times, such
    sessions cannot be distinguished from copies.
    """
    found: list[Finding] = []
    paths: dict[tuple[object, ...], list[str]] = defaultdict(list)
    copies: dict[tuple[object, ...], list[str]] = defaultdict(list)
    timed = False
    for session in data:
        path = tuple((step.page_id, step.action) for step in session.steps)
        times = tuple(step.timestamp or step.elapsed for step in session.steps)
        if len(path) >= SAME_PATH_STEPS:
            paths[path].append(session.session_id)
        if any(times):  # In every one-step session, the seconds since the start are 0.
            timed = True
            copies[path, times].append(session.session_id)
    across = [ids for ids in copies.values() if {"train", "test"} <= {parts[key] for key in ids}]
    within = [ids for ids in copies.values() if len(ids) > 1 and ids not in across]
    if across:
        message = f"{len(across):,} sessions of train stand again in test: same pages, actions and times"
        found.append(Finding("duplicate sessions", "error", message, examples(map(" = ".join, across))))
    if within:
        message = f"{len(within):,} sessions stand more than once, with the same pages, actions and times"
        found.append(Finding("duplicate sessions", "warning", message, examples(map(" = ".join, within))))
    same = [
        key
        for ids in paths.values()
        if "train" in (of := {parts[key] for key in ids}) and "test" in of
        for key in ids
        if parts[key] == "test"
    ]
    long_enough = sum(parts[key] == "test" for ids in paths.values() for key in ids)
    share = len(same) / long_enough if long_enough else 0.0
    if same:
        often = share > SAME_PATH_SHARE
        severity: Severity = "note" if not often else "warning" if timed else "error"
        message = (
            f"{len(same):,} of {long_enough:,} test sessions ({share:.1%}) with {SAME_PATH_STEPS} or more "
            "steps have the same pages and actions as a training session"
        )
        if often and not timed:
            message += "; no times are recorded that could tell them from copies"
        found.append(Finding("same path", severity, message, examples(same)))
    return found, {
        "sessions copied from train to test": len(across),
        "test sessions with a path of train": share,
    }


def leaked_steps(steps: pl.DataFrame) -> tuple[list[Finding], dict[str, float]]:
    """Test steps whose page and action, or page alone, also occur in training."""
    train = steps.filter(pl.col("part") == "train")
    test = steps.filter(pl.col("part") == "test")
    if not test.height:
        return [], {}
    pair = ["page_id", "action_type", "action_name", "action_text"]
    pairs = test.join(train.select(pair).unique(), on=pair, how="semi", nulls_equal=True).height
    pages = test.join(train.select("page_id").unique(), on="page_id", how="semi").height
    share = pairs / test.height
    numbers = {
        "test steps with a page of train": pages / test.height,
        "test steps with a page and action of train": share,
    }
    if share <= SAME_PAIR_SHARE:
        return [], numbers
    message = (
        f"{share:.1%} of the test steps show a page and an action that train has too: "
        "a predictor that remembers pages scores high without knowing people. Compare with baseline:markov-2"
    )
    return [Finding("same steps", "warning", message)], numbers


def reachability(
    steps: pl.DataFrame, minimum: float
) -> tuple[list[Finding], dict[str, dict[str, float | None]]]:
    """The share of steps whose target is on its page: the ceiling of accuracy. `terminate` always is."""
    table = {
        part: _by_type(steps if part == "all" else steps.filter(pl.col("part") == part), "reachable")
        for part in ("all", "train", "validation", "test")
    }
    return list(_judge(table["all"]["all"], minimum, "on the page", _ON_NO_PAGE)), table


def shown_after_budgeting(
    data: DataSet, steps: pl.DataFrame, shown: ShownNames, minimum: float, progress: Progress
) -> tuple[list[Finding], dict[str, float | None]]:
    """The share of test steps whose target is in the prompt."""
    test = steps.filter(pl.col("part") == "test")
    reachable = dict(zip(test.select("session_id", "step").iter_rows(), test["reachable"], strict=True))
    rows: list[dict[str, Any]] = []
    for session_id in test["session_id"].unique(maintain_order=True):
        for so_far, step in replay(data, data.session(session_id)):
            visible = reachable[session_id, so_far.step]
            if visible and step.action.type != "terminate":
                names_shown = shown(so_far)
                visible = names_shown is None or step.action.name in names_shown
            rows.append({"action_type": step.action.type, "reachable": visible})
            progress(len(rows), test.height, "prompts")
    schema = {"action_type": pl.String, "reachable": pl.Boolean}
    table = _by_type(pl.DataFrame(rows, schema=schema), "reachable")
    if sum(row["reachable"] for row in rows) < test["reachable"].sum():
        place, remedy = "in the prompt", "Give the prompt more tokens"
    else:  # the prompts show every target that is on its page
        place, remedy = "on the page, in the test part", _ON_NO_PAGE
    return list(_judge(table["all"], minimum, place, remedy)), table


def _judge(share: float | None, minimum: float, place: str, remedy: str) -> Iterator[Finding]:
    if share is None or share >= GOOD_REACHABILITY:
        return
    message = f"in {share:.1%} of the steps the true target is {place}: no predictor can be right more often"
    if share < minimum:
        yield Finding("reachability", "error", f"{message}. At least {minimum:.0%} is needed. {remedy}")
    else:
        yield Finding("reachability", "warning", message)


def _by_type(steps: pl.DataFrame, column: str) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for kind in ("all", "click", "type_and_submit"):
        chosen = steps if kind == "all" else steps.filter(pl.col("action_type") == kind)
        found[kind] = float(chosen[column].sum()) / chosen.height if chosen.height else None
    return found


def _first_seen(page_ids: pl.Series, known: Collection[str]) -> list[str]:
    return [page_id for page_id in page_ids.unique(maintain_order=True) if page_id not in known]
