"""Speed of the simplifier compared with other tools, in one run on one thread (`make bench-page`).

    python benchmarks/bench_page.py [CORPUS]

Runs on the rendered pages of a corpus (benchmarks/page_corpus/build.py), if one is given, and on generated
result pages of 100 KB, 1 MB and 10 MB:

- facsim: `facsim.page.simplify`, names and simplified HTML;
- floor: parsing and serializing the same text with Lexbor, nothing else;
- prune_html: BrowserGym's pruning (browsergym-core), without names;
- trafilatura: its extraction of the main content, without names;
- soup: a simple BeautifulSoup version of the rules for keeping, dropping and naming.

The simplifier's time per phase is printed once, as multiples of the floor. So is the time to read the
simplified pages (`read_page`, with all their elements).

Times are CPU times. In each round all tools take turns page by page, so that other load affects all of them
equally. Ratios are computed within a round, over all its pages; the median, minimum and maximum over rounds
are printed. The simplifier's caches are emptied before each round, and generated pages have new words in
every round. Peak memory is the growth of the resident set of a separate process, as a multiple of the page's
bytes. The other tools are installed in a separate virtual environment on the first run. In the RESULT line,
ratio_floor and ratio_prune_html are over the corpus (over the 100 KB page without one), mb_ratio_10mb is the
time per MB at 10 MB over that at 100 KB (ten pages), peak_ratio is at 10 MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
VENV = Path("~/.cache/facsim-corpus/bench").expanduser()
OTHERS = ("browsergym-core", "trafilatura", "beautifulsoup4", "lxml", "lxml_html_clean")
SIZES = {"100 KB": 100_000, "1 MB": 1_000_000, "10 MB": 10_000_000}
PHASES = ("parse", "cut", "text", "targets", "names", "render", "read")
TOO_SLOW_MB = {"prune_html": 1.5, "soup": 1.5, "trafilatura": 1.5}
CORPUS_ROUNDS, SLOW_ROUNDS, MADE_UP_ROUNDS = 7, 3, 5
Round = dict[str, float]
"""CPU seconds of one round, by contender."""


def main() -> None:
    """Measure, print the table and the RESULT line."""
    if Path(sys.prefix).resolve() != VENV.resolve():
        _make_venv()
        env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        os.execve(VENV / "bin/python", [str(VENV / "bin/python"), *sys.argv], env)
    if sys.argv[1:2] == ["--peak"]:
        return print(_peak(sys.argv[2], int(sys.argv[3])))
    corpus = [path.read_text(encoding="utf-8") for path in _pages(sys.argv[1:])]
    contenders = _contenders()
    rounds: dict[str, list[Round]] = {}
    if corpus:
        rounds[f"{len(corpus)} pages"] = [
            _round(contenders if turn < SLOW_ROUNDS else _quick(contenders), corpus)
            for turn in range(CORPUS_ROUNDS)
        ]
        _print_times(rounds)  # the rest takes minutes
    linear = _made_up(contenders, rounds)
    _print_times(rounds)
    if corpus:
        print(f"the corpus is {sum(len(page.encode()) for page in corpus) / 1e6:.1f} MB as rendered")
    _print_phases(corpus or [made_up_page(SIZES["100 KB"])])
    peaks = {label: _peak_apart("facsim", size) for label, size in SIZES.items()}
    floor_peak = _peak_apart("floor", SIZES["10 MB"])
    print(
        "peak memory / bytes of the page: " + ", ".join(f"{key} {value:.1f}" for key, value in peaks.items())
    )
    print(f"  of which Lexbor's own tree at 10 MB: {floor_peak:.1f}")
    first = next(iter(rounds.values()))
    to_floor, to_others = _ratios(first, "facsim", "floor"), _ratios(first, "prune_html", "facsim")
    print(f"facsim / floor: {_interval(to_floor)}; prune_html / facsim: {_interval(to_others)}")
    print(f"time per MB, 10 MB / 100 KB: {_interval(linear)}")
    print(
        f"RESULT ratio_floor={median(to_floor):.2f} ratio_prune_html={median(to_others):.2f} "
        f"mb_ratio_10mb={median(linear):.2f} peak_ratio={peaks['10 MB']:.1f}"
    )


def _made_up(contenders: dict[str, Callable[[str], object]], rounds: dict[str, list[Round]]) -> list[float]:
    """Time the generated pages; returns the time per MB at 10 MB over that at 100 KB, by round."""
    rounds.update({label: [] for label in SIZES})
    linear: list[float] = []
    number = 0
    for turn in range(MADE_UP_ROUNDS):
        for label, size in SIZES.items():
            pages = []
            for _ in range(10 if size < 500_000 else 1):
                number += 1_000_000
                pages.append(made_up_page(size, number))
            slow = {name for name, most in TOO_SLOW_MB.items() if turn or size / 1e6 > most}
            some = {name: call for name, call in contenders.items() if name not in slow}
            done = _round(some, pages)
            rounds[label].append({name: seconds / len(pages) for name, seconds in done.items()})
        small, large = rounds["100 KB"][-1]["facsim"], rounds["10 MB"][-1]["facsim"]
        linear.append((large / SIZES["10 MB"]) / (small / SIZES["100 KB"]))
    return linear


def _make_venv() -> None:
    """The virtual environment with the other tools and the simplifier's dependencies."""
    if (VENV / ".done").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    needs = ("selectolax>=1.0", "pydantic>=2.12", "pyyaml>=6")
    subprocess.run([VENV / "bin/pip", "install", "--quiet", *OTHERS, *needs], check=True)
    (VENV / ".done").touch()


