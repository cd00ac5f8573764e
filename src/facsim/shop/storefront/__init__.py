"""The shop as web pages: views, templates, designs, server."""

from facsim.shop.storefront.designs import DESIGNS, Design
from facsim.shop.storefront.store import SITE, NamedPage, Storefront
from facsim.shop.storefront.urls import NotFoundError
from facsim.shop.storefront.views import (
    ActionKind,
    CartLine,
    PageAction,
    PageKind,
    PageView,
    ProductCard,
    ProductView,
    RenderedPage,
    Visitor,
)

__all__ = [
    "DESIGNS",
    "SITE",
    "ActionKind",
    "CartLine",
    "Design",
    "NamedPage",
    "NotFoundError",
    "PageAction",
    "PageKind",
    "PageView",
    "ProductCard",
    "ProductView",
    "RenderedPage",
    "Storefront",
    "Visitor",
]
