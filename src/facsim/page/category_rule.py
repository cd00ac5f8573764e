"""A category rule: conditions that assign an action to a category. Rules are data."""

from __future__ import annotations

import re
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, field_validator

from facsim.schema import Action, ActionType

_FIELDS = ("name", "text", "href", "role", "url")


class CategoryRule(BaseModel):
    """A rule that matches if all of its fields match. Patterns are regular expressions, searched for.

    `name` is matched against the dotted name, the others against the element on the page. A rule that needs
    an unknown fact (the element is not on the page) does not match.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: str
    type: ActionType | None = None
    name: str | None = None
    text: str | None = None
    href: str | None = None
    role: str | None = None
    url: str | None = None
    """Address of the page that the action was taken on."""

    @field_validator(*_FIELDS)
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                _compiled(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
        return pattern

    def holds(self, action: Action, facts: dict[str, str | None]) -> bool:
        """Whether the rule matches an action with these facts (by field name)."""
        if self.type is not None and self.type != action.type:
            return False
        for field in _FIELDS:
            pattern = getattr(self, field)
            if pattern is not None:
                fact = facts[field]
                if fact is None or not _compiled(pattern).search(fact):
                    return False
        return True


@lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
