"""Rows on disk, as Arrow: read by mapping the file, so that any number of tokens takes no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa

from facsim.lm.chat_tokenizer import Row

IGNORED: Final = -100
"""The label of a token that is not learned."""

_SCHEMA = pa.schema(
    [("session_id", pa.string()), ("input_ids", pa.list_(pa.int32())), ("labels", pa.list_(pa.int32()))]
)
_ROWS_AT_ONCE = 64


def labels_of(row: Row) -> list[int]:
    """A label for every token: its own number where it is learned, else `IGNORED`."""
    labels = [IGNORED] * len(row.tokens)
    for span in row.spans:
        labels[span.begin : span.end] = row.tokens[span.begin : span.end]
    return labels


@contextmanager
def write_rows(file: Path) -> Iterator[Callable[[Row], None]]:
    """Gives what writes one row more; leaving it without an error puts the file in place.

    Raises:
        OSError: if the disk is full.
    """
    partial = file.with_name(f".{file.name}.partial")
    batch: list[Row] = []
    try:
        with pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_stream(sink, _SCHEMA) as writer:

            def flush() -> None:
                columns = {
                    "session_id": [row.session_id for row in batch],
                    "input_ids": [row.tokens for row in batch],
                    "labels": [labels_of(row) for row in batch],
                }
                writer.write_batch(pa.record_batch(columns, schema=_SCHEMA))
                batch.clear()

            def keep(row: Row) -> None:
                batch.append(row)
                if len(batch) == _ROWS_AT_ONCE:
                    flush()

            yield keep
            if batch:
                flush()
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
