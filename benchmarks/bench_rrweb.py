"""Speed and memory of ingesting one long rrweb recording, at two sizes.

    python benchmarks/bench_rrweb.py [--events 500000] [--keep FOLDER]

Writes a recording like those of a shop: pages of 400 products with style sheets, mouse moves, lists that
change, typing key by key, and a new page every 40 actions. 500,000 events take 60 MB. A quarter of it and the
whole are ingested, each in a process of its own.

Prints one line: RESULT mb, events, actions, cpu_s (of the whole), mb_per_cpu_s, linear_ratio (CPU seconds per
event of the whole over those of the quarter: 1 is linear), peak_mb and quarter_peak_mb (of the ingesting
processes), pages.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START = 1_740_819_600_000
PRODUCTS = 400
ACTIONS_PER_PAGE = 40
EVENTS_PER_ACTION = 800
WORDS = ["steel", "kettle", "cotton", "towel", "oak", "desk", "wool", "rug", "glass", "lamp", "travel", "mug"]
CSS = "".join(
    f".c{number}{{color:#{number:06x};display:{'none' if number % 9 == 0 else 'flex'}}}"
    for number in range(900)
)
MEASURE = """
import json, resource, sys, time
from facsim.data.ingest import ingest
cpu = time.process_time()
report = ingest("rrweb", sys.argv[1], sys.argv[2])
print(json.dumps({
    "cpu": time.process_time() - cpu,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    **report.written,
}))
"""
Json = dict[str, Any]


def main() -> None:
    """Generate, ingest a quarter and the whole, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--keep", type=Path, help="generate into this folder, or use what is there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facsim-bench-") as folder:
        found = []
        for count in (options.events // 4, options.events):
            file = (options.keep or Path(folder)) / f"recording-{count}.json"
            if not file.exists():
                write_recording(file, count)
            found.append(measure(file, Path(folder) / f"out-{count}"))
        megabytes = file.stat().st_size / 1e6
    quarter, whole = found
    ratio = whole["cpu"] / options.events / (quarter["cpu"] / (options.events // 4))
    print(
        f"RESULT mb={megabytes:.1f} events={options.events} actions={whole['steps']} "
        f"cpu_s={whole['cpu']:.1f} mb_per_cpu_s={megabytes / whole['cpu']:.2f} linear_ratio={ratio:.2f} "
        f"peak_mb={whole['peak_mb']:.0f} quarter_peak_mb={quarter['peak_mb']:.0f} pages={whole['pages']}"
    )


def measure(file: Path, out: Path) -> dict[str, float]:
    """Ingest a recording in a separate process."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(file), str(out)], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def write_recording(file: Path, count: int) -> None:
    """Write a recording of so many events as one JSON array."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as stream:
        for number, event in zip(range(count), events(random.Random(0)), strict=False):
            stream.write("[" if number == 0 else ",")
            json.dump(event, stream, separators=(",", ":"))
        stream.write("]")


def events(chance: random.Random) -> Iterator[Json]:
    """Events without end: page after page, action after action."""
    now = START
    page = 0
    while True:
        page += 1
        yield at(now, 4, {"href": f"https://shop.example/list?page={page}", "width": 1280, "height": 720})
        yield at(now, 2, {"node": page_node(chance), "initialOffset": {"left": 0, "top": 0}})
        for _ in range(ACTIONS_PER_PAGE):
            for event in one_action(chance):
                now += 12
                yield at(now, 3, event)


def at(time: int, kind: int, data: Json) -> Json:
    """An event."""
    return {"type": kind, "data": data, "timestamp": time}


def one_action(chance: random.Random) -> Iterator[Json]:
    """What a recorder sees around one action: moves, changes, then a click or typing."""
    for _ in range(EVENTS_PER_ACTION):
        product = chance.randrange(PRODUCTS)
        kind = chance.random()
        if kind < 0.72:
            move = {
                "x": chance.randrange(1280),
                "y": chance.randrange(720),
                "id": node_of(product, 1),
                "timeOffset": 0,
            }
            yield {"source": 1, "positions": [move]}
        elif kind < 0.78:
            yield {"source": 3, "id": 1, "x": 0, "y": chance.randrange(9000)}
        elif kind < 0.93:
            change = {"id": node_of(product, 0), "attributes": {"class": f"card c{chance.randrange(1, 9)}"}}
            yield mutation(attributes=[change])
        else:
            yield mutation(texts=[{"id": node_of(product, 4), "value": f"{chance.randrange(99)} left"}])
    product = chance.randrange(PRODUCTS)
    if chance.random() < 0.2:
        query = f"{chance.choice(WORDS)} {chance.choice(WORDS)}"
        yield {"source": 2, "type": 5, "id": 12}
        for end in range(1, len(query) + 1):
            yield {"source": 5, "id": 12, "text": query[:end], "isChecked": False}
        yield {"source": 2, "type": 6, "id": 12}
    else:
        for kind in (1, 0, 2):
            yield {"source": 2, "type": kind, "id": node_of(product, 1), "x": 100, "y": 100}


def mutation(**changes: list[Json]) -> Json:
    """A mutation event."""
    return {"source": 0, "texts": [], "attributes": [], "removes": [], "adds": [], **changes}


def node_of(product: int, part: int) -> int:
    """Id of a part of a product's card: the card, its link, the title, the stock, the words on it."""
    return 100 + product * 10 + part


def page_node(chance: random.Random) -> Json:
    """A list of products with a search field."""
    cards = [card(chance, product) for product in range(PRODUCTS)]
    search = node(11, "form", node(12, "input", type="search", **{"aria-label": "Search"}))
    style = node(5, "style", _cssText=CSS)
    body = node(4, "body", search, node(13, "main", *cards))
    return {"type": 0, "id": 1, "childNodes": [node(2, "html", node(3, "head", style), body)]}


def card(chance: random.Random, product: int) -> Json:
    """A product's card."""
    title = " ".join(chance.choice(WORDS) for _ in range(4)).title()
    link = node(
        node_of(product, 1), "a", words(node_of(product, 2), title), href=f"https://shop.example/p/{product}"
    )
    stock = node(node_of(product, 3), "span", words(node_of(product, 4), "5 left"))
    buy = node(node_of(product, 5), "button", words(node_of(product, 6), "Add to cart"))
    return node(node_of(product, 0), "div", link, stock, buy, **{"class": "card c1"})


def node(number: int, tag: str, *children: Json, **attributes: str) -> Json:
    """An element."""
    return {"type": 2, "tagName": tag, "attributes": attributes, "childNodes": list(children), "id": number}


def words(number: int, text: str) -> Json:
    """A text."""
    return {"type": 3, "textContent": text, "id": number}


if __name__ == "__main__":
    main()
