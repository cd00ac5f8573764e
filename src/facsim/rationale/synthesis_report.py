"""The report of a synthesis: counts, failed checks with examples, failed calls, tokens and cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from facsim.data.ingest_report import IssueCount
from facsim.rationale.rationale_checks import CHECKS
from facsim.rationale.teacher import RationaleResult


@dataclass(slots=True)
class SynthesisReport:
    """Stored in the data set as `synthesis.json` and `synthesis.md`.

    Attributes:
        settings: teacher, sampling, hashes of prompt and examples, and the selection of steps.
        steps: steps of the data set.
        had: steps that keep their rationale.
        foreign: columns that Facsim does not know; they were not copied.
        left_out: steps without a rationale that were not requested, because of `part` or `limit`.
        written: rationales written.
        on_attempt: number of rationales written, by the attempt that passed the checks.
        unfit: steps left empty because no answer passed, by the first failed check of the last answer.
        failed: steps left empty because a call failed, by error.
        mended: answers that failed a check and were corrected in a later attempt, by check.
        input_tokens: of all answers.
        output_tokens: of all answers.
        cost: US dollars of all answers, including those from before a resume; None if unknown.
    """

    settings: dict[str, Any]
    steps: int = 0
    had: int = 0
    left_out: int = 0
    written: int = 0
    on_attempt: dict[int, int] = field(default_factory=dict)
    unfit: dict[str, IssueCount] = field(default_factory=dict)
    failed: dict[str, IssueCount] = field(default_factory=dict)
    mended: dict[str, IssueCount] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0
    foreign: tuple[str, ...] = ()

    def count(self, session_id: str, step: int, result: RationaleResult) -> None:
        """Count one requested step."""
        where = f"{session_id}, step {step}"
        usage = result.usage
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        if result.attempts:
            known = self.cost is not None and usage.cost is not None
            self.cost = (self.cost or 0.0) + (usage.cost or 0.0) if known else None
        if result.error is not None:
            kind = result.error if len(result.error) <= 200 else f"{result.error[:200]}…"
            self.failed.setdefault(kind, IssueCount()).add(where)
            return
        last = result.attempts[-1]
        if result.rationale is None:
            failed = last.failed_checks[0]
            place = f"{where}: {failed.found}: “{last.rationale}”"
            self.unfit.setdefault(failed.check, IssueCount()).add(place)
            return
        self.written += 1
        self.on_attempt[len(result.attempts)] = self.on_attempt.get(len(result.attempts), 0) + 1
        for attempt in result.attempts[:-1]:
            for failed in attempt.failed_checks:
                place = f"{where}: {failed.found}: “{attempt.rationale}”"
                self.mended.setdefault(failed.check, IssueCount()).add(place)

    @property
    def empty(self) -> int:
        """Requested steps that have no rationale."""
        return sum(tally.count for tally in (*self.unfit.values(), *self.failed.values()))

    @property
    def counts(self) -> dict[str, int]:
        """The main counts, for the data set card."""
        return {
            "written": self.written,
            "unfit": sum(tally.count for tally in self.unfit.values()),
            "failed": sum(tally.count for tally in self.failed.values()),
            "had": self.had,
            "left_out": self.left_out,
        }

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values. It contains no times and no facts about the machine."""
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
        """The report as Markdown."""
        counts = self.counts
        money = "unknown" if self.cost is None else f"${self.cost:.2f}"
        attempts = ", ".join(
            f"{count:,} at the {_ordinal(number)} attempt"
            for number, count in sorted(self.on_attempt.items())
        )
        lines = [
            f"# Rationales by {self.settings.get('teacher', '?')}",
            "",
            f"- steps: {self.steps:,}, of which {self.had:,} keep their rationale"
            + (f" and {self.left_out:,} were not requested" if self.left_out else ""),
            f"- written: {self.written:,}" + (f" ({attempts})" if attempts else ""),
            f"- unchanged: {counts['unfit']:,} because no answer passed the checks, "
            f"{counts['failed']:,} because a call failed",
            f"- tokens: {self.input_tokens:,} in, {self.output_tokens:,} out; cost: {money}",
        ]
        if self.foreign:
            lines.append(f"- columns that were not copied: {', '.join(self.foreign)}")
        lines.append("")
        lines += _table("No answer passed the checks", self.unfit, lambda name: f"`{name}`: {CHECKS[name]}")
        lines += _table("Corrected in a later attempt", self.mended, lambda name: f"`{name}`: {CHECKS[name]}")
        lines += _table("Failed calls", self.failed, lambda name: name)
        return "\n".join(lines).encode("utf-8", "replace").decode()


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def _table(title: str, tallies: dict[str, IssueCount], say: Callable[[str], str]) -> list[str]:
    if not tallies:
        return []
    lines = [f"## {title}", "", "| what | count | first examples |", "|---|---:|---|"]
    for kind, tally in sorted(tallies.items(), key=lambda item: (-item[1].count, item[0])):
        seen = "; ".join(tally.examples) or "-"
        cells = (say(kind), f"{tally.count:,}", seen)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return [*lines, ""]
