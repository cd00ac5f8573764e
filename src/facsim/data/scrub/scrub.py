"""A data set without personal data."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from facsim.data.scrub.detector import EDGE, PersonalDataDetector
from facsim.data.scrub.given_names import given_name_of
from facsim.data.scrub.known_values import KnownValues
from facsim.data.scrub.page_html import FormField, fields_in, parts_of
from facsim.data.scrub.placeholders import PLACEHOLDER, Pseudonymizer
from facsim.data.scrub.report import ScrubReport
from facsim.data.scrub.rules import PersonalKind, ScrubRules
from facsim.data.scrub.scrubber import NOTHING_KNOWN, ScrubbedPageRef, Scrubber
from facsim.data.store import DataSet
from facsim.data.table_schemas import SESSIONS_SCHEMA, STEPS_SCHEMA
from facsim.data.writer import DataSetWriter, ReportName
from facsim.util.errors import ConfigError, InputError
from facsim.util.progress import Progress, no_progress


def scrub(
    data: DataSet | str | Path,
    out: str | Path,
    *,
    rules: str | Path | None = None,
    key: bytes | None = None,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ScrubReport:
    """Write a copy of a data set in which placeholders stand for personal data.

    Replaced are e-mail addresses, phone numbers, cards, bank accounts, identity numbers, IP addresses,
    tokens, dates of birth, passwords, user names, postal addresses and names: in pages, names of elements,
    typed texts, URLs, rationales, personas and intents. What was typed into a field for such things is
    replaced as a whole, and looked for in everything that the same person saw. Raw pages are dropped: no
    rule can read their scripts. The folder gets `scrub.json` and `scrub.md`.

    A value has the same placeholder throughout, so actions still match pages. Placeholders are keyed hashes.

    Args:
        data: the data set or its folder.
        out: the folder to make.
        rules: YAML file with rules of one's own, added to the built-in ones.
        key: secret of at least 16 bytes, for the same placeholders in several data sets. By default it is
            random and not kept: nobody can find out what a placeholder stood for, even by guessing.
        overwrite: replace a data set that is already at `out`.
        progress: called with the progress.

    Raises:
        ConfigError: if `out` exists or is the data set itself, or the rules or the key are unusable.
        InputError: if the data set cannot be read.
    """
    data = data if isinstance(data, DataSet) else DataSet.open(data)
    out = Path(out)
    if out.resolve() == data.path.resolve():
        raise ConfigError(f"{out} is the data set itself: choose another folder for the scrubbed one")
    detector = (
        PersonalDataDetector.default() if rules is None else PersonalDataDetector(ScrubRules.read(rules))
    )
    report = ScrubReport(data.card.name)
    return _Scrub(data, Scrubber(detector, Pseudonymizer(key), report)).write(out, overwrite, progress)


_LOOKED_FOR: frozenset[PersonalKind] = frozenset({"name", "username", "address"})
"""Found by their cues; other kinds have a form and are found wherever they are."""


class _Scrub:
    """One pass to learn what people typed, one over the pages, one over the sessions."""

    def __init__(self, data: DataSet, scrubber: Scrubber) -> None:
        self._data, self._scrubber = data, scrubber
        self._fields: dict[tuple[str, str], FormField] = {}
        self._values: dict[str, dict[str, PersonalKind]] = {}
        self._known: dict[str, KnownValues] = {}
        self._people: dict[str, set[str]] = {}

    def write(self, out: Path, overwrite: bool, progress: Progress) -> ScrubReport:
        data, report = self._data, self._scrubber.report
        columns = {*data.sessions.columns, *data.steps.columns}
        report.foreign = tuple(sorted(columns - {*SESSIONS_SCHEMA.names, *STEPS_SCHEMA.names}))
        report.raw_pages = data.pages.raw_pages
        with DataSetWriter(out, data.card, keep_raw=False, overwrite=overwrite) as writer:
            self._learn(progress)
            pages = self._pages(writer, progress)
            for session in data:
                known = self._of(session.user_id)
                where = f"session {self._scrubber.identifier(session.session_id)}"
                steps = [
                    self._scrubber.step(
                        step,
                        pages[step.page_id],
                        self._fields.get((step.page_id, step.action.name or "")),
                        f"{where}, step {index}",
                        known,
                    )
                    for index, step in enumerate(session.steps)
                ]
                writer.add_session(self._scrubber.session(session, steps, known))
            self._copy_reports(writer)
            report.written = writer.counts
            writer.card = data.card.model_copy(
                update={"settings": {**data.card.settings, "scrub": {"replaced": report.counts}}}
            )
            text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
            writer.add_report(text, report.to_markdown(), name="scrub")
        return report

    def _learn(self, progress: Progress) -> None:
        """Note the fields that people typed into, and the values of personal fields, by person."""
        data = self._data
        user_of = dict(data.sessions.select("session_id", "user_id").iter_rows())
        typed: dict[str, dict[str, list[tuple[str, str]]]] = {}
        columns = ("page_id", "session_id", "action_name", "action_text")
        for page_id, session_id, name, text in data.steps.select(columns).iter_rows():
            self._people.setdefault(page_id, set()).add(user_of[session_id])
            if text:
                by_name = typed.setdefault(page_id, {})
                by_name.setdefault(name or "", []).append((user_of[session_id], text))
        for done, (page_id, html) in enumerate(data.pages.scan()):
            progress(done, len(data.pages), "pages read")
            waiting = dict(typed.get(page_id, {}))
            for field in fields_in(html):
                texts = waiting.pop(field.name or "", [])
                if texts and field.name is not None:
                    self._fields[page_id, field.name] = field
                seen = [(user, field.value) for user in self._people.get(page_id, ())]
                self._note(field, (*texts, *seen))
            for name, others in waiting.items():
                self._note(FormField(name, "", "", ""), others)
            people = self._people.get(page_id, ())
            if len(people) == 1:
                with _naming(data.pages.name, page_id):
                    self._note_found(parts_of(html).text, people)
        for user, fields in data.sessions.select("user_id", "persona_fields").drop_nulls().iter_rows():
            for name, text in _named_texts(fields):
                self._note(FormField(name, "", "", ""), [(user, text)])
        for user, *about in data.sessions.select("user_id", "persona", "intent").iter_rows():
            for text in filter(None, about):
                self._note_found(text, (user,))
        self._known = {user: KnownValues(values) for user, values in self._values.items()}

    def _note(self, field: FormField, texts: Iterable[tuple[str, str]]) -> None:
        rule = self._scrubber.detector.field_rule(field.name, field.label, field.input_type)
        if rule is None or not rule.search:
            return
        for user, text in texts:
            value = " ".join(text.split())
            if value and PLACEHOLDER.fullmatch(value) is None:
                self._values.setdefault(user, {})[value] = rule.kind
                if rule.kind == "name" and (given := given_name_of(value)):
                    self._values[user].setdefault(given, "name")

    def _note_found(self, text: str, people: Collection[str]) -> None:
        """Note who a text is about: a name in a greeting is one elsewhere, too."""
        for span in self._scrubber.detector.find(text):
            value = " ".join(text[span.start : span.end].replace(EDGE, " ").split())
            # A single word after a cue may be any word.
            if span.kind in _LOOKED_FOR and not value.isalpha():
                given = given_name_of(value) if span.kind == "name" else None
                for user in people:
                    values = self._values.setdefault(user, {})
                    values.setdefault(value, span.kind)
                    if given is not None:
                        values.setdefault(given, "name")

    def _of(self, user: str) -> KnownValues:
        return self._known.get(user, NOTHING_KNOWN)

    def _known_on(self, page_id: str) -> KnownValues:
        """The values of the people who saw a page. On a page of several people only telling ones count."""
        people = self._people.get(page_id, set())
        if len(people) == 1:
            return self._of(next(iter(people)))
        values: dict[str, PersonalKind] = {}
        for user in sorted(people):
            values |= self._values.get(user, {})
        return KnownValues(values, shared=True) if values else NOTHING_KNOWN

    def _pages(self, writer: DataSetWriter, progress: Progress) -> Mapping[str, ScrubbedPageRef]:
        data = self._data
        pages: dict[str, ScrubbedPageRef] = {}
        for done, (page_id, html) in enumerate(data.pages.scan()):
            progress(done, len(data.pages), "pages scrubbed")
            if page_id not in self._people:
                continue  # of sessions that are not part of this selection
            with _naming(data.pages.name, page_id):
                page = self._scrubber.page(html, page_id, self._known_on(page_id))
            pages[page_id] = ScrubbedPageRef(writer.add_page(page.html), page.names)
        missing = next((page_id for page_id in self._people if page_id not in pages), None)
        if missing is not None:
            raise InputError(f"no page {missing}", file=data.pages.name, remedy="The data set is incomplete")
        return pages

    def _copy_reports(self, writer: DataSetWriter) -> None:
        """Copy the data set's earlier reports, scrubbed: they quote what was met."""
        names: tuple[ReportName, ...] = ("ingest", "synthesis", "rollout")
        for name in names:
            files = [self._data.path / f"{name}.{form}" for form in ("json", "md")]
            if not all(file.is_file() for file in files):
                continue
            as_json, as_markdown = (file.read_text(encoding="utf-8", errors="replace") for file in files)
            scrubbed = json.dumps(
                json.loads(self._scrubber.json(as_json, "reports", name)), indent=2, ensure_ascii=False
            )
            writer.add_report(
                scrubbed + "\n",
                self._scrubber.text(as_markdown, "reports", name),
                name=name,
            )


def _named_texts(fields: str) -> Iterator[tuple[str, str]]:
    """The texts at the top of a JSON object, with their keys."""
    try:
        found = json.loads(fields)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict):
        yield from ((name, text) for name, text in found.items() if isinstance(text, str))


@contextmanager
def _naming(file: str, page_id: str) -> Iterator[None]:
    """Names the page in an error."""
    try:
        yield
    except InputError as error:
        raise InputError(error.problem, file=file, where=f"page {page_id}") from None
