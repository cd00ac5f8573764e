"""Data sets, runs and checkpoints elsewhere: the Hugging Face hub, object stores, Inspect, TRL and verl."""

from facsim.export.hub_repos import pull, push
from facsim.export.inspect_log import write_inspect_log
from facsim.export.object_store import pull_from_store, push_to_store
from facsim.export.training_rows import ROW_FORMATS, RowFormat, write_training_rows
from facsim.util.store_addresses import is_url

__all__ = [
    "ROW_FORMATS",
    "RowFormat",
    "is_url",
    "pull",
    "pull_from_store",
    "push",
    "push_to_store",
    "write_inspect_log",
    "write_training_rows",
]
