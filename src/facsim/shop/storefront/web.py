"""The shop as a web application. Requires starlette; `server` imports this module lazily."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from facsim.shop.catalogue.pictures import picture
from facsim.shop.storefront.store import Storefront
from facsim.shop.storefront.urls import NotFoundError, route_of, words
from facsim.shop.storefront.views import Visitor
from facsim.shop.storefront.visitor_store import COOKIE, VisitorStore
from facsim.util.localhost import own_hosts

_STATIC = Path(__file__).with_name("static")
_LONGEST_ADDRESS = 8_000
_LONGEST_FORM = 10_000
_MANY_PICTURES = 6_000
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_log = logging.getLogger(__name__)


class HttpError(Exception):
    """A request that is answered with an error page."""

    def __init__(self, status: int, title: str, text: str) -> None:
        super().__init__(title)
        self.status, self.title, self.text = status, title, text


_NOT_FOUND = (404, "There is no such page", "It may have moved, or the address is mistyped.")
_METHOD = (405, "This cannot be done here", "Pages are read, and forms are sent from the shop's own pages.")
_FOREIGN = (403, "This came from elsewhere", "The shop answers only to its own pages on this machine.")
_FORM = (400, "This form was not understood", "Please go back and try again.")
_LARGE = (413, "That is too much", "What was sent is larger than anything the shop asks for.")
_LONG = (414, "The address is too long", "Please search with fewer words.")
_FAULT = (500, "Something went wrong", "The fault is ours. Please go back and try again.")


class ShopApp:
    """The shop as an ASGI application.

    Answers only requests for its own address (other host names are refused, against DNS rebinding), and
    accepts forms only from its own pages.

    Args:
        storefront: the shop.
        visitors: store for the visitors.
        port: the port it listens on.
    """

    def __init__(self, storefront: Storefront, visitors: VisitorStore, port: int) -> None:
        self._storefront, self._visitors = storefront, visitors
        self._hosts = own_hosts(port)
        self._picture = lru_cache(maxsize=_MANY_PICTURES)(self._draw)
        self._files = {
            "shop.css": (storefront.renderer.style().encode(), "text/css; charset=utf-8"),
            "shop.js": ((_STATIC / "shop.js").read_bytes(), "text/javascript; charset=utf-8"),
            "icon.svg": ((_STATIC / "icon.svg").read_bytes(), "image/svg+xml"),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except HttpError as problem:
            response = self._sorry(problem)
        except Exception:
            _log.exception("%s %s", request.method, request.url.path[:200])
            response = self._sorry(HttpError(*_FAULT))
        response.headers.update(_HEADERS)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.headers.get("host") not in self._hosts:
            raise HttpError(*_FOREIGN)
        raw = bytes(request.scope.get("raw_path") or b"/") + b"?" + bytes(request.scope["query_string"])
        if len(raw) > _LONGEST_ADDRESS:
            raise HttpError(*_LONG)
        address = raw.decode("latin-1")
        path = urlsplit(address).path if address.startswith("/") else ""
        if request.method == "POST":
            return await self._post(request, path)
        if request.method not in ("GET", "HEAD"):
            raise HttpError(*_METHOD)
        if path.startswith(("/static/", "/picture/")):
            return self._file(request, path)
        if path == "/suggest":
            texts = self._storefront.search.suggest(words(request.query_params.get("q", "")))
            return Response(json.dumps(texts), media_type="application/json")
        return self._page(request, address)

    def _page(self, request: Request, address: str) -> Response:
        shop = self._storefront
        before = self._visitor(request)
        try:
            shown, visitor = shop.arrive(address, before)
            if (route_of(shown).kind, route_of(shown).topic) != (
                route_of(address).kind,
                route_of(address).topic,
            ):
                return _sent_to(shown)
            rendered = shop.open(shown, visitor)
        except NotFoundError:
            raise HttpError(*_NOT_FOUND) from None
        response = Response(rendered.html, media_type="text/html")
        response.headers["Cache-Control"] = "private, no-cache"
        if visitor != before:
            self._keep(request, response, visitor)
        return response

    async def _post(self, request: Request, path: str) -> Response:
        if not self._is_own(request):
            raise HttpError(*_FOREIGN)
        fields = await _form(request)
        before = self._visitor(request)
        try:
            address, visitor = self._storefront.post(path, fields, before)
        except NotFoundError:
            raise HttpError(*(_METHOD if _is_page(path) else _NOT_FOUND)) from None
        response = _sent_to(address)
        if visitor != before:
            self._keep(request, response, visitor)
        return response

    def _is_own(self, request: Request) -> bool:
        """Whether a form comes from a page of this shop. Browsers say so in one or both of two headers."""
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if origin is None and site is None:
            return False
        return origin in (None, f"http://{request.headers['host']}") and site in (None, "same-origin")

    def _visitor(self, request: Request) -> Visitor:
        key = request.cookies.get(COOKIE, "")
        visitor = self._visitors.get(key) if key else None
        return self._storefront.admit(visitor) if visitor else Visitor()

    def _keep(self, request: Request, response: Response, visitor: Visitor) -> None:
        key = request.cookies.get(COOKIE, "")
        # Clients cannot choose their own id.
        if not key or self._visitors.get(key) is None:
            key = self._visitors.new_key()
            response.set_cookie(COOKIE, key, httponly=True, samesite="lax")
        self._visitors.put(key, visitor)

    def _file(self, request: Request, path: str) -> Response:
        _, folder, name = path.split("/", 2)
        if folder == "picture":
            number = name.removesuffix(".svg")
            if not (name.endswith(".svg") and number.isascii() and number.isdecimal() and len(number) < 10):
                raise HttpError(*_NOT_FOUND)
            content, kind = self._picture(int(number)), "image/svg+xml"
        elif name in self._files:
            content, kind = self._files[name]
        else:
            raise HttpError(*_NOT_FOUND)
        # The cookie may come from a shop with another seed at the same address.
        headers = {"ETag": f'"{blake2b(content, digest_size=12).hexdigest()}"', "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    def _draw(self, number: int) -> bytes:
        try:
            product = self._storefront.catalogue.product(number)
        except KeyError:
            raise HttpError(*_NOT_FOUND) from None
        return picture(product).encode()

    def _sorry(self, problem: HttpError) -> Response:
        rendered = self._storefront.notice(problem.title, problem.text, Visitor())
        return Response(rendered.html, problem.status, media_type="text/html")


async def _form(request: Request) -> Mapping[str, str]:
    if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        raise HttpError(*_FORM)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise HttpError(*_LARGE)
    try:
        return {name: words(value) for name, value in parse_qsl(body.decode("latin-1"), max_num_fields=20)}
    except ValueError:
        raise HttpError(*_FORM) from None


def _sent_to(address: str) -> Response:
    return Response(status_code=303, headers={"Location": address})


def _is_page(path: str) -> bool:
    try:
        route_of(path)
    except NotFoundError:
        return False
    return True
