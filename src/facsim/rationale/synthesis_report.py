"""What came of a synthesis: counts, checks not passed with examples, failed calls, tokens and money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from facsim.data.ingest_report import Tally
from facsim.rationale.rationale_checks import CHECKS
from facsim.rationale.teacher import Written


@dataclass(slots=True)
class SynthesisReport:
    """Filled while reasons are written; stored in the data set as `synthesis.json` and `synthesis.md`.

    Attributes:
        settings: teacher, sampling, hashes of prompt and examples, and what was asked about.
        steps: steps of the data set.
        had: of these, steps that keep the reason they had.
        foreign: columns of the data set's owner, which were not taken over.
        left_out: steps without a reason that were not asked about, because of `part` or `limit`.
        written: reasons written.
        on_attempt: of these, on which attempt they passed the checks.
        unfit: steps left empty because no answer passed, by the last answer's first check.
        failed: steps left empty because a call failed, by error.
        mended: answers that did not pass and were asked for again with success, by check.
        input_tokens: of all answers.
        output_tokens: of all answers.
        cost: US dollars of all answers, those kept from before a resumption included; None if unknown.
    """

    settings: dict[str, Any]
    steps: int = 0
    had: int = 0
    left_out: int = 0
    written: int = 0
    on_attempt: dict[int, int] = field(default_factory=dict)
    unfit: dict[str, Tally] = field(default_factory=dict)
    failed: dict[str, Tally] = field(default_factory=dict)
    mended: dict[str, Tally] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0
    foreign: tuple[str, ...] = ()

    def count(self, session_id: str, step: int, written: Written) -> None:
        """Count one step that was asked about."""
        where = f"{session_id}, step {step}"
        usage = written.usage
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        if written.attempts:
            known = self.cost is not None and usage.cost is not None
            self.cost = (self.cost or 0.0) + (usage.cost or 0.0) if known else None
        if written.error is not None:
            kind = written.error if len(written.error) <= 200 else f"{written.error[:200]}…"
            self.failed.setdefault(kind, Tally()).add(where)
            return
        last = written.attempts[-1]
        if written.rationale is None:
            problem = last.problems[0]
            place = f"{where}: {problem.found}: “{last.rationale}”"
            self.unfit.setdefault(problem.check, Tally()).add(place)
            return
        self.written += 1
        self.on_attempt[len(written.attempts)] = self.on_attempt.get(len(written.attempts), 0) + 1
        for attempt in written.attempts[:-1]:
            for problem in attempt.problems:
                place = f"{where}: {problem.found}: “{attempt.rationale}”"
                self.mended.setdefault(problem.check, Tally()).add(place)

    @property
    def empty(self) -> int:
        """Steps that were asked about and have no reason."""
        return sum(tally.count for tally in (*self.unfit.values(), *self.failed.values()))

    @property
    def counts(self) -> dict[str, int]:
        """The counts in brief, for the card."""
        return {
            "written": self.written,
            "unfit": sum(tally.count for tally in self.unfit.values()),
            "failed": sum(tally.count for tally in self.failed.values()),
            "had": self.had,
            "left_out": self.left_out,
        }

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values. Says nothing of time or machine."""
        return {
            "settings": self.settings,
            "steps": self.steps,
            **self.counts,
            "on_attempt": {str(number): count for number, count in sorted(self.on_attempt.items())},
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost": self.cost,
            "foreign_columns": list(self.foreign),
            **{
                f"{part}_examples": {
                    kind: {"count": tally.count, "examples": tally.examples}
                    for kind, tally in sorted(getattr(self, part).items())
                }
                for part in ("unfit", "mended", "failed")
            },
        }

    def to_markdown(self) -> str:
        """The report for a reader."""
        counts = self.counts
        money = "unknown" if self.cost is None else f"${self.cost:.2f}"
        attempts = ", ".join(
            f"{count:,} at the {_ordinal(number)} attempt"
            for number, count in sorted(self.on_attempt.items())
        )
        lines = [
            f"# Rationales by {self.settings.get('teacher', '?')}",
            "",
            f"- steps: {self.steps:,}, of which {self.had:,} keep the rationale they had"
            + (f" and {self.left_out:,} were not asked about" if self.left_out else ""),
            f"- written: {self.written:,}" + (f" ({attempts})" if attempts else ""),
            f"- left as they were: {counts['unfit']:,} where no answer passed the checks, "
            f"{counts['failed']:,} where a call failed",
            f"- tokens: {self.input_tokens:,} in, {self.output_tokens:,} out; cost: {money}",
        ]
        if self.foreign:
            lines.append(f"- columns of your own, not taken over: {', '.join(self.foreign)}")
        lines.append("")
        lines += _table("No answer passed the checks", self.unfit, lambda name: f"`{name}`: {CHECKS[name]}")
        lines += _table("Asked again with success", self.mended, lambda name: f"`{name}`: {CHECKS[name]}")
        lines += _table("Failed calls", self.failed, lambda name: name)
        return "\n".join(lines).encode("utf-8", "replace").decode()


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def _table(title: str, tallies: dict[str, Tally], say: Callable[[str], str]) -> list[str]:
    if not tallies:
        return []
    lines = [f"## {title}", "", "| what | how often | first seen |", "|---|---:|---|"]
    for kind, tally in sorted(tallies.items(), key=lambda item: (-item[1].count, item[0])):
        seen = "; ".join(tally.examples) or "-"
        cells = (say(kind), f"{tally.count:,}", seen)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return [*lines, ""]
