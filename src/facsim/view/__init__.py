"""Sessions replayed in a browser on this machine, with every run's predictions beside what people did."""

from facsim.view.server import PORT, build_app, serve

__all__ = ["PORT", "build_app", "serve"]
