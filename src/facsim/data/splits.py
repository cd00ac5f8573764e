"""Who is learned from and who is tested on.

Splits by `user` and `session` hash the id: membership depends on the id and the seed alone, so that it
stays the same when sessions are added, on any machine, in any order.
"""

from __future__ import annotations

import hashlib
from typing import Literal, get_args

import polars as pl

from facsim.data.store import DataSet
from facsim.util.errors import ConfigError

Part = Literal["train", "validation", "test", "all"]
PARTS: tuple[Part, ...] = get_args(Part)
SplitBy = Literal["user", "session", "official", "time"]
SPLITS_BY: tuple[SplitBy, ...] = get_args(SplitBy)

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1
_OFFICIAL_NAMES = {"train": "train", "test": "test"} | dict.fromkeys(
    ("validation", "valid", "val", "dev"), "validation"
)


def split(data: DataSet, part: Part, split_by: SplitBy = "user", seed: int = 0) -> DataSet:
    """One part of a data set: 70% train, 10% validation, 20% test.

    Args:
        data: the data set, or a selection of it.
        part: `train`, `validation`, `test`, or `all` of it.
        split_by: how parts are made.
            `user`: no person is in two parts (hash of the user id; shares hold on average over users).
            `session`: hash of the session id; people may be in two parts.
            `official`: the source's own split.
            `time`: the oldest 70% of the sessions, the next 10%, the newest 20%.
        seed: another seed gives another split; `official` and `time` ignore it.

    Raises:
        ConfigError: if the part is empty, or the data set knows no official split or no times.
    """
    if part not in PARTS:
        raise ConfigError(f"unknown part {part!r}: expected one of {', '.join(PARTS)}")
    parts = assign(data, split_by, seed)
    if part == "all":
        return data
    chosen = [session_id for session_id, found in parts.items() if found == part]
    if not chosen:
        raise ConfigError(_why_empty(data, parts, part, split_by))
    return data.select(chosen)


def assign(data: DataSet, split_by: SplitBy = "user", seed: int = 0) -> dict[str, str | None]:
    """The part of every session: `train`, `validation`, `test`; None if the official split has none for it.

    Raises:
        ConfigError: if the data set knows no official split, or a session no time.
    """
    sessions = data.sessions
    if split_by == "user":
        return dict(
            zip(sessions["session_id"], (part_of(user, seed) for user in sessions["user_id"]), strict=True)
        )
    if split_by == "session":
        return {session_id: part_of(session_id, seed) for session_id in sessions["session_id"]}
    if split_by == "official":
        return _official(data)
    if split_by == "time":
        return _by_time(data)
    raise ConfigError(f"unknown split {split_by!r}: expected one of {', '.join(SPLITS_BY)}")


def part_of(key: str, seed: int = 0) -> str:
    """The part that a hashed id falls into.

    Example:
        >>> part_of("user-1"), part_of("user-1", seed=1)
        ('train', 'train')
    """
    digest = hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") / 2**64
    if place < TEST_SHARE:
        return "test"
    return "validation" if place < TEST_SHARE + VALIDATION_SHARE else "train"


def _official(data: DataSet) -> dict[str, str | None]:
    labels: list[str | None] = data.sessions["official_split"].to_list()
    if all(label is None for label in labels):
        raise ConfigError(f"{data.location} knows no official split. Split by user, session or time instead")
    unknown = sorted(
        {label for label in labels if label is not None and label.lower() not in _OFFICIAL_NAMES}
    )
    if unknown:
        raise ConfigError(
            f"{data.location}: official split {unknown[0]!r} is not one of {', '.join(_OFFICIAL_NAMES)}"
        )
    return {
        session_id: _OFFICIAL_NAMES[label.lower()] if label is not None else None
        for session_id, label in zip(data.sessions["session_id"], labels, strict=True)
    }


def _by_time(data: DataSet) -> dict[str, str | None]:
    starts = data.steps.group_by("session_id").agg(pl.col("timestamp").min().alias("start"))
    without = starts.filter(pl.col("start").is_null())
    if without.height:
        raise ConfigError(
            f"{data.location}: {without.height} of {starts.height} sessions have no time "
            f"(for example {without['session_id'].to_list()[0]}). Split by user, session or official instead"
        )
    ordered = starts.sort("start", "session_id")["session_id"].to_list()
    first_test = round(len(ordered) * (1 - TEST_SHARE))
    first_validation = round(len(ordered) * (1 - TEST_SHARE - VALIDATION_SHARE))
    return {
        session_id: "test" if rank >= first_test else "validation" if rank >= first_validation else "train"
        for rank, session_id in enumerate(ordered)
    }


def _why_empty(data: DataSet, parts: dict[str, str | None], part: Part, split_by: SplitBy) -> str:
    found = ", ".join(
        f"{name} {count}"
        for name in ("train", "validation", "test")
        if (count := sum(value == name for value in parts.values()))
    )
    message = (
        f"{data.location}: the {part} part of the split by {split_by} is empty (sessions: {found or 'none'})"
    )
    if split_by == "user":
        users = data.sessions["user_id"].n_unique()
        message += (
            f". There are {users} users, too few for every part to get one: try another seed, or by session"
        )
    elif split_by == "session":
        message += ". Try another seed"
    return message
