"""Recorded sessions: the data set on disk, its sources, splits and audit."""

from facsim.data.card import Card
from facsim.data.ingest_report import IngestReport
from facsim.data.replay import replay
from facsim.data.splits import split
from facsim.data.store import DataSet, PageStore
from facsim.data.writer import DataSetWriter, page_id_of

__all__ = [
    "Card",
    "DataSet",
    "DataSetWriter",
    "IngestReport",
    "PageStore",
    "page_id_of",
    "replay",
    "split",
]
