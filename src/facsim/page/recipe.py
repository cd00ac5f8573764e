"""Recipes: what a site needs to be told of beyond what its pages say themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from facsim.page.categories import CategoryRule
from facsim.page.yamlfile import read_yaml


class Recipe(BaseModel):
    """Hints for one site. Selectors are CSS, applied to the original page.

    Example:
        interactable: ["div.swatch"]
        drop: ["#cookie-banner"]
        names: {"#twotabsearchtextbox": search_input}
        categories: [{name: "swatch", category: other}]
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    interactable: tuple[str, ...] = ()
    """What a person can act on although the page does not say so."""
    drop: tuple[str, ...] = ()
    """What to leave out, with all that is in it."""
    names: dict[str, str] = Field(default_factory=dict)
    """Selector -> whole dotted name. Of several matches the later ones get numbers."""
    categories: tuple[CategoryRule, ...] = ()
    """Rules that come before the default ones: `CategoryRules.default().with_recipe(recipe)`."""

    @classmethod
    def read(cls, file: str | Path) -> Self:
        """Read a recipe from YAML.

        Raises:
            ConfigError: if the file is missing or does not hold a recipe.
        """
        return read_yaml(cls, Path(file))

    def marks(self) -> list[tuple[str, str, str]]:
        """(selector, attribute, value): how the selectors reach the simplifier."""
        return [
            *((selector, "data-facsim-interactable", "") for selector in self.interactable),
            *((selector, "data-facsim-drop", "") for selector in self.drop),
            *((selector, "data-facsim-name", name) for selector, name in self.names.items()),
        ]
