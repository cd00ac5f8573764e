"""A personal value → its placeholder: typed, stable within a data set, and not to be guessed back."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path
from secrets import token_bytes

from facsim.data.scrub.name_checks import without_titles
from facsim.data.scrub.phone_checks import canonical_phone
from facsim.data.scrub.rules import KINDS, PersonalKind
from facsim.util.errors import ConfigError

PLACEHOLDER = re.compile(
    rf"(?<![A-Za-z0-9])(?:{'|'.join(map(str.upper, KINDS))})_[0-9A-HJKMNP-TV-Z]{{8}}(?![A-Za-z0-9])",
    re.IGNORECASE,
)
"""What was scrubbed before is not personal."""
SHORTEST_KEY = 16
"""Bytes of a key. A shorter one could be tried out, with a list of e-mail addresses beside it."""
_LARGEST_KEY = 64
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no letters that look like digits
_LENGTH = 8
_COMPACT: frozenset[PersonalKind] = frozenset({"card", "iban", "national_id", "ip"})
_NO_LETTER = re.compile(r"[\W_]+")


class Pseudonymizer:
    """Makes placeholders such as `EMAIL_7Q2M9XKD`.

    Equal values have equal placeholders, so typed texts and names that matched before still do. Case, white
    space and the punctuation of numbers do not count. The code is a keyed hash: whoever does not have the key
    cannot test a guess.

    Args:
        key: at least `SHORTEST_KEY` bytes; random if None, and then gone with this object.
    """

    def __init__(self, key: bytes | None = None) -> None:
        key = token_bytes(32) if key is None else key
        if len(key) < SHORTEST_KEY:
            raise ConfigError(f"the key has {len(key)} bytes: expected at least {SHORTEST_KEY}")
        self._key = key if len(key) <= _LARGEST_KEY else hashlib.blake2b(key).digest()

    def placeholder(self, kind: PersonalKind, value: str) -> str:
        """The placeholder of a value."""
        digest = hashlib.blake2b(
            canonical(kind, value).encode("utf-8", "surrogatepass"), key=self._key, person=kind.encode()
        ).digest()
        number = int.from_bytes(digest[:8], "big")
        code = "".join(_ALPHABET[number >> (5 * place) & 31] for place in range(_LENGTH))
        return f"{kind.upper()}_{code}"


def canonical(kind: PersonalKind, value: str) -> str:
    """What counts of a value.

    >>> canonical("phone", "+44 (0)20 7183-8750"), canonical("name", "Maria  LOPEZ")
    ('442071838750', 'maria lopez')
    """
    folded = unicodedata.normalize("NFKC", value).casefold()
    if kind == "phone" and any(map(str.isdigit, folded)):
        return canonical_phone(folded)
    if kind in _COMPACT and kind != "ip":
        return _NO_LETTER.sub("", folded)
    words = " ".join(folded.split())
    return without_titles(words) if kind == "name" else words


def read_key(file: Path) -> bytes:
    """A key from a file, for placeholders that are the same in several data sets.

    Raises:
        ConfigError: if it cannot be read or holds fewer than `SHORTEST_KEY` bytes.
    """
    try:
        key = file.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from None
    if len(key) < SHORTEST_KEY:
        raise ConfigError(
            f"{file}: holds {len(key)} bytes; expected at least {SHORTEST_KEY}. "
            "Make one with: head -c 32 /dev/urandom | base64 > FILE"
        )
    return key
