"""Install real web applications, walk through their pages in Chromium, and keep the pages.

    python benchmarks/page_corpus/build.py OUT [--apps oscar,pretix] [--home FOLDER]

Needs Chromium and PostgreSQL (Debian: chromium, postgresql), node and npm, and `playwright` from PyPI.
Packages come from PyPI and npm; every server listens on 127.0.0.1 only. The applications stay installed in
the home folder, so that a second run only walks. OUT/APP/pages/PAGE/VISIT holds served.html, rendered.html,
page.png and page.json.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from app import App, free_port
from capture import VIEWPORT, Recorder, chromium
from datasette import DATASETTE
from evershop import EVERSHOP
from oscar import OSCAR
from pretix import PRETIX
from wagtail_site import WAGTAIL

APPS = {app.name: app for app in (OSCAR, EVERSHOP, PRETIX, WAGTAIL, DATASETTE)}
VISITS = 2


def main() -> None:
    """Build the applications asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder for the pages")
    parser.add_argument("--home", type=Path, default=Path("~/.cache/facsim-corpus/apps").expanduser())
    parser.add_argument("--apps", default=",".join(APPS), help="which applications (default: all)")
    arguments = parser.parse_args()
    kept = {name: build(APPS[name], arguments.home, arguments.out) for name in arguments.apps.split(",")}
    for name, pages in kept.items():
        print(f"{name:10} {pages:3} pages x {VISITS} visits  {APPS[name].package}")
    print(f"RESULT apps={len(kept)} pages={sum(kept.values())}")


def build(app: App, home: Path, out: Path) -> int:
    """Install, run and walk through one application; returns how many pages were kept."""
    start = time.monotonic()
    app.install(home / app.name)
    print(f"{app.name}: installed ({time.monotonic() - start:.0f} s)", file=sys.stderr, flush=True)
    pages = 0
    with app.serve(home / app.name, free_port()) as address, sync_playwright() as playwright:
        for visit in range(1, VISITS + 1):
            with chromium(playwright) as browser:
                context = browser.new_context(viewport=VIEWPORT, locale="en-GB", timezone_id="UTC")  # type: ignore[arg-type]
                recorder = Recorder(context.new_page(), address, out / app.name, visit)
                try:
                    app.visit(recorder)
                except Exception:
                    where = out / app.name / "stuck.png"
                    recorder.browser.screenshot(path=where)
                    print(f"{app.name}: stuck at {recorder.browser.url} (see {where})", file=sys.stderr)
                    raise
                finally:
                    recorder.close()
                pages = len(recorder.saved)
    print(f"{app.name}: {pages} pages ({time.monotonic() - start:.0f} s)", file=sys.stderr, flush=True)
    return pages


if __name__ == "__main__":
    main()
