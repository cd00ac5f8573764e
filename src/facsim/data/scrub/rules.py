"""The rules of `rules.yaml`, and those of a user's own file, as patterns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, field_validator

from facsim.data.scrub.value_checks import CHECKS
from facsim.util.errors import ConfigError
from facsim.util.yaml_config import read_own_yaml, read_yaml

PersonalKind = Literal[
    "email",
    "phone",
    "card",
    "iban",
    "national_id",
    "ip",
    "token",
    "birth_date",
    "password",
    "username",
    "address",
    "name",
]
KINDS: tuple[PersonalKind, ...] = get_args(PersonalKind)

_REFERENCE = re.compile(r"%([A-Z_]+|(?:cues|labels)\.[a-z_]+)%")
_MOST_EXPANSIONS = 2_000


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PatternRule(_Strict):
    """A pattern of one kind of personal data.

    Attributes:
        kind: what the group `value` holds.
        pattern: a regular expression with references to definitions, cues and labels.
        check: name of a check that the value must pass.
        needs: text without which the pattern cannot match, for speed.
        unless: a regular expression for what must not stand before the match.
        language: for readers only.
    """

    kind: PersonalKind
    pattern: str
    check: str | None = None
    needs: str | None = None
    unless: str | None = None
    language: str | None = None

    @field_validator("check")
    @classmethod
    def _known_check(cls, name: str | None) -> str | None:
        if name is not None and name not in CHECKS:
            raise ValueError(f"no such check: {name!r}; expected one of {', '.join(CHECKS)}")
        return name


class FieldRule(_Strict):
    """Words in the name or label of a form field that people type one kind of personal data into.

    Attributes:
        kind: what is typed there.
        words: by language, accents folded, joined by `_`.
        search: whether a value typed there is also looked for in the pages and texts of the same person.
    """

    kind: PersonalKind
    words: Mapping[str, tuple[str, ...]]
    search: bool = True


class UrlRules(_Strict):
    """What of an address is personal."""

    token_parameters: str
    plain_parameters: str
    weak_token_parameters: str
    shortest_token: int = 6
    token_paths: tuple[str, ...] = ()
    user_paths: tuple[str, ...] = ()
    not_users: tuple[str, ...] = ()


class ScrubRules(_Strict):
    """All rules. Lists are by language, so that documentation and users see what is covered."""

    phone_regions: tuple[str, ...]
    definitions: Mapping[str, str]
    cues: Mapping[str, Mapping[str, tuple[str, ...]]]
    labels: Mapping[str, Mapping[str, tuple[str, ...]]]
    patterns: tuple[PatternRule, ...]
    not_names: Mapping[str, tuple[str, ...]]
    not_streets: tuple[str, ...]
    not_recipients: tuple[str, ...]
    fields: tuple[FieldRule, ...]
    not_fields: tuple[str, ...]
    urls: UrlRules

    @classmethod
    def default(cls) -> ScrubRules:
        """The rules that come with Facsim."""
        return _default()

    @classmethod
    def read(cls, file: str | Path) -> ScrubRules:
        """The built-in rules with those of a user's own file added.

        Raises:
            ConfigError: if the file is missing, not valid, or a pattern is not a regular expression.
        """
        rules = cls.default().extended(read_yaml(ExtraRules, Path(file)))
        try:
            for _ in rules.compiled():
                pass
        except ConfigError as error:
            raise ConfigError(f"{file}: {error}") from None
        return rules

    def extended(self, extra: ExtraRules) -> ScrubRules:
        """These rules with more."""
        # Not `model_copy`, which would also copy the cached properties.
        return ScrubRules(
            **{name: getattr(self, name) for name in ScrubRules.model_fields}
            | {
                "phone_regions": tuple(dict.fromkeys((*self.phone_regions, *extra.phone_regions))),
                "cues": _merged(self.cues, extra.cues),
                "labels": _merged(self.labels, extra.labels),
                "patterns": (*extra.patterns, *self.patterns),
                "not_names": {**self.not_names, "own": (*self.not_names.get("own", ()), *extra.not_names)},
                "not_recipients": (*self.not_recipients, *extra.not_recipients),
                "fields": (*extra.fields, *self.fields),
                "not_fields": (*self.not_fields, *extra.not_fields),
            }
        )

    def compiled(self) -> Iterator[tuple[PatternRule, re.Pattern[str]]]:
        """Every pattern with its references resolved, in order of precedence.

        Raises:
            ConfigError: if a reference is unknown, or a pattern is not valid or lacks the group `value`.
        """
        for rule in self.patterns:
            try:
                pattern = re.compile(self.expand(rule.pattern))
            except re.error as error:
                raise ConfigError(
                    f"patterns: {rule.pattern!r} is not a regular expression: {error}"
                ) from None
            if "value" not in pattern.groupindex:
                raise ConfigError(f"patterns: {rule.pattern!r} has no group (?P<value>…)")
            yield rule, pattern

    def expand(self, pattern: str) -> str:
        """The pattern with every reference replaced by what it stands for."""
        for _ in range(_MOST_EXPANSIONS):
            match = _REFERENCE.search(pattern)
            if match is None:
                return pattern
            pattern = pattern[: match.start()] + self._meaning(match[1]) + pattern[match.end() :]
        raise ConfigError("definitions: they refer to themselves")

    def _meaning(self, name: str) -> str:
        group, _, key = name.partition(".")
        if not key:
            if name not in self.definitions:
                raise ConfigError(f"definitions: there is no {name}")
            return self.definitions[name]
        by_language = (self.cues if group == "cues" else self.labels).get(key)
        if by_language is None:
            raise ConfigError(f"{group}: there is no {key}")
        # The longest first: alternatives are tried in order.
        words = dict.fromkeys(word for words in by_language.values() for word in words)
        return f"(?:{'|'.join(sorted(words, key=len, reverse=True))})"

    @cached_property
    def first_words_of_no_name(self) -> frozenset[str]:
        """First words after a cue that are not the name of a person, casefolded."""
        return frozenset(word.casefold() for words in self.not_names.values() for word in words)

    @cached_property
    def words_of_organisations(self) -> frozenset[str]:
        """Words, casefolded, with which a line above an address names no person."""
        return frozenset(map(str.casefold, self.not_recipients))

    @cached_property
    def words_after_amounts(self) -> frozenset[str]:
        """Words that follow an amount and no house number."""
        return frozenset(self.not_streets)

    @cached_property
    def field_words(self) -> tuple[tuple[FieldRule, re.Pattern[str]], ...]:
        """Field rules with a pattern for folded names and labels."""
        return tuple(
            (rule, _words_pattern(word for words in rule.words.values() for word in words))
            for rule in self.fields
        )

    @cached_property
    def no_field_words(self) -> re.Pattern[str]:
        """Words with which a field is not personal."""
        return _words_pattern(self.not_fields)


class ExtraRules(_Strict):
    """A user's own rules, added to the built-in ones."""

    phone_regions: tuple[str, ...] = ()
    cues: Mapping[str, Mapping[str, tuple[str, ...]]] = {}
    labels: Mapping[str, Mapping[str, tuple[str, ...]]] = {}
    patterns: tuple[PatternRule, ...] = ()
    not_names: tuple[str, ...] = ()
    not_recipients: tuple[str, ...] = ()
    fields: tuple[FieldRule, ...] = ()
    not_fields: tuple[str, ...] = ()


