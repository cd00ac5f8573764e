"""A site in a real browser."""

from __future__ import annotations

from facsim.rollout.browser_environment import BrowserEnvironment
from facsim.rollout.browser_pool import BrowserPool


class BrowserSite(BrowserPool):
    """A site that is visited with Chromium. Arguments as for `BrowserPool`."""

    def environment(self) -> BrowserEnvironment:
        """A new session in a context of its own."""
        return BrowserEnvironment(self)
