"""django-oscar: a shop, its checkout, its account pages and its dashboard; and Django's own admin."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from app import App, Visitor, copy_files, once, pip_install, run, server


def install(home: Path) -> None:
    """Packages, settings and content."""
    once(home, "packages", lambda: pip_install(home, "django-oscar==4.2.1", "sorl-thumbnail", "pycountry"))
    once(home, "content", lambda: _fill(home))


def _fill(home: Path) -> None:
    copy_files(home, "oscar_site.py", "oscar_urls.py")
    (home / "db.sqlite3").unlink(missing_ok=True)
    (home / "media").mkdir(exist_ok=True)
    run(["venv/bin/python", "oscar_site.py", "migrate", "--verbosity=0"], home)
    run(["venv/bin/python", "oscar_site.py", "seed"], home)


def serve(home: Path, port: int) -> AbstractContextManager[str]:
    """Run it; yields its address."""
    command = ["venv/bin/python", "oscar_site.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    return server(command, home, port, ready="/catalogue/")


def visit(visitor: Visitor) -> None:
    """The way through its pages."""
    _shop(visitor)
    _check_out(visitor)
    _account(visitor)
    _dashboard(visitor)


def _shop(visitor: Visitor) -> None:
    page = visitor.browser
    visitor.see("/catalogue/", "catalogue")
    visitor.see("/catalogue/?page=2", "catalogue_page_2")
    visitor.go("/catalogue/")
    page.click("aside a:has-text('Outdoor')")
    visitor.save("category")
    visitor.see("/search/?q=Kettle", "search_results")
    visitor.see("/search/?q=nothing+at+all", "search_nothing")
    visitor.go("/search/?q=Rucksack")
    page.click("article.product_pod h3 a")
    visitor.save("product")
    page.click("a:has-text('Write a review')")
    visitor.save("write_review")
    visitor.see("/offers/", "offers")
    visitor.see("/basket/", "basket_empty")


def _check_out(visitor: Visitor) -> None:
    page = visitor.browser
    for word in ("Tent", "Notebook"):
        visitor.go(f"/search/?q={word}")
        page.locator("article.product_pod button[type=submit]:not([disabled])").first.click()
    visitor.see("/basket/", "basket")
    visitor.see("/checkout/", "checkout_gateway")
    page.fill("[name=username]", "guest@example.com")
    page.check("[name=options][value=anonymous]")
    page.click("button[type=submit]:has-text('Continue')")
    visitor.save("checkout_address")
    page.click("button:has-text('Continue')")
    visitor.save("checkout_address_errors")
    for field, value in (
        ("first_name", "Ana"), ("last_name", "Silva"), ("line1", "1 Mill Lane"), ("line4", "York"),
        ("postcode", "YO1 7AB"),
    ):  # fmt: skip
        page.fill(f"[name={field}]", value)
    page.select_option("[name=country]", "GB")
    page.click("button:has-text('Continue')")
    visitor.save("checkout_payment")
    visitor.see("/checkout/preview/", "checkout_preview")


def _account(visitor: Visitor) -> None:
    visitor.see("/accounts/login/", "login_and_register")
    _log_in(visitor, "shopper@example.com")
    visitor.see("/accounts/orders/", "account_orders")
    visitor.see("/accounts/addresses/", "account_addresses")
    visitor.see("/accounts/addresses/add/", "account_new_address")
    visitor.see("/accounts/wishlists/", "account_wish_lists")
    visitor.see("/accounts/profile/edit/", "account_profile_form")
    visitor.go("/accounts/logout/")


def _dashboard(visitor: Visitor) -> None:
    visitor.browser.context.clear_cookies()
    visitor.go("/accounts/login/")
    _log_in(visitor, "admin@example.com")
    visitor.see("/dashboard/", "dashboard")
    visitor.see("/dashboard/catalogue/", "dashboard_products")
    visitor.see("/dashboard/catalogue/products/1/", "dashboard_product_form")
    visitor.see("/dashboard/orders/", "dashboard_orders")
    visitor.see("/dashboard/offers/", "dashboard_offers")
    visitor.see("/admin/", "admin_index")
    visitor.see("/admin/catalogue/product/", "admin_products")
    visitor.see("/admin/catalogue/product/1/change/", "admin_product_form")


def _log_in(visitor: Visitor, email: str) -> None:
    page = visitor.browser
    page.fill("#id_login-username", email)
    page.fill("#id_login-password", "corpus-pass-1")
    page.click("[name=login_submit]")
    page.wait_for_load_state("load")


OSCAR = App("oscar", "django-oscar 4.2.1 (PyPI)", install, serve, visit)
