"""`facsim audit`: what in a data set and its split would invalidate a result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter, validators

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from facsim.data.audit import AuditReport

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def command(
    data: Path,
    *,
    split_by: Literal["user", "session", "official", "time"] = "user",
    seed: int = 0,
    budget_tokens: Annotated[int | None, Parameter(validator=validators.Number(gt=0))] = None,
    budget_policy: Literal["drop_oldest", "anchored"] = "drop_oldest",
    pages: Literal["full", "changes"] = "full",
    tokenizer: Path | None = None,
    chars_per_token: float | None = None,
    budget: Annotated[bool, Parameter(negative="--no-budget")] = True,
    min_reachability: Annotated[float, Parameter(validator=validators.Number(gte=0, lte=1))] = 0.9,
    format: Literal["table", "json", "csv"] = "table",
) -> int:
    """Check a data set for what would invalidate a result.

    Reports leakage between train and test, reachability of true targets on the page and in the prompt,
    duplicate names and sessions, lengths, shares of categories, and content hashes. Exits with code 1 if it
    finds something that would invalidate a result.

    Args:
        data: The data set folder.
        split_by: How it is split into train, validation and test.
        seed: Seed of the split.
        budget_tokens: Maximum tokens of a prompt, for reachability in the prompt. Default: 40000.
        budget_policy: What is dropped first from a prompt that is too long.
        pages: Whether pages after the first are whole, or shown as changes.
        tokenizer: A Hugging Face tokenizer.json, or its folder, to count tokens exactly.
        chars_per_token: Characters counted as one token where there is no tokenizer. Default: 3.
        budget: Build every test prompt to see which targets it shows. The audit is faster without.
        min_reachability: A lower reachability, on the page or in the prompt, is an error; between 0 and 1.
        format: Tables for the terminal, everything as JSON, or the findings as CSV.
    """
    import json
    import sys

    from facsim.cli.console import console, progress_bar
    from facsim.data import DataSet
    from facsim.data.audit import audit
    from facsim.prompt import PromptConfig, build_prompt, count_tokens
    from facsim.schema import SessionSoFar
    from facsim.util.validation import checked_options

    given = {
        "budget_policy": budget_policy,
        "pages": pages,
        "tokenizer": tokenizer,
        "budget_tokens": budget_tokens,
        "chars_per_token": chars_per_token,
    }
    config = checked_options(
        PromptConfig, {name: value for name, value in given.items() if value is not None}
    )

    def shown(so_far: SessionSoFar) -> frozenset[str] | None:
        return build_prompt(so_far, config).shown

    with progress_bar("Auditing") as progress:
        report = audit(
            DataSet.open(data),
            split_by=split_by,
            seed=seed,
            shown=shown if budget else None,
            count_tokens=lambda text: count_tokens(text, config),
            min_reachability=min_reachability,
            progress=progress,
        )
    if format == "json":
        console.print(
            json.dumps(report.to_dict(), indent=2, ensure_ascii=False),
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    elif format == "csv":
        from facsim.report.audit_exports import findings_csv

        sys.stdout.write(findings_csv(report.findings))
    else:
        for table in _tables(report):
            console.print(table)
        _print_findings(report)
    return 1 if report.failed else 0


def _tables(report: AuditReport) -> Iterator[Table]:
    from rich.table import Table
    from rich.text import Text

    split = f"split by {report.split_by}" + (
        f", seed {report.seed}" if report.split_by in ("user", "session") else ""
    )
    yield _table(f"{report.data} ({split})", report.parts, "{:,}")
    yield _table(
        "Leakage",
        {what: {"": number} for what, number in report.leakage.items()},
    )
    if report.reachability:
        yield _table("Reachability: the true target is there", report.reachability)
    yield _table("Lengths", report.lengths, "{:,.0f}")
    for what, by_part in report.shares.items():
        values = by_part["all"]
        if not values:
            continue
        table = Table(title=f"Shares: {what}", title_justify="left")
        table.add_column(what)
        for part in by_part:
            table.add_column(part, justify="right")
        for value in values:
            table.add_row(Text(value), *(f"{shares.get(value, 0.0):.1%}" for shares in by_part.values()))
        yield table


def _table(title: str, rows: object, form: str = "") -> Table:
    from collections.abc import Mapping

    from rich.table import Table
    from rich.text import Text

    assert isinstance(rows, Mapping)
    # Text, not str: data is not markup.
    table = Table(title=Text(title), title_justify="left")
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    for label, row in rows.items():
        table.add_row(label, *(_number(row.get(column), form) for column in columns))
    return table


def _number(value: float | None, form: str) -> str:
    if value is None:
        return "-"
    if form:
        return form.format(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.1%}"


def _print_findings(report: AuditReport) -> None:
    from facsim.cli.console import console

    if not report.findings:
        console.print("Nothing found.")
    for finding in report.findings:
        console.print(f"[{_STYLES[finding.severity]}]{finding.severity}[/] ", end="")
        console.print(f"{finding.check}: {finding.message}", markup=False, highlight=False)
        if finding.examples:
            examples = f"    for example {', '.join(finding.examples)}"
            console.print(examples, style="dim", markup=False)
    verdict = "Failed: a result on this split would be invalid." if report.failed else "Passed."
    console.print(verdict, style="bold red" if report.failed else "bold green")