def _pages(arguments: list[str]) -> list[Path]:
    return sorted(Path(arguments[0]).glob("*/pages/*/1/rendered.html")) if arguments else []


def made_up_page(size: int, number: int = 0) -> str:
    """A shop's result page of about this many bytes: cards with images, prices, buttons, a few filters.

    Args:
        size: bytes.
        number: the last product number used; numbers are unique.
    """
    head = (
        "<!doctype html><html><head><title>Results</title><style>.a{color:red}</style></head><body>"
        '<header><nav aria-label="Main"><a href="/">Home</a><a href="/cart">Cart</a></nav></header>'
        '<aside><h2>Brand</h2><label><input type="checkbox" name="b">Norwood</label></aside><main><ul>'
    )
    parts, length = [head], len(head)
    while length < size:
        number += 1
        name = f"{_WORDS[number % 7]} {_WORDS[number // 7 % 7]} {_WORDS[number // 49 % 7]} {number}"
        card = (
            f'<li class="card col-4" data-id="{number}"><div class="wrap">'
            f'<div><a href="/p/{number}" class="pic"><img src="/i/{number}.jpg" alt="{name}"></a></div>'
            f'<div class="body"><h3><a href="/p/{number}">{name}</a></h3>'
            '<p class="text">Keeps its edge, and its word, for years.</p>'
            f'<span class="price"><b>€{number % 90}</b>.99</span><form action="/add" method="post">'
            f'<input type="hidden" name="t" value="{number * 7919}">'
            '<button class="btn btn-primary" type="submit"><svg viewBox="0 0 9 9"><path d="M0 0h9v9"/></svg>'
            "Add to cart</button></form></div></div></li>"
        )
        parts.append(card)
        length += len(card.encode())
    return "".join(parts) + "</ul></main><footer><a href='/help'>Help</a></footer></body></html>"


_WORDS = ("Kettle", "Steel", "Compact", "Field", "Oak", "Copper", "Garden")


def _contenders() -> dict[str, Callable[[str], object]]:
    import trafilatura  # noqa: PLC0415
    from browsergym.utils.obs import prune_html  # noqa: PLC0415

    return {
        "facsim": _facsim(),
        "floor": _floor(),
        "prune_html": prune_html,
        "trafilatura": trafilatura.extract,
        "soup": soup,
    }


def _facsim() -> Callable[[str], object]:
    from facsim.page import simplify  # noqa: PLC0415

    return simplify


def _floor() -> Callable[[str], object]:
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415

    return lambda html: LexborHTMLParser(html).html


def soup(html: str) -> tuple[str, dict[str, str]]:
    """Keep, drop and name elements in a simple way, with BeautifulSoup on lxml."""
    from bs4 import BeautifulSoup, Comment  # noqa: PLC0415

    tree = BeautifulSoup(html, "lxml")
    for tag in tree(["script", "style", "template", "noscript", "svg", "link", "meta"]):
        tag.decompose()
    for comment in tree.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for tag in tree.find_all(True):
        if tag.decomposed:
            continue
        style = tag.get("style", "").replace(" ", "")
        if tag.has_attr("hidden") or tag.get("aria-hidden") == "true" or "display:none" in style:
            tag.decompose()
    names: dict[str, str] = {}
    used: dict[str, int] = {}
    for tag in tree.find_all(_actionable):
        own = (
            tag.get("aria-label")
            or tag.get_text(" ", strip=True)
            or tag.get("title")
            or tag.get("placeholder")
            or tag.name
        )
        group = tag.find_parent(["nav", "main", "aside", "form", "li", "header", "footer"])
        heading = group.find(["h1", "h2", "h3"]) if group else None
        name = "_".join(
            (heading.get_text(" ", strip=True) if heading else group.name if group else "").split()
        )
        name = (name + "." + "_".join(own.split())).lower()[:80]
        used[name] = used.get(name, 0) + 1
        names[name if used[name] == 1 else f"{name}_{used[name]}"] = tag.name
        tag["name"] = name
    keep = {
        "name",
        "href",
        "value",
        "alt",
        "type",
        "role",
        "aria-label",
        "placeholder",
        "checked",
        "selected",
    }
    for tag in tree.find_all(True):
        tag.attrs = {key: value for key, value in tag.attrs.items() if key in keep}
        if tag.name in ("div", "span") and not tag.attrs:
            tag.unwrap()
    return str(tree), names


