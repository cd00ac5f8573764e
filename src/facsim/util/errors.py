"""How Facsim fails.

Three rules:

1. What a person can put right (a file, a field, an option) is a `FacsimError` with a message that stands
   alone: where, what was found, what was expected, what to do. The CLI prints it without a traceback.
2. What a model or a server did wrong is data, not an exception: it ends up in a `Prediction` and is counted.
3. Anything else is a bug in Facsim and keeps its traceback.
"""

from __future__ import annotations

from pathlib import Path

from facsim.util.display_text import escape_controls


class FacsimError(Exception):
    """Base of every error that a person can put right.

    Its text is safe to print: names and values from outside may hold control characters, which are escaped.
    """

    def __str__(self) -> str:
        return escape_controls(super().__str__())


class ConfigError(FacsimError):
    """An option, a spec string or a configuration file does not say something usable."""


class InputError(FacsimError):
    """A file does not hold what it should.

    Args:
        problem: what was found, in a clause, for example `"page is null"`.
        file: the file it was found in.
        where: the row, line or field in that file, for example `"row 12, field simplified_html"`.
        expected: what should have stood there.
        remedy: what the reader can do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        where: str | None = None,
        expected: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem, self.file, self.where = problem, file, where
        self.expected, self.remedy = expected, remedy
        place = ", ".join(str(part) for part in (file, where) if part)
        message = f"{place}: {problem}" if place else problem
        if expected:
            message += f"; expected {expected}"
        if remedy:
            message += f". {remedy}"
        super().__init__(message)
