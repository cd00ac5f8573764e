"""The `facsim` command. Each verb's code is loaded when the verb is called."""

from __future__ import annotations

import sys

from cyclopts import App, CycloptsError, Parameter

from facsim.cli.console import errors, help_console
from facsim.util.errors import FacsimError

app = App(
    name="facsim",
    help="Measure how accurately language models act like real people on the web.",
    version_flags=["--version"],
    console=help_console,
    error_console=errors,
    default_parameter=Parameter(negative_iterable=()),
)
app.register_install_completion_command(help="Install completion for your shell (bash, zsh or fish).")

_VERBS = {
    "simplify": ("facsim.cli.simplify:command", "Simplify raw HTML and name every element."),
    "shop": ("facsim.cli.shop:app", "The embedded shop and its simulated shoppers."),
    "record": ("facsim.cli.record:app", "Record people's browsing, with their consent, as a data set."),
    "ingest": ("facsim.cli.ingest:command", "Turn recorded sessions into a data set."),
    "scrub": ("facsim.cli.scrub:command", "Replace personal data in a data set by placeholders."),
    "audit": ("facsim.cli.audit:command", "Check a data set for what would invalidate a result."),
    "synthesize": ("facsim.cli.synthesize:command", "Have a model write the missing rationales."),
    "models": ("facsim.cli.models:app", "Base models by name: list them, get one."),
    "train": ("facsim.cli.train:app", "Fine-tune a model on what people did."),
    "evaluate": ("facsim.cli.evaluate:command", "Run predictors over a data set, step by step."),
    "rollout": ("facsim.cli.rollout:command", "Let a predictor shop by itself: simulated sessions."),
    "serve": ("facsim.cli.serve:command", "A predictor behind an OpenAI-compatible endpoint."),
    "score": ("facsim.cli.score:command", "Recompute the metrics of runs, without model calls."),
    "compare": ("facsim.cli.compare:command", "Compare runs pairwise on the same steps."),
    "show": ("facsim.cli.show:command", "Replay a session, list sessions, or show a run's metrics."),
    "view": ("facsim.cli.view:command", "Replay sessions in the browser, predictions side by side."),
    "export": ("facsim.cli.export:command", "Write a run for Inspect, or a data set for TRL or verl."),
    "push": ("facsim.cli.push:command", "Upload a data set or a checkpoint to the Hugging Face hub."),
    "pull": ("facsim.cli.pull:command", "Download a data set or a checkpoint from the hub."),
    "fidelity": ("facsim.cli.fidelity:command", "How close simulated people are to real ones."),
    "ab": ("facsim.cli.ab:command", "The effect of a change of a site on simulated people."),
    "report": ("facsim.cli.report:command", "Report on runs: leaderboard, one HTML file, tables, figures."),
}

# Verbs with optional or repeated arguments, which cyclopts would call ARGS.
_USAGE = {
    "ingest": "SOURCE PATH --out PATH [OPTIONS]",
    "evaluate": "DATA PREDICTOR... [OPTIONS]",
    "score": "RUN... [OPTIONS]",
    "compare": "RUN RUN... [OPTIONS]",
    "show": "DATA [SESSION] [RUN...] [OPTIONS]",
    "view": "DATA [RUN...] [OPTIONS]",
    "fidelity": "REAL [ROLLOUT...] [OPTIONS]",
    "report": "RUN... [OPTIONS]",
}

for _name, (_path, _help) in _VERBS.items():
    _options = {"usage": f"Usage: facsim {_name} {_USAGE[_name]}"} if _name in _USAGE else {}
    app.command(_path, name=_name, help=_help, **_options)


def main() -> None:
    """Entry point: run a verb, and end with its exit code.

    Exit codes: 0 success; 1 the verb's own verdict (an audit that found something, a run with too many failed
    calls); 2 an error that the caller can fix; 130 interrupted.
    """
    for verb in sys.argv[1:2]:
        if verb in _VERBS and app[verb].default_command is not None:
            # The list of verbs has one line for each and loads none. The called one shows its full help.
            app[verb].help = None
    try:
        code = app(result_action="return_value", exit_on_error=False)
    except CycloptsError:
        # The message is printed already. Not cyclopts' own 1, which is a verdict here.
        sys.exit(2)
    except FacsimError as error:
        errors.print(f"facsim: {error}", style="red", highlight=False, markup=False)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has exited (`facsim … | head`).
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
