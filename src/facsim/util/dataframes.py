"""Tables for who works with polars or pandas; neither is loaded before it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


def to_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """A polars table as a pandas one.

    Raises:
        ConfigError: if pandas is not installed.
    """
    try:
        import pandas as pd  # noqa: F401, PLC0415 - only for those who ask for it
    except ImportError:
        raise ConfigError(
            "pandas is not installed. Install it with: pip install pandas. Or use to_polars()"
        ) from None
    return frame.to_pandas()
