"""Sessions as rows that TRL and verl train on, in Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from facsim.data import DataSet, replay
from facsim.data.splits import Part, SplitBy, split
from facsim.prompt import PromptConfig, build_prompt
from facsim.prompt.config import Message
from facsim.prompt.segments import segments
from facsim.prompt.templates import render_action, step_messages
from facsim.schema import SessionSoFar, Step
from facsim.util.errors import ConfigError, FacsimError
from facsim.util.progress import Progress, no_progress

RowFormat = Literal["trl-messages", "trl-prompt", "verl"]
ROW_FORMATS: tuple[RowFormat, ...] = get_args(RowFormat)

_ROWS_A_GROUP = 256
_MESSAGES: Final = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_SCHEMAS: Final[dict[RowFormat, pa.Schema]] = {
    "trl-messages": pa.schema([("messages", _MESSAGES), ("session_id", pa.string())]),
    "trl-prompt": pa.schema(
        [
            ("prompt", _MESSAGES),
            ("completion", _MESSAGES),
            ("session_id", pa.string()),
            ("step", pa.int32()),
        ]
    ),
    "verl": pa.schema(
        [
            ("data_source", pa.string()),
            ("prompt", _MESSAGES),
            ("ability", pa.string()),
            ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
            (
                "extra_info",
                pa.struct([("split", pa.string()), ("session_id", pa.string()), ("step", pa.int32())]),
            ),
        ]
    ),
}


class WrittenRows(NamedTuple):
    """What `write_training_rows` wrote: rows, and steps whose target has no name."""

    rows: int
    unnamed: int


def write_training_rows(
    data: DataSet,
    out: str | Path,
    row_format: RowFormat,
    *,
    part: Part = "train",
    split_by: SplitBy = "user",
    seed: int = 0,
    prompt: PromptConfig | None = None,
    progress: Progress = no_progress,
) -> WrittenRows:
    """Write one part of a data set as rows of chat messages.

    Args:
        data: the data set.
        out: the Parquet file to write.
        row_format: `trl-messages`: a row per session, or per stretch of one that fits the budget, for
            `SFTTrainer` with `assistant_only_loss`. `trl-prompt`: a row per step with `prompt` and
            `completion`, for `SFTTrainer` with `completion_only_loss` or as prompts of `GRPOTrainer`. `verl`:
            a row per step with the true action as `reward_model.ground_truth`.
        part: which part of the split.
        split_by: how the data set is split.
        seed: of the split.
        prompt: how sessions become chat messages; the defaults if None.
        progress: called with the number of sessions written.

    Returns:
        How many rows were written, and how many steps have a target without a name. Such steps are left out
        where a row is a step; in rows of sessions they are answers as the others, since TRL masks none.

    Raises:
        ConfigError: if the part is empty or the format is unknown.
        FacsimError: if the file cannot be written.
    """
    if row_format not in _SCHEMAS:
        raise ConfigError(f"unknown row format {row_format!r}: expected one of {', '.join(ROW_FORMATS)}")
    data.require_pages()
    chosen = split(data, part, split_by, seed)
    file, schema, count, unnamed = Path(out), _SCHEMAS[row_format], 0, 0
    partial = file.with_name(f".{file.name}.partial")
    try:
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            rows: list[dict[str, Any]] = []
            for number, session in enumerate(chosen):
                progress(number, len(chosen), "sessions")
                unnamed += sum(not _has_target(step) for step in session.steps)
                steps = replay(chosen, session)
                rows.extend(_rows(steps, row_format, prompt or PromptConfig(), chosen.card.name, part))
                if len(rows) >= _ROWS_A_GROUP:
                    count += _write(writer, rows, schema)
            count += _write(writer, rows, schema)
        partial.rename(file)
    except OSError as error:
        raise FacsimError(f"{file} cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return WrittenRows(count, unnamed)


def _has_target(step: Step) -> bool:
    return step.action.type == "terminate" or step.action.name is not None


def _write(writer: pq.ParquetWriter, rows: list[dict[str, Any]], schema: pa.Schema) -> int:
    count = len(rows)
    if rows:
        writer.write_table(pa.Table.from_pylist(rows, schema))
        rows.clear()
    return count


def _rows(
    steps: Iterable[tuple[SessionSoFar, Step]],
    row_format: RowFormat,
    prompt: PromptConfig,
    source: str,
    part: Part,
) -> Iterator[dict[str, Any]]:
    if row_format == "trl-messages":
        for segment in segments(steps, prompt):
            yield {"messages": _plain(segment.messages), "session_id": segment.session_id}
        return
    for so_far, step in steps:
        if not _has_target(step):
            continue
        built = build_prompt(so_far, prompt)
        place = {"session_id": so_far.session_id, "step": so_far.step}
        if row_format == "verl":
            yield {
                "data_source": source,
                "prompt": _plain(built.messages),
                "ability": "next_action",
                "reward_model": {"style": "rule", "ground_truth": render_action(step.action)},
                "extra_info": {"split": part, **place},
            }
        else:
            page, *answer = step_messages(
                built.messages[-1].content, step.action, step.rationale, prompt.style
            )
            asked = (*built.messages[:-1], page)
            yield {"prompt": _plain(asked), "completion": _plain(answer), **place}


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]
