"""Replays sessions in a local browser, with the predictions of every run beside the true actions."""

from facsim.view.server import PORT, build_app, serve

__all__ = ["PORT", "build_app", "serve"]
