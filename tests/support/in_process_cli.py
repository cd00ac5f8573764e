"""The command line, run within the test's own process: nothing is imported again."""

import subprocess
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

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


def completed(*arguments: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run` gives of the verb, run within this process.

    As there, both streams take only what UTF-8 can encode, and an exception ends in a traceback and code 1.

    Args:
        *arguments: of the command line.
        folder: the working directory.
    """
    command = ["facsim", *map(str, arguments)]
    out, error = (TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code: object = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
        patch.setattr(sys, "argv", command)
        if folder is not None:
            patch.chdir(folder)
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        except BaseException:
            traceback.print_exc()
            code = 1
    assert code is None or isinstance(code, int), code
    printed = [stream.buffer.getvalue().decode() for stream in (out, error)]  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(command, code or 0, *printed)
