"""Find personal data in texts, addresses and form fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache

from facsim.data.scrub.candidate import Candidate
from facsim.data.scrub.given_names import GivenNames
from facsim.data.scrub.name_finder import NameFinder
from facsim.data.scrub.placeholders import PLACEHOLDER
from facsim.data.scrub.rules import FieldRule, PersonalKind, ScrubRules, fold_words
from facsim.data.scrub.spans import PersonalSpan, without_overlaps
from facsim.data.scrub.url_scanner import UrlScanner
from facsim.data.scrub.value_checks import CHECKS
from facsim.schema import MASKED_TEXT

EDGE = "\x1f"
"""Separates the texts of neighbouring inline elements."""
_URL = re.compile(r"\bhttps?://[^\s<>\"'\x1f]+|\bwww\.[^\s<>\"'\x1f]+")
_LONGEST_BEFORE = 80
_LONGEST_LINE = 5_000
_CACHED_LINES = 200_000
_CACHED_FIELDS = 50_000
_LONGEST_LABEL = 80
_WEAK_NO_FIELDS = frozenset(["from", "to", "find", "list", "item"])
_LONG_WORDS = 8
"""Field words this long count beside a weak word against them: `Who should we deliver to?`."""
_RECIPIENT = r"\W{0,2}(?P<value>%TITLE%{0,3}%TWO_NAMES%)\W{0,2}"
# Before an address in the same line, at its start or after a sign or a word in lower case.
_RECIPIENT_BEFORE = (
    r"(?:^|[:\uff1a|·•;\x1f]\s*|(?<![\w\u2019'-])[a-zäöüßéèàòùìñ]+\s)(?P<value>%TITLE%{0,3}%TWO_NAMES%)"
    r"\s?(?:[,;|·•\u2013\u2014\x1f]|-)\s?$"
)
# After a name: `Anna Berg and Tom Berg`.
_SECOND_NAME = r" (?:and|und|et|y|e|&) (?P<value>%TWO_NAMES%)(?=\s*(?:[!?,.:;|·•()\n\x1f\u2013\u2014]|$))"
_KIND_OF_TYPE: dict[str, PersonalKind] = {"email": "email", "tel": "phone", "password": "password"}


class PersonalDataDetector:
    """Finds personal data by rules.

    Args:
        rules: the rules; the built-in ones by default.
    """

    def __init__(self, rules: ScrubRules | None = None) -> None:
        self.rules = rules or ScrubRules.default()
        self._patterns = [
            (rule, pattern, re.compile(rule.unless) if rule.unless else None)
            for rule, pattern in self.rules.compiled()
        ]
        self._second_name = re.compile(self.rules.expand(_SECOND_NAME))
        self._recipient = re.compile(self.rules.expand(_RECIPIENT))
        self._recipient_before = re.compile(self.rules.expand(_RECIPIENT_BEFORE))
        self._names = NameFinder(self.rules, GivenNames.default())
        self._urls = UrlScanner(self.rules.urls, self.field_kind, self._find_plain)
        self._field_rule = lru_cache(maxsize=_CACHED_FIELDS)(self._find_field_rule)
        self._in_line = lru_cache(maxsize=_CACHED_LINES)(self._find_in_line)

    @classmethod
    def default(cls) -> PersonalDataDetector:
        """The detector with the built-in rules, made once."""
        return _default()

    def find(self, text: str) -> list[PersonalSpan]:
        """The personal data in a text, from left to right, without overlaps.

        A line is read with the short line before it: labels often have a line of their own.
        """
        found: list[PersonalSpan] = []
        before, before_start, start = "", 0, 0
        for line in text.split("\n"):
            spans = self._in_line(before, line) if line.strip() else ()
            if spans and spans[0].kind == "address" and spans[0].start <= 2 and before:
                found += self._recipient_in(before, before_start, found)
            found += [PersonalSpan(span.kind, start + span.start, start + span.end) for span in spans]
            found += self._recipients_before(line, start, spans)
            if line.strip():
                before, before_start = (line if len(line) <= _LONGEST_BEFORE else ""), start
            start += len(line) + 1
        return without_overlaps(found)

    def find_in_url(self, url: str) -> list[PersonalSpan]:
        """The personal data in an address, from left to right, without overlaps."""
        return self._urls.find(url)

    def field_rule(self, name: str | None, label: str = "", input_type: str = "") -> FieldRule | None:
        """The rule for a form field that holds personal data; None for other fields.

        Args:
            name: the element's dotted name.
            label: its visible label.
            input_type: the attribute `type` of an `input`.
        """
        return self._field_rule(name or "", label[:_LONGEST_LABEL], input_type.lower())

    def field_kind(self, name: str | None, label: str = "", input_type: str = "") -> PersonalKind | None:
        """What people type into a form field; None if it is not personal."""
        rule = self.field_rule(name, label, input_type)
        return rule.kind if rule else None

    def typed_kind(self, name: str | None, text: str | None) -> PersonalKind | None:
        """The kind of personal data in a typed text: by the field it was typed into, or by what it is."""
        if not text or not text.strip() or text == MASKED_TEXT or PLACEHOLDER.fullmatch(text.strip()):
            return None
        kind = self.field_kind(name)
        if kind is not None:
            return kind
        spans = self.find(text)
        return spans[0].kind if spans else None

    def _find_field_rule(self, name: str, label: str, input_type: str) -> FieldRule | None:
        last = name.rpartition(".")[2]
        for text in filter(None, map(fold_words, (last, label))):
            blocked = self.rules.no_field_words.search(text)
            if blocked is not None and blocked[0].strip("_") not in _WEAK_NO_FIELDS:
                continue
            # The longest words decide: `e_mail_adresse` is no address.
            sizes = [
                (match.end() - match.start(), -place)
                for place, (_, pattern) in enumerate(self.rules.field_words)
                for match in pattern.finditer(text)
            ]
            if sizes:
                size, place = max(sizes)
                best = self.rules.fields[-place]
                if blocked is not None and size < _LONG_WORDS:
                    continue
                if best.kind != "name" or _is_whole_name(text, size):
                    return best
        kind = _KIND_OF_TYPE.get(input_type)
        return next((rule for rule in self.rules.fields if rule.kind == kind), None)

    def _find_in_line(self, before: str, line: str) -> tuple[PersonalSpan, ...]:
        """The spans in `line`, with offsets in it: also the rest of one that begins in `before`."""
        if len(line) > _LONGEST_LINE:
            return tuple(self._find_long(line))
        text = f"{before}\n{line}" if before else line
        shift = len(text) - len(line)
        return tuple(
            PersonalSpan(span.kind, max(span.start - shift, 0), span.end - shift)
            for span in self._find_plain(text)
            if span.end > shift
        )

    def _find_long(self, line: str) -> Iterable[PersonalSpan]:
        """A line in pieces, cut at white space: some patterns take time that grows faster than the text."""
        start = 0
        while start < len(line):
            end = start + _LONGEST_LINE
            cut = line.rfind(" ", start + 1, end) if end < len(line) else len(line)
            cut = cut if cut > start else min(end, len(line))
            for span in self._find_plain(line[start:cut]):
                yield PersonalSpan(span.kind, span.start + start, span.end + start)
            start = cut

    def _find_plain(self, text: str) -> list[PersonalSpan]:
        """The personal data in a short text, addresses of web pages in it included."""
        found = []
        taken = [match.span() for match in PLACEHOLDER.finditer(text)]
        if "://" in text or "www." in text:
            for match in _URL.finditer(text):
                found += [
                    PersonalSpan(span.kind, match.start() + span.start, match.start() + span.end)
                    for span in self._urls.find(match[0])
                ]
                taken.append(match.span())
        for rule, pattern, unless in self._patterns:
            if rule.needs is not None and rule.needs not in text:
                continue
            for match in pattern.finditer(text):
                start, end = match.span("value")
                if any(start < other_end and other_start < end for other_start, other_end in taken):
                    continue
                if unless is not None and unless.search(text, max(0, start - 40), start):
                    continue
                if rule.check is not None and not CHECKS[rule.check](self._candidate(match)):
                    continue
                taken.append((start, end))
                found.append(PersonalSpan(rule.kind, start, end))
        found += [
            span
            for span in self._names.find(text)
            if not any(start < span.end and span.start < end for start, end in taken)
        ]
        found += self._second_names(text, found)
        return sorted(found, key=lambda span: span.start)

    def _second_names(self, text: str, found: Sequence[PersonalSpan]) -> list[PersonalSpan]:
        """Names joined to those found by `and`."""
        second: list[PersonalSpan] = []
        for span in found:
            joined = self._second_name.match(text, span.end) if span.kind == "name" else None
            if joined is not None and CHECKS["labelled_name"](self._candidate(joined)):
                start, end = joined.span("value")
                if not any(start < other.end and other.start < end for other in found):
                    second.append(PersonalSpan("name", start, end))
        return second

    def _candidate(self, match: re.Match[str]) -> Candidate:
        rules = self.rules
        return Candidate(
            match["value"],
            match[0],
            rules.phone_regions,
            rules.first_words_of_no_name,
            rules.words_after_amounts,
            rules.words_of_organisations,
        )

    def _recipient_in(self, line: str, start: int, found: Sequence[PersonalSpan]) -> list[PersonalSpan]:
        """A line that is a name and nothing else, above a street."""
        match = self._recipient.fullmatch(line)
        if match is None or not CHECKS["recipient"](self._candidate(match)):
            return []
        span = PersonalSpan("name", start + match.start("value"), start + match.end("value"))
        return [] if any(one.start < span.end and span.start < one.end for one in found) else [span]

    def _recipients_before(
        self, line: str, start: int, spans: Sequence[PersonalSpan]
    ) -> Iterator[PersonalSpan]:
        """Names before the addresses of a line: `Anna Berg, Elm Street 14`."""
        last = 0
        for span in spans:
            if span.kind == "address":
                begin = max(last, span.start - _LONGEST_BEFORE)
                match = self._recipient_before.search(line[begin : span.start])
                if match is not None and CHECKS["recipient"](self._candidate(match)):
                    at = start + begin
                    yield PersonalSpan("name", at + match.start("value"), at + match.end("value"))
            last = span.end


def _is_whole_name(text: str, size: int) -> bool:
    """Whether `name` is what a field is about: `billing_name`, not `name_your_price_for_the_room`."""
    return len(text) <= size + 24


@cache
def _default() -> PersonalDataDetector:
    return PersonalDataDetector()
