"""Checks of what a pattern found: check digits, valid phone numbers, names that are none.

Check digits come from python-stdnum, phone numbers from phonenumbers (Google's libphonenumber).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import phonenumbers
from phonenumbers import Leniency, NumberParseException, PhoneNumberMatcher
from stdnum import iban, luhn
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.us import ssn

# Visa, Mastercard, American Express, Diners, JCB, Discover and UnionPay, Maestro.
_CARD = re.compile(
    r"4\d{15}(?:\d{3})?|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[068]\d{12}|35\d{14}|6\d{15,18}|5[06-9]\d{14,17}"
)
_STREET_WORDS = frozenset(
    {"weg", "platz", "gasse", "ring", "damm", "ufer", "markt", "berg", "graben", "stieg"}
)
_STREET_WORDS |= {"hof", "park", "feld", "garten", "wall", "kamp", "pfad", "promenade", "brücke", "deich"}
_TITLES = re.compile(r"(?:(?:dr|prof|dra|dott)\.?(?:ssa)?\s)+", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_BEFORE_STREETS = frozenset(["Am", "An", "Auf", "Im", "In", "Unter", "Zum", "Zur", "Hinter", "Vor"])
_DATE = re.compile(r"(?:\d{4}[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./](?:\d{4}|\d\d))")
_THOUSANDS = re.compile(r"\d{1,3}(?:[. ]\d{3})+(?:[,.]\d\d)?")
_SHORTEST_PHONE, _LONGEST_PHONE = 7, 15
_SHORTEST_UNLABELLED = 9
_WORD = re.compile(r"[^\W\d_]{2,}")
_NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a pattern found.

    Attributes:
        value: the text of the group `value`.
        match: the text of the whole match, with the cue.
        regions: whose national phone numbers count.
        not_names: words, casefolded, that begin no name.
        not_streets: words, casefolded, that follow an amount and no house number.
        not_recipients: words, casefolded, of organisations.
    """

    value: str
    match: str
    regions: tuple[str, ...]
    not_names: frozenset[str]
    not_streets: frozenset[str]
    not_recipients: frozenset[str] = frozenset()


def _digits(text: str) -> str:
    return "".join(_DIGIT.findall(text))


def _iban(found: Candidate) -> bool:
    return bool(iban.is_valid(found.value))


def _card(found: Candidate) -> bool:
    """The Luhn check, and the length of an issuer's numbers. The same digit throughout is no card."""
    digits = _digits(found.value)
    return bool(_CARD.fullmatch(digits)) and len(set(digits)) > 1 and bool(luhn.is_valid(digits))


def _ip_address(found: Candidate) -> bool:
    """Addresses on the internet; those of a home network, a loopback or a netmask are no one's."""
    try:
        address = ipaddress.ip_address(found.value)
    except ValueError:
        return False
    if address.version == 4 and (found.value.startswith(("0.", "255.")) or found.value.count(".0") > 2):
        return False
    is_local = address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local
    return not is_local and not any(
        address in network for network in _HOME if network.version == address.version
    )


_HOME = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


def _us_ssn(found: Candidate) -> bool:
    return bool(ssn.is_valid(found.value))


def _gb_nino(found: Candidate) -> bool:
    return _NINO.fullmatch(found.value.replace(" ", "")) is not None


def _fr_nir(found: Candidate) -> bool:
    return bool(nir.is_valid(found.value))


def _es_id(found: Candidate) -> bool:
    return bool(dni.is_valid(found.value)) or bool(nie.is_valid(found.value))


def _it_codice_fiscale(found: Candidate) -> bool:
    return bool(codicefiscale.is_valid(found.value))


def _phone_by_label(found: Candidate) -> bool:
    """After `Phone:` any number of a phone's length is one."""
    length = len(_digits(found.value))
    return _SHORTEST_PHONE <= length <= _LONGEST_PHONE and _DATE.fullmatch(found.value) is None


