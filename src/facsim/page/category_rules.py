"""What an action amounts to: search, filter, product_click, purchase, terminate, other. Rules are data."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, field_validator

from facsim.schema import Action, ActionType, Page
from facsim.util.yaml_config import read_yaml

if TYPE_CHECKING:
    from facsim.page.recipe import Recipe

_FIELDS = ("name", "text", "href", "role", "url")


class CategoryRule(BaseModel):
    """One rule: it holds when every field that it gives holds. Patterns are regular expressions, searched.

    `name` is matched against the dotted name, the others against the element on the page; a rule that asks
    for what is not known (an element that is not on the page) does not hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: str
    type: ActionType | None = None
    name: str | None = None
    text: str | None = None
    href: str | None = None
    role: str | None = None
    url: str | None = None
    """Address of the page that the action was done on."""

    @field_validator(*_FIELDS)
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                _compiled(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return pattern

    def holds(self, action: Action, facts: dict[str, str | None]) -> bool:
        """Whether the rule fits an action with these facts (by field name)."""
        if self.type is not None and self.type != action.type:
            return False
        for field in _FIELDS:
            pattern = getattr(self, field)
            if pattern is not None:
                fact = facts[field]
                if fact is None or not _compiled(pattern).search(fact):
                    return False
        return True


class CategoryRules(BaseModel):
    """Rules in order; the first one that holds decides, and `other` is what is left."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[CategoryRule, ...]

    @classmethod
    def default(cls) -> CategoryRules:
        """The rules that come with Facsim (`page/categories.yaml`), for shops in general."""
        return _default()

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read rules from YAML: `rules: [{category: filter, name: facets}, …]`.

        Raises:
            ConfigError: if the file is missing or does not hold rules.
        """
        return read_yaml(cls, Path(path))

    def with_recipe(self, recipe: Recipe) -> CategoryRules:
        """These rules after those of a site's recipe."""
        return CategoryRules(rules=(*recipe.rules(), *self.rules))

    def category(self, action: Action, page: Page | None, url: str | None = None) -> str:
        """The category of an action.

        Args:
            action: what was done.
            page: where, if at hand. Without it only type, name and address are known.
            url: address of that page.
        """
        element = page.by_name.get(action.name) if page is not None and action.name else None
        facts: dict[str, str | None] = {"name": action.name, "url": url}
        facts["text"] = element.text if element else None
        facts["href"] = element.href if element else None
        facts["role"] = element.role if element else None
        return next((rule.category for rule in self.rules if rule.holds(action, facts)), "other")


@lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


@cache
def _default() -> CategoryRules:
    return CategoryRules.read(Path(__file__).with_name("categories.yaml"))
