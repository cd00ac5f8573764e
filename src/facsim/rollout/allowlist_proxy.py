"""A forward proxy on localhost that connects to listed hosts only.

The browser has no other way out. So the list holds for everything it does: pages, redirects, frames, workers,
WebSockets, prefetching, and its own background traffic. The browser resolves no names either.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Final, Self
from urllib.parse import urlsplit

from facsim.rollout.host_rules import HostRules, host_and_port
from facsim.util.localhost import HOST

_LONGEST_HEAD: Final = 64 * 2**10
_CONNECT_SECONDS: Final = 20.0
_CHUNK: Final = 64 * 2**10
# After a 204 the browser stays on its page.
_REFUSED: Final = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
_NO_TUNNEL: Final = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_UNREACHABLE: Final = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_BAD: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_HOP_BY_HOP: Final = (b"connection:", b"proxy-connection:", b"keep-alive:", b"proxy-authorization:")


class AllowlistProxy:
    """An HTTP proxy. An async context manager.

    Args:
        allowed: the hosts.

    Attributes:
        port: where it listens on 127.0.0.1.
        refused: number of refused requests by host.
    """

    def __init__(self, allowed: HostRules) -> None:
        self._allowed = allowed
        self.port = 0
        self.refused: Counter[str] = Counter()
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0, limit=_LONGEST_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass  # either side went away
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *headers = head[:-4].split(b"\r\n")
        try:
            method, target, _ = line.decode("latin-1").split(" ")
        except ValueError:
            writer.write(_BAD)
            return
        tunnel = method == "CONNECT"
        place = host_and_port(f"https://{target}" if tunnel else target)
        if place is None or not self._allowed.allows(*place):
            self.refused[place[0] if place else target[:100]] += 1
            writer.write(_NO_TUNNEL if tunnel else _REFUSED)
            return
        try:
            upstream = await asyncio.wait_for(asyncio.open_connection(*place), _CONNECT_SECONDS)
        except (OSError, TimeoutError):
            writer.write(_UNREACHABLE)
            return
        if tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            upstream[1].write(_forwarded(method, target, headers))
        await _join((reader, writer), upstream)


def _forwarded(method: str, target: str, headers: list[bytes]) -> bytes:
    """The head of a request as the server gets it. One request per connection, so bodies need no parsing."""
    split = urlsplit(target)
    path = f"{split.path or '/'}?{split.query}" if split.query else split.path or "/"
    kept = [header for header in headers if not header.lower().startswith(_HOP_BY_HOP)]
    return b"\r\n".join(
        [f"{method} {path} HTTP/1.1".encode("latin-1"), *kept, b"Connection: close", b"", b""]
    )


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _join(browser: _Stream, server: _Stream) -> None:
    """Copy both ways until the server has sent everything."""
    sending = asyncio.create_task(_copy(browser[0], server[1]))
    try:
        await _copy(server[0], browser[1])
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await sending
        server[1].close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        target.write(data)
        await target.drain()
