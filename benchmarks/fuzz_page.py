"""Coverage-guided fuzzing of the simplifier on a hundred thousand generated pages.

    python benchmarks/fuzz_page.py [--inputs 100000] [--corpus CORPUS] [--folder build/fuzz-page]

Atheris (libFuzzer) generates bytes. They are used as an encoded page, as text, or as choices of a generator
of hostile HTML (tests/page/page_properties.py). That file also has the properties checked on every page:

- no exception but `InputError`;
- names are unique and visually distinct, and locators find their node;
- the result is idempotent, and any HTML parser reads it the same;
- CPU time is within `BASE_MS` plus `US_PER_BYTE` for each byte of the page.

A failing page is minimized and written to FOLDER/findings, and the run continues. Seeds are the hand-written
golden pages and, if a corpus is given (benchmarks/page_corpus/build.py), fragments of its pages.

Atheris is installed in a separate virtual environment on the first run. One process, one thread. In the
RESULT line, `crashes` counts the distinct properties violated, and hangs and crashes of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = Path("~/.cache/facsim-corpus/fuzz").expanduser()
NEEDS = ("atheris", "numpy>=2", "selectolax>=1.0", "pydantic>=2.12", "pyyaml>=6")
BASE_MS = 400
US_PER_BYTE = 40
HANG_SECONDS = 120
PIECE = 190

TOKENS = (
    "<a href=", "<button>", "<input type=", "<select><option>", "<li>", "<table><tr><td>", "<h2>", "<nav>",
    "</", "/>", "<!--", "-->", "<![CDATA[", "<template shadowrootmode=open>", "<iframe srcdoc=", "<noscript>",
    "<svg>", "<math>", "<script>", "<style>", "<textarea>", "<title>", "<plaintext>", "aria-label=", "role=",
    "aria-labelledby=", " id=", " for=", "hidden", "display:none", "onclick", "tabindex=0", "contenteditable",
    "&#", "&amp;", "&lt;", "<meta charset=utf-16>", "charset=", "<html data-simplified=\\\"1\\\">", " name=",
    "\\x00", "\\xff\\xfe", "\\xe2\\x80\\x8b",
)  # fmt: skip


@dataclass
class Tally:
    """Counts of a run so far; kept in a file, because the process may crash.

    Attributes:
        inputs: pages tried.
        slowest_ms: the maximum CPU time of a page.
        slowest_bytes: the size of that page.
        worst_us_per_byte: the maximum per byte, over pages of at least 10,000 bytes.
        broken: property -> number of violations.
    """

    inputs: int = 0
    slowest_ms: float = 0.0
    slowest_bytes: int = 0
    worst_us_per_byte: float = 0.0
    broken: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Tally:
        """Load the saved counts."""
        return cls(**json.loads(file.read_text())) if file.exists() else cls()

    def write(self, file: Path) -> None:
        """Save the counts."""
        file.write_text(json.dumps(asdict(self)))


def main() -> None:
    """Run until the inputs are tried, print the findings and the RESULT line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--corpus", type=Path, help="a page corpus, for seeds")
    parser.add_argument("--folder", type=Path, default=ROOT / "build/fuzz-page", help="queue and findings")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        return _fuzz(arguments.folder, arguments.inputs, arguments.seed)
    _make_venv()
    folder: Path = arguments.folder
    for name in ("queue", "findings"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "tally.json").unlink(missing_ok=True)
    (folder / "tokens.dict").write_text("".join(f'"{_quoted(token)}"\n' for token in TOKENS))
    for place, seed in enumerate(_seeds(arguments.corpus)):
        (folder / "queue" / f"seed-{place:04}").write_bytes(seed)
    began = time.monotonic()
    deaths = 0
    while (tally := Tally.read(folder / "tally.json")).inputs < arguments.inputs and deaths < 20:
        seed = arguments.seed + deaths
        command = [
            VENV / "bin/python",
            __file__,
            "--inside",
            "--inputs",
            str(arguments.inputs),
            "--folder",
            folder,
        ]
        subprocess.run([*command, "--seed", str(seed)], env=_environment(), check=False)
        deaths += Tally.read(folder / "tally.json").inputs < arguments.inputs
    for rule, often in sorted(tally.broken.items()):
        print(f"{often:7} {rule}")
    print(
        f"{tally.inputs} inputs in {time.monotonic() - began:.0f} s; slowest {tally.slowest_ms:.0f} ms "
        f"of CPU for {tally.slowest_bytes} bytes; from 10 KB on at most {tally.worst_us_per_byte:.1f} µs "
        f"per byte; "
        f"findings in {folder}"
    )
    crashes = len(tally.broken) + deaths
    print(f"RESULT inputs={tally.inputs} crashes={crashes} slowest_ms={tally.slowest_ms:.0f}")


def _make_venv() -> None:
    if (VENV / ".done").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin/pip", "install", "--quiet", *NEEDS], check=True)
    (VENV / ".done").touch()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests/page")))}


def _quoted(token: str) -> str:
    return token if "\\" in token else token.replace('"', '\\"')


