"""Outcomes and categories by rule: which label an event gets by its URL and its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel, field_validator, model_validator


class EventRule(BaseModel):
    """Patterns for an event: `*` stands for any text, case does not count. All given fields must match.

    Attributes:
        url: patterns of the address, any of which may match.
        event: patterns of the event's name, as the log writes it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: tuple[str, ...] = ()
    event: tuple[str, ...] = ()

    @field_validator("url", "event", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _says_something(self) -> EventRule:
        if not self.url and not self.event:
            raise ValueError("expected url, event, or both")
        return self

    def holds(self, url: str | None, event: str | None) -> bool:
        """Whether an event with this address and name matches."""
        return _matches(self.url, url) and _matches(self.event, event)


class EventRules(RootModel[dict[str, tuple[EventRule, ...]]]):
    """Rules by label. The first label with a rule that matches is taken."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {label: [rule] if isinstance(rule, Mapping) else rule for label, rule in given.items()}

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in order."""
        return tuple(self.root)

    @property
    def need_urls(self) -> bool:
        """Whether any rule looks at addresses."""
        return any(rule.url for rules in self.root.values() for rule in rules)

    def label(self, events: Iterable[tuple[str | None, str | None]]) -> str | None:
        """The first label of which a rule matches one of the events, given as (address, name)."""
        seen = list(events)
        for label, rules in self.root.items():
            if any(rule.holds(url, event) for rule in rules for url, event in seen):
                return label
        return None


def _matches(patterns: tuple[str, ...], text: str | None) -> bool:
    if not patterns:
        return True
    if text is None:
        return False
    folded = text.casefold()
    return any(fnmatchcase(folded, pattern.casefold()) for pattern in patterns)
