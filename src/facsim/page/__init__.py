"""Raw HTML -> simplified page with named elements."""

from facsim.page.categories import CategoryRules
from facsim.page.category_rule import CategoryRule
from facsim.page.condense import condense
from facsim.page.element_lookup import element_at
from facsim.page.read import names_in, read_page
from facsim.page.recipe import Recipe
from facsim.page.simplify import simplify

__all__ = [
    "CategoryRule",
    "CategoryRules",
    "Recipe",
    "condense",
    "element_at",
    "names_in",
    "read_page",
    "simplify",
]
