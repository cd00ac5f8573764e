"""Makes `tests/support` importable everywhere: `from loopback import Loopback`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))
