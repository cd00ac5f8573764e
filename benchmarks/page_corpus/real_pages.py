"""Unpack the saved pages of real sites that public repositories keep for their tests, and index them.

    python benchmarks/page_corpus/real_pages.py OUT [--repositories FOLDER] [--repository OWNER/NAME …]

Pages are other people's: they stay outside this repository and are never committed. FOLDER may hold clones of
the repositories (OWNER+NAME, OWNER+NAME/repo or NAME; bare or not); what is missing is cloned from GitHub.
OUT/pages holds the files by content hash. OUT/index.json says of each: repository, path, bytes, title, prices
and whether it is a page of a shop (it shows three prices and speaks of a cart, in one of a dozen languages).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser

REPOSITORIES = (
    "adbar/trafilatura",
    "mozilla/readability",
    "microlinkhq/metascraper",
    "scrapinghub/extruct",
    "scrapinghub/Formasaurus",
)
PRICE = re.compile(
    r"(?:[$€£¥₹₩₽]|\bUSD|\bEUR|\bR\$|\bRs\.?|￥)\s?\d[\d.,]*"
    r"|\d[\d.,]*\s?(?:[€£₽円]|zł|kr\b|EUR\b|USD\b|GBP\b|CHF\b|Kč|\u0440\u0443\u0431)"
)
_CART = re.compile(
    r"add[ _-]?to[ _-]?(?:cart|basket|bag|trolley)|(?:shopping|my|view|your) (?:cart|bag|basket)"
    r"|checkout|buy now"
    r"|warenkorb|panier|carrit?o|carrello|winkelwagen|koszyk|корзин|カート|sepet|carrinho|indkøbskurv|varukorg",
    re.IGNORECASE,
)
_SUFFIXES = (".html", ".htm", ".html.gz")
_LEAST_PRICES = 3
_LEAST_TEXT = 200


@dataclass(frozen=True)
class RealPage:
    """One saved page.

    Attributes:
        file: its name under OUT/pages.
        repository: where it is from.
        path: its path there.
        bytes: its size.
        title: what it is called.
        prices: how many prices its text shows.
        is_shop: whether it looks like the page of a shop.
    """

    file: str
    repository: str
    path: str
    bytes: int
    title: str
    prices: int
    is_shop: bool


def main() -> None:
    """Unpack and index."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder for the pages, outside the repository")
    parser.add_argument("--repositories", type=Path, help="folder with clones; what is missing is cloned")
    parser.add_argument(
        "--repository", action="append", help="only this one; may be repeated (default: five, in this file)"
    )
    arguments = parser.parse_args()
    folder = arguments.out / "pages"
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, RealPage] = {}
    for repository in arguments.repository or REPOSITORIES:
        git_dir = _clone_of(repository, arguments.repositories, arguments.out / "repositories")
        before = len(found)
        for path, content in _html_files(git_dir):
            digest = hashlib.sha256(content).hexdigest()[:24]
            if digest not in found and (page := _page(f"{digest}.html", repository, path, content)):
                (folder / page.file).write_bytes(content)
                found[digest] = page
        print(f"{repository:28} {len(found) - before:5} pages", file=sys.stderr, flush=True)
    pages = sorted(found.values(), key=lambda page: page.file)
    index = json.dumps([asdict(page) for page in pages], ensure_ascii=False, indent=1)
    (arguments.out / "index.json").write_text(index, encoding="utf-8")
    print(f"RESULT pages={len(pages)} shops={sum(page.is_shop for page in pages)}")


def read_index(out: Path) -> list[RealPage]:
    """The pages unpacked into a folder."""
    index = out / "index.json"
    if not index.is_file():
        raise SystemExit(f"no pages in {out}: run benchmarks/page_corpus/real_pages.py {out} first")
    return [RealPage(**entry) for entry in json.loads(index.read_text(encoding="utf-8"))]


def _clone_of(repository: str, given: Path | None, own: Path) -> Path:
    """The git directory of a repository."""
    owner, name = repository.split("/")
    for folder in (given, own):
        for place in (f"{owner}+{name}/repo", f"{owner}+{name}", name) if folder else ():
            for git_dir in (folder / place / ".git", folder / place):  # type: ignore[operator]
                if (git_dir / "objects").is_dir():
                    return git_dir
    target = own / f"{owner}+{name}"
    command = [
        "git",
        "clone",
        "--quiet",
        "--bare",
        "--depth",
        "1",
        f"https://github.com/{repository}",
        str(target),
    ]
    subprocess.run(command, check=True)
    return target


def _html_files(git_dir: Path) -> Iterator[tuple[str, bytes]]:
    """Path and content of the HTML files at HEAD; blobs that a partial clone lacks are left out."""
    git = ["git", "--git-dir", str(git_dir)]
    listing = subprocess.run([*git, "ls-tree", "-r", "-z", "HEAD"], check=True, capture_output=True).stdout
    entries = [line.partition("\t") for line in listing.decode().split("\0") if "\t" in line]
    wanted = [(head.split()[2], path) for head, _, path in entries if path.lower().endswith(_SUFFIXES)]
    with subprocess.Popen(
        [*git, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        for blob, path in wanted:
            reader.stdin.write(f"{blob}\n".encode())
            reader.stdin.flush()
            head = reader.stdout.readline().split()
            if head[-1] == b"missing":
                continue
            content = reader.stdout.read(int(head[2]))
            reader.stdout.read(1)
            yield path, gzip.decompress(content) if path.lower().endswith(".gz") else content
        reader.stdin.close()


def _page(file: str, repository: str, path: str, content: bytes) -> RealPage | None:
    """What is to be known of a page; None for a file that is hardly one."""
    document = LexborHTMLParser(content)
    if document.body is None:
        return None
    title = document.css_first("title")
    document.strip_tags(["script", "style", "noscript", "template"], recursive=True)
    text = document.body.text(separator=" ")
    if len(text) < _LEAST_TEXT:
        return None
    prices = len(PRICE.findall(text))
    is_shop = prices >= _LEAST_PRICES and bool(_CART.search(document.body.html or ""))
    name = " ".join((title.text() if title else "").split())[:120]
    return RealPage(file, repository, path, len(content), name, prices, is_shop)


if __name__ == "__main__":
    main()
