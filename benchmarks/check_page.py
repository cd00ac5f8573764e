"""Check the simplifier in Chromium on a corpus of pages from third-party applications.

    python benchmarks/page_corpus/build.py CORPUS      # once
    python benchmarks/check_page.py CORPUS [--apps oscar] [--visibility] [--faults FILE] [--json FILE]

Every saved page is opened in Chromium with its layout. The serialized page (`page.content()`) is simplified,
and the names are tested on the same open page:

- right: the locator finds exactly one node, and a click reaches that node, not another actionable one;
- named: of the elements that are visible, actionable and reachable by mouse, those with a name;
- unstable: elements that are the same on both visits but changed their name;
- banner, one_gone, reversed: names that changed although only another part of the page did: a banner was
  added on top and all classes renamed; one entry was removed from every list; every list was reversed;
- kept: visible words that are on the simplified page too.

With `--visibility` each page first gets the marks of computed visibility that a recorder in the browser sets
(benchmarks/page_corpus/visibility.js); without it, the simplifier has only the HTML.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page as BrowserPage
from playwright.sync_api import sync_playwright
from selectolax.lexbor import LexborHTMLParser

from facsim.page import simplify
from facsim.schema import Page

sys.path.insert(0, str(Path(__file__).parent / "page_corpus"))

from capture import Saved, chromium, read_corpus, reopened

CHANGES = ("banner", "one_gone", "reversed")
_SCRIPTS = Path(__file__).parent / "page_corpus"
CHANGE = (_SCRIPTS / "unrelated.js").read_text(encoding="utf-8")
SAME = (_SCRIPTS / "same.js").read_text(encoding="utf-8")
VISIBILITY = (_SCRIPTS / "visibility.js").read_text(encoding="utf-8")
IN_PAGE = (Path(__file__).parent / "page_corpus" / "check.js").read_text(encoding="utf-8")


@dataclass
class PageCheck:
    """The results for one page on one visit.

    Attributes:
        names: number of elements with a name.
        not_found: names whose locator finds no node, several nodes, or the wrong one.
        reached: named, visible and not covered; of these a click reaches it or `elsewhere`.
        elsewhere: a click reaches another actionable element.
        not_actionable: named, but nothing a person can act on.
        invisible: named, but not visible in the layout (no error: HTML alone does not show it).
        actionable: visible, reachable and actionable; of these, `missing` have no name.
        words: visible words; of these, `lost` are not on the simplified page.
        renamed: for each of `CHANGES`, unaffected elements whose name changed, of those `compared`.
        identity: for each name, what identifies the element on another visit, apart from names.
    """

    app: str
    page: str
    visit: int
    elements: int
    bytes_in: int
    bytes_out: int
    names: int = 0
    not_found: list[str] = field(default_factory=list)
    reached: int = 0
    elsewhere: list[str] = field(default_factory=list)
    not_actionable: list[str] = field(default_factory=list)
    invisible: int = 0
    actionable: int = 0
    missing: list[str] = field(default_factory=list)
    words: int = 0
    lost: list[str] = field(default_factory=list)
    identity: dict[str, str] = field(default_factory=dict)
    idempotent: bool = True
    served_names: int = 0
    renamed: dict[str, list[str]] = field(default_factory=dict)
    compared: dict[str, int] = field(default_factory=dict)


def main() -> None:
    """Check the selected pages and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--apps", help="only these, separated by commas")
    parser.add_argument("--page", help="only pages whose name contains this")
    parser.add_argument("--visibility", action="store_true", help="mark what the browser shows first")
    parser.add_argument("--faults", type=Path, help="write every fault found to this file")
    parser.add_argument("--json", type=Path, help="write what was found on each page to this file")
    arguments = parser.parse_args()
    wanted = [
        saved
        for saved in read_corpus(arguments.corpus)
        if (not arguments.apps or saved.app in arguments.apps.split(","))
        and (not arguments.page or arguments.page in saved.page)
    ]
    if not wanted:
        raise SystemExit(f"no pages in {arguments.corpus}: run benchmarks/page_corpus/build.py first")
    with sync_playwright() as playwright, chromium(playwright) as browser:
        checks = []
        for saved in wanted:
            with reopened(browser, saved) as page:
                if arguments.visibility:
                    page.evaluate(VISIBILITY)
                checks.append(check(page, saved))
            for kind in CHANGES if saved.visit == 1 else ():
                with reopened(browser, saved) as page:
                    if arguments.visibility:
                        page.evaluate(VISIBILITY)
                    change(page, kind, checks[-1])
    changed = compare_visits(checks)
    if arguments.faults:
        arguments.faults.write_text("\n".join(fault_lines(checks, changed)) + "\n", encoding="utf-8")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(one) for one in checks], ensure_ascii=False))
    print_table(checks, changed)


