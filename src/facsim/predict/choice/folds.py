"""Cross-fitting folds by user: for out-of-fold rates, early stopping and temperature."""

from __future__ import annotations

import hashlib

FOLDS = 5
HELD_OUT = 0
"""The fold held out for early stopping and for the temperature."""


def fold_of(user_id: str) -> int:
    """The fold of a user: a hash of the id, so it does not depend on the other users."""
    digest = hashlib.blake2b(f"fold:{user_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) % FOLDS
