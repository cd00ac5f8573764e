"""Checks of phone numbers, by Google's libphonenumber."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import Leniency, NumberParseException, PhoneNumberMatcher, PhoneNumberType

from facsim.data.scrub.candidate import DATE, THOUSANDS, Candidate, digits_of

_SHORTEST_PHONE, _LONGEST_PHONE = 7, 15
_SHORTEST_UNLABELLED = 9


def phone_by_label(found: Candidate) -> bool:
    """After `Phone:` any number of a phone's length is one; without the colon, one that could be dialled."""
    length = len(digits_of(found.value))
    is_loose = re.search(r"[:\uff1a=\n]", found.match) is None and found.value[0] not in "0+("
    if _is_service(found.value, found.regions) or (is_loose and length < _SHORTEST_UNLABELLED):
        return False
    return _SHORTEST_PHONE <= length <= _LONGEST_PHONE and DATE.fullmatch(found.value) is None


def phone_international(found: Candidate) -> bool:
    """A number with a country code that could be one, and is no service's."""
    text = found.value.replace("(0)", "")
    text = "+" + text[2:] if text.startswith("00") else text
    try:
        number = phonenumbers.parse(text, None)
        return bool(phonenumbers.is_possible_number(number)) and not _of_service(number)
    except NumberParseException:
        return False


def phone_national(found: Candidate) -> bool:
    """A number grouped as a region groups its phone numbers. A run of digits is more often an order."""
    text = found.value
    if digits_of(text) == text or len(digits_of(text)) < _SHORTEST_UNLABELLED:
        return False
    if DATE.fullmatch(text) or THOUSANDS.fullmatch(text):
        return False
    return _grouped_as_phone(text, found.regions) and not _is_service(text, found.regions)


_OF_SERVICES = (
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.UAN,
)


def _of_service(number: phonenumbers.PhoneNumber) -> bool:
    """Whether a number is free, or costs more, to call: those of companies."""
    return phonenumbers.number_type(number) in _OF_SERVICES


_STARTS_OF_SERVICES = re.compile(
    r"0800|080[15689]|081[01]|082[0156]|084[345]|087[012]|03(?:00|03|30|33|44|45)|0180|0137|0900"
    r"|8(?:00|33|44|55|66|77|88|48)|90[012]|199"
)


def phone_near_cue(found: Candidate) -> bool:
    """A number of a region near a word such as `call`: grouped in any way."""
    text = found.value
    if len(digits_of(text)) < _SHORTEST_UNLABELLED or DATE.fullmatch(text):
        return False
    return _is_valid_phone(text, found.regions) and not _is_service(text, found.regions)


@lru_cache(maxsize=50_000)
def _is_valid_phone(text: str, regions: tuple[str, ...]) -> bool:
    for region in regions:
        try:
            number = phonenumbers.parse(text, region)
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number_for_region(number, region):
            return True
    return False


@lru_cache(maxsize=50_000)
def _is_service(text: str, regions: tuple[str, ...]) -> bool:
    """Whether a number is one of a service in a region: `0800 …`."""
    if _STARTS_OF_SERVICES.match(digits_of(text)) is None:
        return False
    for region in regions:
        try:
            number = phonenumbers.parse(text, region)
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number_for_region(number, region) and _of_service(number):
            return True
    return False


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
    digits = digits_of(stripped)
    return digits.removeprefix("00") if stripped.startswith("00") else digits
