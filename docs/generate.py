"""Generate the pages that follow from the code: every command's options, and the public names.

`conf.py` regenerates them for every build, so they are never stale.
"""

from __future__ import annotations

import fnmatch
import inspect
import re
from importlib import import_module
from pathlib import Path

from cyclopts import App

import facsim
from facsim.cli.main import _VERBS as VERBS
from facsim.cli.main import app as main_app

# Headings of the API page, in the order in which a newcomer meets the packages. Others come last.
PACKAGES = {
    "data": "Data sets",
    "record": "Recording",
    "page": "Pages",
    "predict": "Predictors",
    "evaluation": "Evaluation",
    "rollout": "Rollouts",
    "metrics": "Metrics",
    "fidelity": "Fidelity of simulated people",
    "report": "Leaderboard and report",
    "view": "The viewer",
    "prompt": "Prompts and answers",
    "rationale": "Rationales",
    "train": "Training",
    "shop": "The shop",
    "schema": "Nouns",
    "util": "Errors and progress",
}

# Types that public functions return or take; users need not import them.
RETURN_TYPES = {
    "data": (
        "facsim.data.audit.AuditReport",
        "facsim.data.audit_finding.Finding",
        "facsim.data.ingest_report.IngestReport",
        "facsim.data.scrub.report.ScrubReport",
        "facsim.data.store.PageStore",
    ),
    "page": ("facsim.page.CategoryRule",),
    "evaluation": (
        "facsim.evaluation.config.RunConfig",
        "facsim.evaluation.config.Identity",
        "facsim.evaluation.config.CaseSelection",
        "facsim.evaluation.config.Counts",
        "facsim.evaluation.environment.Environment",
    ),
    "record": ("facsim.record.record", "facsim.record.export_extension"),
    "rollout": ("facsim.rollout.rollout", "facsim.rollout.people.read_personas"),
    "metrics": (
        "facsim.metrics.Metrics",
        "facsim.metrics.Estimate",
        "facsim.metrics.Comparison",
        "facsim.metrics.CeilingShares",
    ),
    "fidelity": (
        "facsim.fidelity.ABPlan",
        "facsim.fidelity.ChangeEffect",
        "facsim.fidelity.Measure",
        "facsim.fidelity.MeasureFidelity",
        "facsim.fidelity.PopulationFidelity",
    ),
    "report": ("facsim.report.leaderboard_data.LeaderboardRow", "facsim.report.published.PublishedBoard"),
    "prompt": ("facsim.prompt.config.Prompt", "facsim.prompt.parse.ParsedAnswer"),
    "rationale": ("facsim.rationale.synthesis_report.SynthesisReport",),
    "schema": (
        "facsim.schema.Outline",
        "facsim.schema.OutlineLine",
        "facsim.schema.Truth",
        "facsim.schema.Usage",
    ),
    "util": (
        "facsim.util.progress.Progress",
        "facsim.util.ray_cluster.RayCluster",
        "facsim.util.node_checks.ClusterNode",
    ),
}

# The pages in the order of the site. A pattern adds the pages that are not listed yet; `More` adds the rest.
CONTENTS = {
    "Get started": ("get-started",),
    "Your data": (
        "your-data/logs",
        "your-data/recordings",
        "your-data/sources",
        "your-data/data-set",
        "your-data/scrub",
        "your-data/pages",
        "your-data/recipes",
        "your-data/shop",
        "your-data/*",
    ),
    "Your model": (
        "your-model/overview",
        "your-model/endpoints",
        "your-model/local",
        "your-model/training",
        "your-model/rationales",
        "your-model/tiny",
        "your-model/*",
    ),
    "How-to guides": (
        "how-to/bring-your-logs",
        "how-to/record-a-study",
        "how-to/compare-two-models",
        "how-to/evaluate-an-endpoint",
        "how-to/fine-tune-and-evaluate",
        "how-to/read-a-report",
        "how-to/look-at-sessions",
        "how-to/simulated-people",
        "how-to/test-a-change",
        "how-to/test-a-design",
        "how-to/roll-out",
        "scale",
        "how-to/slurm",
        "how-to/kubernetes",
        "how-to/skypilot",
        "how-to/*",
    ),
    "Reference": (
        "reference/cli",
        "reference/api",
        "reference/predictors",
        "reference/prompt",
        "reference/runs",
        "reference/metrics",
        "reference/leaderboard",
        "reference/fidelity",
        "reference/report",
        "reference/viewer",
        "reference/*",
    ),
    "Internals": ("internals/*",),
    "Research notes": ("research/results", "research/*"),
    "More": ("*",),
}


