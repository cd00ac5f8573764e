"""The aims a shopper can pursue on a page: the upper level of the nested logit."""

from __future__ import annotations

from collections.abc import Callable

from facsim.shop.shoppers import deciding, finding
from facsim.shop.shoppers.nested_logit import Nest
from facsim.shop.shoppers.shopper_situation import ShopperSituation

_BUILDERS: tuple[Callable[[ShopperSituation], Nest | None], ...] = (
    finding.search,
    finding.look,
    finding.narrow,
    finding.sort,
    finding.more,
    finding.hint,
    finding.related,
    deciding.choose,
    deciding.keep,
    deciding.buy,
    deciding.reviews,
    deciding.cart,
    deciding.back,
    deciding.edit,
    deciding.wander,
    deciding.leave,
)


def nests(situation: ShopperSituation) -> list[Nest]:
    """Return a nest for each aim that the page allows, with its alternatives."""
    return [nest for build in _BUILDERS for nest in (build(situation),) if nest is not None]