def _actionable(tag) -> bool:  # type: ignore[no-untyped-def]
    if tag.name in ("button", "select", "textarea", "summary"):
        return True
    if tag.name == "input":
        return bool(tag.get("type") != "hidden")
    return (tag.name == "a" and tag.has_attr("href")) or tag.get("role") in (
        "button",
        "link",
        "checkbox",
        "tab",
    )


def _round(contenders: dict[str, Callable[[str], object]], pages: list[str]) -> Round:
    """CPU seconds for all the pages, by contender; they take turns on each page."""
    seconds = dict.fromkeys(contenders, 0.0)
    _forget()
    for page in pages:
        for name, call in contenders.items():
            start = time.process_time()
            call(page)
            seconds[name] += time.process_time() - start
    return seconds


def _forget() -> None:
    """Empty the simplifier's caches, so that rounds are independent."""
    words = import_module("facsim.page.slugs")
    for cached in (words.slug, words.whole_slug):
        cached.cache_clear()


def _quick(contenders: dict[str, Callable[[str], object]]) -> dict[str, Callable[[str], object]]:
    return {name: call for name, call in contenders.items() if name not in TOO_SLOW_MB}


def _ratios(rounds: list[Round], above: str, below: str) -> list[float]:
    return [times[above] / times[below] for times in rounds if above in times and below in times]


def _interval(ratios: list[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}, {len(ratios)} rounds)"


def _print_times(rounds: dict[str, list[Round]]) -> None:
    names = ("floor", "facsim", "soup", "prune_html", "trafilatura")
    print(f"{'CPU ms':12}" + "".join(f"{name:>13}" for name in names) + "   facsim/floor")
    for label, times in rounds.items():
        seconds = {name: [each[name] for each in times if name in each] for name in names}
        cells = "".join(
            f"{median(seconds[name]) * 1000:13.1f}" if seconds[name] else f"{'-':>13}" for name in names
        )
        print(f"{label:12}{cells}   {_interval(_ratios(times, 'facsim', 'floor'))}", flush=True)


def _print_phases(pages: list[str]) -> None:
    """Where the time goes: each page's best of five rounds, the phases taking turns with the floor."""
    floor = _floor()
    best = [dict.fromkeys(("floor", *PHASES), float("inf")) for _ in pages]
    for _ in range(5):
        for page, times in zip(pages, best, strict=True):
            marks = [("", time.process_time())]
            floor(page)
            marks.append(("floor", time.process_time()))
            for phase in _phases(page):
                marks.append((phase, time.process_time()))
            for (_, start), (phase, end) in pairwise(marks):
                times[phase] = min(times[phase], end - start)
    sums = {phase: sum(times[phase] for times in best) for phase in best[0]}
    shares = ", ".join(f"{phase} {sums[phase] / sums['floor']:.2f}" for phase in PHASES)
    print(f"phases, as multiples of the floor: {shares}")


def _phases(page: str) -> Iterator[str]:
    """Simplify a page and read it again step by step, as `simplify` and `read_page` do."""
    from facsim.page import read_page  # noqa: PLC0415
    from facsim.page.accessible_names import AccessibleNames  # noqa: PLC0415
    from facsim.page.names import name_elements  # noqa: PLC0415
    from facsim.page.render import render  # noqa: PLC0415
    from facsim.page.roles import is_hidden  # noqa: PLC0415
    from facsim.page.text_runs import TextRuns  # noqa: PLC0415
    from facsim.page.tree import normalised, tokenize  # noqa: PLC0415

    module = import_module("facsim.page.simplify")
    html = normalised(page)
    yield "parse"
    tree = tokenize(html)
    yield "cut"
    runs = TextRuns(tree, is_hidden)
    yield "text"
    labels = AccessibleNames(tree, runs)
    targets, aria = module._targets(tree, runs, labels)
    yield "targets"
    names = name_elements(tree, runs, labels, targets, {})
    yield "names"
    simplified = render(tree, runs, names, aria, "")
    yield "render"
    del html, tree, runs, labels, targets, aria, names
    assert read_page(simplified).elements is not None
    yield "read"


def _peak_apart(name: str, size: int) -> float:
    done = subprocess.run(
        [sys.executable, __file__, "--peak", name, str(size)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def _peak(name: str, size: int) -> float:
    """Peak growth of this process's resident set, over the bytes of the page."""
    call = {"facsim": _facsim, "floor": _floor}[name]()
    call(made_up_page(2000))
    page = made_up_page(size)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = _status("VmRSS")
    kept = call(page)
    grown = _status("VmHWM") - before
    del kept
    return grown / len(page.encode())


def _status(field: str) -> int:
    """A field of /proc/self/status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


if __name__ == "__main__":
    main()
