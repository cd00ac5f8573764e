"""Check that a run belongs to a data set."""

from __future__ import annotations

from pathlib import Path

from facsim.data import Card
from facsim.evaluation import Run
from facsim.util.display_text import one_line
from facsim.util.errors import ConfigError


def check_same_data(card: Card, path: str | Path, run: Run) -> None:
    """Check that a run answers steps of a data set.

    Args:
        card: of the data set.
        path: where it is, for the message.
        run: the run.

    Raises:
        ConfigError: if it answers steps of another data set.
    """
    cases = run.config.identity.cases
    if cases.content_hash != card.content_hash:
        raise ConfigError(
            f"{run.location} answers steps of another data set: {one_line(cases.data, 80)} (content "
            f"{cases.content_hash}, was at {run.config.data_path}), "
            f"not of {path} ({one_line(card.name, 80)}, content {card.content_hash}). "
            "Give the runs of this data set, or the data set of these runs"
        )
