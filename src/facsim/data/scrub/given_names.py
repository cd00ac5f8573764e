"""Given names, and names of people that are brands: the lists of `names.yaml` and `given_names.txt`."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, cached_property, lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from facsim.util.yaml_config import read_own_yaml

_POSSESSIVES = ("'s", "\u2019s")
_LONGEST_EPONYM = 3
_SHORTEST_WITH_ENDING = 6


class GivenNames(BaseModel):
    """Lists of words, each as one text. More given names, of many countries, are in `given_names.txt`.

    Attributes:
        given: given names by language.
        ambiguous: given names that are words, brands or places, too.
        eponyms: people's names that are brands, works or things, separated by semicolons.
        family: family names.
        family_endings: endings of family names.
        plain_endings: endings of family names and of few other words.
        goods: words of goods and shops, which no person's name has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    given: Mapping[str, str]
    ambiguous: str
    eponyms: str
    goods: str
    family: str
    family_endings: str
    plain_endings: str

    @classmethod
    def default(cls) -> GivenNames:
        """The lists that come with Facsim."""
        return _default()

    def is_given(self, word: str) -> bool:
        """Whether a word is a given name; of a name with a hyphen the first part counts."""
        folded = folded_name(word)
        return folded in self._given or ("-" in folded and folded.partition("-")[0] in self._given)

    def is_plain_given(self, word: str) -> bool:
        """Whether a word is a given name and hardly anything else."""
        return self.is_given(word) and folded_name(word) not in self._ambiguous

    def is_family(self, word: str) -> bool:
        """Whether a word is a family name, or has the ending of one."""
        return self._is_family(word, self._endings)

    def is_plain_family(self, word: str) -> bool:
        """Whether a word is a frequent family name, or has an ending of few other words."""
        return self._is_family(word, self._plain_endings)

    def _is_family(self, word: str, endings: tuple[str, ...]) -> bool:
        folded = folded_name(word)
        is_long = len(folded) >= _SHORTEST_WITH_ENDING and word[:1].isupper()
        return any(part in self._family for part in (folded, *folded.split("-"))) or (
            is_long and folded.endswith(endings)
        )

    def is_goods(self, word: str) -> bool:
        """Whether a word is one of goods, places or companies."""
        return word.casefold() in self._goods

    def is_eponym(self, words: Sequence[str]) -> bool:
        """Whether the words begin with the name of a brand, a work or a thing."""
        folded = [folded_name(word) for word in words]
        return any(
            " ".join(folded[:size]) in self._eponyms
            for size in range(1, min(len(folded), _LONGEST_EPONYM) + 1)
        )

    @cached_property
    def _given(self) -> frozenset[str]:
        rarer = Path(__file__).with_name("given_names.txt").read_text(encoding="utf-8").splitlines()
        listed = (name for names in self.given.values() for name in names.split())
        return frozenset(map(folded_name, (*listed, *(name for name in rarer if not name.startswith("#")))))

    @cached_property
    def _ambiguous(self) -> frozenset[str]:
        return frozenset(map(folded_name, self.ambiguous.split()))

    @cached_property
    def _eponyms(self) -> frozenset[str]:
        return frozenset(" ".join(map(folded_name, one.split())) for one in self.eponyms.split(";"))

    @cached_property
    def _family(self) -> frozenset[str]:
        return frozenset(map(folded_name, self.family.split()))

    @cached_property
    def _endings(self) -> tuple[str, ...]:
        return tuple(map(folded_name, self.family_endings.split())) + self._plain_endings

    @cached_property
    def _plain_endings(self) -> tuple[str, ...]:
        return tuple(map(folded_name, self.plain_endings.split()))

    @cached_property
    def _goods(self) -> frozenset[str]:
        return frozenset(self.goods.split())


def given_name_of(name: str) -> str | None:
    """The given name in a full name, if it is hardly anything else: people are greeted by it.

    >>> given_name_of("Maria Lopez"), given_name_of("Rose Miller"), given_name_of("Maria")
    ('Maria', None, None)
    """
    words = name.split()
    return words[0] if len(words) > 1 and _default().is_plain_given(words[0]) else None


@lru_cache(maxsize=50_000)
def folded_name(word: str) -> str:
    """A word without case, accents and possessive.

    >>> folded_name("Ålvaro's"), folded_name("JOSÉ")
    ('alvaro', 'jose')
    """
    plain = word.casefold()
    for ending in _POSSESSIVES:
        plain = plain.removesuffix(ending)
    decomposed = unicodedata.normalize("NFKD", plain.rstrip(".\u2019'-"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


@cache
def _default() -> GivenNames:
    return read_own_yaml(GivenNames, Path(__file__).with_name("names.yaml"))
