"""Replace personal data in the parts of a data set, and count it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from facsim.data.scrub.detector import PersonalDataDetector
from facsim.data.scrub.known_values import KnownValues
from facsim.data.scrub.page_html import (
    FormField,
    PageReplacements,
    parts_of,
    rename_elements,
    replaced,
)
from facsim.data.scrub.placeholders import PLACEHOLDER, Pseudonymizer
from facsim.data.scrub.report import ScrubReport
from facsim.data.scrub.rules import PersonalKind
from facsim.data.scrub.spans import PersonalSpan, without_overlaps
from facsim.schema import Action, Session, Step

NOTHING_KNOWN = KnownValues({})
_URL_START = re.compile(r"https?://|/\S*$")
_IN_IDS: frozenset[PersonalKind] = frozenset({"email", "iban", "ip"})
"""Other kinds are numbers by form, as many ids are."""


@dataclass(frozen=True, slots=True)
class ScrubbedPage:
    """A page without personal data.

    Attributes:
        html: the page.
        names: new names by old ones, of the elements that were renamed.
    """

    html: str
    names: dict[str, str]


class Scrubber:
    """Replaces personal data by placeholders.

    Args:
        detector: finds them.
        pseudonymizer: makes the placeholders.
        report: counts what was replaced.
    """

    def __init__(
        self, detector: PersonalDataDetector, pseudonymizer: Pseudonymizer, report: ScrubReport
    ) -> None:
        self.detector, self.report = detector, report
        self._pseudonymizer = pseudonymizer

    def text(self, text: str, place: str, where: str, known: KnownValues = NOTHING_KNOWN) -> str:
        """A text without personal data.

        Args:
            text: the text.
            place: what it is, for the report: `rationales`, `personas`, …
            where: session and step, or page.
            known: values known to be personal.
        """
        spans = without_overlaps((*known.find(text), *self.detector.find(text))) if text else []
        return self._replaced(text, spans, place, where)

    def url(self, url: str, where: str, known: KnownValues = NOTHING_KNOWN) -> str:
        """An address without tokens and other personal data."""
        spans = without_overlaps((*self.detector.find_in_url(url), *known.find(url)))
        return self._replaced(url, spans, "urls", where, unquote_plus)

    def typed(self, text: str, field: FormField, where: str, known: KnownValues = NOTHING_KNOWN) -> str:
        """A typed text: replaced as a whole if its field is personal."""
        filled = self._filled(field, text, "typed texts", where)
        return self.text(text, "typed texts", where, known) if filled is None else filled

    def json(self, text: str, place: str, where: str, known: KnownValues = NOTHING_KNOWN) -> str:
        """A JSON document with every text scrubbed; keys name fields."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text, place, where, known)
        return json.dumps(self._json_value(value, "", partial(self._json_text, place, where, known)))

    def page(self, html: str, page_id: str, known: KnownValues = NOTHING_KNOWN) -> ScrubbedPage:
        """A simplified page without personal data; a page without any is returned as it is.

        Raises:
            InputError: if the page cannot be read.
        """
        where = f"page {page_id}"
        parts = parts_of(html)
        spans = without_overlaps((*known.find(parts.text), *self.detector.find(parts.text)))
        values: dict[str, str] = {}

        def placeholder(span: PersonalSpan) -> str:
            value = parts.text[span.start : span.end]
            values[value] = self._placeholder(
                span.kind, value, "pages", where, lambda found: self._context(parts.text, spans, span, found)
            )
            return values[value]

        def text(value: str) -> str:
            found = without_overlaps((*known.find(value), *self.detector.find(value)))
            for span in found:
                inner = value[span.start : span.end]
                values[inner] = self._pseudonymizer.placeholder(span.kind, inner)
            return self._replaced(value, found, "pages", where)

        def filled(field: FormField, value: str) -> str | None:
            new = self._filled(field, value, "pages", where)
            if new is not None and new != value:
                values[value.strip()] = new
            return new

        how = PageReplacements(spans, placeholder, text, partial(self.url, where=where, known=known), filled)
        tokens = replaced(parts, how)
        names = rename_elements(tokens, values)
        new_html = "".join(tokens)
        return ScrubbedPage(new_html, names)

    def step(
        self,
        step: Step,
        page: ScrubbedPageRef,
        field: FormField | None,
        where: str,
        known: KnownValues = NOTHING_KNOWN,
    ) -> Step:
        """A step on its scrubbed page.

        Args:
            step: the step.
            page: id and renamed elements of its page.
            field: the field it types into, if the page has one of that name.
            where: session and step.
            known: values known to be personal.
        """

        def action(old: Action) -> Action:
            if old.name is None and old.text is None:
                return old
            name = None if old.name is None else page.names.get(old.name, old.name)
            text = old.text
            if text is not None:
                text = self.typed(text, field or FormField(old.name, "", "", ""), where, known)
            return replace(old, name=name, text=text)

        rationale = step.rationale and self.text(step.rationale, "rationales", where, known)
        truth = None if step.truth is None else replace(step.truth, best=action(step.truth.best))
        url = step.url and self.url(step.url, where, known)
        context = step.context and self.json(step.context, "contexts", where, known)
        return replace(
            step,
            page_id=page.page_id,
            action=action(step.action),
            rationale=rationale,
            url=url,
            truth=truth,
            context=context,
        )

    def session(self, session: Session, steps: Iterable[Step], known: KnownValues = NOTHING_KNOWN) -> Session:
        """A session with its scrubbed steps. Ids stay, unless they are personal data themselves."""
        where = f"session {self.identifier(session.session_id)}"
        persona = session.persona and self.text(session.persona, "personas", where, known)
        intent = session.intent and self.text(session.intent, "intents", where, known)
        fields = session.persona_fields and self.json(session.persona_fields, "personas", where, known)
        return replace(
            session,
            session_id=self.identifier(session.session_id),
            user_id=self.identifier(session.user_id),
            steps=tuple(steps),
            persona=persona,
            intent=intent,
            persona_fields=fields,
        )

    def identifier(self, text: str) -> str:
        """A session's or person's id: an e-mail address in it is replaced, a pseudonym stays."""
        spans = [span for span in self.detector.find(text) if span.kind in _IN_IDS]
        return self._replaced(text, spans, "ids", "ids")

    def _filled(self, field: FormField, text: str, place: str, where: str) -> str | None:
        kind = self.detector.field_kind(field.name, field.label, field.input_type)
        if kind is None:
            return None
        if not text.strip() or PLACEHOLDER.fullmatch(text.strip()):
            return text
        value = text.strip()
        # An e-mail address typed into "E-mail or phone" is one of its own kind.
        spans = self.detector.find(value)
        if len(spans) == 1 and (spans[0].start, spans[0].end) == (0, len(value)):
            kind = spans[0].kind
        return self._placeholder(kind, value, place, where, lambda found: f"{field.name}: {found}")

    def _replaced(
        self,
        text: str,
        spans: Iterable[PersonalSpan],
        place: str,
        where: str,
        decode: Callable[[str], str] = str,
    ) -> str:
        spans = list(spans)
        parts: list[str] = []
        position = 0
        for span in spans:
            parts += [
                text[position : span.start],
                self._placeholder(
                    span.kind,
                    decode(text[span.start : span.end]),
                    place,
                    where,
                    lambda found, span=span: self._context(text, spans, span, found),  # type: ignore[misc]
                ),
            ]
            position = span.end
        return "".join((*parts, text[position:])) if parts else text

    def _placeholder(
        self, kind: PersonalKind, value: str, place: str, where: str, context: Callable[[str], str]
    ) -> str:
        found = self._pseudonymizer.placeholder(kind, value)
        if self.report.count(kind, found, place):
            self.report.add_example(kind, value, context(found), found, where)
        return found

    def _context(self, text: str, spans: Iterable[PersonalSpan], span: PersonalSpan, found: str) -> str:
        """The text around a span, its neighbours replaced too."""
        start, end = max(0, span.start - 200), span.end + 200
        parts: list[str] = []
        for other in spans:
            if other.end <= start or other.start >= end:
                continue
            parts.append(text[start : max(start, other.start)])
            parts.append(
                found
                if other is span
                else self._pseudonymizer.placeholder(other.kind, text[other.start : other.end])
            )
            start = other.end
        return "".join((*parts, text[start:end]))

    def _json_value(self, value: Any, key: str, scrub: Callable[[str, str], str]) -> Any:
        if isinstance(value, dict):
            return {name: self._json_value(inner, name, scrub) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._json_value(inner, key, scrub) for inner in value]
        if isinstance(value, str):
            return scrub(key, value)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return scrub(key, str(value)) if is_number and self.detector.field_kind(key) else value

    def _json_text(self, place: str, where: str, known: KnownValues, key: str, text: str) -> str:
        filled = self._filled(FormField(key or None, "", "", ""), text, place, where)
        if filled is None and _URL_START.match(text):
            return self.url(text, where, known)
        return self.text(text, place, where, known) if filled is None else filled


@dataclass(frozen=True, slots=True)
class ScrubbedPageRef:
    """What is kept of a scrubbed page: its new id, and the elements that were renamed."""

    page_id: str
    names: dict[str, str]
