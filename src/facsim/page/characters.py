"""Characters of a text that draw nothing, or only a picture that no text can show."""

from __future__ import annotations

import re

# Soft hyphens, zero-width spaces, direction marks, byte order marks, annotations.
_INVISIBLE = "\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
# Icon fonts draw pictures in place of these.
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U0010fffd"
_ANY = re.compile(f"[\u200c\u200d{_INVISIBLE}{_PRIVATE}]")
# Joiners shape the letters of some scripts and join emoji; beside ASCII they do nothing.
_NOT_DRAWN = re.compile(f"[{_INVISIBLE}]+|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")
_PICTURES = re.compile(f"[{_PRIVATE}]+")


def has_undrawn(text: str) -> bool:
    """Whether `drawn` may change a text."""
    return not text.isascii() and _ANY.search(text) is not None


def drawn(text: str) -> str:
    r"""Return a text without invisible characters; a space stands for the pictures of icon fonts.

    >>> drawn("Ka\u00adme\u00adra\u200b"), drawn("\ue8b6 Search"), drawn("plain")
    ('Kamera', '  Search', 'plain')
    """
    return _PICTURES.sub(" ", _NOT_DRAWN.sub("", text)) if has_undrawn(text) else text
