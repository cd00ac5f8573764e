"""Checks of names and user names: words that are no names, brands and goods."""

from __future__ import annotations

import re
from dataclasses import replace

from facsim.data.scrub.candidate import Candidate
from facsim.data.scrub.given_names import GivenNames

_TITLES = re.compile(r"(?:(?:dr|prof|dra|dott)\.?(?:ssa)?\s)+", re.IGNORECASE)


def person(found: Candidate) -> bool:
    """A name after a cue that hardly anything else follows: only its first word counts."""
    words = found.value.casefold().replace("\u2019", "'").split()
    return bool(words) and words[0].removesuffix("'s") not in found.not_names and not found.value.isupper()


def greeted(found: Candidate) -> bool:
    """A name after a greeting. Every word counts: `Hello Summer Sale` greets no one."""
    spelled = _words(found)
    names = GivenNames.default()
    if names.is_eponym(spelled) or (not names.is_given(spelled[0]) and any(map(names.is_goods, spelled))):
        return False
    words = [word.strip(".'\u2019-") for word in re.split(r"[\s'\u2019-]+", found.value.casefold())]
    return bool(words) and not any(word in found.not_names for word in words) and len(words[0]) > 1


def titled(found: Candidate) -> bool:
    """A name after an academic title: `Dr. Martens` are boots."""
    return person(replace(found, value=without_titles(found.value)))


def without_titles(name: str) -> str:
    """A name without academic titles before it."""
    return name[match.end() :] if (match := _TITLES.match(name)) else name


def recipient(found: Candidate) -> bool:
    """A person above, or before, an address or after a purchase: not a company."""
    words = [word.strip(".'\u2019-").casefold() for word in found.value.split()]
    return greeted(found) and found.not_recipients.isdisjoint(words)


def labelled_name(found: Candidate) -> bool:
    """A name after a label such as `Recipient:`: no company, no goods."""
    words = _words(found)
    names = GivenNames.default()
    if len(words[0]) == 1 and len(words) > 1:
        words, found = words[1:], replace(found, value=" ".join(words[1:]))
    if names.is_eponym(words) or not found.not_recipients.isdisjoint(word.casefold() for word in words):
        return False
    if names.is_given(words[0]) and len(words) > 1:
        return person(found) or found.value.isupper()
    return greeted(found) and not any(map(names.is_goods, words))


def family_first(found: Candidate) -> bool:
    """A family name before a given name, with a comma or a slash: `Berg, Anna`, `BERG/ANNA`."""
    family, _, given = found.value.replace("/", ",").partition(",")
    words = given.split()
    names = GivenNames.default()
    return (
        names.is_given(words[0].capitalize())
        and not any(map(names.is_given, family.split()))
        and not names.is_eponym([*words, *family.split()])
        and greeted(replace(found, value=family))
        and not any(map(names.is_goods, family.split()))
        and found.not_recipients.isdisjoint(family.casefold().split())
    )


def told(found: Candidate) -> bool:
    """A name of any words after `Question from` and the like."""
    return labelled_name(found) and all(len(word) > 1 or "." in found.value for word in _words(found))


def called(found: Candidate) -> bool:
    """Someone spoken to: `Wanjiru, your repair is ready`."""
    return (
        labelled_name(found)
        and len(found.value) > 2
        and not found.value.isupper()
        and not found.value.endswith("ly")
    )


def _words(found: Candidate) -> list[str]:
    return [word.strip(".,'\u2019-") for word in found.value.split()]


def handle(found: Candidate) -> bool:
    """A user name, and no word: with a digit, a dot or an underscore within."""
    is_marked = any(one.isdigit() or one in "._-" for one in found.value[1:-1]) or found.value[-1].isdigit()
    return is_marked and username(found)


def capitals_within(found: Candidate) -> bool:
    """A user name of several words written as one: `LeseratteMia`; not a brand."""
    words = re.findall(r"[^\W\d_][^\W\d_A-Z]*", found.value)
    return found.value.casefold() not in found.not_names and words[0] not in ("Mac", "Pay", "You", "Hello")


def introduced(found: Candidate) -> bool:
    """A name after `My name is`."""
    return greeted(found)


_NAME_OF_USER = re.compile(
    r"(?i:user|name|login|nutzer|utilisateur|identifiant|usuario|utente|pseudo|kennung|alias|@)"
)


def username(found: Candidate) -> bool:
    """A user name: no number, and a capitalised word only after a label that says so."""
    value = found.value.casefold().lstrip("@")
    if value in found.not_names or value.isdigit():
        return False
    is_word = found.value[:1].isupper() and found.value.isalpha()
    return not is_word or _NAME_OF_USER.search(found.match) is not None
