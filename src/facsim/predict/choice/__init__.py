"""The choice model: which of the elements on the page a person acts on next."""

from __future__ import annotations

from pathlib import Path

from facsim.predict.markov import MarkovTwo


class ChoiceModel(MarkovTwo):
    """Stands in with the order-2 Markov model until the learned one is in place."""

    spec = "choice"

    @classmethod
    def load(cls, path: str | Path) -> ChoiceModel:
        """Read a saved model."""
        raise NotImplementedError(path)
