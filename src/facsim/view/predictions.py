"""The predictions of one run, found by session and step without reading the file again.

One pass over predictions.jsonl keeps, for every line, where it begins, and the few columns that the list of
sessions filters by. What a replay shows is then read from the file, one session's lines at a time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from facsim.evaluation import Run
from facsim.evaluation.predictions import read_predictions
from facsim.metrics.match import match_expression
from facsim.predict import local
from facsim.prompt import PromptConfig
from facsim.schema import InputError
from facsim.view.colours import slot

_COLUMNS = ("session_id", "step", "true_category", "pred_text", "rationale")
OWN_TOKENIZER = "its own"
"""Stands in a run's settings for the tokenizer of a model that ran in the runner's process."""
_CHANGED = "Start `facsim view` again: the file has changed since it was opened"


class Predictions:
    """One run, open for looking at.

    Args:
        run: the run.
        label: what it is called among the others.
        place: its place among the others, from 0. Decides its letter and colour.

    Raises:
        InputError: if predictions.jsonl is missing or damaged.
    """

    def __init__(self, run: Run, label: str, place: int) -> None:
        self.run, self.label, self.place = run, label, place
        self.file = run.path / "predictions.jsonl"
        self._begins, self.table = _index(self.file)

    @property
    def letter(self) -> str:
        """A, B, …, Z, AA: stands for the run where its name has no room."""
        first, second = divmod(self.place, 26)
        return (chr(64 + first) if first else "") + chr(65 + second)

    @property
    def colour(self) -> str:
        """The class that colours it."""
        return slot(self.place)

    @cached_property
    def prompt(self) -> PromptConfig | None:
        """How its prompts were built; None for a predictor that reads none.

        Where the model counted with its own tokenizer and that is no longer there, the length counts.
        """
        recorded = self.run.config.identity.settings.get("prompt")
        if not isinstance(recorded, dict):
            return None
        if self.counts_with_its_own:
            recorded = recorded | {"tokenizer": self._own_tokenizer}
        try:
            return PromptConfig.model_validate(recorded)
        except ValidationError:
            return None

    @property
    def counts_with_its_own(self) -> bool:
        """Whether tokens were counted with the tokenizer of the model that was asked."""
        recorded = self.run.config.identity.settings.get("prompt")
        return isinstance(recorded, dict) and recorded.get("tokenizer") == OWN_TOKENIZER

    @property
    def _own_tokenizer(self) -> Path | None:
        # Only looked for on this machine: a viewer downloads nothing.
        source = self.run.predictor.removeprefix("local:")
        folder = Path(local.__path__[0]) / "tiny" if source == "tiny" else Path(source).expanduser()
        file = folder / "tokenizer.json"
        return file if file.is_file() else None

    def of_session(self, session_id: str) -> Mapping[int, Mapping[str, Any]]:
        """The lines of one session by step, read from the file.

        Raises:
            InputError: if the file is not what it was.
        """
        found: dict[int, Mapping[str, Any]] = {}
        rows = self._rows.get(session_id, ())
        if not len(rows):
            return found
        try:
            with self.file.open("rb") as stream:
                for row in rows:
                    stream.seek(int(self._begins[row]))
                    line = json.loads(stream.read(int(self._begins[row + 1] - self._begins[row])))
                    if line["session_id"] != session_id:
                        raise ValueError
                    found.setdefault(int(line["step"]), line)
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError("is not what it was", file=self.file, remedy=_CHANGED) from None
        return found

    @cached_property
    def _rows(self) -> dict[str, list[int]]:
        grouped = (
            self.table.select("session_id", "row").group_by("session_id", maintain_order=True).agg("row")
        )
        return dict(grouped.iter_rows())


def _index(file: Path) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Where lines begin (and the last one ends), and a table of `row`, `_COLUMNS` and `right`."""
    table = read_predictions(file)
    with file.open("rb") as stream:
        written = np.frombuffer(stream.read(), np.uint8)
    begins = np.concatenate([[0], np.flatnonzero(written == ord("\n")) + 1, [len(written)]]).astype(np.int64)
    table = table.with_columns(match_expression("exact").alias("right"), pl.col("step").cast(pl.Int64))
    table = table.select(*_COLUMNS, "right")
    table = table.with_row_index("row").unique(("session_id", "step"), keep="first", maintain_order=True)
    return begins, table
