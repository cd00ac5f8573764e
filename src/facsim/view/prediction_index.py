"""The predictions of one run, indexed by session.

One pass over predictions.jsonl finds the byte ranges of every session's lines without parsing them. A list or
a replay then reads and checks one session's lines at a time. The columns that filters need are read on first
use.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from facsim import lm
from facsim.evaluation import Run
from facsim.evaluation.journal import read_records
from facsim.evaluation.predictions_table import read_predictions
from facsim.evaluation.record_lines import decode_record
from facsim.metrics.match import match_expression
from facsim.prompt import PromptConfig
from facsim.report.run_styles import RunStyle
from facsim.util.errors import InputError

_COLUMNS = ("session_id", "step", "true_category", "pred_text", "rationale")
_START = b'{"session_id":"'
"""The start of every line that `facsim evaluate` writes."""
OWN_TOKENIZER = "its own"
"""In a run's settings: the tokenizer of a model that ran in the runner's process."""
_CHANGED = "Start `facsim view` again: the file has changed since it was opened"


class PredictionIndex:
    """The predictions of one run.

    Args:
        run: the run.
        label: what it is called among the others.
        style: its letter and colour.
        place: its place among the others, from 0.

    Raises:
        InputError: if predictions.jsonl is missing or damaged.
    """

    def __init__(self, run: Run, label: str, style: RunStyle, place: int) -> None:
        self.run, self.label, self.style, self.place = run, label, style, place
        self.file = run.path / "predictions.jsonl"
        self._places = _places(self.file)

    @property
    def letter(self) -> str:
        """A, B, …, Z, AA: the short name of the run; `◆` for the oracle."""
        return self.style.letter

    @property
    def colour(self) -> str:
        """The CSS class that colours it."""
        return self.style.css

    @cached_property
    def prompt(self) -> PromptConfig | None:
        """How its prompts were built; None for a predictor that reads none.

        If the model used its own tokenizer and that is no longer available, tokens are estimated by length.
        """
        recorded = self.run.config.identity.settings.get("prompt")
        if not isinstance(recorded, dict):
            return None
        if self.counts_with_its_own:
            recorded = recorded | {"tokenizer": self._own_tokenizer}
        try:
            return PromptConfig.recorded(recorded)
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
        folder = Path(lm.__path__[0]) / "tiny" if source == "tiny" else Path(source).expanduser()
        file = folder / "tokenizer.json"
        return file if file.is_file() else None

    @property
    def session_ids(self) -> Collection[str]:
        """The sessions that have predictions."""
        return self._places.keys()

    def of_session(self, session_id: str) -> Mapping[int, Mapping[str, Any]]:
        """The lines of one session by step, read from the file.

        Raises:
            InputError: if a line is damaged, or the file is not what it was.
        """
        found: dict[int, Mapping[str, Any]] = {}
        places = self._places.get(session_id, ())
        if not places:
            return found
        try:
            with self.file.open("rb") as stream:
                for begin, end in places:
                    stream.seek(begin)
                    for raw in stream.read(end - begin).removesuffix(b"\n").split(b"\n"):
                        line, _ = decode_record(raw)
                        if line["session_id"] != session_id:
                            raise ValueError
                        found.setdefault(line["step"], line)
        except (OSError, ValueError):
            deque(read_records(self.file), maxlen=0)  # names the line, if one is damaged
            raise InputError("is not what it was", file=self.file, remedy=_CHANGED) from None
        return found

    @cached_property
    def table(self) -> pl.DataFrame:
        """The columns that lists are filtered by: one row per step, with `_COLUMNS` and `right`.

        Raises:
            InputError: if the file is damaged.
        """
        table = read_predictions(self.file).with_columns(
            match_expression("exact").alias("right"), pl.col("step").cast(pl.Int64)
        )
        return table.select(*_COLUMNS, "right").unique(
            ("session_id", "step"), keep="first", maintain_order=True
        )


def _places(file: Path) -> dict[str, list[tuple[int, int]]]:
    """By session, the byte ranges of its consecutive lines.

    Raises:
        InputError: if the file is missing or damaged.
    """
    try:
        written = file.read_bytes()
    except OSError:
        written = b""  # the slow path reports the problem
    found: dict[str, list[tuple[int, int]]] = {}
    begin = 0
    while written.startswith(_START, begin):
        closing = written.find(b'"', begin + len(_START)) + 1
        start, end = written[begin:closing], begin
        if not start or b"\\" in start or b"\n" in start:  # an id with escapes
            break
        while written.startswith(start, end) and (after := written.find(b"\n", end) + 1):
            end = after
        if end == begin:  # the last line, perhaps torn
            break
        found.setdefault(start[len(_START) : -1].decode("utf-8", "replace"), []).append((begin, end))
        begin = end
    if not written or begin < len(written):
        return _places_read(file)
    return found


def _places_read(file: Path) -> dict[str, list[tuple[int, int]]]:
    """The same for any file, slower and with every line checked."""
    found: dict[str, list[tuple[int, int]]] = {}
    begin = 0
    try:
        with file.open("rb") as stream:
            # A torn last line is not among the lines.
            for line, raw in zip(read_records(file), stream, strict=False):
                found.setdefault(line["session_id"], []).append((begin, begin + len(raw)))
                begin += len(raw)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from None
    return found
