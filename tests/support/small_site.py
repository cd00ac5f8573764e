"""A site of a few pages, given as HTML, on a free port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class SmallSite:
    """The site; `requests` has every request line and body it got."""

    port: int
    pages: dict[str, str]
    delays: dict[str, float] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def small_site(pages: Mapping[str, str]) -> Iterator[SmallSite]:
    """Serve pages by path; a path that is not there gives 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

        def _answer(self, body: str) -> None:
            site.requests.append(f"{self.command} {self.path} {body}")
            path = self.path.partition("?")[0]
            time.sleep(site.delays.get(path, 0))
            content = site.pages.get(path)
            self.send_response(404 if content is None else 200)
            data = (content if content is not None else "<p>not found").encode()
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Tests need no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = SmallSite(server.server_address[1], dict(pages))
    with running_http_server(server):
        yield site


@contextmanager
def running_http_server(server: ThreadingHTTPServer) -> Iterator[None]:
    """Run a server in a thread until the block ends."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
