"""Large pages take memory in proportion: the parser's own tree is most of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

_MEASURE = """
from pathlib import Path
from facsim.page import simplify

def status(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))

page = "<html><body>" + "".join(f"<p>Some words, number {n}, in a paragraph</p>" for n in range(250_000))
simplify(page[:2000])
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
assert simplify(page).html.count("<p>") == 250_000
print((status("VmHWM") - before) / len(page))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's account of a process is Linux's")
def test_ten_megabytes_of_paragraphs_take_at_most_fourteen_times_their_bytes() -> None:
    """Twelve where words repeat; here no two paragraphs are the same."""
    done = subprocess.run([sys.executable, "-c", _MEASURE], check=True, capture_output=True, text=True)
    assert float(done.stdout) < 14
