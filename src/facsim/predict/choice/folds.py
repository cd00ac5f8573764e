"""Folds of people: who is left out when a rate is learned, and who the boosters are stopped on."""

from __future__ import annotations

import hashlib

FOLDS = 5
HELD_OUT = 0
"""The fold that early stopping and the temperature are fitted on."""


def fold_of(user_id: str) -> int:
    """The fold of a person: a hash of the id, so that it does not depend on who else is there."""
    digest = hashlib.blake2b(f"fold:{user_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) % FOLDS
