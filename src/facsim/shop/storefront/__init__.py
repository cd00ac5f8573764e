"""The shop as web pages: views, templates, designs, server."""

from facsim.shop.storefront.designs import DESIGNS, Design
from facsim.shop.storefront.store import SITE, NamedPage, Storefront
from facsim.shop.storefront.urls import NotFoundError
from facsim.shop.storefront.views import (
    Act,
    ActKind,
    Card,
    Line,
    PageKind,
    ProductView,
    Rendered,
    View,
    Visitor,
)

__all__ = [
    "DESIGNS",
    "SITE",
    "Act",
    "ActKind",
    "Card",
    "Design",
    "Line",
    "NamedPage",
    "NotFoundError",
    "PageKind",
    "ProductView",
    "Rendered",
    "Storefront",
    "View",
    "Visitor",
]
