"""Wagtail: a content management system whose editing pages are forms in React and Stimulus."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from app import App, Visitor, once, pip_install, run, server

VERSION = "8.0.1"
ADMIN = {"DJANGO_SUPERUSER_PASSWORD": "corpus-pass-1"}
_USER = ["createsuperuser", "--noinput", "--username", "admin", "--email", "admin@example.com"]


def install(home: Path) -> None:
    """Packages, settings and content."""
    once(home, "packages", lambda: pip_install(home, f"wagtail=={VERSION}"))
    once(home, "content", lambda: _fill(home))


def _fill(home: Path) -> None:
    shutil.rmtree(home / "site", ignore_errors=True)
    (home / "site").mkdir()
    run(["venv/bin/wagtail", "start", "corpus_site", "site"], home)
    for command in (["migrate", "--verbosity=0"], _USER):
        run(["venv/bin/python", "site/manage.py", *command], home, ADMIN)


def serve(home: Path, port: int) -> AbstractContextManager[str]:
    """Run it; yields its address."""
    command = ["venv/bin/python", "site/manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    return server(command, home, port, ready="/admin/login/")


def visit(visitor: Visitor) -> None:
    """The way through its pages."""
    page = visitor.browser
    visitor.see("/search/?query=page", "search")
    visitor.see("/admin/login/", "login")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", ADMIN["DJANGO_SUPERUSER_PASSWORD"])
    page.click("[type=submit]")
    visitor.see("/admin/", "home")
    visitor.see("/admin/pages/", "explorer")
    visitor.see("/admin/pages/3/", "explorer_page")
    visitor.see("/admin/pages/3/edit/", "page_form")
    visitor.see("/admin/images/add/", "image_form")
    visitor.see("/admin/users/", "users")
    visitor.see("/admin/users/new/", "user_form")
    visitor.see("/admin/reports/site-history/", "history")
    visitor.see("/admin/redirects/add/", "redirect_form")


WAGTAIL = App("wagtail", f"wagtail {VERSION} (PyPI)", install, serve, visit)
