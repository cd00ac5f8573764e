"""The command line, run within the test's own process."""

import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

from facsim.cli.main import main


def facsim(*arguments: object, code: int | None = 0) -> str:
    """What the verb prints, run within this process, after checking its exit code (any if None)."""
    printed = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), redirect_stderr(printed):
        patch.setattr(sys, "argv", ["facsim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert code is None or ended.value.code == code, printed.getvalue()
    return printed.getvalue()
