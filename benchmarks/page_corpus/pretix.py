"""pretix: a box office with a basket, questions and checkout, and the organizer's back office."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from app import App, Visitor, copy_files, once, pip_install, run, server

VERSION = "2026.8.0"
SETTINGS = """
[pretix]
instance_name=Box office
url=http://127.0.0.1
currency=EUR
datadir=data
registration=off
obligatory_2fa=off
[database]
backend=sqlite3
[mail]
from=office@example.com
host=127.0.0.1
port=9
[django]
secret=corpus
debug=on
"""
ENV = {"PRETIX_CONFIG_FILE": "pretix.cfg", "DJANGO_SETTINGS_MODULE": "pretix.settings"}


def install(home: Path) -> None:
    """Packages, settings and content."""
    once(home, "packages", lambda: pip_install(home, f"pretix=={VERSION}"))
    once(home, "tables", lambda: _tables(home))
    once(home, "content", lambda: _fill(home))


def _tables(home: Path) -> None:
    (home / "pretix.cfg").write_text(SETTINGS)
    (home / "data").mkdir(exist_ok=True)
    run(["venv/bin/python", "-m", "pretix", "migrate", "--verbosity=0"], home, ENV)


def _fill(home: Path) -> None:
    copy_files(home, "pretix_seed.py")
    run(["venv/bin/python", "-c", "import django; django.setup(); import pretix_seed"], home, ENV)


def serve(home: Path, port: int) -> AbstractContextManager[str]:
    """Run it; yields its address."""
    command = ["venv/bin/python", "-m", "pretix", "runserver", "--noreload", f"127.0.0.1:{port}"]
    return server(command, home, port, env=ENV, ready="/york/fair/")


def visit(visitor: Visitor) -> None:
    """The way through its pages."""
    _buy(visitor)
    _organize(visitor)


def _buy(visitor: Visitor) -> None:
    page = visitor.browser
    visitor.see("/york/", "events")
    visitor.see("/york/fair/", "products")
    for place, quantity in ((0, "2"), (5, "1")):
        page.locator("input[type=number]:visible, select[name^=item_]:visible").nth(place).fill(quantity)
    page.click("#btn-add-to-cart")
    page.wait_for_url("**/fair/**", wait_until="load")
    page.wait_for_timeout(3000)
    visitor.save("basket")
    visitor.go("/york/fair/checkout/start")
    visitor.save("checkout_questions")
    page.locator("form [type=submit]:has-text('Continue')").first.click()
    visitor.save("checkout_questions_errors")


def _organize(visitor: Visitor) -> None:
    page = visitor.browser
    visitor.see("/control/login", "login")
    page.fill("[name=email]", "admin@example.com")
    page.fill("[name=password]", "corpus-pass-1")
    page.click("[type=submit]")
    page.wait_for_url("**/control/**")
    visitor.see("/control/", "dashboard")
    visitor.see("/control/event/york/fair/", "event")
    visitor.see("/control/event/york/fair/items/", "event_products")
    visitor.see("/control/event/york/fair/items/1/", "event_product_form")
    visitor.see("/control/event/york/fair/settings/", "event_settings")
    visitor.see("/control/event/york/fair/vouchers/add", "voucher_form")


PRETIX = App("pretix", f"pretix {VERSION} (PyPI)", install, serve, visit)
