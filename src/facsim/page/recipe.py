"""Recipes: hints about a site that its pages do not contain."""

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
    r"""Hints for one or several sites. Selectors are CSS selectors, applied to the original page.

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
    """Regular expression, searched for in a page's address: among several recipes, this one is for these
    pages. A recipe given alone applies to every page."""
    interactable: tuple[str, ...] = ()
    """Elements that a person can act on although the markup does not show it."""
    drop: tuple[str, ...] = ()
    """Elements to remove, with everything in them."""
    keep: tuple[str, ...] = ()
    """Elements that are visible to a person although the page marks them as hidden. Has no effect inside
    removed elements."""
    names: dict[str, str] = Field(default_factory=dict)
    """Selector -> full dotted name. If several elements match, later ones are numbered."""
    categories: tuple[CategoryRule, ...] = ()
    """Rules that come before the default ones: `CategoryRules.default().with_recipe(recipe)`."""
    sites: tuple[Recipe, ...] = ()
    """Recipes for single sites, selected by `url`. The other fields apply to all sites."""

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
            ConfigError: if the file is missing or is not a recipe, or a recipe of a folder has no `url`.
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
        """Return (selector, attribute, value) triples that pass the selectors to the simplifier.

        Args:
            url: the page's address. Without it the recipes of single sites are ignored.
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
        """Return the category rules, those of single sites first.

        A site's rule applies where its own `url` matches, or that of the site if it has none.
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
