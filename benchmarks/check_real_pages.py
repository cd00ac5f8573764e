"""Measure names and simplified pages on saved pages of real sites.

    python benchmarks/page_corpus/real_pages.py OUT        # once
    python benchmarks/check_real_pages.py OUT [--all] [--part develop|check] [--no-browser] [--faults FILE]

By default, only pages of shops; `--all` includes the others. `--part check` leaves out the half of the pages
that rules were developed on (by the first digit of their content hash). Columns:

- readable: names without an ordinal, a generic last part, a code, a count, a date, or over 120 characters;
- ordinal: names that differ from another by a number alone;
- rows_without_group: rows with a price and three elements or more that share no group of their own. Rows are
  boxes side by side that are built alike, not the columns of a page, nor lines of cards;
- renamed_first_removed: names that change when the first entry of the largest list is removed;
- renamed_prices: names that change when the digits of prices and counts do;
- names_equal: elements (options aside) whose text equals the accessible name that Chromium computes;
- words: visible words in Chromium that the simplified page keeps;
- href_share, name_share: of the characters of the prompt's page; stored_href_share: of the stored page;
- median_chars, p90_chars, most_chars: characters of the prompt's page;
- floor_ratio: total CPU time over a bare Lexbor parse and serialize of the same pages.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import Browser, CDPSession, Error, sync_playwright
from selectolax.lexbor import LexborHTMLParser

from facsim.page import condense, simplify
from facsim.page.decode import decode
from facsim.page.tree import parse
from facsim.schema import Page
from facsim.util.errors import FacsimError

sys.path.insert(0, str(Path(__file__).parent / "page_corpus"))

from capture import chromium
from name_quality import has_group, largest_list, nodes_of, ordinal_only, priced_rows, unreadable
from real_pages import PRICE, RealPage, read_index

from check_page import words_lost

_COUNT = re.compile(
    r"(?<=\s)\(\d[\d.,]*\)\s*$|\b\d[\d.,]*(?=\s(?:reviews?|ratings?|results?|items?|products?|answers?|avis|Bewertungen)\b)"
)
# A price to choose by is what it is.
_TO_CHOOSE_BY = re.compile(
    r"\b(?:under|over|above|below|up to|to|or (?:less|more)|bis|über|unter)\b|\d\s?[-+\u2013]", re.I
)
_TEXT = re.compile(r">([^<]+)<")
_ATTRIBUTE = re.compile(r'(\b(?:aria-label|title|alt)=")([^"]*)(?=")')
_HREF = re.compile(r' href="[^"]*"')
_ADDRESS = "http://page.test/"
_LOAD_MS = 20_000
# The `innerText` of a page that is hidden until its scripts run is all of its source text, scripts included.
_VISIBLE = "document.body?.getClientRects().length ? document.body.innerText : ''"
_MARK = """targets => {
  let found = 0;
  targets.forEach((locator, place) => {
    if (locator.includes(" >>> ")) { found++; return; }
    const nodes = document.querySelectorAll(locator);
    if (nodes.length == 1) { found++; nodes[0].setAttribute("data-place", place); }
  });
  return found;
}"""


@dataclass
class Figures:
    """The results for one page."""

    page: RealPage
    names: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    ordinal: int = 0
    rows: int = 0
    without_group: list[list[str]] = field(default_factory=list)
    first_compared: int = 0
    first_renamed: list[str] = field(default_factory=list)
    prices_renamed: list[str] = field(default_factory=list)
    located: int = 0
    name_compared: int = 0
    name_differs: list[str] = field(default_factory=list)
    words: int = 0
    lost: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    stored: int = 0
    stored_href: int = 0
    prompt: int = 0
    prompt_names: int = 0
    prompt_href: int = 0
    floor: float = 0.0
    cpu: float = 0.0


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--all", action="store_true", help="pages of other sites than shops, too")
    parser.add_argument("--part", choices=("develop", "check"), help="half of the pages")
    parser.add_argument("--limit", type=int, help="so many pages, in the order of their hashes")
    parser.add_argument("--no-browser", action="store_true", help="leave out what needs Chromium")
    parser.add_argument("--faults", type=Path, help="write what was found to this file")
    arguments = parser.parse_args()
    pages = [page for page in read_index(arguments.corpus) if arguments.all or page.is_shop]
    if arguments.part:
        pages = [page for page in pages if (int(page.file[0], 16) % 2 == 0) == (arguments.part == "develop")]
    pages = pages[: arguments.limit]
    found = [figures for page in pages if (figures := _measured(arguments.corpus, page))]
    if not arguments.no_browser:
        with sync_playwright() as playwright, chromium(playwright) as browser:
            for figures in found:
                _compare_with_browser(browser, arguments.corpus, figures)
    if arguments.faults:
        arguments.faults.write_text("\n".join(_fault_lines(found)) + "\n", encoding="utf-8")
    _print_table(found)


def _measured(corpus: Path, page: RealPage) -> Figures | None:
    html = decode((corpus / "pages" / page.file).read_bytes())
    try:
        simplified = simplify(html)
    except FacsimError:
        return None
    names = [element.name for element in simplified.elements]
    prompt = condense(simplified.html)
    figures = Figures(page, names=len(names), unreadable=unreadable(names), ordinal=len(ordinal_only(names)))
    figures.stored, figures.prompt = len(simplified.html), len(prompt)
    figures.stored_href = sum(map(len, _HREF.findall(simplified.html)))
    figures.prompt_href = sum(map(len, _HREF.findall(prompt)))
    figures.prompt_names = sum(len(f' name="{name}"') for name in names)
    if len(set(names)) < len(names):
        figures.broken.append("a name twice")
    if simplify(simplified.html).html != simplified.html:
        figures.broken.append("changes when simplified again")
    _measure_rows(figures, html, simplified)
    _measure_changes(figures, html)
    figures.floor, figures.cpu = _cpu_seconds(html)
    return figures


def _measure_rows(figures: Figures, html: str, simplified: Page) -> None:
    tree = parse(html, flat=True)
    nodes = nodes_of(tree, {element.name: element.locator for element in simplified.elements})
    nodes = {name: node for name, node in nodes.items() if tree.tags[node] != "option"}
    rows = priced_rows(tree, nodes)
    figures.rows = len(rows)
    in_rows = [name for row in rows for name in row]
    figures.without_group = [row for row in rows if not has_group(row, in_rows)]


def _measure_changes(figures: Figures, html: str) -> None:
    document = LexborHTMLParser(html)
    document.strip_tags(["script", "style"], recursive=True)
    html = document.html or ""
    before = {element.locator: element.name for element in simplify(html).elements}
    after = {element.locator: element.name for element in simplify(_other_prices(html)).elements}
    figures.prices_renamed = [
        f"{name} -> {after.get(place)}" for place, name in before.items() if after.get(place) != name
    ]
    tree = parse(html)
    first = largest_list(tree, nodes_of(tree, {name: place for place, name in before.items()}))
    if first is None:
        return
    place = import_module("facsim.page.locators").Locators(tree).of(first)
    removed = document.css_first(place) if place and " >>> " not in place else None
    if removed is None:
        return
    removed.decompose()
    later = {element.locator: element.name for element in simplify(document.html or "").elements}
    for old, name in before.items():
        new = _moved(old, place)
        if new is not None:
            figures.first_compared += 1
            if later.get(new) != name:
                figures.first_renamed.append(f"{name} -> {later.get(new)}")


def _moved(locator: str, removed: str) -> str | None:
    """The locator of the same node after another is removed; None if it was removed too."""
    stem, _, number = removed[:-1].rpartition("(")
    start = f"{stem}("
    if not locator.startswith(start):
        return locator
    own, end, rest = locator[len(start) :].partition(")")
    if own == number:
        return None
    return f"{start}{int(own) - 1}{end}{rest}" if int(own) > int(number) else locator


def _other_prices(html: str) -> str:
    """The page with other digits in prices and counts."""

    def other(text: str) -> str:
        if _TO_CHOOSE_BY.search(text):
            return text
        for pattern in (PRICE, _COUNT):
            text = pattern.sub(lambda found: re.sub(r"\d", lambda d: str(int(d[0]) % 9 + 1), found[0]), text)
        return text

    html = _TEXT.sub(lambda found: f">{other(found[1])}<", html)
    return _ATTRIBUTE.sub(lambda found: f"{found[1]}{other(found[2])}", html)


def _cpu_seconds(html: str) -> tuple[float, float]:
    """CPU seconds of a bare parse and serialize, and of `simplify`; the better of two rounds each."""
    slugs = import_module("facsim.page.slugs")
    best = [float("inf"), float("inf")]
    for _ in range(2):
        for cached in (slugs.slug, slugs.whole_slug):
            cached.cache_clear()
        for place, call in enumerate((lambda: LexborHTMLParser(html).html, lambda: simplify(html))):
            start = time.process_time()
            call()
            best[place] = min(best[place], time.process_time() - start)
    return best[0], best[1]


def _compare_with_browser(browser: Browser, corpus: Path, figures: Figures) -> None:
    html = decode((corpus / "pages" / figures.page.file).read_bytes())
    simplified = simplify(html)
    context = browser.new_context(viewport={"width": 1280, "height": 2000})
    try:
        page = context.new_page()
        # Scripts do not run, but `noscript` is hidden as in a browser with scripts enabled.
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "script-src 'none'"}
        body = html.encode("utf-8", "replace")
        page.route(
            "**/*",
            lambda route: (
                route.fulfill(body=body, headers=headers) if route.request.url == _ADDRESS else route.abort()
            ),
        )
        page.goto(_ADDRESS, wait_until="domcontentloaded", timeout=_LOAD_MS)
        figures.located = page.evaluate(_MARK, [element.locator for element in simplified.elements])
        visible = page.evaluate(_VISIBLE)
        figures.words, figures.lost = words_lost(visible, simplified)
        _compare_accessible_names(context.new_cdp_session(page), simplified, figures)
    except Error as error:
        figures.broken.append(f"not opened: {str(error).splitlines()[0][:80]}")
    finally:
        context.close()


def _compare_accessible_names(session: CDPSession, simplified: Page, figures: Figures) -> None:
    session.send("DOM.enable")
    session.send("DOM.getDocument", {"depth": 0})
    flattened = session.send("DOM.getFlattenedDocument", {"depth": -1})["nodes"]
    places = {}
    for node in flattened:
        attributes = node.get("attributes", [])
        if "data-place" in attributes[::2]:
            places[node["backendNodeId"]] = int(attributes[attributes[::2].index("data-place") * 2 + 1])
    for node in session.send("Accessibility.getFullAXTree")["nodes"]:
        place = places.get(node.get("backendDOMNodeId"))
        # ARIA gives no name from content to generic elements, such as a `span` with a listener.
        if place is None or node.get("ignored") or node.get("role", {}).get("value") in ("generic", "none"):
            continue
        element = simplified.elements[place]
        if element.role == "option":
            continue
        theirs = node.get("name", {}).get("value", "")
        figures.name_compared += 1
        if _squeezed(element.text) != _squeezed(theirs):
            figures.name_differs.append(f"{element.name}: {element.text[:120]!r} / {theirs[:120]!r}")


def _squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b-\u200f\ufeff\xad\ue000-\uf8ff]+", "", text)[:250].casefold()


def _fault_lines(found: list[Figures]) -> list[str]:
    lines = []
    for one in found:
        where = one.page.file[:8]
        lines += [f"{why:8} {where} {name}" for name, why in one.unreadable.items()]
        lines += [f"row      {where} {' '.join(row[:6])}" for row in one.without_group]
        lines += [f"first    {where} {pair}" for pair in one.first_renamed]
        lines += [f"prices   {where} {pair}" for pair in one.prices_renamed]
        lines += [f"label    {where} {pair}" for pair in one.name_differs]
        lines += [f"words    {where} {' '.join(one.lost)}"] if one.lost else []
        lines += [f"broken   {where} {fault}" for fault in one.broken]
    return lines


def _print_table(found: list[Figures]) -> None:
    names = sum(one.names for one in found)
    why = Counter(reason for one in found for reason in one.unreadable.values())
    rows = sum(one.rows for one in found)
    lengths = sorted(one.prompt for one in found)
    figures = {
        "pages": len(found),
        "names": names,
        "readable": 1 - _share(why.total(), names),
        "ordinal": _share(sum(one.ordinal for one in found), names),
        "rows": rows,
        "rows_without_group": _share(sum(len(one.without_group) for one in found), rows),
        "renamed_first_removed": _share(
            sum(len(one.first_renamed) for one in found), sum(one.first_compared for one in found)
        ),
        "renamed_prices": _share(sum(len(one.prices_renamed) for one in found), names),
        "names_equal": 1
        - _share(sum(len(one.name_differs) for one in found), sum(one.name_compared for one in found)),
        "words": 1 - _share(sum(len(one.lost) for one in found), sum(one.words for one in found)),
        "located": _share(sum(one.located for one in found), names),
        "broken": sum(len(one.broken) for one in found),
        "href_share": _share(sum(one.prompt_href for one in found), sum(lengths)),
        "name_share": _share(sum(one.prompt_names for one in found), sum(lengths)),
        "stored_href_share": _share(sum(one.stored_href for one in found), sum(one.stored for one in found)),
        "median_stored_chars": median(one.stored for one in found),
        "median_chars": median(lengths),
        "p90_chars": quantiles(lengths, n=10)[-1] if len(lengths) > 1 else lengths[0],
        "most_chars": lengths[-1],
        "floor_ratio": _share(sum(one.cpu for one in found), sum(one.floor for one in found)),
        "median_ratio": median(one.cpu / one.floor for one in found),
    }
    for key, value in figures.items():
        is_share = isinstance(value, float) and not key.endswith(("chars", "ratio"))
        print(f"{key:22} {value:10.2%}" if is_share else f"{key:22} {value:10,.1f}")
    print(
        "unreadable: "
        + ", ".join(f"{reason} {_share(count, names):.2%}" for reason, count in why.most_common())
    )
    print("RESULT " + " ".join(f"{key}={value:.5g}" for key, value in figures.items()))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


if __name__ == "__main__":
    main()
