"""What a scrub replaced, and how often, with examples that give nothing away."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from facsim.data.scrub.rules import KINDS, PersonalKind
from facsim.util.display_text import one_line

EXAMPLES = 5
"""Examples of each kind."""
_AROUND = 30
_TITLES: dict[PersonalKind, str] = {
    "email": "e-mail addresses",
    "phone": "phone numbers",
    "card": "card numbers",
    "iban": "bank accounts",
    "national_id": "identity numbers",
    "ip": "IP addresses",
    "token": "tokens",
    "birth_date": "dates of birth",
    "password": "passwords and codes",
    "username": "user names",
    "address": "postal addresses",
    "name": "names",
}


def title_of(kind: PersonalKind) -> str:
    """A kind of personal data in words, in the plural."""
    return _TITLES[kind]


@dataclass(frozen=True, slots=True)
class ScrubExample:
    """One replacement to look at.

    Attributes:
        shape: the value with every letter as x or X and every digit as 9.
        context: the text around its placeholder, scrubbed.
        where: session and step, or page.
    """

    shape: str
    context: str
    where: str


@dataclass(slots=True)
class ScrubReport:
    """Filled by a scrub; written into the data set as `scrub.json` and `scrub.md`.

    Attributes:
        data: name of the data set.
        replaced: how often each kind was replaced, by place: pages, typed texts, urls, …
        values: the number of different values of each kind.
        examples: of each kind.
        raw_pages: how many raw pages were dropped.
        foreign: columns that are not Facsim's, which were dropped.
        written: counts of the new data set.
    """

    data: str
    replaced: dict[PersonalKind, Counter[str]] = field(default_factory=dict)
    values: dict[PersonalKind, set[str]] = field(default_factory=dict)
    examples: dict[PersonalKind, list[ScrubExample]] = field(default_factory=dict)
    raw_pages: int = 0
    foreign: tuple[str, ...] = ()
    written: dict[str, int] = field(default_factory=dict)

    def count(self, kind: PersonalKind, placeholder: str, place: str) -> bool:
        """Count a replacement. Returns whether an example of its kind is wanted."""
        self.replaced.setdefault(kind, Counter())[place] += 1
        known = self.values.setdefault(kind, set())
        is_new = placeholder not in known
        known.add(placeholder)
        return is_new and len(self.examples.get(kind, ())) < EXAMPLES

    def add_example(
        self, kind: PersonalKind, value: str, scrubbed: str, placeholder: str, where: str
    ) -> None:
        """Keep an example, masked."""
        place = scrubbed.find(placeholder)
        start, end = max(0, place - _AROUND), place + len(placeholder) + _AROUND
        context = one_line(scrubbed[start:end].replace("\x1f", " "))
        shown = ("…" if start else "") + context + ("…" if end < len(scrubbed) else "")
        self.examples.setdefault(kind, []).append(ScrubExample(shape_of(value), shown, one_line(where, 100)))

    @property
    def total(self) -> int:
        """The number of replacements."""
        return sum(counts.total() for counts in self.replaced.values())

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Replacements by kind and place, as JSON values."""
        return {kind: dict(sorted(self.replaced[kind].items())) for kind in KINDS if kind in self.replaced}

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "data": self.data,
            "replaced": self.counts,
            "values": {kind: len(self.values[kind]) for kind in KINDS if kind in self.values},
            "examples": {
                kind: [
                    {"shape": one.shape, "context": one.context, "where": one.where}
                    for one in self.examples[kind]
                ]
                for kind in KINDS
                if kind in self.examples
            },
            "raw_pages_dropped": self.raw_pages,
            "columns_dropped": list(self.foreign),
            "written": dict(self.written),
        }

    def to_markdown(self) -> str:
        """The report for a reader."""
        lines = [f"# Personal data replaced in {one_line(self.data)}", ""]
        written = ", ".join(f"{count:,} {what}" for what, count in self.written.items())
        lines += [f"- written: {written}", f"- raw pages dropped: {self.raw_pages:,}"]
        if self.foreign:
            lines.append(f"- columns of other tools dropped: {', '.join(map(one_line, self.foreign))}")
        lines.append("")
        if not self.replaced:
            lines += ["Nothing that looks personal was found.", ""]
        else:
            lines += ["| what | different values | replaced | where |", "|---|---:|---:|---|"]
            for kind, by_place in ((kind, self.replaced[kind]) for kind in KINDS if kind in self.replaced):
                places = ", ".join(f"{place} {count:,}" for place, count in by_place.most_common())
                lines.append(
                    f"| {_TITLES[kind]} | {len(self.values[kind]):,} | {by_place.total():,} | {places} |"
                )
            lines += ["", "## Examples", "", "Every letter of a value is shown as x, every digit as 9.", ""]
            lines += ["| what | value | in its place | where |", "|---|---|---|---|"]
            lines += [
                f"| {_TITLES[kind]} | {_cell(one.shape)} | {_cell(one.context)} | {_cell(one.where)} |"
                for kind in KINDS
                for one in self.examples.get(kind, ())
            ]
            lines.append("")
        lines += [
            "Rules find what has a form or a cue. Names in running text, and languages other than English,",
            "German, French, Spanish and Italian, are found in part only. Read a sample before you share it.",
            "",
        ]
        return "\n".join(lines).encode("utf-8", "replace").decode()


def shape_of(value: str) -> str:
    """A value without what it says.

    >>> shape_of("Maria.Lopez88@example.com")
    'Xxxxx.Xxxxx99@xxxxxxx.xxx'
    """
    shape = re.sub(r"\d", "9", value[:60])
    shape = "".join("X" if one.isupper() else "x" if one.isalpha() else one for one in shape)
    return one_line(shape.replace("\x1f", " ") + ("…" if len(value) > 60 else ""))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
