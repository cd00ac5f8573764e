"""Page tokens per session, with full pages and with pages as changes.

    python benchmarks/bench_prompt.py data/flight data/shop [--tokenizer smollm2] [--sessions 400]
    python benchmarks/bench_prompt.py --corpus build/corpus

Every page is expanded and compared with its full text. A session of the page corpus is a tour of one
application, through each kind of page once. Tokens are those of a model's tokenizer (`--tokenizer`); without
one, three characters are a token.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from facsim.data import DataSet
from facsim.lm.checkpoint import TOKENIZER_FILE
from facsim.lm.locate import find_checkpoint
from facsim.page import simplify
from facsim.prompt import PromptConfig
from facsim.prompt.page_changes import expand_all
from facsim.prompt.page_texts import page_texts
from facsim.schema import Page


def data_set_sessions(folder: Path, most: int) -> Iterator[list[Page]]:
    """The pages of each session of a data set, in order."""
    data = DataSet.open(folder)
    for session_id in data.session_ids[:most]:
        yield [data.page(step.page_id) for step in data.session(session_id).steps]


def tours(corpus: Path) -> Iterator[list[Page]]:
    """The pages of each application of the corpus, in the order in which they were saved."""
    for pages in sorted(corpus.glob("*/pages")):
        saved = sorted(pages.iterdir(), key=lambda page: (page / "1").stat().st_mtime)
        yield [simplify((page / "1" / "rendered.html").read_text(encoding="utf-8")) for page in saved]


def measure(name: str, sessions: Iterator[Sequence[Page]], config: PromptConfig) -> None:
    """Print the tokens of some sessions' pages, full and as changes."""
    changes = config.model_copy(update={"pages": "changes"})
    count = pages_count = full = shown = 0
    began = time.process_time()
    for pages in sessions:
        whole = [page_texts(page, config).whole for page in pages]
        texts = [page_texts(page, changes) for page in pages]
        changed = [text.after(texts[:place]) for place, text in enumerate(texts)]
        if expand_all([page.html for page in changed]) != [page.html for page in whole]:
            raise SystemExit(f"{name}: a page was not given back")
        count += 1
        pages_count += len(pages)
        full += sum(page.tokens for page in whole)
        shown += sum(page.tokens for page in changed)
    print(
        f"RESULT data={name} page_text={config.page_text} sessions={count} pages={pages_count} "
        f"full_tokens_a_session={full / count:.0f} changes_tokens_a_session={shown / count:.0f} "
        f"ratio={full / shown:.2f} cpu_s={time.process_time() - began:.1f}",
        flush=True,
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="*")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--tokenizer")
    parser.add_argument("--sessions", type=int, default=10**9)
    arguments = parser.parse_args()
    tokenizer = find_checkpoint(arguments.tokenizer) / TOKENIZER_FILE if arguments.tokenizer else None
    for page_text in ("condensed", "stored"):
        config = PromptConfig(budget_tokens=None, page_text=page_text, tokenizer=tokenizer)
        for folder in arguments.data:
            measure(folder.name, data_set_sessions(folder, arguments.sessions), config)
        if arguments.corpus:
            measure("corpus", tours(arguments.corpus), config)


if __name__ == "__main__":
    main()
