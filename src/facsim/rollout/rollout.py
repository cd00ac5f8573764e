"""`rollout`: a predictor goes shopping by itself, and its sessions become a data set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from facsim.data import DataSet, DataSetWriter
from facsim.predict.oracle import Oracle
from facsim.predict.protocol import Predictor, Savable, as_trainable
from facsim.predict.registry import ENDPOINT_KINDS, LOCAL, load_predictor
from facsim.prompt import PromptConfig, prompt_hash
from facsim.rollout.browser_pool import BrowserOptions
from facsim.rollout.browser_site import BrowserSite
from facsim.rollout.people import (
    SimulatedPerson,
    people_of_data,
    people_of_shop,
    read_personas,
    select_people,
)
from facsim.rollout.rollout_data import SOURCE, Rollout, card_of, open_rollout, write_rollout
from facsim.rollout.rollout_journal import RolloutJournal
from facsim.rollout.rollout_runner import RolloutRunner, WorkerPlan, fit_predictor, prepare_predictor
from facsim.rollout.session_loop import LoopSettings
from facsim.rollout.shop_site import ShopSite
from facsim.rollout.web_environment import Site
from facsim.util.errors import ConfigError
from facsim.util.executor import open_executor
from facsim.util.progress import Progress
from facsim.util.progress_bar import default_progress
from facsim.util.store_addresses import as_url
from facsim.util.work_folder import WorkFolder

MAX_STEPS: Final = 200
"""Default limit of actions per session, many times what an average simulated shopper takes."""

_TABS: Final = 4
"""Sessions in flight in a browser, at least."""

PeopleSource = DataSet | Sequence[SimulatedPerson] | str | Path


def rollout(
    site: str,
    predictor: str | Predictor,
    *,
    sessions: int,
    out: str | Path,
    people: PeopleSource | None = None,
    train: DataSet | str | Path | None = None,
    seed: int = 0,
    workers: int | None = None,
    on: str | None = None,
    concurrency: int | None = None,
    greedy: bool = False,
    max_steps: int = MAX_STEPS,
    max_seconds: float | None = None,
    browser: BrowserOptions | None = None,
    prompt: PromptConfig | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Rollout:
    """Let a predictor shop by itself, and write its sessions as a data set.

    At each step the predictor sees the page, an action is drawn from its probabilities and carried out. A
    predictor without probabilities (an endpoint, which samples by its own temperature) has its answer
    carried out. A session ends with a purchase, with `terminate`, or at a limit. Sessions that end otherwise
    are in the data set too, as censored ones: nothing is dropped.

    The same seed gives the same sessions, with any number of workers, as far as the predictor's answers are
    the same. Random numbers depend on the person, not on the design of the site, so two designs can be
    compared pairwise.

    Args:
        site: `shop` or `shop:DESIGN`, the embedded shop, rendered in process unless `browser` is given; or
            the address of a site, which is visited with a real browser.
        predictor: a spec string such as `baseline:markov-2`, or a predictor. It is closed at the end.
        sessions: number of sessions.
        out: the data set's folder. Until it is complete, answers are kept in `OUT.rollout`.
        people: whose sessions are produced: a data set (or its folder), a personas file (see
            `facsim.rollout.people.read_personas`) or a list. By default the shop's own people.
        train: a data set, or its folder, that a predictor which learns is fitted on.
        seed: of the random numbers, of fitting, and of the sample of people. For the shop's own people it is
            also the shop's seed, unless `people` or `train` is a sample of the shop: it comes with its shop.
        workers: number of processes, for predictors that compute in this process. By default one, on a
            cluster as many as it has cores.
        on: `ray` or `ray://HOST:PORT` to run the processes on a Ray cluster, one core each.
        concurrency: sessions in flight; by default the predictor's own choice.
        greedy: take the most probable action instead of drawing one.
        max_steps: a session ends after so many actions.
        max_seconds: a session ends after so many seconds; no limit by default.
        browser: how the real browser visits the site.
        prompt: how sessions become chat messages, if the predictor is the spec string of a model.
        resume: continue an unfinished rollout. No answer is asked for again, except calls that failed.
        overwrite: replace an existing data set at `out`.
        progress: called with (finished sessions, sessions, rate and ends).
        **options: options of the predictor, if it is a spec string; see `facsim.load_predictor`. Endpoints
            get temperature 1 by default (0 if `greedy`), local models `candidates` decoding.

    Returns:
        Where the data set is, and what came of the sessions. If `out` already holds this very rollout,
        nothing is asked.

    Raises:
        ConfigError: if an option is unusable, or `out` holds something else and `overwrite` is false.
        FacsimError: if continuing makes no sense, or an answer cannot be written.
        RolloutInterrupted: after SIGINT or SIGTERM.
    """
    _check_counts(sessions=sessions, workers=workers, max_steps=max_steps, concurrency=concurrency)
    out = Path(out)
    chosen = _open_people(people)
    train = DataSet.open(train) if isinstance(train, str | Path) else train
    place, who = _open_site(site, chosen, train, sessions=sessions, seed=seed, browser=browser)
    given = predictor
    if isinstance(given, str):
        options = _with_defaults(given, options, greedy=greedy)
        asked = load_predictor(given, prompt=prompt, **options)
    else:
        asked = given
    in_workers = on is not None or (workers is not None and workers > 1)
    if in_workers:
        _check_workers(given, asked, place)
    prepare_predictor(asked, place, train, seed)
    loop = LoopSettings(place.name, greedy, max_steps, max_seconds)
    settings = _identity(place, asked, people=chosen, train=train, sessions=sessions, seed=seed, loop=loop)
    if not overwrite and (out / "card.json").exists():
        return open_rollout(out, settings)
    DataSetWriter(out, card_of(settings), overwrite=overwrite)  # refuse before asking anything
    with (
        default_progress(out.name, progress) as report,
        WorkFolder(out, SOURCE, settings, resume=resume) as work_folder,
        RolloutJournal(work_folder.folder) as journal,
    ):
        journal.drop_failed_calls()
        ends = journal.ends()
        runner = RolloutRunner(
            place,
            asked,
            loop,
            seed=seed,
            journal=journal,
            total=len(who),
            done=list(ends.values()),
            progress=report,
        )
        pending = (person for person in who if person.session_id not in ends)
        if in_workers:
            assert isinstance(given, str)
            assert isinstance(place, ShopSite)
            spec = _worker_spec(given, asked, work_folder.folder.absolute())
            plan = WorkerPlan(
                place.variant,
                place.simulation.seed,
                place.simulation.sessions,
                spec,
                tuple(sorted(options.items())),
                None if train is None else as_url(train.location) or train.path.absolute(),
                None if train is None or train.is_whole else train.session_ids,
                loop,
                seed,
            )
            with open_executor(workers, on) as executor:
                executor.check_files(_worker_files(asked, train))
                executor.check_shared(work_folder.folder)
                runner.run_in_workers(plan, pending, executor)
        else:
            at_once = asked.concurrency if isinstance(place, ShopSite) else max(_TABS, asked.concurrency)
            runner.run(pending, concurrency or at_once)
        return write_rollout(out, settings, who, journal, site_name=place.name, overwrite=overwrite)


def load_ready_predictor(spec: str, train: DataSet | None, *, seed: int = 0, **options: Any) -> Predictor:
    """A predictor that can answer at once: with a rollout's defaults, and fitted if it learns.

    Args:
        spec: the spec string.
        train: what it is fitted on.
        seed: of the fit.
        **options: as for `facsim.load_predictor`.

    Raises:
        ConfigError: if it cannot be loaded, needs a data set and has none, or knows the shop's shoppers only.
    """
    predictor = load_predictor(spec, **_with_defaults(spec, options, greedy=False))
    if isinstance(predictor, Oracle):
        raise ConfigError(f"{spec} needs to know which shopper it is; use it with `facsim rollout shop`")
    fit_predictor(predictor, train, seed)
    return predictor


def is_address(site: str) -> bool:
    """Whether a site is given by its address, and so needs a real browser."""
    return site.startswith(("http://", "https://"))


def _with_defaults(spec: str, options: dict[str, Any], *, greedy: bool) -> dict[str, Any]:
    """Options under which answers are a population's: drawn, not the most probable one each time."""
    kind = spec.partition(":")[0]
    if kind in ENDPOINT_KINDS:
        return {"temperature": 0.0 if greedy else 1.0, **options}
    return {"decoding": "candidates", **options} if kind == LOCAL else options


