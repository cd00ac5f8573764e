"""A/B tests with simulated people: the same people with the same random numbers visit both sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from facsim.data import DataSet, replay
from facsim.fidelity.ab_report import ABPlan, ABReport, PlannedMeasure
from facsim.fidelity.paired_effects import (
    detectable_effect,
    false_positive_rates,
    paired_effects,
    sessions_needed,
)
from facsim.fidelity.session_measures import SessionMeasures, aligned, session_measures
from facsim.predict.registry import calls_endpoint, load_predictor
from facsim.rollout import SimulatedPerson, rollout
from facsim.rollout.people import people_of_shop, read_personas, select_people
from facsim.util.errors import ConfigError
from facsim.util.progress import Progress, no_progress
from facsim.util.store_addresses import as_url

ARMS: Final = ("a", "aa", "b")
"""Folders of the rollouts, in the order in which they are made: A, A again, B."""

_PRICED_SESSIONS: Final = 40
"""Prompts of so many sessions are counted to estimate a cost; more would take long and say the same."""

People = DataSet | Sequence[SimulatedPerson]


def ab_test(
    site_a: str,
    site_b: str,
    predictor: str,
    *,
    sessions: int,
    out: str | Path,
    people: DataSet | Sequence[SimulatedPerson] | str | Path | None = None,
    train: DataSet | str | Path | None = None,
    seed: int = 0,
    workers: int = 1,
    level: float = 0.95,
    resamples: int = 10_000,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
    **options: Any,
) -> ABReport:
    """The effect of a change of a site on conversion, searches, length, revenue and shares of categories.

    Three rollouts are made in `out`: site A, site A with other random numbers (A/A), and site B. Rollouts
    that are there already are not made again. Where A/A finds an effect, the test is no good.

    Args:
        site_a: the first site, as for `facsim.rollout.rollout`.
        site_b: the second.
        predictor: spec string of the predictor.
        sessions: sessions in each arm.
        out: a folder for the three data sets.
        people: who visits: a data set, a personas file or a list. By default the shop's own people.
        train: what a predictor that learns is fitted on.
        seed: of the random numbers.
        workers: processes of the rollouts.
        level: confidence level of the intervals.
        resamples: of the permutation tests.
        resume: continue unfinished rollouts.
        overwrite: replace rollouts of other settings.
        progress: called with (finished sessions, sessions, arm).
        **options: of `facsim.rollout.rollout`, and through it of the predictor.

    Raises:
        ConfigError: if an option is unusable.
        FacsimError: as `facsim.rollout.rollout` raises it.
    """
    out = Path(out)
    opened = _opened(people)
    arms: dict[str, SessionMeasures] = {}
    for place, arm in enumerate(ARMS):
        who, draws = _visitors(site_a, opened, sessions, seed, again=arm == "aa")
        made = rollout(
            site_b if arm == "b" else site_a,
            predictor,
            sessions=sessions,
            out=out / arm,
            people=who,
            train=train,
            seed=draws,
            workers=workers,
            resume=resume,
            overwrite=overwrite,
            progress=_part(progress, place, sessions, arm),
            **options,
        )
        arms[arm] = session_measures(made.data)
    return compare_arms(
        arms["a"], arms["b"], arms["aa"], sites=(site_a, site_b), predictor=predictor, seed=seed,
        level=level, resamples=resamples,
    )  # fmt: skip


def compare_arms(
    a: SessionMeasures,
    b: SessionMeasures,
    again: SessionMeasures,
    *,
    sites: tuple[str, str],
    predictor: str,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = 10_000,
) -> ABReport:
    """The report on three arms.

    Args:
        a: sessions of the first site.
        b: sessions of the same people on the second.
        again: sessions of the same people on the first, with other random numbers.
        sites: their spec strings.
        predictor: its spec string.
        seed: of the random numbers, and of the resamples.
        level: confidence level of the intervals.
        resamples: of the permutation tests.

    Raises:
        ConfigError: if the arms have different sessions.
    """
    one, other = aligned(a, b)
    differs = np.any([one.values[name] != other.values[name] for name in one.values], axis=0)
    return ABReport(
        site_a=sites[0],
        site_b=sites[1],
        predictor=predictor,
        sessions=len(a),
        people=len(set(a.user_ids)),
        seed=seed,
        same=1 - float(differs.mean()),
        effects=paired_effects(a, b, level=level, resamples=resamples, seed=seed),
        aa_effects=paired_effects(a, again, level=level, resamples=resamples, seed=seed),
        false_positives=false_positive_rates(a, again, level=level, seed=seed),
        unfinished={"a": a.unfinished, "b": b.unfinished, "aa": again.unfinished},
        level=level,
    )


def plan_ab_test(
    site_a: str,
    site_b: str,
    predictor: str,
    *,
    sessions: int,
    people: DataSet | str | Path,
    relative: float = 0.1,
    level: float = 0.95,
) -> ABPlan:
    """What a test of so many sessions can find. Nothing is asked and nothing is written.

    Args:
        site_a: the first site.
        site_b: the second.
        predictor: spec string of the predictor.
        sessions: sessions in each arm.
        people: sessions of people; the spread of their measures stands for that of the rollouts.
        relative: the effect that should be found, as a share of the mean.
        level: confidence level of the intervals.

    Raises:
        ConfigError: if a number is out of range.
        InputError: if `people` is no data set.
    """
    if sessions < 2 or not relative > 0:
        raise ConfigError(f"{sessions} sessions, effect {relative}: expected at least 2 sessions, above 0")
    data = people if isinstance(people, DataSet) else DataSet.open(people)
    found = session_measures(data, real=True)
    measures = []
    for name, values in found.values.items():
        mean, deviation = float(values.mean()), float(values.std(ddof=1)) if len(found) > 1 else 0.0
        pair = deviation * 2**0.5
        measures.append(
            PlannedMeasure(
                name, mean, deviation, detectable_effect(pair / sessions**0.5, level=level),
                sessions_needed(pair, relative * mean, level=level),
            )
        )  # fmt: skip
    answers = round(len(ARMS) * sessions * float(found.values["length"].mean()))
    cost = _cost(predictor, data, answers)
    return ABPlan(site_a, site_b, predictor, sessions, answers, relative, tuple(measures), *cost)


def _cost(predictor: str, data: DataSet, answers: int) -> tuple[float | None, float | None]:
    """Expected and maximum US dollars of so many answers, from the prompts of some sessions of people."""
    from facsim.predict.endpoint.predictor import EndpointPredictor  # noqa: PLC0415 - slow to import

    if not calls_endpoint(predictor) or not data.has_pages:
        return None, None
    asked = load_predictor(predictor)
    assert isinstance(asked, EndpointPredictor)
    chosen = data.session_ids[:: -(-len(data) // _PRICED_SESSIONS)]
    steps = (so_far for one in chosen for so_far, _ in replay(data, data.session(one)))
    found = asked.estimate(steps)
    if found.cost is None or found.cost_at_most is None or not found.steps:
        return None, None
    return found.cost * answers / found.steps, found.cost_at_most * answers / found.steps


def _opened(people: People | str | Path | None) -> People | None:
    if isinstance(people, str | Path):
        is_data_set = as_url(people) is not None or Path(people).is_dir()
        return DataSet.open(people) if is_data_set else read_personas(Path(people))
    return people


def _visitors(
    site: str, people: People | None, sessions: int, seed: int, *, again: bool
) -> tuple[People, int]:
    """The people of an arm and the seed of their random numbers: the same people, other numbers for A/A."""
    if isinstance(people, DataSet):
        # Chosen here, because a rollout with another seed would choose others.
        chosen = people
        if sessions < len(people):
            rows = np.sort(np.random.default_rng(seed).permutation(len(people))[:sessions])
            chosen = people.select([people.session_ids[row] for row in rows])
        return chosen, seed + 1 if again else seed
    if people is None:
        people = _shop_people(site, sessions, seed)
    who = select_people(people, sessions, seed)
    if again:
        who = [replace(person, draw_key=f"{person.draw_key}:again") for person in who]
    return who, seed


def _shop_people(site: str, sessions: int, seed: int) -> list[SimulatedPerson]:
    from facsim.shop.simulation import ShopSimulation  # noqa: PLC0415 - other sites need no shop

    if site.partition(":")[0] != "shop":
        raise ConfigError(f"{site}: who visits it? Give people: a data set or a personas file")
    return people_of_shop(ShopSimulation(seed, sessions), range(sessions))


def _part(progress: Progress, place: int, sessions: int, arm: str) -> Progress:
    def report(done: int, total: int | None, note: str = "") -> None:  # noqa: ARG001 - a part of the whole
        progress(place * sessions + done, len(ARMS) * sessions, f"{arm} {note}".strip())

    return report