def check(browser: BrowserPage, saved: Saved) -> PageCheck:
    """Simplify Chromium's serialization of the open page and test the names on that page."""
    html = browser.content()
    page = simplify(html)
    found = PageCheck(
        saved.app,
        saved.page,
        saved.visit,
        elements=html.count("<"),
        bytes_in=len(html.encode()),
        bytes_out=len(page.html.encode()),
        names=len(page.elements),
    )
    facts: dict[str, Any] = browser.evaluate(IN_PAGE, [[e.name, e.locator] for e in page.elements])
    found.not_found = facts["not_found"]
    found.reached = facts["reached"]
    found.elsewhere = facts["elsewhere"]
    found.not_actionable = facts["not_actionable"]
    found.invisible = facts["invisible"]
    found.actionable = facts["actionable"]
    found.missing = facts["missing"]
    found.identity = facts["identity"]
    found.words, found.lost = words_lost(facts["text"], page)
    found.idempotent = simplify(page.html).html == page.html
    found.served_names = len(simplify(saved.served).elements) if saved.served else 0
    return found


def change(browser: BrowserPage, kind: str, found: PageCheck) -> None:
    """Change the open page without affecting other elements, and find the names that change."""
    before = simplify(browser.content()).elements
    browser.evaluate(CHANGE, [[[e.name, e.locator] for e in before], kind])
    after = simplify(browser.content()).elements
    pairs: list[tuple[str, str | None]] = browser.evaluate(SAME, [[e.name, e.locator] for e in after])
    found.compared[kind] = len(pairs)
    found.renamed[kind] = [f"{old} -> {new}" for old, new in pairs if old != new]


def words_lost(visible: str, page: Page) -> tuple[int, list[str]]:
    """The number of visible words, and those missing from the simplified page, with multiplicity.

    A word in several inline parts (`<b>4</b>th`) may be kept whole or in parts; both count.
    """
    body = LexborHTMLParser(page.html).body
    apart = Counter(_words(body.text(separator=" ") if body else ""))
    joined = Counter(_words(body.text(separator="") if body else ""))
    shown = Counter(_words(visible))
    lost = {word: count - max(apart[word], joined[word]) for word, count in shown.items()}
    return shown.total(), [word for word, count in lost.items() for _ in range(count)]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def compare_visits(checks: Iterable[PageCheck]) -> dict[tuple[str, str], tuple[int, list[str]]]:
    """Per page: the number of elements that are the same on two visits, and those whose name changed."""
    visits: dict[tuple[str, str], list[PageCheck]] = defaultdict(list)
    for one in checks:
        visits[one.app, one.page].append(one)
    changed: dict[tuple[str, str], tuple[int, list[str]]] = {}
    for key, (first, *later) in visits.items():
        for other in later:
            names = _unique(other.identity)
            both = {who: name for who, name in _unique(first.identity).items() if who in names}
            differs = [f"{name} -> {names[who]}  ({who})" for who, name in both.items() if names[who] != name]
            changed[key] = (len(both), differs)
    return changed


