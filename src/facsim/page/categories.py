"""Categories of actions: search, filter, product_click, purchase, terminate, other. Rules are data."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from facsim.page.category_rule import CategoryRule
from facsim.page.recipe import Recipe
from facsim.schema import Action, Page
from facsim.util.yaml_config import read_yaml


class CategoryRules(BaseModel):
    """Ordered rules; the first match decides, and actions without a match are `other`."""

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
            ConfigError: if the file is missing or does not contain valid rules.
        """
        return read_yaml(cls, Path(path))

    def with_recipe(self, recipe: Recipe) -> CategoryRules:
        """Return the rules with those of a site's recipe in front."""
        return CategoryRules(rules=(*recipe.rules(), *self.rules))

    def category(self, action: Action, page: Page | None, url: str | None = None) -> str:
        """Return the category of an action.

        Args:
            action: the action.
            page: the page it was taken on, if available. Without it only type, name and address are known.
            url: address of the page.
        """
        element = page.by_name.get(action.name) if page is not None and action.name else None
        facts: dict[str, str | None] = {"name": action.name, "url": url}
        facts["text"] = element.text if element else None
        facts["href"] = element.href if element else None
        facts["role"] = element.role if element else None
        return next((rule.category for rule in self.rules if rule.holds(action, facts)), "other")


@cache
def _default() -> CategoryRules:
    return CategoryRules.read(Path(__file__).with_name("categories.yaml"))
