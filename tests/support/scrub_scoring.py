"""Recall and precision of a scrub: planted values that are gone, placeholders that stand for one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import yaml

from facsim.data import Card, DataSet, DataSetWriter
from facsim.data.scrub.placeholders import PLACEHOLDER
from facsim.data.scrub.rules import KINDS
from facsim.data.scrub.scrub import scrub
from facsim.page import simplify
from facsim.schema import Action, Session, Step

PLANTED = re.compile(r"\{\{([a-z_]+):(.*?)\}\}")
CORPUS = Path(__file__).parents[1] / "data" / "scrub" / "held_out.yaml"


@dataclass(frozen=True)
class Item:
    """One text of the corpus, in one place of a data set, with the values planted in it."""

    language: str
    place: str
    text: str
    planted: tuple[tuple[str, str], ...]
    label: str = ""
    type: str = "text"
    around: frozenset[str] = frozenset()


@dataclass
class Score:
    """Counts by kind, and what went wrong."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    right_kind: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    by_language: dict[str, Counter[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def recall(self, kind: str | None = None) -> float:
        planted = self.planted.total() if kind is None else self.planted[kind]
        return (self.found.total() if kind is None else self.found[kind]) / planted if planted else 1.0

    def precision(self, kind: str | None = None) -> float:
        right = self.right_kind.total() if kind is None else self.right_kind[kind]
        wrong = self.wrong.total() if kind is None else self.wrong[kind]
        return right / (right + wrong) if right + wrong else 1.0


def items_of(corpus: dict[str, Any]) -> Iterator[Item]:
    for place in ("pages", "fields", "urls", "texts"):
        for language, entries in corpus[place].items():
            yield from (_item(language, place, entry) for entry in entries)
        yield from (_item("any", place, entry) for entry in corpus["negatives"][place])


def _item(language: str, place: str, entry: str | dict[str, str]) -> Item:
    given = {"text": entry} if isinstance(entry, str) else entry
    planted = tuple(PLANTED.findall(given["text"]))
    text = PLANTED.sub(lambda match: match[2], given["text"])
    around = frozenset(re.findall(r"\w+", PLANTED.sub(" ", given["text"])))
    return Item(language, place, text, planted, given.get("label", ""), given.get("type", "text"), around)


def scored(folder: Path, corpus: Path = CORPUS) -> Score:
    """Make a data set of the corpus, each item a person's session of its own, scrub it, and count."""
    items = list(items_of(yaml.safe_load(corpus.read_text(encoding="utf-8"))))
    _write(folder / "in", items)
    scrub(folder / "in", folder / "out", key=b"the key of the privacy test")
    data = DataSet.open(folder / "out")
    score = Score()
    for session, item in zip(data, items, strict=True):
        _count(score, item, _read(data, session, item))
    return score


def _write(folder: Path, items: list[Item]) -> None:
    with DataSetWriter(folder, Card(name="planted", source="jsonl", origin="a test")) as writer:
        for number, item in enumerate(items):
            body = item.text if item.place == "pages" else ""
            label = f"<label>{escape(item.label)} <input type={item.type}></label>" if item.label else ""
            page = simplify(f"<html><body>{body}<form>{label}</form><a href=/next>Next</a></body></html>")
            name = page.elements[0].name if item.label else page.elements[-1].name
            action = Action.type_and_submit(name, item.text) if item.label else Action.click(name)
            step = Step(
                writer.add_page(page.html),
                action,
                url=item.text if item.place == "urls" else None,
                rationale=item.text if item.place == "texts" else None,
            )
            writer.add_session(Session(f"s{number}", f"u{number}", (step,)))


def _read(data: DataSet, session: Session, item: Item) -> str:
    """What became of an item."""
    step = session.steps[0]
    if item.place == "pages":
        # Names repeat the words of texts; placeholders in them are not counted twice.
        return re.sub(r' name="[^"]*"', "", data.page(step.page_id).html)
    found = {"fields": step.action.text, "urls": step.url, "texts": step.rationale}[item.place]
    assert found is not None
    return found


def _count(score: Score, item: Item, after: str) -> None:
    left = Counter(placeholder.rpartition("_")[0].lower() for placeholder in PLACEHOLDER.findall(after))
    of_language = score.by_language.setdefault(item.language, Counter())
    missed = []
    for kind, value in item.planted:
        score.planted[kind] += 1
        of_language["planted"] += 1
        # Every word of it must be gone: half a name is a name.
        words = [word for word in re.findall(r"\w+", value) if len(word) > 1 and word not in item.around]
        if any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", PLACEHOLDER.sub("", after)) for word in words):
            missed.append(f"{kind}:{value}")
            continue
        score.found[kind] += 1
        of_language["found"] += 1
    wanted = Counter(kind for kind, _ in item.planted)
    for kind in KINDS:
        right = min(left[kind], wanted[kind])
        score.right_kind[kind] += right
        # A value may be in two placeholders, as a street and its town: extra ones are wrong only in texts
        # without a value of the kind.
        score.wrong[kind] += left[kind] if not wanted[kind] else 0
    if missed:
        score.problems.append(f"missed {', '.join(missed)} in {item.text!r}")
    if any(left[kind] and not wanted[kind] for kind in KINDS):
        score.problems.append(f"wrong {dict(left)} in {item.text!r}")


def table(score: Score) -> str:
    """The figures as a Markdown table."""
    lines = ["| kind | planted | recall | precision |", "|---|---:|---:|---:|"]
    for kind in (*KINDS, None):
        planted = score.planted.total() if kind is None else score.planted[kind]
        lines.append(
            f"| {kind or 'all'} | {planted} | {score.recall(kind):.1%} | {score.precision(kind):.1%} |"
        )
    by_language = ", ".join(
        f"{language} {counts['found']}/{counts['planted']}"
        for language, counts in score.by_language.items()
        if counts["planted"]
    )
    return "\n".join([*lines, "", f"Found by language: {by_language}"])
