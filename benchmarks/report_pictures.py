"""Take the pictures of the report for the docs: at desk width in light and dark, and at phone width.

    python benchmarks/report_pictures.py runs/* --out docs/pictures

Needs the extra `browser`, pillow (which matplotlib brings), and a Chromium on the path.
"""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import open_chromium  # noqa: E402
from PIL import Image  # noqa: E402

from facsim import build_report  # noqa: E402

PICTURES = {
    "report": (1440, 1760, "light", "answer"),
    "report-dark": (1440, 1180, "dark", "shares"),
    "report-phone": (400, 860, "light", "answer"),
}
LARGEST = 400_000


def main() -> None:
    """Write `report*.png` into a folder."""
    words = sys.argv[1:]
    out = Path(words[words.index("--out") + 1]) if "--out" in words else ROOT / "docs" / "pictures"
    runs = words[: words.index("--out")] if "--out" in words else words
    with tempfile.TemporaryDirectory() as folder, open_chromium() as browser:
        file = build_report(runs).save(Path(folder) / "report.html")
        for name, (width, height, scheme, section) in PICTURES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            page = context.new_page()
            page.goto(f"{file.as_uri()}#{section}" if section != "answer" else file.as_uri())
            page.wait_for_timeout(800)
            picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
            picture.save(out / f"{name}.png", optimize=True)
            size = (out / f"{name}.png").stat().st_size
            assert size <= LARGEST, f"{name}: {size} bytes"
            print(f"{name}.png {size // 1000} KB")
            context.close()


if __name__ == "__main__":
    main()
