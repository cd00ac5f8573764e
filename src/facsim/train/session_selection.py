"""Which sessions are trained on, which choose the checkpoint, and that neither leaks into the test part."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from facsim.data import DataSet
from facsim.data.audit_checks import leaked_sessions, leaked_users
from facsim.data.splits import assign, split
from facsim.train.config import SftConfig


def training_sessions(data: DataSet, config: SftConfig) -> DataSet:
    """The sessions to train on.

    Raises:
        ConfigError: if there are none.
    """
    return _sample(split(data, "train", config.split_by, config.seed), config.sessions, config.seed)


def validation_sessions(data: DataSet, config: SftConfig) -> DataSet | None:
    """The sessions that choose the checkpoint; None without validation.

    Raises:
        ConfigError: if the validation part is empty.
    """
    if not config.validation_sessions:
        return None
    part = split(data, "validation", config.split_by, config.seed)
    return _sample(part, config.validation_sessions, config.seed)


def leaks_into_test(data: DataSet, config: SftConfig) -> Iterator[str]:
    """What the train and test parts share, in sentences: people, or duplicate sessions.

    Similar pages are no leak: everybody sees them.
    """
    parts = assign(data, config.split_by, config.seed)
    found, _ = leaked_sessions(data, parts)
    for finding in found:
        if finding.check == "duplicate sessions" and finding.severity == "error":
            yield f"{finding.message} ({', '.join(finding.examples)})"
    if config.allow_shared_users:
        return
    found, _ = leaked_users(data, parts, config.split_by)
    for finding in found:
        yield (
            f"{finding.message} ({', '.join(finding.examples)}). "
            "Give --allow-shared-users if you mean to measure known people"
        )


def _sample(part: DataSet, limit: int | None, seed: int) -> DataSet:
    """At most `limit` random sessions; a larger limit adds sessions to those of a smaller one."""
    if limit is None or len(part) <= limit:
        return part
    return part.select(sorted(part.session_ids, key=lambda session_id: _rank(session_id, seed))[:limit])


def _rank(session_id: str, seed: int) -> bytes:
    return hashlib.blake2b(f"learn:{seed}:{session_id}".encode(), digest_size=8).digest()