def fold_words(text: str) -> str:
    """A name or label as `fields` write it: ASCII where possible, lower case, words joined by `_`.

    >>> fold_words("shipping.Straße und Nr."), fold_words("Prénom *")
    ('shipping_strasse_und_nr', 'prenom')
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    decomposed = unicodedata.normalize("NFKD", spaced.casefold())
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return "_".join(re.findall(r"[^\W_]+", plain))


def _words_pattern(words: Iterable[str]) -> re.Pattern[str]:
    ordered: Sequence[str] = sorted(dict.fromkeys(words), key=len, reverse=True)
    return re.compile(rf"(?:^|_)(?:{'|'.join(map(re.escape, ordered))})(?=_|$)")


def _merged(
    built_in: Mapping[str, Mapping[str, tuple[str, ...]]], extra: Mapping[str, Mapping[str, tuple[str, ...]]]
) -> dict[str, dict[str, tuple[str, ...]]]:
    merged = {name: dict(by_language) for name, by_language in built_in.items()}
    for name, by_language in extra.items():
        if name not in merged:
            raise ConfigError(f"{name}: there is no such list; expected one of {', '.join(merged)}")
        for language, words in by_language.items():
            merged[name][language] = (*merged[name].get(language, ()), *words)
    return merged


@cache
def _default() -> ScrubRules:
    return read_own_yaml(ScrubRules, Path(__file__).with_name("rules.yaml"))
