from __future__ import annotations

import sys
from pathlib import Path

import pytest

# For `page_properties`, which the tests share with benchmarks/fuzz_page.py.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def golden() -> Path:
    """Hand-written pages, each with its elements beside it."""
    return Path(__file__).parent / "golden"