def write_all(folder: Path) -> None:
    """Write every generated page that is missing or differs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"cli.md": commands(), "api.md": names(), "contents.md": contents()}.items():
        file = folder / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def contents() -> str:
    """Return the tables of contents of the existing pages."""
    docs = Path(__file__).parent
    pages = {str(file.relative_to(docs).with_suffix("")) for file in docs.rglob("*.md")} - {"index"}
    parts: list[str] = []
    for caption, patterns in CONTENTS.items():
        found = [page for pattern in patterns for page in sorted(fnmatch.filter(pages, pattern))]
        found = list(dict.fromkeys(found))
        pages -= set(found)
        if found:
            parts += ["```{toctree}", ":hidden:", f":caption: {caption}", "", *found, "```", ""]
    return "\n".join(parts)


def commands() -> str:
    """Return every verb with its options, as Markdown."""
    app = App(name="facsim", help=main_app.help, version_flags=["--version"])
    for name, (place, _) in VERBS.items():
        module, attribute = place.split(":")
        # Without the short help of the list of verbs, cyclopts shows the whole docstring.
        app.command(getattr(import_module(module), attribute), name=name)
    text = app.generate_docs(output_format="markdown", heading_level=1)
    # The site has its own table of contents, and the page its title.
    text = text[text.index("\n## ") + 1 :]
    rows = [f"| [`facsim {name}`](#facsim-{name}) | {what} |" for name, (_, what) in VERBS.items()]
    text = text.replace("```console\n", "```text\n").replace(" *[default: False]*", "")
    # Usage lines repeat how Python itself was started: `facsim audit -m sphinx …`.
    text = re.sub(r"^(facsim [a-z ]*?) -m \S+", r"\1", text, flags=re.MULTILINE)
    body = re.sub(r"^## Table of Contents\n.*?(?=^## )", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join(["| verb | what it does |", "|---|---|", *rows]) + "\n\n" + body


def names() -> str:
    """Return every public name with its documentation, by package."""
    packages: dict[str, list[str]] = {}
    for home, public in facsim._HOMES.items():
        packages.setdefault(home.split(".")[1], []).extend(f"facsim.{name}" for name in public)
    parts = []
    for package in sorted(packages, key=lambda name: [*PACKAGES, name].index(name)):
        found = sorted(packages[package], key=str.lower)
        returned = list(RETURN_TYPES.get(package, ()))
        parts += [f"## {PACKAGES.get(package, package.capitalize())}", "", *_rst(_summary(found + returned))]
        for name in found + returned:
            parts += _rst(_directive(name))
    return "\n".join(parts)


def _rst(lines: list[str]) -> list[str]:
    return ["```{eval-rst}", *lines, "```", ""]


def _summary(found: list[str]) -> list[str]:
    return [".. autosummary::", "   :nosignatures:", "", *(f"   {name}" for name in found)]


def _directive(name: str) -> list[str]:
    module, _, attribute = name.rpartition(".")
    thing = getattr(import_module(module), attribute)
    if not inspect.isclass(thing):
        return [f".. autofunction:: {name}"]
    if issubclass(thing, Exception):
        return [f".. autoexception:: {name}"]
    return [f".. autoclass:: {name}", "   :members:"]


def keep_colon(  # noqa: PLR0917 - autodoc passes so many
    app: object, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Stop napoleon from reading the words before a property's first colon as its type."""
    del app, name, thing, options
    if what in ("attribute", "data", "property") and lines:
        lines[0] = lines[0].replace(":", _COLON)


def mark_code(  # noqa: PLR0917 - autodoc passes so many
    app: object, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Mark an indented block below a paragraph as code: an autodoc hook that runs after napoleon's."""
    del app, what, name, thing, options
    before = ""
    for place, line in enumerate(lines):
        starts = line.startswith("    ") and place > 0 and not lines[place - 1].strip()
        if (
            starts
            and before
            and not before.startswith((" ", ":", "..", "-", "*"))
            and not before[0].isdigit()
        ):
            lines[place] = f"{_CODE}{line}"
        if line.strip():
            before = line
    text = "\n".join(lines).replace(_CODE, "::\n\n").replace(_COLON, ":")
    lines[:] = text.split("\n")


_CODE, _COLON = "\0code\0", "\0colon\0"
