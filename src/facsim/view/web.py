"""The viewer as a web application. Needs starlette; `server` imports it on use."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from facsim.util.errors import FacsimError
from facsim.view.library import HITS, ORDERS, Library, SessionFilter
from facsim.view.library_source import LibrarySource
from facsim.view.number_format import FILTERS
from facsim.view.page_frame import STATIC, frame_document
from facsim.view.prompts import prompt_of
from facsim.view.replay import LATEST, Replay, replay_at
from facsim.view.request_guard import HEADERS, RequestGuard, frame_headers
from facsim.view.run_colours import css
from facsim.view.screenshot import can_draw, picture
from facsim.view.session_list import session_rows

ROWS = 40
"""Sessions on a page of the list."""

_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_SEARCH_FIELDS = ("q", "outcome", "action", "category", "min", "max", "hits", "right", "wrong", "order")
_Choice = TypeVar("_Choice", bound=str)


class ViewerApp:
    """The pages of the viewer, each a function from a request to a response."""

    def __init__(self, source: LibrarySource) -> None:
        self._source = source
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {"address": address, "can_draw": can_draw()}
        self._templates.filters |= FILTERS
        self._files = {file.name: file.read_bytes() for file in STATIC.iterdir() if file.suffix in _KINDS}
        self._files["colours.css"] = css().encode()
        self._prepared = False

    def app(self) -> Starlette:
        """The application."""
        pages: dict[str, Callable[[Request], Response]] = {
            "/": self.sessions,
            "/session": self.session,
            "/frame": self.frame,
            "/prompt": self.prompt,
            "/step.json": self.step_json,
            "/step.png": self.step_png,
            "/version.json": self.version_json,
            "/static/{name}": self.static,
        }
        return Starlette(
            routes=[Route(path, answer, methods=["GET"]) for path, answer in pages.items()],
            middleware=[Middleware(RequestGuard)],
            exception_handlers={HTTPException: self._sorry, FacsimError: self._sorry, Exception: self._fault},
        )

    def sessions(self, request: Request) -> Response:
        """The list of sessions."""
        library, search = self._library(request), self._search(request)
        found = library.find(search)
        pages = max(1, -(-len(found) // ROWS))
        page = min(max(1, _whole(request.query_params.get("page"), 1)), pages)
        rows, problems = session_rows(library, found.part((page - 1) * ROWS, ROWS))
        return self._page(
            request,
            "list.html",
            search=search,
            query=query_of(request.query_params),
            rows=rows,
            problems=problems,
            total=len(found),
            page=page,
            pages=pages,
        )

    def session(self, request: Request) -> Response:
        """The replay of a session at a step."""
        replay = self._replay(request)
        query = query_of(request.query_params)
        found = self._library(request).find(self._search(request))
        here = found.place_of(replay.session.session_id)

        def beside(by: int) -> str | None:
            if here is None or not 0 <= here + by < len(found):
                return None
            other = found[here + by]
            return address("/session", query, id=other.session_id, step=other.step + 1)

        return self._page(
            request,
            "session.html",
            replay=replay,
            query=query,
            show_names=request.query_params.get("names") == "1",
            before=beside(-1),
            after=beside(1),
            here=here,
            total=len(found),
        )

    def frame(self, request: Request) -> Response:
        """The page of a step, for a sandboxed frame."""
        replay = self._replay(request)
        nonce = secrets.token_urlsafe(16)
        document = frame_document(
            replay.page.html if replay.page else "<p>The data set lacks this page.</p>",
            replay.marks,
            nonce=nonce,
            theme=_theme(request),
            show_names=request.query_params.get("names") == "1",
        )
        return Response(_bytes(document), media_type="text/html", headers=frame_headers(nonce))

    def prompt(self, request: Request) -> Response:
        """The exact prompt of a run at a step, message by message."""
        replay = self._replay(request)
        library = self._library(request)
        run = library.run(request.query_params.get("run", ""))
        return self._page(
            request,
            "prompt.html",
            replay=replay,
            query=query_of(request.query_params),
            run=run,
            prompt=prompt_of(library.data, replay.session, replay.index, run),
        )

    def step_json(self, request: Request) -> Response:
        """A step as JSON."""
        replay = self._replay(request)
        text = json.dumps(replay.to_dict(), ensure_ascii=False, indent=1)
        return Response(_bytes(text), media_type="application/json", headers=_download(replay, "json"))

    def step_png(self, request: Request) -> Response:
        """A step as an image, rendered by a browser on this machine."""
        replay = self._replay(request)
        # The port this process listens on: the request may come through a forwarded port.
        port = request.scope["server"][1]
        where = address("/session", id=replay.session.session_id, step=replay.number)
        drawn = picture(f"http://127.0.0.1:{port}{where}", _theme(request))
        return Response(drawn, media_type="image/png", headers=_download(replay, "png"))

    def static(self, request: Request) -> Response:
        """A file of the viewer."""
        name = request.path_params["name"]
        if name not in self._files:
            raise HTTPException(404)
        kind = _KINDS[Path(name).suffix]
        return Response(self._files[name], media_type=kind, headers={"Cache-Control": "no-cache"})

    def version_json(self, request: Request) -> Response:
        """What changes when there is something new to show; empty if nothing will change any more."""
        del request
        return Response(json.dumps({"version": self._source.version()}), media_type="application/json")

    def _library(self, request: Request) -> Library:
        """What is shown: for one request always the same, even if a rollout goes on meanwhile."""
        if not hasattr(request.state, "library"):
            # The version first: what is written in between is shown by the next refresh.
            request.state.version = self._source.version()
            request.state.library = self._source.current()
        library: Library = request.state.library
        return library

    def _search(self, request: Request) -> SessionFilter:
        """The filter of an address. The list opens on the sessions for which runs have predictions."""
        search = search_of(request.query_params)
        if self._library(request).runs and "hits" not in request.query_params:
            search = replace(search, predicted=True)
        return search

    def _replay(self, request: Request) -> Replay:
        params = request.query_params
        session_id, number = params.get("id", ""), params.get("step", "1")
        # Step 0 is none: as an index it would be the latest.
        index = LATEST if number == "latest" else (_whole(number) or 10**9) - 1
        try:
            return replay_at(self._library(request), session_id, index)
        except KeyError:
            raise HTTPException(404, "There is no such session in this data set.") from None
        except IndexError:
            raise HTTPException(404, "This session has no such step.") from None

    def _page(self, request: Request, template: str, status: int = 200, **values: object) -> Response:
        page = self._templates.get_template(template)
        library = self._library(request)
        about: dict[str, object] = {"library": library, "version": request.state.version}
        if "running" not in values:
            about["running"] = self._source.status()
        text = page.render(theme=_theme(request), status=status, **about, **values)
        if not self._prepared:  # while the first page is looked at
            self._prepared = True
            threading.Thread(target=library.prepare, name="prepare", daemon=True).start()
        # Here, too: error pages are sent from outside the guard.
        return Response(_bytes(text), status, media_type="text/html", headers=HEADERS)

    def _sorry(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 422
        text = error.detail if isinstance(error, HTTPException) else str(error)
        text = "There is no such page." if text == "Not Found" else text
        return self._apology(request, status, text)

    def _fault(self, request: Request, error: Exception) -> Response:
        del error  # starlette raises it again, for the log
        return self._apology(request, 500, "An internal error: please report it.")

    def _apology(self, request: Request, status: int, text: str) -> Response:
        try:
            return self._page(request, "sorry.html", status, text=text)
        except FacsimError:  # the journal of a rollout can no longer be read
            request.state.library, request.state.version = self._source.last, ""
            return self._page(request, "sorry.html", status, running=None, text=text)


def address(path: str, *queries: Mapping[str, object], **query: object) -> str:
    """An address of the viewer, without the parameters that are None or empty."""
    named = ChainMap({**query}, *({**more} for more in reversed(queries)))
    given = {key: value for key, value in named.items() if value not in (None, "")}
    return f"{path}?{urlencode(given, errors='replace')}" if given else path


def search_of(params: Mapping[str, str]) -> SessionFilter:
    """The filter that the address of a list describes. Invalid values are ignored."""
    return SessionFilter(
        text=params.get("q", "")[:500],
        outcome=params.get("outcome", ""),
        action=params.get("action", ""),
        category=params.get("category", ""),
        shortest=_whole(params.get("min")),
        longest=_whole(params.get("max")),
        hits=_one_of(HITS, params.get("hits")),
        right=params.get("right", ""),
        wrong=params.get("wrong", ""),
        order=_one_of(ORDERS, params.get("order")),
    )


def query_of(params: Mapping[str, str]) -> dict[str, str]:
    """The part of an address with the filter, for use in links."""
    return {field: value for field in _SEARCH_FIELDS if (value := params.get(field, "")[:500])}


def _one_of(choices: tuple[_Choice, ...], given: str | None) -> _Choice:
    return next((choice for choice in choices if choice == given), choices[0])


def _whole(text: str | None, otherwise: Any = None) -> Any:
    return int(text) if text and re.fullmatch(r"\d{1,9}", text, re.ASCII) else otherwise


def _theme(request: Request) -> str:
    return _one_of(("auto", "light", "dark"), request.cookies.get("facsim_theme"))


def _download(replay: Replay, kind: str) -> dict[str, str]:
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", replay.session.session_id).strip(".-")[:80] or "session"
    return {"Content-Disposition": f'attachment; filename="{safe}-step-{replay.number}.{kind}"'}


def _bytes(text: str) -> bytes:
    # A model may answer half a surrogate pair, which UTF-8 cannot encode.
    return text.encode("utf-8", "replace")
