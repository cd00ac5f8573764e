"""Small trained models, on one thread."""

from trained_models import one_thread, trained

__all__ = ["one_thread", "trained"]
