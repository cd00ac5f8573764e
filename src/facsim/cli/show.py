"""`facsim show`: a session, a list of sessions or a run, in the terminal."""

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
) -> int:
    """Replay a session in the terminal: each page in brief, the action, the reason, what each run predicted.

    Without a session it lists the first ones with their ids. Of a run's folder it prints the metrics.

    Args:
        data: The data set folder; or the folder of a run, to see its metrics.
        session: A session's id; its number in the list, from 1; or `random`.
        runs: Folders of runs over the data set. With some, the list has only sessions that they answered.
        step: Show this step only; the first is 1.
        limit: Most sessions in the list.
        rule: By which a prediction counts as right.
    """
    from facsim.cli.console import console
    from facsim.evaluation import Run
    from facsim.util.errors import ConfigError

    if (data / "config.json").is_file() and not (data / "card.json").exists():
        from facsim.view.terminal import run_metrics

        if step is not None or session is not None:
            raise ConfigError(f"{data} is a run. To see a session of it: facsim show DATA SESSION {data}")
        console.print(run_metrics(Run.open(data)))
        return 0
    from facsim.data import DataSet
    from facsim.view.terminal import pick_session, session_list, session_replay

    folders = list(runs)
    if session is not None and (Path(session) / "config.json").is_file():
        folders.insert(0, Path(session))
        session = None
    if session is None and step is not None:
        raise ConfigError(f"--step {step}: of which session? Try: facsim show {data} SESSION --step {step}")
    opened, data_set = [Run.open(folder) for folder in folders], DataSet.open(data)
    if session is None:
        console.print(session_list(data_set, opened, limit=limit, rule=rule))
    else:
        found = pick_session(data_set, session, opened)
        console.print(session_replay(data_set, found, opened, step=step, rule=rule))
    return 0
