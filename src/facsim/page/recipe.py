"""Recipes: what a site needs to be told of beyond what its pages say themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator
from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from facsim.page.category_rule import CategoryRule
from facsim.page.slugs import slug
from facsim.util.errors import ConfigError
from facsim.util.yaml_config import read_yaml

_EMPTY = LexborHTMLParser("")


class Recipe(BaseModel):
    r"""Hints for one site, or for several. Selectors are CSS, applied to the original page.

    Example:
        url: ^https://shop\.example/
        interactable: ["div.swatch"]
        drop: ["#cookie-banner"]
        keep: [".menu[hidden]"]
        names: {"#twotabsearchtextbox": search_input}
        categories: [{name: "swatch", category: filter}]
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    """Regular expression, searched in a page's address: of several recipes, this one is for these pages. A
    recipe given alone holds for every page."""
    interactable: tuple[str, ...] = ()
    """What a person can act on although the page does not say so."""
    drop: tuple[str, ...] = ()
    """What to leave out, with all that is in it."""
    keep: tuple[str, ...] = ()
    """What is there for a person although the page says that it is hidden. Not inside what is left out."""
    names: dict[str, str] = Field(default_factory=dict)
    """Selector -> whole dotted name. Of several matches the later ones get numbers."""
    categories: tuple[CategoryRule, ...] = ()
    """Rules that come before the default ones: `CategoryRules.default().with_recipe(recipe)`."""
    sites: tuple[Recipe, ...] = ()
    """Recipes for single sites, chosen by their `url`. The fields beside them hold for all sites."""

    @field_validator("interactable", "drop", "keep")
    @classmethod
    def _are_selectors(cls, selectors: tuple[str, ...]) -> tuple[str, ...]:
        for selector in selectors:
            _check_selector(selector)
        return selectors

    @field_validator("names")
    @classmethod
    def _are_names(cls, names: dict[str, str]) -> dict[str, str]:
        for selector, name in names.items():
            _check_selector(selector)
            proper = ".".join(filter(None, map(slug, name.split("."))))
            if name != proper:
                meant = f"; did you mean {proper}?" if proper else ""
                raise ValueError(
                    f"{name!r} is not a name: expected lower-case words, joined by _ and .{meant}"
                )
        return names

    @field_validator("url")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
        return pattern

    @field_validator("sites")
    @classmethod
    def _are_told_apart(cls, sites: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
        for place, site in enumerate(sites, 1):
            if site.url is None:
                raise ValueError(f"recipe {place} has no url; expected a pattern for the pages it is for")
        return sites

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a recipe from a YAML file, or those of several sites from the files of a folder.

        Raises:
            ConfigError: if the file is missing or does not hold a recipe, or one of a folder has no `url`.
        """
        path = Path(path)
        if not path.is_dir():
            return read_yaml(cls, path)
        files = sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml"))
        if not files:
            raise ConfigError(f"{path}: contains no recipes; expected .yaml files")
        sites = [read_yaml(cls, file) for file in files]
        for file, site in zip(files, sites, strict=True):
            if site.url is None:
                raise ConfigError(
                    f"{file}: has no url; in a folder of recipes each must say which pages it is for, for "
                    r"example url: ^https://shop\.example/"
                )
        return cls(sites=tuple(sites))

    def marks(self, url: str | None = None) -> list[tuple[str, str, str]]:
        """(selector, attribute, value): how the selectors reach the simplifier.

        Args:
            url: the page's address. Without it the recipes of single sites are left aside.
        """
        found = [
            *((selector, "data-facsim-interactable", "") for selector in self.interactable),
            *((selector, "data-facsim-drop", "") for selector in self.drop),
            *((selector, "data-facsim-visible", "true") for selector in self.keep),
            *((selector, "data-facsim-name", name) for selector, name in self.names.items()),
        ]
        for site in self.sites:
            if url is not None and site.url is not None and re.search(site.url, url, re.IGNORECASE):
                found += site.marks(url)
        return found

    def rules(self) -> tuple[CategoryRule, ...]:
        """The category rules, those of single sites first.

        Such a rule holds where its own `url` does, if it has one, or else that of its site.
        """
        of_sites = [
            rule if rule.url is not None else rule.model_copy(update={"url": site.url})
            for site in self.sites
            for rule in site.rules()
        ]
        return (*of_sites, *self.categories)


def _check_selector(selector: str) -> None:
    try:
        _EMPTY.css(selector)
    except SelectolaxError:
        raise ValueError(f"{selector!r} is not a CSS selector") from None
