"""The shop over HTTP, on localhost only. Pages are byte-identical to those rendered in process."""

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
"""Limit in bytes for request line and headers; the shop itself answers addresses that are too long."""


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
        seed: seed of the catalogue.
        design: one of `DESIGNS`.
        port: port on 127.0.0.1; 0 for any free port.
        state: file that stores visitors; a temporary file by default.
        announce: called with the address once the shop is open.

    Raises:
        ConfigError: if a package is missing, the port is taken, the design is unknown, or the file cannot be
            used.
    """
    if design not in DESIGNS:
        raise ConfigError(f"unknown design {design!r}; expected one of {', '.join(DESIGNS)}")
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
    """Create a server, to be started with `run(sockets=[…])`.

    Args:
        storefront: the shop.
        visitors: store for the visitors.
        port: the port it will listen on; requests whose `Host` names another port are refused.
    """
    from facsim.shop.storefront.web import ShopApp  # noqa: PLC0415 (an extra)

    return localhost_server(ShopApp(storefront, visitors, port), longest_request=_LONGEST_REQUEST)
