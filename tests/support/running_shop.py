"""The shop on a free port, in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from facsim.shop.storefront import Storefront
from facsim.shop.storefront.server import make_server
from facsim.shop.storefront.visitor_store import VisitorStore
from facsim.util.localhost import HOST, bind_localhost, running_in_thread


@dataclass(frozen=True)
class RunningShop:
    port: int
    visitors: VisitorStore

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"


@contextmanager
def running_shop(storefront: Storefront, folder: Path) -> Iterator[RunningShop]:
    """The shop, open for as long as the block runs; its visitors are kept in the folder."""
    listener = bind_localhost(0)
    shop = RunningShop(listener.getsockname()[1], VisitorStore(folder / f"{storefront.design.name}.sqlite"))
    server = make_server(storefront, shop.visitors, shop.port)
    with closing(shop.visitors), listener, running_in_thread(server, listener):
        yield shop
