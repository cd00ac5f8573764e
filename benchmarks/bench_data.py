"""Speed and memory of ingesting a data set of OPeRA's shape.

    python benchmarks/bench_data.py [--steps 5856] [--keep FOLDER]

Writes Parquet files like OPeRA's filtered tables (527 sessions, 5,856 steps, pages of median 103k and 90th
percentile 310k characters, sessions in the order of their random ids) and ingests them in a separate
process. For context, another process copies the page column with pyarrow alone, at the same compression.

Prints one line: RESULT mb_per_s (MB of page HTML per second, wall), cpu_mb_per_s, peak_mb (of the ingesting
process), copy_mb_per_s, copy_cpu_mb_per_s, page_mb, stored_mb, seconds.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from facsim.data.sources.opera_files import COLUMNS

MEDIAN, NINETIETH, LONGEST = 103_000, 310_000, 626_000
SESSIONS_PER_STEP = 527 / 5856
TEST_SHARE = 992 / 5856
ROWS_PER_GROUP = 400
WORDS = [
    "wireless",
    "stainless",
    "steel",
    "portable",
    "kitchen",
    "outdoor",
    "pressure",
    "washer",
    "electric",
    "mini",
    "rechargeable",
    "cotton",
    "women",
    "men",
    "kids",
    "set",
    "pack",
    "black",
    "white",
    "blue",
    "red",
    "large",
    "small",
    "premium",
    "organic",
    "natural",
    "heavy",
    "duty",
    "adjustable",
    "universal",
    "replacement",
    "storage",
    "folding",
    "waterproof",
    "bluetooth",
    "charger",
    "cable",
    "lamp",
    "desk",
    "chair",
    "bottle",
    "bag",
]

MEASURE = """
import json, resource, sys, time
def main():
    {body}
started, cpu = time.perf_counter(), time.process_time()
main()
print(json.dumps({{
    "seconds": time.perf_counter() - started,
    "cpu": time.process_time() - cpu,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}}))
"""
INGEST = """
    from facsim.data.ingest import ingest
    ingest("opera", sys.argv[1], sys.argv[2])
"""
COPY = """
    import pyarrow.parquet as pq
    from pathlib import Path
    for number, file in enumerate(sorted(Path(sys.argv[1]).rglob("action/*.parquet"))):
        with pq.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20) as parquet:
            schema = parquet.schema_arrow.empty_table().select(["simplified_html"]).schema
            with pq.ParquetWriter(f"{sys.argv[2]}.{number}", schema, compression="zstd") as writer:
                for batch in parquet.iter_batches(batch_size=32, columns=["simplified_html"]):
                    writer.write_batch(batch)
"""


def main() -> None:
    """Generate, ingest, copy, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5856)
    parser.add_argument("--keep", type=Path, help="generate into this folder, or use what is there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facsim-bench-") as folder:
        source = options.keep or Path(folder) / "opera"
        if not (source / "shape.json").exists():
            generate(source, options.steps)
        page_bytes = json.loads((source / "shape.json").read_text())["page_bytes"]
        ingested = measure(INGEST, source, Path(folder) / "out")
        copied = measure(COPY, source, Path(folder) / "copy")
        stored = (Path(folder) / "out" / "pages.parquet").stat().st_size
    megabytes = page_bytes / 1e6
    print(
        f"RESULT mb_per_s={megabytes / ingested['seconds']:.1f} "
        f"cpu_mb_per_s={megabytes / ingested['cpu']:.1f} "
        f"peak_mb={ingested['peak_mb']:.0f} copy_mb_per_s={megabytes / copied['seconds']:.1f} "
        f"copy_cpu_mb_per_s={megabytes / copied['cpu']:.1f} page_mb={megabytes:.0f} "
        f"stored_mb={stored / 1e6:.0f} seconds={ingested['seconds']:.1f}"
    )


def measure(body: str, source: Path, out: Path) -> dict[str, float]:
    """Run a piece of code in a separate process."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(body=body.strip()), str(source), str(out)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def generate(folder: Path, steps: int, seed: int = 0) -> None:
    """Write the three tables, train and test, and `shape.json`."""
    chance = random.Random(seed)
    cards = [card(chance) for _ in range(5000)]
    counts = session_lengths(chance, steps)
    users = [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(51)]
    sessions = sorted((f"{chance.choice(users)}_{index:06d}", count) for index, count in enumerate(counts))
    tests = set(chance.sample(range(len(sessions)), max(1, round(len(sessions) * TEST_SHARE))))
    page_bytes = 0
    for split in ("train", "test"):
        chosen = [one for place, one in enumerate(sessions) if (place in tests) == (split == "test")]
        page_bytes += write_split(folder, split, chosen, cards, chance)
    (folder / "shape.json").write_text(json.dumps({"steps": steps, "page_bytes": page_bytes}))


def write_split(
    folder: Path, split: str, sessions: list[tuple[str, int]], cards: list[str], chance: random.Random
) -> int:
    """Write one split's tables; returns the bytes of its pages."""
    ids, page_bytes = [], 0
    file = folder / "OPeRA_filtered" / "action" / f"{split}-00000-of-00001.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    with pq.ParquetWriter(file, schema) as writer:
        rows: list[dict[str, str | None]] = []
        for user_and_number, count in sessions:
            for row in session_rows(user_and_number, count, cards, chance):
                rows.append(row)
                page_bytes += len((row["simplified_html"] or "").encode())
                if len(rows) == ROWS_PER_GROUP:
                    writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                    rows = []
            ids.append((row["session_id"], user_and_number.split("_")[0]))
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    write_small(folder, "session", split, [{"session_id": one, "user_id": user} for one, user in ids])
    survey = json.dumps({"demographics": {"age": "25-34"}, "shopping_preference": ["price", "reviews"]})
    people = [
        {"user_id": user, "survey": survey, "interview_transcript_processed": None}
        for user in sorted({user for _, user in ids})
    ]
    write_small(folder, "user", split, people)
    return page_bytes


