"""Draft a mapping for a log: guess the meaning of its columns, and mark guesses in comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from facsim.data.session_builder import is_html
from facsim.data.sources.csv_rows import csv_format, csv_rows
from facsim.data.sources.rows import LogRow, files_at, json_rows, parquet_rows
from facsim.data.sources.timestamps import read_time
from facsim.data.sources.xpath import css_of_xpath
from facsim.util.display_text import one_line
from facsim.util.errors import InputError

LogFormat = Literal["csv", "jsonl", "parquet"]
SUFFIXES: Mapping[LogFormat, tuple[str, ...]] = {
    "csv": (".csv", ".tsv", ".csv.gz", ".tsv.gz"),
    "jsonl": (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"),
    "parquet": (".parquet",),
}
_ROWS = 500
_MOST_TYPES = 30
_HTML_FILE = re.compile(r"[^\n<>]{1,300}\.html?(?:\.gz)?")
_SELECTOR = re.compile(r"[a-z]*[#.][A-Za-z_][\w-]*(?=$|[\s.:>\[#])|[a-z]*\[[\w-]+[\]~|^$*]?=?")
_CLICKS = frozenset(["click", "tap", "press", "touch", "mousedown", "pointerdown", "select", "dblclick"])
_TYPING = frozenset(
    ["input", "type", "typing", "key", "keyup", "keypress", "change", "submit", "search", "text", "fill"]
)
_LEAVING = frozenset(["leave", "exit", "terminate", "unload", "beforeunload", "close", "end", "quit"])
_BUYING = frozenset(
    ["buy", "bought", "purchase", "purchased", "order", "ordered", "paid", "converted", "true"]
)
_OUTCOMES = ("purchase", "terminate")
# Columns of well-known exports, each with its mapping.
_KNOWN_EXPORTS: Mapping[frozenset[str], tuple[str, str]] = {
    frozenset(["event_name", "event_params", "user_pseudo_id"]): ("Google Analytics 4", "ga4"),
    frozenset(["idVisit", "actionDetails"]): ("Matomo", "matomo"),
    frozenset(["event_id", "domain_userid", "collector_tstamp"]): ("Snowplow", "snowplow"),
}
_YAML_WORDS = frozenset(["yes", "no", "on", "off", "true", "false", "null", "y", "n"])


@dataclass(slots=True)
class _Column:
    """The non-null values of a column in the first rows."""

    name: str
    values: list[Any] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [value for value in self.values if isinstance(value, str)]

    @property
    def words(self) -> set[str]:
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.name)
        return set(re.split(r"[^a-z0-9]+", spaced.lower()))

    def share(self, holds: Callable[[Any], object]) -> float:
        """Share of the values that satisfy a predicate; 0 without values."""
        return sum(bool(holds(value)) for value in self.values) / len(self.values) if self.values else 0.0


def log_format(path: Path) -> LogFormat:
    """The format of a log, from its file names.

    Raises:
        InputError: if there is no such file, or its name has no known suffix.
    """
    for name, suffixes in SUFFIXES.items():
        if path.is_file() and path.name.lower().endswith(suffixes):
            return name
        if path.is_dir() and any(file.name.lower().endswith(suffixes) for file in path.rglob("*")):
            return name
    if not path.exists():
        raise InputError("no such file or folder", file=path)
    known = ", ".join(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
    raise InputError("is not a log, by its name", file=path, expected=f"a file ending in one of {known}")


def draft_mapping(path: str | Path) -> str:
    """A YAML mapping for a log, with comments on what was guessed and what is missing.

    Reads the first 500 rows. Guesses are marked with `guess`, open questions with `TODO`.

    Args:
        path: a log in CSV, JSON Lines or Parquet: a file or a folder.

    Raises:
        InputError: if the log cannot be read or has no rows.
    """
    path = Path(path)
    kind = log_format(path)
    rows = list(islice(_rows(path, kind), _ROWS))
    if not rows:
        raise InputError("has no rows", file=path)
    columns: dict[str, _Column] = {}
    for row in rows:
        for name, value in _flat(row.values):
            columns.setdefault(name, _Column(name))
            if value is not None and value != "":
                columns[name].values.append(value)
    return "\n".join(_Draft(path, kind, list(columns.values()), len(rows)).lines()) + "\n"


def _rows(path: Path, kind: LogFormat) -> Iterator[LogRow]:
    for file in files_at(path, SUFFIXES[kind]):
        if kind == "csv":
            yield from csv_rows(file, csv_format(file))
        elif kind == "jsonl":
            yield from json_rows(file)
        else:
            yield from parquet_rows(file)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and not prefix:
            yield from _flat(value, f"{name}.")
        else:
            yield f"{prefix}{name}", value


class _Draft:
    """The guesses for one log. Each column is used once."""

    def __init__(self, path: Path, kind: LogFormat, columns: Sequence[_Column], rows: int) -> None:
        self._path, self._kind, self._columns, self._count = path, kind, columns, rows
        self._used: set[str] = set()

    def lines(self) -> Iterator[str]:
        """The lines of the file."""
        yield from self._head()
        # Columns recognised by their values go first, so that a match by name cannot take them.
        page, kind = self._page()
        time = (
            self._find(lambda one: _is_time_column(one) and not one.share(_is_day))
            or self._find(_is_time_column)
            or self._find(lambda one: one.share(_is_written_time) > 0.9)
        )
        event = (
            self._find(_is_event)
            or self._find(lambda one: one.share(_is_action) > 0.5)
            or self._find(lambda one: _says(one, "event action type"))
        )
        target = self._target()
        session = self._find(partial(_identifies, words="session sess visit sid sessionid visitid"))
        user = self._find(
            partial(
                _identifies,
                words="user customer person client visitor uid userid member account anon anonymous",
            )
        )
        step = self._find(lambda one: one.share(_is_number) == 1 and _says(one, "step seq sequence"))
        yield from _entry(
            "session", session, "which session", optional="without ids a user's rows are cut at pauses"
        )
        yield from _entry("user", user, "which person", optional="each session then counts as one person")
        yield from _entry(
            "time",
            time,
            "when; add `zone` if times have none and are not UTC",
            optional="rows keep their order",
        )
        yield from _entry("step", step, "a number that orders the steps of a session")
        yield ""
        yield "page: # what the person saw when acting"
        if page is None:
            yield "  # A log without pages: write `page: none` instead; action.target may then be left out."
            yield "  column: TODO # the column with the page's HTML, or `file:` with paths of files"
        else:
            yield f"  {kind}: {_quoted(page.name)} # guess"
        simplified = (
            page is not None and page.share(lambda value: "data-simplified" in str(value)[:300]) > 0.5
        )
        yield f"  kind: {'simplified' if simplified else 'raw'} # raw HTML, or simplified by Facsim"
        yield ""
        yield "action:"
        yield from self._types(event)
        yield "  target: # what was acted on: one of name, selector, id, xpath, text"
        if target is None:
            yield "    selector: TODO # the column with a CSS selector"
        else:
            yield f"    {target[0]}: {_quoted(target[1].name)} # guess"
        text = self._find(lambda one: _says(one, "text typed value val input query keyword"))
        yield from _entry("text", text, "what was typed", indent="  ")
        yield ""
        url = self._find(lambda one: one.share(_is_address) > 0.7)
        yield from _entry("url", url, "address of the page")
        for key, words, what in (
            ("category", "category", "what the action amounts to on the site"),
            ("rationale", "rationale reason why", "the reason the person gave"),
            ("persona", "persona profile about", "what is known of the person, as text"),
            ("intent", "intent goal task", "what the person came for"),
        ):
            found = self._find(partial(_says, words=words))
            yield from _entry(key, found, what)
        yield from self._outcome(self._find(lambda one: _says(one, "outcome result converted")))
        left = [one_line(one.name, 60) for one in self._columns if one.name not in self._used]
        if left:
            yield f"# Columns that nothing above uses: {', '.join(left[:40])}"

    def _head(self) -> Iterator[str]:
        name = re.sub(r"[^a-z0-9]+", "-", self._path.name.split(".")[0].lower()).strip("-") or "log"
        log = one_line(self._path.name, 100)
        yield f"# A first mapping of {log}, made from its first {self._count:,} rows."
        yield "# Check every line marked `guess`, answer every `TODO`, then run:"
        yield f"#   facsim ingest {self._kind} LOG --mapping THIS_FILE --out DATA_SET"
        yield "# docs/your-data/logs.md explains every key."
        names = {column.name.partition(".")[0] for column in self._columns}
        for known, (service, example) in _KNOWN_EXPORTS.items():
            if known <= names:
                yield f"# This looks like an export of {service}: use examples/{example}.yaml instead."
        yield ""
        yield f"name: {name}"
        yield 'origin: "TODO: where the sessions come from, for a reader"'
        yield "licence: not stated"
        yield ""

    def _find(self, holds: Callable[[_Column], object]) -> _Column | None:
        for column in self._columns:
            if column.values and column.name not in self._used and holds(column):
                self._used.add(column.name)
                return column
        return None

    def _page(self) -> tuple[_Column | None, str]:
        html = self._find(lambda one: one.texts and is_html(one.texts[0]) and one.share(_is_page) > 0.8)
        if html is not None:
            return html, "column"
        return self._find(lambda one: one.share(_is_html_file) > 0.8), "file"

    def _target(self) -> tuple[str, _Column] | None:
        xpath = self._find(lambda one: one.share(_is_xpath) > 0.7)
        if xpath is not None:
            return "xpath", xpath
        selector = self._find(lambda one: one.share(_is_selector) > 0.7)
        if selector is not None:
            return "selector", selector
        for way, words in (
            ("selector", "selector css target"),
            ("id", "elementid"),
            ("name", "element"),
            ("text", "label innertext"),
        ):
            found = self._find(partial(_has_texts_and_says, words=words))
            if found is not None:
                return way, found
        return None

    def _types(self, event: _Column | None) -> Iterator[str]:
        if event is None:
            yield "  type: TODO # the column that says click, type_and_submit or terminate"
            return
        yield "  type:"
        yield f"    column: {_quoted(event.name)} # guess"
        yield "    values: # theirs: click, type_and_submit, terminate, or skip for rows that are no step"
        found = list(dict.fromkeys(str(value) for value in event.values))
        for value in found[:_MOST_TYPES]:
            meaning = _meaning(value)
            said = f"{meaning} # guess" if meaning else "skip # TODO: is it a step?"
            yield f"      {_quoted(value)}: {said}"
        if len(found) > _MOST_TYPES:
            yield f"      # … and {len(found) - _MOST_TYPES} others"

    def _outcome(self, column: _Column | None) -> Iterator[str]:
        values = [] if column is None else list(dict.fromkeys(str(value) for value in column.values))
        if column is None or set(values) <= set(_OUTCOMES) or len(values) > _MOST_TYPES:
            yield from _entry("outcome", column, "purchase or terminate; map other values with `values`")
            return
        yield "outcome:"
        yield f"  column: {_quoted(column.name)} # guess"
        yield "  values: # theirs: purchase or terminate"
        for value in values:
            words = set(re.split(r"[^a-z]+", value.lower()))
            yield f"    {_quoted(value)}: {'purchase' if words & _BUYING else 'terminate'} # guess"


def _entry(
    key: str, column: _Column | None, what: str, *, optional: str | None = None, indent: str = ""
) -> Iterator[str]:
    if column is not None:
        yield f"{indent}{key}: {_quoted(column.name)} # guess: {what}"
    else:
        missing = f" (not found; {optional})" if optional else ""
        yield f"{indent}# {key}: COLUMN # {what}{missing}"


def _says(column: _Column, words: str) -> bool:
    return bool(column.words & set(words.split()))


def _identifies(column: _Column, words: str) -> bool:
    """Whether a column holds the ids that `words` stand for: `user`, `user_id`, `user.id`, not `user.age`."""
    outer, _, inner = column.name.rpartition(".")
    return _says(_Column(inner), words) or (
        _says(_Column(inner), "id uid uuid key") and _says(_Column(outer), words)
    )


def _has_texts_and_says(column: _Column, words: str) -> bool:
    return bool(column.texts) and _says(column, words)


def _meaning(value: str) -> str | None:
    words = set(re.split(r"[^a-z]+", value.lower()))
    if words & _LEAVING:
        return "terminate"
    if words & _TYPING:
        return "type_and_submit"
    return "click" if words & _CLICKS else None


def _quoted(text: str) -> str:
    """A YAML scalar."""
    if re.fullmatch(r"[A-Za-z_][\w.-]*", text) and text.lower() not in _YAML_WORDS:
        return text
    escaped = one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_event(column: _Column) -> bool:
    """Whether a column is an action type: by its name, and with a few short values."""
    kinds = {str(value) for value in column.values}
    few = 1 < len(kinds) <= _MOST_TYPES and all(len(kind) <= 60 for kind in kinds)
    return few and _says(column, "event action type kind") and not column.share(_is_number)


def _is_action(value: Any) -> bool:
    """Whether a value names an action: one or two words with a known one among them."""
    return isinstance(value, str) and len(value) <= 30 and " " not in value and _meaning(value) is not None


def _is_page(value: Any) -> bool:
    return isinstance(value, str) and len(value) > 40 and "<" in value


def _is_html_file(value: Any) -> bool:
    return isinstance(value, str) and bool(_HTML_FILE.fullmatch(value)) and "://" not in value


def _is_xpath(value: Any) -> bool:
    if not isinstance(value, str) or not value.startswith(("//", "/html", "xpath=")):
        return False
    return css_of_xpath(value) is not None


def _is_selector(value: Any) -> bool:
    return isinstance(value, str) and bool(_SELECTOR.match(value) or ":nth-" in value or " > " in value)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, bool)


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://", "/"))


def _is_written_time(value: Any) -> bool:
    """Whether a value is a date with a time of day, not just a number that could be one."""
    return isinstance(value, datetime) or (isinstance(value, str) and ":" in value and _is_time(value))


def _is_time_column(column: _Column) -> bool:
    return column.share(_is_time) > 0.9 and _says(column, "time date at t ts when timestamp")


def _is_day(value: Any) -> bool:
    """Whether a value is a date without a time of day."""
    return bool(
        re.fullmatch(r"(?:19|20)\d\d[-/.]?\d\d[-/.]?\d\d|\d\d?[-/.]\d\d?[-/.](?:19|20)\d\d", str(value))
    )


def _is_time(value: Any) -> bool:
    try:
        return read_time(value).year > 1990
    except ValueError:
        return False
