"""`facsim rollout`: a predictor shops by itself, and its sessions become a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

_PEOPLE = Group("Who, and what they learned")
_BROWSER = Group("Real browser")
_MODEL = Group("Models")
_Flag = Parameter(negative="")


def command(
    site: str,
    predictor: str,
    *,
    sessions: Annotated[int, Parameter(name=["--sessions", "-n"])],
    out: Path,
    seed: int = 0,
    greedy: Annotated[bool, _Flag] = False,
    max_steps: int = 200,
    max_seconds: float | None = None,
    workers: int | None = None,
    on: str | None = None,
    concurrency: int | None = None,
    resume: Annotated[bool, _Flag] = False,
    overwrite: Annotated[bool, _Flag] = False,
    people: Annotated[Path | None, Parameter(group=_PEOPLE)] = None,
    part: Annotated[Literal["train", "validation", "test", "all"] | None, Parameter(group=_PEOPLE)] = None,
    train: Annotated[Path | None, Parameter(group=_PEOPLE)] = None,
    split_by: Annotated[Literal["user", "session", "official", "time"], Parameter(group=_PEOPLE)] = "user",
    split_seed: Annotated[int, Parameter(group=_PEOPLE)] = 0,
    browser: Annotated[bool, Parameter(negative="", group=_BROWSER)] = False,
    show: Annotated[bool, Parameter(negative="", group=_BROWSER)] = False,
    allow_host: Annotated[tuple[str, ...], Parameter(group=_BROWSER)] = (),
    allow_purchase: Annotated[tuple[str, ...], Parameter(group=_BROWSER)] = (),
    rate: Annotated[float | None, Parameter(group=_BROWSER)] = None,
    storage_state: Annotated[Path | None, Parameter(group=_BROWSER)] = None,
    recipe: Annotated[Path | None, Parameter(group=_BROWSER)] = None,
    style: Annotated[
        Literal["action", "rationale", "think", "two_turn"] | None, Parameter(group=_MODEL)
    ] = None,
    budget_tokens: Annotated[int | None, Parameter(group=_MODEL)] = None,
    temperature: Annotated[float | Literal["unset"] | None, Parameter(group=_MODEL)] = None,
    max_output_tokens: Annotated[int | None, Parameter(group=_MODEL)] = None,
    timeout: Annotated[float | None, Parameter(group=_MODEL)] = None,
    decoding: Annotated[
        Literal["greedy", "constrained", "candidates"] | None, Parameter(group=_MODEL)
    ] = None,
    device: Annotated[str | None, Parameter(group=_MODEL)] = None,
) -> int:
    """Let a predictor shop by itself, and write its sessions as a data set.

    At each step the predictor sees the page; an action is drawn from its probabilities and carried out. A
    session ends with a purchase, by leaving, or at a limit. Sessions that end otherwise are kept and counted.
    Every answer is on disk before it is carried out: a rollout that was stopped in any way continues with
    --resume, and nothing is asked twice.

    SITE is shop or shop:DESIGN, the embedded shop, or the address of a site, which is visited with a real
    browser. The browser connects to the site's host and to --allow-host only. A button that pays is pressed
    on this machine and on the hosts of --allow-purchase; elsewhere the session ends with the purchase, and
    the button is not pressed.

    Args:
        site: shop, shop:DESIGN, or an address such as http://127.0.0.1:8000.
        predictor: As for `facsim evaluate`: baseline:markov-2, choice:FOLDER, oracle:, local:FOLDER, …
        sessions: Number of sessions.
        out: The data set folder to create. Until it is complete, answers are kept in OUT.rollout.
        seed: Of the random numbers; also of the shop, unless people or training sessions come from a sample.
        greedy: Take the most probable action instead of drawing one.
        max_steps: A session ends after so many actions.
        max_seconds: A session ends after so many seconds. Default: no limit; 1800 in a browser.
        workers: Number of processes, for predictors that compute here. Default: one, or the cluster's cores.
        on: ray or ray://HOST:PORT: run the processes on a Ray cluster.
        concurrency: Sessions in flight. Default: the predictor's own; at least 4 in a browser.
        resume: Continue an unfinished rollout: only missing answers and failed calls are asked.
        overwrite: Replace an existing data set.
        people: Whose sessions are produced: a data set, for the person and intent of each session, or a file
            of personas (.jsonl, .json, .yaml, .csv). Default: the shop's own people.
        part: The people of which part of that data set. Default: test with --train, else all.
        train: A data set; predictors that learn are fitted on its train part.
        split_by: How data sets are split.
        split_seed: Seed of the split.
        browser: Visit the embedded shop with a real browser, too.
        show: Open a window.
        allow_host: Another host that pages may load from and lead to, such as *.cdn.example. May be repeated.
        allow_purchase: A host where orders may really be placed. May be repeated.
        rate: Actions per second and host. Default: 1; no limit on this machine.
        storage_state: Cookies and local storage of a login, as Playwright's storage_state writes them.
        recipe: YAML file with hints for the simplifier.
        style: Format of a model's answer. Default: rationale; for a local model the one it was trained with.
        budget_tokens: Maximum tokens of a prompt.
        temperature: Of an endpoint: a number, or unset for the server's own. Default: 1, or 0 with --greedy.
        max_output_tokens: Maximum tokens of an answer.
        timeout: Seconds after which a call to an endpoint ends.
        decoding: How a local model answers. Default: candidates, which gives every action a probability.
        device: cpu, cuda, cuda:1, or auto.
    """
    from facsim.cli.console import console, errors, progress_bar
    from facsim.data import DataSet, split
    from facsim.page import Recipe
    from facsim.prompt import PromptConfig
    from facsim.rollout import BrowserOptions, is_address, rollout
    from facsim.util.store_addresses import as_url
    from facsim.util.yaml_config import read_yaml

    options = {
        "temperature": temperature,
        "max_output_tokens": max_output_tokens,
        "timeout_s": timeout,
        "decoding": decoding,
        "device": device,
    }
    given = {"style": style, "budget_tokens": budget_tokens}
    prompt: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    chosen: DataSet | Path | None = people
    if people is not None and (as_url(people) or people.is_dir()):
        chosen = split(DataSet.open(people), part or ("test" if train else "all"), split_by, split_seed)
    learned = None if train is None else split(DataSet.open(train), "train", split_by, split_seed)
    in_browser = browser or show or is_address(site)
    visit = None
    if in_browser:
        visit = BrowserOptions(
            allow_hosts=allow_host,
            allow_purchase=allow_purchase,
            rate=rate,
            storage_state=storage_state,
            recipe=None if recipe is None else read_yaml(Recipe, recipe),
            show=show,
        )
    errors.print(f"To watch it: facsim view {out}", highlight=False, markup=False)
    try:
        with progress_bar(out.name) as progress:
            done = rollout(
                site,
                predictor,
                sessions=sessions,
                out=out,
                people=chosen,
                train=learned,
                seed=seed,
                workers=workers,
                on=on,
                concurrency=concurrency,
                greedy=greedy,
                max_steps=max_steps,
                max_seconds=1800.0 if max_seconds is None and in_browser else max_seconds,
                browser=visit,
                prompt=PromptConfig(**prompt) if prompt else None,
                resume=resume,
                overwrite=overwrite,
                progress=progress,
                **{name: value for name, value in options.items() if value is not None},
            )
    except KeyboardInterrupt as stop:
        errors.print(str(stop) or "stopped", markup=False)
        return 130
    console.print(str(done), highlight=False, markup=False)
    console.print(f"Next: facsim audit {out}, or facsim view {out}", highlight=False, markup=False)
    return 0
