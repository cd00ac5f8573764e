"""The `facsim` command. Each verb's code is loaded when the verb is called."""

from __future__ import annotations

import sys

from cyclopts import App, CycloptsError

from facsim.util.errors import FacsimError

app = App(
    name="facsim",
    help="Measure how accurately language models act like real people on the web.",
    version_flags=["--version"],
)

_VERBS = {
    "simplify": ("facsim.cli.simplify:command", "Simplify raw HTML and name every element."),
    "shop": ("facsim.cli.shop:app", "The embedded shop and its simulated shoppers."),
    "ingest": ("facsim.cli.ingest:command", "Turn recorded sessions into a data set."),
    "audit": ("facsim.cli.audit:command", "Check a data set for what would spoil a result."),
    "synthesize": ("facsim.cli.synthesize:command", "Have a model write the missing rationales."),
    "models": ("facsim.cli.models:app", "Base models by name: list them, get one."),
    "train": ("facsim.cli.train:app", "Fine-tune a model on what people did."),
    "evaluate": ("facsim.cli.evaluate:command", "Run predictors over a data set, step by step."),
    "score": ("facsim.cli.score:command", "Compute the metrics of runs again, without new model calls."),
    "compare": ("facsim.cli.compare:command", "Compare runs pairwise on the same steps."),
    "show": ("facsim.cli.show:command", "Replay a session, list sessions, or show a run's metrics."),
    "view": ("facsim.cli.view:command", "Replay sessions in the browser, predictions side by side."),
    "export": ("facsim.cli.export:command", "Write a run for Inspect, or a data set for TRL or verl."),
    "push": ("facsim.cli.push:command", "Upload a data set or a checkpoint to the Hugging Face hub."),
    "pull": ("facsim.cli.pull:command", "Download a data set or a checkpoint from the hub."),
    "report": ("facsim.cli.report:command", "Report on runs: leaderboard, one HTML file, tables, figures."),
}

for _name, (_path, _help) in _VERBS.items():
    app.command(_path, name=_name, help=_help)


def main() -> None:
    """Entry point: run a verb, and end with its exit code.

    Exit codes: 0 done; 1 the verb's own verdict (an audit that found something); 2 an error that the caller
    can put right; 130 interrupted.
    """
    for verb in sys.argv[1:2]:
        if verb in _VERBS and app[verb].default_command is not None:
            # The list of verbs has one line for each and loads none. The one that is called tells all.
            app[verb].help = None
    try:
        code = app(result_action="return_value", exit_on_error=False)
    except CycloptsError:
        # The message is printed already. Not cyclopts' own 1, which is a verdict here.
        sys.exit(2)
    except FacsimError as error:
        from facsim.cli.console import errors
        from facsim.util.display_text import escape_controls

        message = escape_controls(str(error))  # it may quote what a file or a server says
        errors.print(f"facsim: {message}", style="red", highlight=False, markup=False)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output is gone (`facsim … | head`): nothing is left to say.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
