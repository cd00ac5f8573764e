"""`facsim show`: a session, a list of sessions, or the metrics of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators


def command(
    data: Path,
    session: str | None = None,
    *runs: Path,
    step: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    limit: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 20,
    rule: Literal["exact", "equivalent", "target"] = "exact",
    format: Literal["text", "csv", "json"] = "text",
) -> int:
    """Replay a session in the terminal: each page in brief, the action, the rationale, each run's prediction.

    Without a session it lists the first sessions with their ids. For a run's folder it prints the metrics.

    Args:
        data: The data set folder; or the folder of a run, to see its metrics.
        session: A session's id; its number in the list, from 1; or `random`.
        runs: Folders of runs over the data set. If given, the list has only sessions that they answered.
        step: Show this step only; the first is 1.
        limit: The maximum number of sessions in the list.
        rule: When a prediction counts as correct.
        format: Text for the terminal, or the same as CSV or JSON.
    """
    import sys

    from facsim.cli.console import console
    from facsim.evaluation import Run
    from facsim.evaluation.run_dir import holds_run
    from facsim.util.errors import ConfigError

    if holds_run(data):
        from facsim.view.show_exports import run_table
        from facsim.view.terminal import run_metrics

        if step is not None or session is not None:
            raise ConfigError(f"{data} is a run. To see a session of it: facsim show DATA SESSION {data}")
        if format == "text":
            console.print(run_metrics(Run.open(data)))
        else:
            sys.stdout.write(run_table(Run.open(data), format))
        return 0
    from facsim.data import DataSet
    from facsim.view.show_exports import session_list_table, session_table
    from facsim.view.terminal import pick_session, session_list, session_replay

    folders = list(runs)
    if session is not None and holds_run(Path(session)):
        folders.insert(0, Path(session))
        session = None
    if session is None and step is not None:
        raise ConfigError(f"--step {step}: of which session? Try: facsim show {data} SESSION --step {step}")
    opened, data_set = [Run.open(folder) for folder in folders], DataSet.open(data)
    if session is None:
        if format == "text":
            console.print(session_list(data_set, opened, limit=limit, rule=rule))
        else:
            sys.stdout.write(session_list_table(data_set, opened, format, limit=limit, rule=rule))
    else:
        found = pick_session(data_set, session, opened)
        if format == "text":
            console.print(session_replay(data_set, found, opened, step=step, rule=rule))
        else:
            sys.stdout.write(session_table(data_set, found, opened, format, step=step, rule=rule))
    return 0