def _phone_international(found: Candidate) -> bool:
    text = found.value.replace("(0)", "")
    text = "+" + text[2:] if text.startswith("00") else text
    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(text, None)))
    except NumberParseException:
        return False


def _phone_national(found: Candidate) -> bool:
    """A number grouped as a region groups its phone numbers. A run of digits is more often an order."""
    text = found.value
    if _digits(text) == text or len(_digits(text)) < _SHORTEST_UNLABELLED:
        return False
    if _DATE.fullmatch(text) or _THOUSANDS.fullmatch(text):
        return False
    return _grouped_as_phone(text, found.regions)


@lru_cache(maxsize=50_000)
def _grouped_as_phone(text: str, regions: tuple[str, ...]) -> bool:
    return any(
        match.raw_string == text
        for region in regions
        for match in PhoneNumberMatcher(text, region, leniency=Leniency.STRICT_GROUPING)
    )


def canonical_phone(text: str) -> str:
    """The digits of a phone number, with the country code if it is written."""
    stripped = text.replace("(0)", "").strip()
    digits = _digits(stripped)
    return digits.removeprefix("00") if stripped.startswith("00") else digits


def _person(found: Candidate) -> bool:
    words = found.value.casefold().replace("\u2019", "'").split()
    return bool(words) and words[0].removesuffix("'s") not in found.not_names and not found.value.isupper()


def _greeted(found: Candidate) -> bool:
    """A name after a greeting. Every word counts: `Hello Summer Sale` greets no one."""
    words = [word.strip(".'\u2019-") for word in re.split(r"[\s'\u2019-]+", found.value.casefold())]
    return bool(words) and not any(word in found.not_names for word in words) and len(words[0]) > 1


def _titled(found: Candidate) -> bool:
    """A name after an academic title: `Dr. Martens` are boots."""
    return _person(replace(found, value=without_titles(found.value)))


def without_titles(name: str) -> str:
    """A name without academic titles before it."""
    return name[match.end() :] if (match := _TITLES.match(name)) else name


def _recipient(found: Candidate) -> bool:
    """A person above, or before, an address or after a purchase: not a company."""
    words = [word.strip(".'\u2019-").casefold() for word in found.value.split()]
    return _greeted(found) and found.not_recipients.isdisjoint(words)


def _introduced(found: Candidate) -> bool:
    return _greeted(found)


def _username(found: Candidate) -> bool:
    value = found.value.casefold().lstrip("@")
    return value not in found.not_names and not value.isdigit()


def _street(found: Candidate) -> bool:
    """A German street: `Birkenweg 9`, `Hamburger Ring 12`, `Am Markt 5`; not `Weg 3` or `Modell Ring 12`."""
    words = _WORD.findall(found.value.split("\n")[0])
    if not words or not found.value[0].isupper():
        return False
    if words[0].casefold() in _STREET_WORDS:
        return False
    is_bare = len(words) > 1 and words[1].casefold() in _STREET_WORDS
    return not is_bare or words[0].endswith("er") or words[0] in _BEFORE_STREETS


def _house_number(found: Candidate) -> bool:
    """A number before a word that is counted is no house."""
    words = _WORD.findall(found.value.casefold())
    return bool(words) and found.not_streets.isdisjoint(words[:1])


CHECKS: Mapping[str, Callable[[Candidate], bool]] = {
    "iban": _iban,
    "card": _card,
    "ip_address": _ip_address,
    "us_ssn": _us_ssn,
    "gb_nino": _gb_nino,
    "fr_nir": _fr_nir,
    "es_id": _es_id,
    "it_codice_fiscale": _it_codice_fiscale,
    "phone_by_label": _phone_by_label,
    "phone_international": _phone_international,
    "phone_national": _phone_national,
    "person": _person,
    "greeted": _greeted,
    "introduced": _introduced,
    "titled": _titled,
    "recipient": _recipient,
    "username": _username,
    "street": _street,
    "house_number": _house_number,
}
"""What the key `check` of a pattern may name."""