def write_small(folder: Path, kind: str, split: str, rows: list[dict[str, str | None]]) -> None:
    """Write a session or user table where the hub has it."""
    file = folder / "OPeRA_filtered" / kind / split / f"{split}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), file)


def session_rows(
    user_and_number: str, count: int, cards: list[str], chance: random.Random
) -> Iterator[dict[str, str | None]]:
    """The rows of one session: clicks, some searches, and at the end a purchase or leaving."""
    user, _ = user_and_number.split("_")
    time = datetime(2025, 3, 24, tzinfo=UTC) + timedelta(minutes=chance.randrange(60_000))
    session_id = f"{user}_{time.isoformat()}_{(time + timedelta(hours=1)).isoformat()}"
    for index in range(count):
        time += timedelta(seconds=chance.expovariate(1 / 20))
        html, names = page(cards, chance)
        row: dict[str, str | None] = dict.fromkeys(COLUMNS)
        row |= {
            "session_id": session_id,
            "action_id": str(uuid.UUID(int=chance.getrandbits(128))),
            "timestamp": time.isoformat(),
            "url": "https://www.amazon.com/s?URL_MASKED",
            "page_meta": json.dumps({"cart_items": names}),
            "simplified_html": html,
            "rationale": "",
            "products": "",
            "input_text": "",
        }
        if index == count - 1 and chance.random() < 0.6:
            row["action_type"] = "terminate"
        elif chance.random() < 0.1:
            row |= {
                "action_type": "input",
                "semantic_id": "nav_bar.search_input",
                "input_text": " ".join(chance.sample(WORDS, 3)),
            }
        else:
            kind = "purchase" if index == count - 1 else "product_link"
            row |= {"action_type": "click", "click_type": kind, "semantic_id": chance.choice(names)}
        yield row


def page(cards: list[str], chance: random.Random) -> tuple[str, list[str]]:
    """A result page of about log-normal length, and some names on it."""
    sigma = math.log(NINETIETH / MEDIAN) / 1.2816
    length = min(LONGEST, int(MEDIAN * math.exp(chance.gauss(0, sigma))))
    parts, size, names = [], 0, []
    while size < length:
        number = chance.randrange(len(cards))
        part = cards[number].replace("@", f"{len(parts)}")
        names.append(part[11 : part.index('"', 11)])
        parts.append(part)
        size += len(part)
    head = (
        '<html><head></head><body><div name="nav_bar"><input name="nav_bar.search_input" type="search"></div>'
    )
    return f"{head}{''.join(parts)}</body></html>", names[:20]


def card(chance: random.Random) -> str:
    """One product of a result list; `@` is replaced by its position."""
    words = chance.sample(WORDS, 8)
    name = f"search_results.{'_'.join(words)}_@"
    title = " ".join(words).title()
    facts = "".join(
        f"<li>{' '.join(chance.choices(WORDS, k=9))} {chance.randrange(10**6)}</li>" for _ in range(5)
    )
    return (
        f'<div name="{name}"><a name="{name}.product_title" '
        f'href="/dp/B{chance.randrange(10**9):09d}">{title}</a>'
        f"<span>{chance.random() * 5:.1f} out of 5 stars</span><span>({chance.randrange(50_000):,})</span>"
        f"<ul>{facts}</ul><span>${chance.random() * 300:.2f}</span>"
        f'<button name="{name}.add_to_cart">Add to cart</button></div>'
    )


def session_lengths(chance: random.Random, steps: int) -> list[int]:
    """Lengths of sessions that sum to `steps`: median about 7, a long tail."""
    count = max(1, round(steps * SESSIONS_PER_STEP))
    lengths = [max(1, min(241, round(math.exp(chance.gauss(math.log(7), 0.9))))) for _ in range(count)]
    excess = sum(lengths) - steps
    while excess:
        place = chance.randrange(count)
        change = -1 if excess > 0 else 1
        if lengths[place] + change >= 1:
            lengths[place] += change
            excess += change
    return lengths


if __name__ == "__main__":
    main()
