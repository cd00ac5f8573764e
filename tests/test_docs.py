"""The docs site builds with warnings as errors, every link has a target, and nothing is loaded from outside."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import facsim
from facsim.cli.main import _VERBS
from facsim.metrics import METRICS

DOCS = Path(__file__).resolve().parents[1] / "docs"
missing = [name for name in ("sphinx", "myst_parser", "furo") if not importlib.util.find_spec(name)]
pytestmark = [
    pytest.mark.skipif(bool(missing), reason=f"not installed: {missing} (pip install --group docs)"),
    pytest.mark.timeout(900),  # one build, for all of them
]


class Links(HTMLParser):
    """The links of a built page, what it loads, and its anchors."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.text = ""
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := found.get(name))}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        elif (target := found.get("src") or (found.get("href") if tag == "link" else None)) is not None:
            self.loaded.append(target)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Links]:
    """Every built page."""
    out = tmp_path_factory.mktemp("docs") / "html"
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html", DOCS, out],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return {file: Links(file) for file in out.rglob("*.html") if "_static" not in file.parts}


def page(site: dict[Path, Links], name: str) -> Links:
    return next(links for file, links in site.items() if file.name == f"{name}.html")


def test_every_page_is_built_and_can_be_found(site: dict[Path, Links]) -> None:
    written = {file.relative_to(DOCS).with_suffix(".html") for file in DOCS.rglob("*.md")}
    root = next(file.parent for file in site if file.name == "index.html")
    assert written <= {file.relative_to(root) for file in site}
    assert {str(file) for file in written} - {"index.html"} <= set(page(site, "index").links)


def test_no_link_is_broken(site: dict[Path, Links]) -> None:
    broken = []
    for file, links in site.items():
        for target in links.links + links.loaded:
            parts = urlsplit(target)
            if parts.scheme:
                continue
            there = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            anchors = site[there].anchors if there in site else set()
            if not there.is_file() or (parts.fragment and unquote(parts.fragment) not in anchors):
                broken.append(f"{file.name}: {target}")
    assert not broken


def test_nothing_is_loaded_from_outside(site: dict[Path, Links]) -> None:
    for file, links in site.items():
        for target in links.loaded:
            assert urlsplit(target).scheme in ("", "data"), f"{file.name} loads {target}"
    styles = [sheet for file in site if file.name == "index.html" for sheet in file.parent.rglob("*.css")]
    assert styles
    for sheet in styles:
        assert not re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", sheet.read_text(encoding="utf-8"))


def test_what_code_knows_is_there(site: dict[Path, Links]) -> None:
    cli, api, metrics = (page(site, name) for name in ("cli", "api", "metrics"))
    for verb in _VERBS:
        assert f"facsim-{verb}" in cli.anchors
    assert "--resume" in cli.text
    assert "-m sphinx" not in cli.text
    assert "baseline:markov-2" in cli.text  # the long help, not the short one
    for name in set(facsim.__all__) - {"__version__"}:
        assert f"facsim.{name}" in api.anchors, name
    for name in METRICS:
        assert name in metrics.text


def test_pages_open_without_an_error_or_a_request(site: dict[Path, Links], chromium) -> None:
    for width, scheme in ((400, "dark"), (1400, "light")):
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        for name in ("index", "cli", "api", "shop", "compare-two-models"):
            file = next(file for file in site if file.name == f"{name}.html")
            tab, outside, errors = context.new_page(), [], []
            tab.on("request", lambda request, seen=outside: seen.append(request.url))
            tab.on("pageerror", lambda error, seen=errors: seen.append(str(error)))
            tab.goto(file.as_uri())
            assert not [url for url in outside if not url.startswith(("file:", "data:"))]
            assert not errors
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
            tab.close()
        context.close()
