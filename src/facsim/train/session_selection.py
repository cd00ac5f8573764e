"""Which sessions are learned, which choose the checkpoint, and that neither is tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from facsim.data import DataSet
from facsim.data.audit_checks import leaked_sessions, leaked_users
from facsim.data.splits import assign, split
from facsim.train.config import SftConfig


def training_sessions(data: DataSet, config: SftConfig) -> DataSet:
    """The sessions to learn from.

    Raises:
        ConfigError: if there are none.
    """
    return _drawn(split(data, "train", config.split_by, config.seed), config.sessions, config.seed)


def validation_sessions(data: DataSet, config: SftConfig) -> DataSet | None:
    """The sessions that choose the checkpoint; None if none shall.

    Raises:
        ConfigError: if the validation part is empty.
    """
    if not config.validation_sessions:
        return None
    part = split(data, "validation", config.split_by, config.seed)
    return _drawn(part, config.validation_sessions, config.seed)


def leaks(data: DataSet, config: SftConfig) -> Iterator[str]:
    """What of the test part stands in the train part, in words: people, or the same session twice.

    Pages that are alike are no leak: everybody sees them.
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
            "Say --allow-shared-users if that is what is to be measured"
        )


def _drawn(part: DataSet, limit: int | None, seed: int) -> DataSet:
    """At most `limit` sessions by chance; a larger limit adds sessions to those of a smaller one."""
    if limit is None or len(part) <= limit:
        return part
    return part.select(sorted(part.session_ids, key=lambda session_id: _place(session_id, seed))[:limit])


def _place(session_id: str, seed: int) -> bytes:
    return hashlib.blake2b(f"learn:{seed}:{session_id}".encode(), digest_size=8).digest()
