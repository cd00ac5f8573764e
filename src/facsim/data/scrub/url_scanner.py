"""Find personal data in addresses: tokens, personal parameters, people in paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from facsim.data.scrub.placeholders import PLACEHOLDER
from facsim.data.scrub.rules import PersonalKind, UrlRules
from facsim.data.scrub.spans import PersonalSpan, without_overlaps

_PARAMETER = re.compile(r"(?:^|[?&#;])([^=&#;?/]{1,80})=([^&#;]*)")
_SEGMENT = re.compile(r"/([^/?#;]*)")
_HOST = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//(?P<user>[^/?#@]*@)?[^/?#]*")
_PATH_PERSON = re.compile(r"[A-Za-z][\w.%-]{2,40}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_RANDOM_PIECE = re.compile(r"[A-Za-z0-9]{16,}")
_END_OF_PATH = re.compile(r"[?#;]")
_WORDS = re.compile(
    r"[a-z]+(?:[-_+.][a-z]+)*|[A-Z][a-z]+(?:[-_+][A-Z]?[a-z]+)*|[A-Z]{2,}(?:[-_][A-Z]+)*|true|false"
)
_LONGEST_URL = 20_000
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_IN_PATHS: frozenset[PersonalKind] = frozenset({"email", "card", "iban", "national_id", "token", "phone"})


class UrlScanner:
    """Finds personal data in addresses.

    Args:
        rules: names of parameters and path segments.
        field_kind: what a form field of a name holds; parameters are named like fields.
        find: finds personal data in plain text.
    """

    def __init__(
        self,
        rules: UrlRules,
        field_kind: Callable[[str], PersonalKind | None],
        find: Callable[[str], list[PersonalSpan]],
    ) -> None:
        self._field_kind, self._find = field_kind, find
        self._token = re.compile(rules.token_parameters, re.IGNORECASE)
        self._weak = re.compile(rules.weak_token_parameters, re.IGNORECASE)
        self._plain = re.compile(rules.plain_parameters, re.IGNORECASE)
        self._shortest = rules.shortest_token
        self._token_paths, self._user_paths = frozenset(rules.token_paths), frozenset(rules.user_paths)
        self._not_users = frozenset(rules.not_users)

    def find(self, url: str) -> list[PersonalSpan]:
        """The spans, from left to right, without overlaps."""
        url = url[:_LONGEST_URL]
        return without_overlaps(
            PersonalSpan(kind, start, end)
            for kind, start, end in self._spans(url)
            if PLACEHOLDER.fullmatch(url, start, end) is None
        )

    def _spans(self, url: str) -> Iterator[tuple[PersonalKind, int, int]]:
        scheme = url.partition(":")[0].lower()
        if scheme in ("mailto", "tel", "sms", "callto"):
            end = len(url.partition("?")[0])
            if end > len(scheme) + 1:
                yield ("email" if scheme == "mailto" else "phone"), len(scheme) + 1, end
        if scheme in ("data", "javascript"):
            return
        host = _HOST.match(url)
        if host is not None and host["user"]:
            yield "token", host.start("user"), host.end("user") - 1
        start = host.end() if host else 0
        mark = _END_OF_PATH.search(url, start)
        query = mark.start() if mark else len(url)
        yield from self._in_path(url[start:query], start)
        for match in _PARAMETER.finditer(url, query):
            yield from self._in_parameter(unquote(match[1]), match[2], match.start(2))

    def _in_path(self, path: str, start: int) -> Iterator[tuple[PersonalKind, int, int]]:
        before = ""
        for match in _SEGMENT.finditer("/" + path if not path.startswith("/") else path):
            segment, place = match[1], start + match.start(1) - (not path.startswith("/"))
            if segment.startswith("@") and _PATH_PERSON.fullmatch(segment[1:]):
                yield "username", place + 1, place + len(segment)
            elif before in self._token_paths and (
                _looks_random(segment) or _is_long_code(segment, is_plain=len(before) > 1)
            ):
                yield "token", place, place + len(segment)
            elif (
                before in self._user_paths
                and _PATH_PERSON.fullmatch(segment)
                and segment.lower() not in self._not_users
            ):
                yield "username", place, place + len(segment)
            else:
                yield from (found for found in self._in_value(segment, place) if found[0] in _IN_PATHS)
            before = segment.lower()

    def _in_parameter(self, name: str, raw: str, place: int) -> Iterator[tuple[PersonalKind, int, int]]:
        if not raw:
            return
        is_plain = self._plain.match(name) is not None
        if not is_plain:
            if self._token.match(name) and len(raw) >= self._shortest and not self._is_word(name, raw):
                yield "token", place, place + len(raw)
                return
            kind = self._field_kind(name)
            if kind is not None and (kind != "name" or name.lower() != "name"):
                yield kind, place, place + len(raw)
                return
            if _UUID.fullmatch(raw) or _looks_random(raw):
                yield "token", place, place + len(raw)
                return
        yield from self._in_value(raw, place)

    def _is_word(self, name: str, raw: str) -> bool:
        """Whether a parameter such as `code` or `state` has a word for its value: `state=new-york`."""
        return self._weak.match(name) is not None and _WORDS.fullmatch(raw) is not None

    def _in_value(self, raw: str, place: int) -> Iterator[tuple[PersonalKind, int, int]]:
        """Personal data in a percent-encoded text."""
        decoded, places = _decoded(raw)
        if decoded.startswith(("http://", "https://")) and len(decoded) == len(places) - 1:
            spans = [(kind, start, end) for kind, start, end in self._spans(decoded)]
        else:
            spans = [(span.kind, span.start, span.end) for span in self._find(decoded)]
        for kind, start, end in spans:
            yield kind, place + places[start], place + places[end]


def _decoded(raw: str) -> tuple[str, list[int]]:
    """The decoded text, and for each of its characters, and its end, the place in `raw`."""
    text: list[str] = []
    places: list[int] = []
    position = 0
    for match in _ESCAPED.finditer(raw):
        for offset, character in enumerate(raw[position : match.start()], start=position):
            text.append(" " if character == "+" else character)
            places.append(offset)
        offset = match.start()
        for character in unquote(match[0]):
            text.append(character)
            places.append(min(offset, match.end()))
            offset += 3 * len(character.encode("utf-8", "replace")) if character != "\ufffd" else 3
        position = match.end()
    for offset, character in enumerate(raw[position:], start=position):
        text.append(" " if character == "+" else character)
        places.append(offset)
    return "".join(text), [*places, len(raw)]


def _looks_random(text: str) -> bool:
    """Whether a text is a long code that people neither write nor read.

    >>> _looks_random("mens-running-shoes-size-10-blue-2024"), _looks_random("B07XJ8C8F5")
    (False, False)
    >>> _looks_random("8f14e45fceea167a5a36dedd4bea2543"), _looks_random("dGhpcyBpcyBh2IHNlY3JldA")
    (True, True)
    """
    if _UUID.fullmatch(text):
        return True
    for piece in _RANDOM_PIECE.findall(text):
        digits = sum(map(str.isdigit, piece))
        if len(text) >= 20 and digits >= 2 and len(piece) - digits >= 3:
            return True
    return False


def _is_long_code(text: str, *, is_plain: bool) -> bool:
    """Whether a text after `/reset/` and the like is a code: letters and digits, hyphens if `is_plain`."""
    return (
        len(text) >= 8
        and (is_plain or text.isalnum())
        and any(map(str.isdigit, text))
        and any(map(str.isalpha, text))
    )
