"""The shop over real HTTP: the same bytes as in process, state per visitor, and nothing for strangers."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from cpu_time import cpu_limit
from running_shop import running_shop

from facsim.shop.catalogue.pictures import picture
from facsim.shop.storefront import DESIGNS, Visitor
from facsim.shop.storefront.server import serve
from facsim.shop.storefront.visitor_store import VisitorStore
from facsim.util import localhost
from facsim.util.errors import ConfigError

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


class Client:
    """A browser without a window: keeps its cookie, follows no redirects."""

    def __init__(self, port: int) -> None:
        self.port, self.cookie = port, ""

    def ask(self, method, address, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"Host": f"127.0.0.1:{self.port}"} | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        if self.cookie:
            sent.setdefault("Cookie", self.cookie)
        connection.putrequest(method, address, skip_host=True, skip_accept_encoding=True)
        data = urlencode(body).encode() if isinstance(body, dict) else body
        if data is not None:
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
            sent["Content-Length"] = str(len(data))
        for name, text in sent.items():
            connection.putheader(name, text)
        connection.endheaders(data)
        answer = connection.getresponse()
        answer.content = answer.read()
        if answer.getheader("set-cookie"):
            self.cookie = answer.getheader("set-cookie").partition(";")[0]
        connection.close()
        return answer

    def get(self, address, **headers):
        return self.ask("GET", address, **headers)

    def post(self, address, fields, **headers):
        return self.ask("POST", address, fields, **{"Origin": f"http://127.0.0.1:{self.port}", **headers})


def test_an_answer_does_not_wait_until_its_first_packet_is_acknowledged():
    async def is_sent_at_once():
        at_once = asyncio.get_running_loop().create_future()

        def connected(_, writer):
            sock = writer.get_extra_info("socket")
            at_once.set_result(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(connected, sock=localhost.bind_localhost(0)) as server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            assert await at_once
            writer.close()

    asyncio.run(is_sent_at_once())


@pytest.fixture(scope="module")
def shop(shops):
    return shops(DESIGNS["standard"])


@pytest.fixture(scope="module")
def running(shop, tmp_path_factory):
    """(port, visitors) of a running shop."""
    with running_shop(shop, tmp_path_factory.mktemp("shop")) as opened:
        yield opened.port, opened.visitors


@pytest.fixture
def client(running) -> Client:
    return Client(running[0])


def test_pages_are_those_rendered_in_process(client, shop, simulate_session):
    for seed in range(4):
        client.cookie = ""
        for page, action, text in (steps := simulate_session(shop, 50 + seed)).pages(20):
            answer = client.get(page.view.address)
            assert answer.status == 200 and answer.content == page.html.encode(), page.view.address
            following, _ = shop.follow(action, steps.visitor, text)
            if action.method == "post":
                answer = client.post(action.address, dict(action.fields))
                assert answer.status == 303
                address = answer.getheader("location")
            else:
                address = (
                    action.address.partition("#")[0] if text is None else f"/search?{urlencode({'q': text})}"
                )
            answer = client.get(address)
            while answer.status == 303:
                address = answer.getheader("location")
                answer = client.get(address)
            assert shop.arrive(address, steps.visitor)[0] == following or action.method == "post"


def test_two_visitors_have_two_carts(running, catalogue):
    one, other = Client(running[0]), Client(running[0])
    product = str(catalogue.products[0].id)
    one.post("/cart/add", {"product": product})
    other.get(f"/product/{product}")
    assert one.cookie != other.cookie and len(one.cookie) > 40
    assert b"Cart <span" in one.get("/").content
    assert b"(1)</span>" in one.get("/").content and b"(0)</span>" in other.get("/").content


def test_looking_at_the_first_page_leaves_no_trace(client, running):
    assert client.get("/").getheader("set-cookie") is None


def test_cookies_cannot_be_read_by_scripts_sent_from_elsewhere_or_chosen(client, running, catalogue):
    answer = client.get(f"/product/{catalogue.products[0].id}", Cookie="shop_visitor=chosen")
    cookie = answer.getheader("set-cookie")
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "chosen" not in cookie
    assert running[1].get("chosen") is None


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "evil.example:{port}", "127.0.0.1:1", "[::1]:{port}", ""]
)
def test_other_names_for_this_machine_are_refused(client, host):
    answer = client.get("/", Host=host.format(port=client.port))
    assert answer.status == 403 and b"<h1>" in answer.content


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://127.0.0.1:{port}", "Sec_Fetch_Site": "cross-site"},
        {},
    ],
)
def test_forms_from_elsewhere_are_refused(client, catalogue, headers):
    sent = {name: text.format(port=client.port) for name, text in headers.items()}
    answer = client.ask("POST", "/cart/add", {"product": str(catalogue.products[0].id)}, **sent)
    assert answer.status == 403 and answer.getheader("set-cookie") is None


@pytest.mark.parametrize("headers", [{}, {"Sec_Fetch_Site": "same-origin"}])
def test_forms_of_the_shop_are_taken(client, catalogue, headers):
    answer = client.post("/cart/add", {"product": str(catalogue.products[0].id)}, **headers)
    assert (answer.status, answer.getheader("location")) == (303, "/cart")


def test_every_answer_is_locked_down(client, catalogue):
    number = catalogue.products[0].id
    for address in (
        "/",
        "/nothing",
        "/static/shop.css",
        "/static/shop.js",
        f"/picture/{number}.svg",
        "/suggest?q=co",
    ):
        answer = client.get(address)
        policy = answer.getheader("content-security-policy")
        assert (
            "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        )
        assert answer.getheader("x-content-type-options") == "nosniff"
        assert answer.getheader("server") is None


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/product/99999999", 404),
        ("GET", "/product/abc", 404),
        ("GET", "/picture/abc.svg", 404),
        ("GET", "/picture/99999999.svg", 404),
        ("GET", "/static/../server.py", 404),
        ("GET", "/static/", 404),
        ("GET", "/picture/", 404),
        ("GET", "//evil.example/", 404),
        ("GET", "/%00%ff", 404),
        ("GET", "/search?q=%00%ff%ed%a0%80&page=-1", 200),
        ("GET", "/search?q=" + "a" * 3_000, 200),
        ("GET", "/search?q=" + "a" * 100_000, 414),
        ("GET", "/search?" + "&".join(["q=1"] * 900), 404),
        ("GET", "/cart/add", 404),
        ("PUT", "/cart", 405),
        ("DELETE", "/", 405),
        ("POST", "/cart", 405),
        ("POST", "/nothing", 404),
        ("POST", "/cart/add", 404),
    ],
)
def test_garbage_gives_a_page_in_the_look_of_the_shop(client, method, address, status):
    body = {"product": "x"} if method == "POST" else None
    answer = client.ask(method, address, body, Origin=f"http://127.0.0.1:{client.port}")
    assert answer.status == status
    assert b'<header class="' in answer.content and b"Traceback" not in answer.content


def test_forms_that_are_none_are_refused(client):
    origin = {"Origin": f"http://127.0.0.1:{client.port}"}
    assert client.ask("POST", "/cart/add", b"x" * 1_000_000, **origin).status == 413
    assert client.ask("POST", "/cart/add", b"{}", Content_Type="application/json", **origin).status == 400
    assert client.ask("POST", "/cart/add", b"a=1&" * 100, **origin).status == 400


def test_a_fault_of_ours_gives_a_page_too(client, shop, monkeypatch):
    def broken(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr(shop, "arrive", broken)
    answer = client.get("/help")
    assert answer.status == 500 and b"<h1>" in answer.content and b"secret" not in answer.content


def test_what_is_typed_is_text_everywhere(client):
    answer = client.get("/search?" + urlencode({"q": '"><script>alert(1)</script>{{ 7*7 }}'}))
    assert (
        b"<script>alert" not in answer.content
        and b"49" not in re.findall(rb"<h1>.*?</h1>", answer.content)[0]
    )


def test_files_and_pictures_are_asked_for_once(client, catalogue):
    product = catalogue.products[3]
    answer = client.get(f"/picture/{product.id}.svg")
    assert answer.content == picture(product).encode() and answer.getheader("content-type") == "image/svg+xml"
    again = client.get(f"/picture/{product.id}.svg", If_None_Match=answer.getheader("etag"))
    assert again.status == 304 and not again.content
    assert client.ask("HEAD", "/").content == b""


def test_suggestions_are_json(client):
    texts = json.loads(client.get("/suggest?q=cof").content)
    assert texts and all("cof" in text for text in texts)
    assert json.loads(client.get("/suggest").content) == []


def test_visitors_outlive_the_shop(tmp_path):
    visitor = Visitor(results="/search?q=x")
    first = VisitorStore(tmp_path / "kept.sqlite")
    first.put("key", visitor)
    first.close()
    again = VisitorStore(tmp_path / "kept.sqlite")
    assert again.get("key") == visitor and again.get("other") is None
    again.close()


def test_a_file_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("These are notes, and long enough to be no database at all." * 50)
    with pytest.raises(ConfigError, match=r"notes\.txt"):
        VisitorStore(tmp_path / "notes.txt")


def test_a_taken_port_an_unknown_design_and_a_missing_package_are_said(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="--port"):
            serve(port=taken.getsockname()[1])
    with pytest.raises(ConfigError, match="standard"):
        serve(design="pretty")
    monkeypatch.setattr(localhost.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"facsim\[web\]"):
        serve()


def test_serve_announces_itself_and_ends_on_interrupt(tmp_path):
    code = (
        "from facsim.shop.storefront.server import serve\n"
        "serve(seed=3, port=0, announce=lambda address: print(address, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as shop:
        address = shop.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
        deadline = time.monotonic() + 30
        while True:
            try:
                assert Client(int(address.rpartition(":")[2])).get("/help").status == 200
                break
            except ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        shop.send_signal(2)
        _, errors = shop.communicate(timeout=20)
    assert "Traceback" not in errors


def test_thirty_two_visitors_at_once_are_each_served_their_own(running, shop, catalogue):
    def visit(number):
        client = Client(running[0])
        product = catalogue.products[number]
        client.get("/search?q=" + product.kind.name.replace(" ", "+"))
        client.get(f"/product/{product.id}")
        client.post("/cart/add", {"product": str(product.id)})
        return (
            product.title.encode().replace(b"&", b"&amp;").replace(b"'", b"&#39;")
            in client.get("/cart").content
        )

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(visit, range(64)))


def test_a_hundred_thousand_headers_are_refused_at_once(client):
    # The server runs in this process.
    with cpu_limit(1.5), socket.create_connection(("127.0.0.1", client.port), timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        with contextlib.suppress(OSError):  # the server closes while we write
            connection.sendall(b"".join(b"X-%d: y\r\n" % number for number in range(100_000)) + b"\r\n")
        with contextlib.suppress(OSError):
            assert not connection.recv(100).startswith(b"HTTP/1.1 200")
    assert client.get("/").status == 200


def test_an_unfinished_request_head_does_not_stay_open():
    async def seconds_until_closed(*pieces):
        listener = localhost.bind_localhost(0)
        port = listener.getsockname()[1]

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        server = localhost.localhost_server(app, longest_request=10_000)
        server.config.http_protocol_class = None
        server.config.http = localhost.impatient_protocol(0.5)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.monotonic()
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.1)
        while await asyncio.wait_for(reader.read(1000), 4):
            pass
        took = time.monotonic() - began
        writer.close()
        server.should_exit = True
        await task
        return took

    whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert asyncio.run(seconds_until_closed(b"GET / HT")) < 2
    assert asyncio.run(seconds_until_closed()) < 2
    assert asyncio.run(seconds_until_closed(whole, b"GET / HTTP/1.1\r\nHo")) < 2
