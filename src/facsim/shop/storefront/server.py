"""The shop over HTTP, on this machine only: the same pages that are rendered in process, byte for byte."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from facsim.shop.catalogue import Catalogue
from facsim.shop.storefront.designs import DESIGNS
from facsim.shop.storefront.store import Storefront
from facsim.shop.storefront.visitor_store import VisitorStore
from facsim.util.errors import ConfigError
from facsim.util.localhost import HOST, bind_localhost, localhost_server, require_web_packages

if TYPE_CHECKING:
    from uvicorn import Server

_LONGEST_REQUEST = 128 * 2**10
"""Bytes of request line and headers that reach the shop, which answers too long an address with a page."""


def serve(
    *,
    seed: int = 0,
    design: str = "standard",
    port: int = 8000,
    state: Path | None = None,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Run the shop until it is interrupted.

    Args:
        seed: of the catalogue.
        design: one of `DESIGNS`.
        port: where to listen on 127.0.0.1; 0 for one that is free.
        state: file to keep visitors in; a temporary one if none is given.
        announce: is told the address once the shop is open.

    Raises:
        ConfigError: if a package is missing, the port is taken, there is no such design, or the file cannot
            be used.
    """
    if design not in DESIGNS:
        raise ConfigError(f"there is no design {design!r}; expected one of {', '.join(DESIGNS)}")
    require_web_packages("serving the shop")
    with ExitStack() as stack:
        listener = stack.enter_context(bind_localhost(port))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="facsim-shop-")))
        visitors = VisitorStore(state or folder / "visitors.sqlite")
        stack.callback(visitors.close)
        storefront = Storefront(Catalogue(seed), DESIGNS[design])
        server = make_server(storefront, visitors, listener.getsockname()[1])
        if announce:
            announce(f"http://{HOST}:{listener.getsockname()[1]}")
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def make_server(storefront: Storefront, visitors: VisitorStore, port: int) -> Server:
    """A server that `run(sockets=[…])` starts.

    Args:
        storefront: the shop.
        visitors: where its visitors are kept.
        port: that it will listen on; requests that name another are refused.
    """
    from facsim.shop.storefront.web import ShopApp  # noqa: PLC0415 (an extra)

    return localhost_server(ShopApp(storefront, visitors, port), longest_request=_LONGEST_REQUEST)
