"""Raw HTML -> simplified page with named elements."""

from facsim.page.read import read_page

__all__ = ["read_page"]
