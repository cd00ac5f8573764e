"""Web applications served to this machine alone: the shop, and the viewer."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from starlette.types import ASGIApp
    from uvicorn import Server

HOST = "127.0.0.1"
HEADER_SECONDS = 10.0
"""How long a client may take to send the head of a request. Slower ones would hold connections open."""
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0


def require_web_packages(what: str) -> None:
    """Check that what serving takes is installed.

    Raises:
        ConfigError: if it is not; `what` begins the sentence.
    """
    missing = [name for name in ("starlette", "uvicorn") if not importlib.util.find_spec(name)]
    if missing:
        raise ConfigError(
            f"{what} needs a package that is not installed ({', '.join(missing)}); "
            "run: pip install 'facsim[web]'"
        )


def localhost_server(app: ASGIApp, *, longest_request: int) -> Server:
    """A server that `run(sockets=[…])` starts.

    Args:
        app: what is served.
        longest_request: most bytes of a request's line and headers.
    """
    import uvicorn  # noqa: PLC0415 (an extra)

    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=impatient_protocol(HEADER_SECONDS),
            h11_max_incomplete_event_size=longest_request,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )


@contextmanager
def running_in_thread(server: Server, listener: socket.socket) -> Iterator[None]:
    """Run a server in a thread until the block ends. The block begins when the server has started."""
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS)


def impatient_protocol(seconds: float) -> type[asyncio.Protocol]:
    """Uvicorn's HTTP protocol, which closes connections whose request head takes longer than `seconds`."""
    import h11  # noqa: PLC0415 (an extra)
    from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: PLC0415 (an extra)

    class ImpatientProtocol(H11Protocol):
        _head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._head_timer = self.loop.call_later(seconds, transport.close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            waiting = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
            if not waiting and self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
            elif waiting and self._head_timer is None:
                self._head_timer = self.loop.call_later(seconds, self.transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self._head_timer is not None:
                self._head_timer.cancel()

    return ImpatientProtocol


def own_hosts(port: int) -> frozenset[str]:
    """The `Host` headers of requests that mean a server on this port; others come by DNS rebinding."""
    return frozenset(f"{name}:{port}" for name in (HOST, "localhost"))


def bind_localhost(port: int) -> socket.socket:
    """A socket bound to a port of 127.0.0.1; 0 takes one that is free.

    Raises:
        ConfigError: if it cannot be had.
    """
    # asyncio turns off Nagle's algorithm only where the protocol is named. With it, the second packet of an
    # answer waits until the browser has acknowledged the first, which may take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()  # who comes before the server runs has to wait, not to come again
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConfigError(f"cannot listen on {HOST}:{port}: {error}; choose another with --port") from None
    return listener
