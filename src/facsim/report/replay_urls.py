"""Addresses of the local viewer. A module of its own because the viewer imports it at start-up."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

VIEW_PORT: Final = 8421
"""The default port of `facsim view`."""


def replay_address(session_id: str, step: int) -> str:
    """Where a viewer on the default port shows a step.

    Args:
        session_id: the session.
        step: index of the step, from 0; addresses count from 1, as everything does that people read.

    >>> replay_address("a/b", 3)
    'http://127.0.0.1:8421/session?id=a%2Fb&step=4'
    """
    return f"http://127.0.0.1:{VIEW_PORT}/session?{urlencode({'id': session_id, 'step': step + 1})}"
