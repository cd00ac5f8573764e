"""Texts kept compressed in memory: a session may have thousands of pages that wait to be stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import pyarrow as pa

_CODEC = pa.Codec("zstd", compression_level=1)


@dataclass(frozen=True, slots=True)
class PackedText:
    """A compressed text.

    >>> packed = PackedText.of("<p>Kettle</p>" * 1000)
    >>> packed.text == "<p>Kettle</p>" * 1000, len(packed.content) < 200
    (True, True)

    Attributes:
        content: the compressed bytes.
        size: bytes before compression.
    """

    content: bytes
    size: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Compress a text without lone surrogates."""
        encoded = text.encode("utf-8")
        return cls(_CODEC.compress(encoded, asbytes=True), len(encoded))

    @property
    def text(self) -> str:
        """The text again."""
        return bytes(_CODEC.decompress(self.content, self.size, asbytes=True)).decode("utf-8")