def _seeds(corpus: Path | None) -> Iterator[bytes]:
    """Fragments of the golden pages, as bytes and as text; fragments of the corpus; some choices."""
    for file in sorted((ROOT / "tests/page/golden").glob("*.html")):
        raw = file.read_bytes()
        yield b"\x00" + raw[:PIECE]
        for start in range(0, len(raw), PIECE):
            yield b"\x20" + raw[start : start + PIECE]
    for file in sorted(corpus.glob("*/pages/*/1/rendered.html")) if corpus else ():
        raw = file.read_bytes()
        middle = raw.find(b"<", len(raw) // 2)
        yield b"\x20" + raw[middle : middle + PIECE]
    for step in (1, 3, 7, 11, 29, 53):
        yield b"\x40" + bytes(number * step % 256 for number in range(200))


def _fuzz(folder: Path, inputs: int, seed: int) -> None:
    import atheris  # noqa: PLC0415
    import page_properties as properties  # noqa: PLC0415
    from atheris.import_hook import HookManager  # noqa: PLC0415

    # The simplifier once more, watched for the lines it reaches. Not for what it compares, which takes thrice
    # as long; and the rules are tried with the first one.
    for name in [name for name in sys.modules if name.startswith("facsim.page")]:
        del sys.modules[name]
    with HookManager({"facsim"}, set(), enable_loader_override=True, trace_dataflow=False):
        from facsim.page import simplify as watched  # noqa: PLC0415

    tally_file = folder / "tally.json"
    tally = Tally.read(tally_file)

    def one(data: bytes) -> None:
        if tally.inputs >= inputs:
            tally.write(tally_file)
            # Any other way out counts as a crash with libFuzzer.
            os.kill(os.getpid(), signal.SIGKILL)
        tally.inputs += 1
        if tally.inputs % 500 == 0:
            tally.write(tally_file)
        page = properties.hostile(data)
        try:
            seconds = properties.check(page, watched)
            if seconds > _allowed(page.html):
                # Watched code takes some times as long; what counts is how long it takes by itself.
                seconds = min(seconds, properties.check(page), properties.check(page))
            _time(tally, seconds, page.html)
            if isinstance(page.html, str):
                properties.check_reading(page.html)
        except Exception as error:
            _found(tally, folder, page, error, properties)

    arguments = [
        sys.argv[0], str(folder / "queue"), f"-dict={folder / 'tokens.dict'}", "-max_len=200",
        f"-seed={seed}", f"-timeout={HANG_SECONDS}", "-rss_limit_mb=4096",
        f"-artifact_prefix={folder / 'findings'}/died-",
    ]  # fmt: skip
    atheris.Setup(arguments, one)
    atheris.Fuzz()


def _time(tally: Tally, seconds: float, html: str | bytes) -> None:
    size = len(html)
    if seconds * 1000 > tally.slowest_ms:
        tally.slowest_ms, tally.slowest_bytes = seconds * 1000, size
    if size >= 10_000:
        tally.worst_us_per_byte = max(tally.worst_us_per_byte, seconds * 1e6 / size)
    if seconds > _allowed(html):
        raise TimeoutError(f"{seconds:.2f} s for {size} bytes")


def _allowed(html: str | bytes) -> float:
    """The limit of CPU seconds for a page."""
    return BASE_MS / 1000 + US_PER_BYTE * len(html) / 1_000_000


def _found(tally: Tally, folder: Path, page, error: Exception, properties) -> None:  # type: ignore[no-untyped-def]
    """Count it; write it down if it is the first of its kind."""
    rule = _rule(error)
    tally.broken[rule] = tally.broken.get(rule, 0) + 1
    if tally.broken[rule] > 1:
        return

    def breaks(html: str | bytes) -> bool:
        try:
            properties.check(properties.Hostile(html, page.recipe))
            if isinstance(html, str):
                properties.check_reading(html)
        except Exception as other:
            return _rule(other) == rule
        return False

    least = smallest(page.html, breaks) if not isinstance(error, TimeoutError) else page.html
    name = "".join(character if character.isalnum() else "-" for character in rule)[:60]
    text = f"{rule}\n{error}\n\nrecipe: {page.recipe!r}\n{least!r}\n\nwhole: {page.html!r}\n"
    (folder / "findings" / f"{name}.txt").write_text(text, encoding="utf-8", errors="backslashreplace")
    print(f"found: {rule}: {least!r:.300}", flush=True)


def _rule(error: Exception) -> str:
    """The key of a failure: the property, or the exception and its location in Facsim."""
    rule = getattr(error, "rule", "")
    if rule:
        return str(rule)
    where, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "facsim" in code.co_filename:
            where = f"{Path(code.co_filename).name}:{code.co_name}"
        trace = trace.tb_next
    return f"{type(error).__name__} {where}".strip()


def smallest(html: str | bytes, breaks: Callable[[str | bytes], bool], seconds: float = 20) -> str | bytes:
    """The smallest page found in limited time that violates the same property."""
    end = time.monotonic() + seconds
    size = max(len(html) // 2, 1)
    while size and time.monotonic() < end:
        start = 0
        while start < len(html) and time.monotonic() < end:
            shorter = html[:start] + html[start + size :]
            if breaks(shorter):
                html = shorter
            else:
                start += size
        size = size // 2 if size > 1 or start < len(html) else 0
    return html


if __name__ == "__main__":
    main()
