"""Recording: a browser extension, its collector on this machine, and the data set made from both.

from facsim.record import Study, record

record(Study.read("study.yaml"), "data/study", browser=True)
"""

from facsim.record.extension_package import export_extension
from facsim.record.record import record
from facsim.record.recording import Recording
from facsim.record.study import Study

__all__ = ["Recording", "Study", "export_extension", "record"]