def _check_counts(**counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ConfigError(f"{name} {count}: expected 1 or more")


def _open_people(people: PeopleSource | None) -> DataSet | list[SimulatedPerson] | None:
    if people is None or isinstance(people, DataSet):
        return people
    if isinstance(people, str | Path):
        is_data_set = as_url(people) is not None or Path(people).is_dir()
        return DataSet.open(people) if is_data_set else read_personas(Path(people))
    return list(people)


def _open_site(
    spec: str,
    people: DataSet | list[SimulatedPerson] | None,
    train: DataSet | None,
    *,
    sessions: int,
    seed: int,
    browser: BrowserOptions | None,
) -> tuple[Site, list[SimulatedPerson]]:
    """The site and the people who go there.

    Raises:
        ConfigError: if there is no such site.
    """
    found = people_of_data(people) if isinstance(people, DataSet) else people
    kind, _, variant = spec.partition(":")
    if is_address(spec):
        if found is None:
            raise ConfigError(f"{spec}: say who goes there with --people (in Python people=…)")
        return BrowserSite(spec, browser), select_people(found, sessions, seed)
    if kind != "shop":
        raise ConfigError(f"unknown site {spec!r}: expected shop, shop:DESIGN or an address")
    shop_seed, shop_sessions = seed, sessions
    for data in (people, train):
        # In another shop the products that people bought do not exist.
        if isinstance(data, DataSet) and data.card.source == "shop":
            shop_seed, shop_sessions = data.card.settings["seed"], data.card.settings["sessions"]
            break
    shop = ShopSite(variant or "standard", shop_seed, shop_sessions)
    if found is None:
        chosen = people_of_shop(shop.simulation, range(sessions))
    else:
        chosen = select_people(found, sessions, seed)
    if browser is None:
        return shop, chosen
    from facsim.rollout.shop_browser_site import ShopBrowserSite  # noqa: PLC0415 (an extra)

    return ShopBrowserSite(shop, browser), chosen


def _check_workers(given: str | Predictor, predictor: Predictor, site: Site) -> None:
    if not isinstance(site, ShopSite):
        raise ConfigError("a browser serves one process: use concurrency, not workers, for several at once")
    if not isinstance(given, str):
        raise ConfigError("several workers need a predictor's spec string: each process makes its own")
    if given.partition(":")[0] in ENDPOINT_KINDS:
        raise ConfigError(
            f"{predictor.spec} is asked over the network: use concurrency, not workers, for several at once"
        )


def _worker_files(predictor: Predictor, train: DataSet | None) -> list[Path]:
    """The files that worker processes read."""
    files = []
    if train is not None and isinstance(train.pages.file, Path):
        files += [train.path / "card.json", train.pages.file]
    folder = getattr(predictor, "folder", None)  # of a local model
    if isinstance(folder, Path):
        files += [file for file in sorted(folder.iterdir()) if file.is_file()]
    return files


def _worker_spec(given: str, predictor: Predictor, folder: Path) -> str:
    """The spec string by which worker processes load the predictor, as fitted here if it can be saved."""
    kind, _, rest = given.partition(":")
    if isinstance(predictor, Savable) and as_trainable(predictor) is not None:
        saved = folder / predictor.artifact
        if not saved.exists():
            predictor.save(saved)
        return f"{kind}:{saved}"
    # Workers start in other folders.
    return f"{kind}:{Path(rest).absolute()}" if rest and Path(rest).is_dir() else given


def _identity(
    site: Site,
    predictor: Predictor,
    *,
    people: DataSet | list[SimulatedPerson] | None,
    train: DataSet | None,
    sessions: int,
    seed: int,
    loop: LoopSettings,
) -> dict[str, Any]:
    """Everything that determines the sessions, as JSON values."""
    prompt = getattr(predictor, "prompt", None)
    who: dict[str, Any] = {"from": "shop"}
    if isinstance(people, DataSet):
        who = {"from": people.card.name, "content_hash": people.content_hash, "of": len(people)}
    elif people is not None:
        who = {"from": "personas", "of": len(people)}
    identity = {
        "site": {"spec": site.spec, **site.settings()},
        "predictor": predictor.spec,
        "predictor_settings": dict(predictor.settings()),
        "prompt_hash": prompt_hash(prompt) if isinstance(prompt, PromptConfig) else None,
        "train": None if train is None else {"content_hash": train.content_hash, "sessions": len(train)},
        "people": who,
        "sessions": sessions,
        "seed": seed,
        "greedy": loop.greedy,
        "max_steps": loop.max_steps,
        "max_seconds": loop.max_seconds,
    }
    plain: dict[str, Any] = json.loads(json.dumps(identity))
    return plain
