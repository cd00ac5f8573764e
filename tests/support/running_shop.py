"""The shop on a free port, in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from facsim.shop.storefront import Storefront
from facsim.shop.storefront.server import make_server
from facsim.shop.storefront.visitor_store import VisitorStore
from facsim.util.localhost import HOST, bind_localhost


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
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield shop
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        shop.visitors.close()