def _unique(identity: dict[str, str]) -> dict[str, str]:
    """Names by element identity; elements that cannot be distinguished are omitted."""
    often = Counter(identity.values())
    return {who: name for name, who in identity.items() if often[who] == 1}


def fault_lines(
    checks: Sequence[PageCheck], changed: dict[tuple[str, str], tuple[int, list[str]]]
) -> list[str]:
    """One line for each fault: kind, page, what."""
    lines = []
    for one in checks:
        where = f"{one.app}/{one.page}/{one.visit}"
        lines += [f"locator    {where}: {fault}" for fault in one.not_found]
        lines += [f"elsewhere  {where}: {fault}" for fault in one.elsewhere]
        lines += [f"inert      {where}: {fault}" for fault in one.not_actionable]
        lines += [f"missing    {where}: {fault}" for fault in one.missing]
        lines += [f"lost words {where}: {' '.join(one.lost)}"] if one.lost else []
        lines += [f"{kind:10} {where}: {fault}" for kind, faults in one.renamed.items() for fault in faults]
        lines += [] if one.idempotent else [f"changes when simplified again {where}"]
    for (app, page), (_, names) in changed.items():
        lines += [f"unstable   {app}/{page}: {fault}" for fault in names]
    return lines


def print_table(checks: Sequence[PageCheck], changed: dict[tuple[str, str], tuple[int, list[str]]]) -> None:
    """A line for each application, a line for all, and the RESULT line."""
    print(
        f"{'application':12} {'pages':>5} {'names':>6} {'right':>8} {'false':>7} {'named':>8} "
        f"{'unstable':>8} {'words':>7} {'size':>6} {'served':>7} "
        + " ".join(f"{kind:>8}" for kind in CHANGES)
    )
    apps = sorted({one.app for one in checks})
    figures: dict[str, float] = {}
    for app in [*apps, "all"]:
        some = [one for one in checks if app in (one.app, "all")]
        pairs = [pair for (of, _), pair in changed.items() if app in (of, "all")]
        figures = _figures(some, pairs)
        print(
            f"{app:12} {figures['pages']:5.0f} {figures['names']:6.0f} {figures['right']:8.2%} "
            f"{figures['false']:7.2%} {figures['named']:8.2%} {figures['unstable']:8.2%} "
            f"{figures['words']:7.2%} {figures['size']:6.1%} {figures['served']:7.1%} "
            + " ".join(f"{figures[kind]:8.2%}" for kind in CHANGES)
        )
    rounded = " ".join(f"{key}={value:.5g}" for key, value in figures.items())
    print(f"RESULT apps={len(apps)} {rounded}")


def _figures(checks: Sequence[PageCheck], pairs: Sequence[tuple[int, list[str]]]) -> dict[str, float]:
    def total(attribute: str) -> int:
        values = [getattr(one, attribute) for one in checks]
        return sum(value if isinstance(value, int) else len(value) for value in values)

    names = max(total("names"), 1)
    bad = {(one.app, one.page, one.visit, line.split(" ", 1)[0]) for one in checks for line in (
        *one.not_found, *one.elsewhere)}  # fmt: skip
    return {
        "pages": len({(one.app, one.page) for one in checks}),
        "names": total("names"),
        "right": 1 - len(bad) / names,
        "false": total("not_actionable") / names,
        "named": 1 - total("missing") / max(total("actionable"), 1),
        "unstable": sum(len(differs) for _, differs in pairs) / max(sum(count for count, _ in pairs), 1),
        "words": 1 - total("lost") / max(total("words"), 1),
        "size": total("bytes_out") / max(total("bytes_in"), 1),
        "served": total("served_names") / names,
        **{kind: _renamed(checks, kind) for kind in CHANGES},
    }


def _renamed(checks: Sequence[PageCheck], kind: str) -> float:
    compared = sum(one.compared.get(kind, 0) for one in checks)
    return sum(len(one.renamed.get(kind, ())) for one in checks) / max(compared, 1)


if __name__ == "__main__":
    main()
