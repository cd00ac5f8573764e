"""The collector: receives the extension's events on 127.0.0.1 and stores them.

It answers the extension alone. A request must name this host (no DNS rebinding), come from the extension's
origin (pages cannot forge that header) and carry the token. Bodies are bounded while they are read.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from facsim.record.event_store import EventStore, StorageFullError
from facsim.record.events import Event, read_event
from facsim.record.extension_package import ORIGIN
from facsim.record.study import Study
from facsim.util.localhost import own_hosts

MAX_BODY = 128 * 2**20
"""Longest request body in bytes."""
MAX_EVENTS = 10_000
_INSTALLATION = re.compile(r"[0-9a-f]{24}")
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class _Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        self.status, self.text = status, text
        super().__init__(text)


class Collector:
    """The collector as a web application.

    Args:
        study: decides which addresses are accepted.
        store: receives the events.
        token: the secret of this installation.
        port: the port it listens on.
        stored: called after each delivery with the installation and the number of all stored actions.
        delivered: called when a browser says that it has nothing left to deliver.
    """

    def __init__(
        self,
        study: Study,
        store: EventStore,
        token: str,
        port: int,
        *,
        stored: Callable[[str, int], None] | None = None,
        delivered: Callable[[], None] | None = None,
    ) -> None:
        self._study, self._store, self._token = study, store, token
        self._hosts = own_hosts(port)
        self._stored, self._delivered = stored, delivered

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/hello", self._hello, methods=["POST"]),
                Route("/events", self._events, methods=["POST"]),
            ],
            exception_handlers={_Refused: _refusal},
        )

    async def _hello(self, request: Request) -> Response:
        """Answer whether this is the right collector and the token is right; a browser may say what waits."""
        body = await self._body(request)
        if body.get("waiting") == 0 and self._delivered is not None:
            self._delivered()
        return JSONResponse({"study": self._study.title}, headers=_HEADERS)

    async def _events(self, request: Request) -> Response:
        body = await self._body(request)
        installation, given = body.get("installation"), body.get("events")
        if not isinstance(installation, str) or not _INSTALLATION.fullmatch(installation):
            raise _Refused(400, "installation: expected 24 hex digits")
        if not isinstance(given, list) or len(given) > MAX_EVENTS:
            raise _Refused(400, f"events: expected a list of at most {MAX_EVENTS:,}")
        events, invalid = await run_in_threadpool(_read_events, given)
        try:
            refused = await run_in_threadpool(self._store.add, installation, events, self._study)
        except StorageFullError as error:
            raise _Refused(507, str(error)) from None
        if self._stored is not None:
            self._stored(installation, await run_in_threadpool(self._store.count, "action"))
        return JSONResponse(
            {"stored": len(events) - len(refused), "refused": refused | invalid}, headers=_HEADERS
        )

    async def _body(self, request: Request) -> dict[str, Any]:
        """The body of a permitted request."""
        self._check(request)
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY:
                raise _Refused(413, f"the request has more than {MAX_BODY // 2**20} MiB")
            parts.append(part)
        try:
            body = await run_in_threadpool(json.loads, b"".join(parts))
        except (ValueError, RecursionError):
            raise _Refused(400, "the request is not JSON") from None
        if not isinstance(body, dict):
            raise _Refused(400, "the request is not a JSON object")
        return body

    def _check(self, request: Request) -> None:
        headers = request.headers
        if headers.getlist("host") != [headers.get("host")] or headers.get("host") not in self._hosts:
            raise _Refused(403, "the collector answers to 127.0.0.1 only")
        if headers.getlist("origin") != [ORIGIN]:
            raise _Refused(403, "the collector answers to the Facsim extension only")
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise _Refused(401, "the connection code is wrong")
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise _Refused(415, "expected application/json")


def _read_events(given: list[Any]) -> tuple[list[Event], dict[str, str]]:
    """The valid events, and the problems of the others by id."""
    events: list[Event] = []
    invalid: dict[str, str] = {}
    for fields in given:
        try:
            events.append(read_event(fields))
        except ValueError as error:
            name = fields.get("id") if isinstance(fields, dict) else None
            invalid[str(name)[:100]] = str(error)
    return events, invalid


async def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, _Refused)
    return JSONResponse({"error": error.text}, status_code=error.status, headers=_HEADERS)
