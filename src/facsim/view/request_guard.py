"""Protects the viewer from requests that do not come from its own pages on this machine.

A site that is open while the viewer runs can send requests to it: under a host name that points here (DNS
rebinding), or across origins. Neither gets an answer. Every response carries a content security policy under
which only the viewer's own files can run or load.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HOST = re.compile(r"(?:localhost|127\.0\.0\.1)(?::\d{1,5})?", re.ASCII)
_LINKED = frozenset({"/", "/session", "/prompt"})
"""Pages that a link from elsewhere may open. Downloads and pictures are for the viewer's own pages."""
_LONGEST_ADDRESS = 50_000
"""Ids may be long, and percent-encoding may take twelve bytes per character."""
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every response; those of a frame are stricter."""


def frame_headers(nonce: str) -> dict[str, str]:
    """The headers of a framed page, which allow one style sheet by its nonce and nothing else."""
    return {
        "Content-Security-Policy": f"sandbox; default-src 'none'; style-src 'nonce-{nonce}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
        "X-Frame-Options": "SAMEORIGIN",
    }


class RequestGuard:
    """Middleware that refuses foreign requests and puts the policy on every response.

    A link from elsewhere (a report on disk) may open a page of the viewer in a tab; nothing else may come
    from elsewhere.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":  # no web sockets here
            return

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                _complete(message)
            await send(message)

        if reason := _refusal(scope):
            status, text = reason
            await PlainTextResponse(text, status)(scope, receive, with_policy)
            return
        await self._app(scope, receive, with_policy)


def _complete(message: MutableMapping[str, Any]) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)


def _refusal(scope: Scope) -> tuple[int, str] | None:
    """Why a request is refused; None if it is not."""
    headers = Headers(scope=scope)
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return 403, "The viewer answers to localhost and 127.0.0.1 only."
    if scope["method"] not in ("GET", "HEAD"):
        return 405, "The viewer only shows: GET and HEAD are answered."
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _LONGEST_ADDRESS:
        return 414, "The address is too long."
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and origin != f"http://{hosts[0]}":
        return 403, "The viewer answers to its own pages only."
    navigates = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    opens_a_tab = navigates and scope["path"] in _LINKED
    if site not in (None, "same-origin", "none") and not opens_a_tab:
        return 403, "The viewer answers to its own pages only."
    return None
