"""EverShop: a storefront and its administration, in React, with the demonstration catalogue it ships."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from app import App, Visitor, copy_files, free_port, once, run, server

VERSION = "2.2.1"
ADMIN = ("admin@example.com", "corpus-pass-1")


def install(home: Path) -> None:
    """Packages, settings and content."""
    once(home, "packages", lambda: _packages(home))
    once(home, "content", lambda: _fill(home))


def _packages(home: Path) -> None:
    package = {"name": "corpus-shop", "private": True, "type": "module"}
    (home / "package.json").write_text(json.dumps(package))
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    run(["npm", "install", *quiet, f"@evershop/evershop@{VERSION}", "concat-stream", "typescript"], home)


def _fill(home: Path) -> None:
    for folder in ("config", "extensions", "themes", "media", "public"):
        (home / folder).mkdir(exist_ok=True)
    # The demonstration products load pictures from elsewhere; here they keep the shop's own placeholder.
    products = home / "node_modules/@evershop/evershop/dist/bin/seed/data/products.json"
    entries = json.loads(products.read_text())
    products.write_text(json.dumps([{**entry, "images": [], "image": None} for entry in entries]))
    folder = _database_folder(home)
    shutil.rmtree(folder, ignore_errors=True)  # left behind by a run that was cut off
    folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    run([*_as_owner(), _postgres("initdb"), "-D", folder, "-A", "trust", "-E", "UTF8", "--no-sync"], home)
    with _database(home) as env:
        database = ["-h", "127.0.0.1", "-p", env["DB_PORT"], "-U", "postgres"]
        run(["psql", *database, "-c", "create database evershop"], home)
        run(["npx", "evershop", "build"], home, env)
        with _shop(home, free_port(), env):
            user = ["--name", "Admin", "--email", ADMIN[0], "--password", ADMIN[1]]
            run(["npx", "evershop", "user:create", *user], home, env)
            run(["npx", "evershop", "seed", "--all"], home, env)


@contextmanager
def serve(home: Path, port: int) -> Iterator[str]:
    """Run it; yields its address."""
    with _database(home) as env, _shop(home, port, env):
        yield f"http://localhost:{port}"  # the shop calls itself so, and a browser minds


def _shop(home: Path, port: int, env: dict[str, str]) -> AbstractContextManager[str]:
    copy_files(home, "loopback.cjs")
    env = {**env, "PORT": str(port), "NODE_OPTIONS": f"--require {home / 'loopback.cjs'}"}
    return server(["npx", "evershop", "start"], home, port, env=env)


@contextmanager
def _database(home: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL on this machine for this shop alone; yields the settings that the shop reads."""
    port = str(free_port())
    folder = _database_folder(home)
    control = [*_as_owner(), _postgres("pg_ctl"), "-D", folder, "-w"]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    subprocess.run(
        [*control, "-o", options, "-l", str(folder / "log"), "start"],
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
    )
    try:
        yield {
            "DB_HOST": "127.0.0.1",
            "DB_PORT": port,
            "DB_NAME": "evershop",
            "DB_USER": "postgres",
            "DB_PASSWORD": "none",
            "DB_SSLMODE": "disable",
            "NODE_CONFIG_DIR": str(home / "config"),
        }
    finally:
        subprocess.run([*control, "-m", "fast", "stop"], check=True, cwd="/", stdout=subprocess.DEVNULL)


def _database_folder(home: Path) -> Path:
    """PostgreSQL does not run as root: then its folder belongs to its own user, outside root's home."""
    if os.geteuid() != 0:
        return home / "database"
    return Path("/var/tmp") / f"facsim-corpus-{hashlib.sha256(bytes(home.resolve())).hexdigest()[:8]}"


def _as_owner() -> list[str]:
    return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


def _postgres(program: str) -> str:
    """Debian keeps these programs out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(found[-1]) if found else program


def visit(visitor: Visitor) -> None:
    """The way through its pages."""
    _browse(visitor)
    _check_out(visitor)
    _administer(visitor)


def _browse(visitor: Visitor) -> None:
    page = visitor.browser
    visitor.see("/", "home")
    visitor.see("/accessories", "category")
    visitor.see("/accessories?ob=price&od=asc", "category_sorted")
    visitor.see("/search?keyword=cup", "search_results")
    visitor.go("/")
    page.click("[aria-label*=earch i]")
    page.wait_for_timeout(500)
    visitor.save("search_box")
    visitor.see("/accessories/ceramic-coffee-cup-white", "product")
    page.click("button:has-text('Add to cart')")
    visitor.save("product_nothing_chosen")
    visitor.see("/cart", "cart_empty")
    visitor.see("/account/login", "login")
    visitor.see("/account/register", "register")
    visitor.see("/blog", "blog")


def _check_out(visitor: Visitor) -> None:
    page = visitor.browser
    for product, colour in (("ceramic-coffee-cup-white", "Black"), ("modern-ceramic-vase-white", "Green")):
        visitor.go(f"/accessories/{product}")
        page.click(f"button:text-is('{colour}')")
        page.wait_for_timeout(1500)
        page.click("button:has-text('Add to cart')")
        page.wait_for_timeout(1500)
        if colour == "Black":
            visitor.save("added_to_cart")
    visitor.see("/cart", "cart")
    visitor.see("/checkout", "checkout")
    page.locator("input[type=email], input[name*=email]").first.fill("guest@example.com")
    page.get_by_role("combobox").first.click()
    page.wait_for_timeout(1000)
    visitor.save("checkout_country_list")


def _administer(visitor: Visitor) -> None:
    page = visitor.browser
    visitor.see("/admin/login", "admin_login")
    page.fill("[name=email]", ADMIN[0])
    page.fill("[name=password]", ADMIN[1])
    page.click("#adminLoginForm button[type=submit]")
    page.wait_for_url("**/admin")
    visitor.save("admin_home")
    visitor.see("/admin/products", "admin_products")
    visitor.see("/admin/products/new", "admin_product_form")
    visitor.see("/admin/coupon/new", "admin_coupon_form")
    visitor.see("/admin/setting/store", "admin_store_form")


EVERSHOP = App("evershop", f"@evershop/evershop {VERSION} (npm)", install, serve, visit)
