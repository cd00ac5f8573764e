"""Data sets, runs and checkpoints for other tools: the Hugging Face hub, Inspect, TRL and verl."""

from facsim.export.hub_repos import pull, push
from facsim.export.inspect_log import write_inspect_log
from facsim.export.training_rows import ROW_FORMATS, RowFormat, write_training_rows

__all__ = ["ROW_FORMATS", "RowFormat", "pull", "push", "write_inspect_log", "write_training_rows"]
