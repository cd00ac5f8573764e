"""Take the pictures of the viewer for the docs: the list and a step, light and dark, at desk and phone width.

    python benchmarks/view_pictures.py DATA RUN… --session ID --step N [--out docs/pictures]

Needs the extras `web` and `browser`, pillow (which matplotlib brings), and a Chromium on the path.
"""

from __future__ import annotations

import argparse
import sys
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import open_chromium  # noqa: E402
from PIL import Image  # noqa: E402
from viewing import served  # noqa: E402

from facsim.view.web import address  # noqa: E402

DESK, PHONE = {"width": 1440, "height": 1000}, {"width": 400, "height": 860}


def main() -> None:
    """Write `view-WHAT.png` into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--session", required=True)
    parser.add_argument("--step", type=int, default=2, help="number of the step, from 1")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    given = parser.parse_args()
    step = address("/session", id=given.session, step=given.step)
    pictures = {
        "list": ("/?hits=split&order=most", DESK, "light"),
        "replay": (step, DESK, "light"),
        "replay-dark": (step, DESK, "dark"),
        "phone": (step, PHONE, "light"),
    }
    with served(given.data, given.runs) as where, open_chromium() as browser:
        for name, (path, size, scheme) in pictures.items():
            page = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
            page.goto(f"{where}{path}")
            if page.locator("[data-frame]").count():
                page.frame_locator("[data-frame]").locator(".sheet").wait_for()
            page.wait_for_timeout(300)
            drawn = Image.open(BytesIO(page.screenshot())).convert("RGB")
            file = given.out / f"view-{name}.png"
            drawn.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
            print(file, file.stat().st_size)
            page.close()


if __name__ == "__main__":
    main()
