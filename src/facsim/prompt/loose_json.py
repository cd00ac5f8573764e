r"""Lenient parser for JSON objects as models write them: Python quotes, trailing commas, truncated ends.

It makes one pass over the text with possessive patterns, limits nesting and recursion, and uses no `eval`:
time is linear in the length of any text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

# An answer has two levels; wrappers around it add a few.
MAX_DEPTH = 8
MAX_TOKENS = 100_000
"""Maximum number of JSON tokens read from one text; bounds the time for texts of only brackets."""

_TOKEN = re.compile(
    r"""\s*+(?:
        (?P<mark>[{}\[\]:,])
      | (?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+" | '[^'\\]*+(?:\\.[^'\\]*+)*+')
      | (?P<open>["'])
      | (?P<word>[\w.+-]++)
    )""",
    re.DOTALL | re.VERBOSE,
)
# A brace that cannot begin an object is skipped at once.
_BEGIN = re.compile(r"""\{(?=\s*+["'}])""")
_SPACE = re.compile(r"\s*+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "/": "/"}
_CONTROL = re.compile(r"[\x00-\x1f]")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_PYTHON_WORDS: dict[str, bool | None] = {"True": True, "False": False, "None": None}
_NUMBER = re.compile(r"-?\d++(?:\.\d++)?(?:[eE][+-]?\d++)?")

_MISSING = object()


@dataclass(frozen=True, slots=True)
class LooseObject:
    """An object found in a text.

    Attributes:
        fields: its keys and values.
        begin: start offset in the text.
        end: end offset.
        forgiven: names of the leniencies needed to parse it.
        ambiguous_key: a key that it, or an object in it, repeats with different values; None if there is
            none. A repeated `rationale` is not ambiguous: its last value counts.
    """

    fields: dict[str, object]
    begin: int
    end: int
    forgiven: tuple[str, ...]
    ambiguous_key: str | None = None


class _Repetitions:
    """Records repeated keys."""

    def __init__(self) -> None:
        self.found = False
        self.ambiguous_key: str | None = None

    def note(self, key: str, before: object, value: object) -> None:
        self.found = True
        if before != value and key != "rationale":
            self.ambiguous_key = key

    def build(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        """`object_pairs_hook` for `json.loads`."""
        fields = dict(pairs)
        if len(fields) < len(pairs):
            seen: dict[str, object] = {}
            for key, value in pairs:
                if key in seen:
                    self.note(key, seen[key], value)
                seen[key] = value
        return fields


def exact_object(text: str) -> LooseObject | None:
    """Parse the whole text as one strict JSON object; None if it is not one."""
    if not text.lstrip().startswith("{"):
        return None
    repetitions = _Repetitions()
    try:
        value = json.loads(text, object_pairs_hook=repetitions.build)
    except (ValueError, RecursionError):
        return None
    forgiven = ("repeated_key",) if repetitions.found else ()
    return LooseObject(value, 0, len(text), forgiven, repetitions.ambiguous_key)


def loose_objects(text: str) -> Iterator[LooseObject]:
    """Yield the outermost objects in a text, in order. A truncated object yields its complete pairs.

    If parsing fails from one brace, it resumes at the next, as long as the total effort stays within a few
    times the length of the text.
    """
    effort, tokens = 2 * len(text) + 10_000, MAX_TOKENS
    at = 0
    while effort > 0 and tokens > 0 and (brace := _BEGIN.search(text, at)):
        begin = brace.start()
        reader = _Reader(text, begin, tokens)
        try:
            fields = reader.read_object()
        except _Unreadable:
            effort -= reader.at - begin + 20  # each start has a cost, too
            at = begin + 1
        else:
            found = reader.repetitions
            forgiven = (*reader.forgiven, *(("repeated_key",) if found.found else ()))
            yield LooseObject(fields, begin, reader.at, forgiven, found.ambiguous_key)
            at = reader.at
        tokens -= reader.tokens


class _Unreadable(Exception):
    """Not an object, even with all leniencies."""


class _Reader:
    def __init__(self, text: str, begin: int, most_tokens: int) -> None:
        self.text, self.at = text, begin + 1
        self.tokens, self._most_tokens = 0, most_tokens
        self.repetitions = _Repetitions()
        self.forgiven: dict[str, None] = {}  # an ordered set
        self.ended = False
        self.depth = 1

    def read_object(self) -> dict[str, object]:
        """Parse the object whose opening brace has just been read."""
        fields: dict[str, object] = {}
        after_comma = False
        while True:
            kind, piece = self._next()
            if kind == "mark" and piece == "}":
                if after_comma:
                    self.forgiven["trailing_comma"] = None
                return fields
            if kind == "end":
                return fields
            if kind != "string" or (fields and not after_comma):
                raise _Unreadable
            key = self._string(piece)
            if self._next() not in (("mark", ":"), _END):
                raise _Unreadable
            value = self._value()
            if value is not _MISSING:
                if key in fields:
                    self.repetitions.note(key, fields[key], value)
                fields[key] = value
            if self.ended:
                return fields
            after_comma = self._comma()

    def _array(self) -> list[object]:
        values: list[object] = []
        while True:
            value = self._value(closing="]")
            if value is _MISSING:  # closing bracket or end of text
                if values and not self.ended:
                    self.forgiven["trailing_comma"] = None
                return values
            values.append(value)
            if self.ended:
                return values
            if not self._comma():
                if self._next() not in (("mark", "]"), _END):
                    raise _Unreadable
                return values

    def _value(self, closing: str | None = None) -> object:
        """Parse the next value; `_MISSING` at the end of the text or at the token `closing`."""
        kind, piece = self._next()
        if kind == "string":
            return self._string(piece)
        if kind == "word":
            return self._word(piece)
        if kind == "end" or (closing and piece == closing):
            return _MISSING
        if piece not in "{[" or self.depth >= MAX_DEPTH:
            raise _Unreadable
        self.depth += 1
        value: object = self.read_object() if piece == "{" else self._array()
        self.depth -= 1
        return value

    def _comma(self) -> bool:
        """Consume a comma if it comes next; return whether it did."""
        piece = _TOKEN.match(self.text, self.at)
        if piece and piece["mark"] == ",":
            self.at = piece.end()
            return True
        return False

    def _next(self) -> tuple[str, str]:
        """Kind and text of the next token. A string without closing quote counts as the end of the text."""
        self.tokens += 1
        if self.tokens > self._most_tokens:
            raise _Unreadable
        piece = _TOKEN.match(self.text, self.at)
        if piece is None:
            space = _SPACE.match(self.text, self.at)
            self.at = space.end() if space else self.at
            if self.at < len(self.text):
                raise _Unreadable
        elif not piece["open"]:
            self.at = piece.end()
            assert piece.lastgroup
            return piece.lastgroup, piece[piece.lastgroup]
        self.at = len(self.text)
        self.ended = True
        self.forgiven["truncated"] = None
        return _END

    def _string(self, piece: str) -> str:
        body = piece[1:-1]
        if piece[0] == "'":
            self.forgiven["single_quotes"] = None
        if _CONTROL.search(body):
            self.forgiven["control_characters"] = None
        if "\\" not in body:
            return body
        if any(escape[2] and escape[2] not in _ESCAPED for escape in _ESCAPE.finditer(body)):
            self.forgiven["bad_escape"] = None
        return _joined_surrogates(_ESCAPE.sub(_unescaped, body))

    def _word(self, piece: str) -> object:
        if piece in _WORDS:
            return _WORDS[piece]
        if piece in _PYTHON_WORDS:
            self.forgiven["python_words"] = None
            return _PYTHON_WORDS[piece]
        if len(piece) < 400 and _NUMBER.fullmatch(piece):
            return float(piece)
        raise _Unreadable


_END = ("end", "")


def _unescaped(escape: re.Match[str]) -> str:
    code, character = escape.groups()
    return chr(int(code, 16)) if code else _ESCAPED.get(character, character)


def _joined_surrogates(text: str) -> str:
    """Join pairs of escaped surrogates into one character; lone ones are left for the caller to handle."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
