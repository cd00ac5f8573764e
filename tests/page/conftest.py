from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def golden() -> Path:
    """Hand-written pages, each with its elements beside it."""
    return Path(__file__).parent / "golden"
