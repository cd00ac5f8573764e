"""Where a local `facsim view` shows things. Small: the viewer itself starts with it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

VIEW_PORT: Final = 8421
"""Where `facsim view` listens unless told otherwise."""


def replay_address(session_id: str, step: int) -> str:
    """Where a local `facsim view` shows a step.

    >>> replay_address("a/b", 3)
    'http://127.0.0.1:8421/session?id=a%2Fb&step=3'
    """
    return f"http://127.0.0.1:{VIEW_PORT}/session?{urlencode({'id': session_id, 'step': step})}"
