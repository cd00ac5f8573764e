"""Training examples on disk, as Arrow: memory-mapped, so that any number of tokens takes no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa

from facsim.lm.chat_tokenizer import TokenizedSegment

IGNORE_INDEX: Final = -100
"""The label of a token that is not trained."""

_SCHEMA = pa.schema(
    [("session_id", pa.string()), ("input_ids", pa.list_(pa.int32())), ("labels", pa.list_(pa.int32()))]
)
_BATCH_SIZE = 64


def labels_of(example: TokenizedSegment) -> list[int]:
    """Labels `(tokens,)`: the token's own id where it is trained, otherwise `IGNORE_INDEX`."""
    labels = [IGNORE_INDEX] * len(example.tokens)
    for span in example.spans:
        labels[span.start : span.end] = example.tokens[span.start : span.end]
    return labels


@contextmanager
def write_examples(file: Path) -> Iterator[Callable[[TokenizedSegment], None]]:
    """Gives a function that writes one example; leaving the block without an error puts the file in place.

    Raises:
        OSError: if the disk is full.
    """
    partial = file.with_name(f".{file.name}.partial")
    batch: list[TokenizedSegment] = []
    try:
        with pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_stream(sink, _SCHEMA) as writer:

            def flush() -> None:
                columns = {
                    "session_id": [example.session_id for example in batch],
                    "input_ids": [example.tokens for example in batch],
                    "labels": [labels_of(example) for example in batch],
                }
                writer.write_batch(pa.record_batch(columns, schema=_SCHEMA))
                batch.clear()

            def keep(example: TokenizedSegment) -> None:
                batch.append(example)
                if len(batch) == _BATCH_SIZE:
                    flush()

            yield keep
            if batch:
                flush()
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
