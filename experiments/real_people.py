"""The paper in small, on real people: a pre-trained model, prompted and fine-tuned, against simple ones.

    python experiments/real_people.py list DATA                 # arms, tokens, hours, what is done
    python experiments/real_people.py run DATA [--arm NAME …] [--hours 2]
    python experiments/real_people.py tables DATA

DATA is a data set that `facsim ingest miniwob` made of people who book flights. Every arm trains once and
predicts once; both resume where they were stopped, and `run` starts no arm that `--hours` leaves no time for.
Arms can run on several machines that share `--work`: each has its own folders. On a GPU all arms take
minutes.

The arms (`ARMS`): the baselines and the choice model; the model as it comes; fine-tuned on 50, 100, 200, 400
and all training sessions; whole pages against changes, no intent and a shuffled intent, LoRA against all
weights, each at 100 sessions; rationales of a teacher against actions alone, at equal sessions and at equal
tokens; a second seed for the headline. All fine-tuned arms use the preset `small`, with `--global-batch`
sessions per step if it is given. Answers are decoded greedily, as legal actions. Tests are of people who were
not trained on: all of them for the headline, `--limit` for other arms.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from experiment import Arm, Experiment, costs, errors, pairs, summary
from facsim import DataSet, DataSetWriter
from facsim.evaluation import Run
from facsim.predict import BASELINES
from facsim.train import SftConfig, check_training

MODEL = "smollm2"
TOKENS_PER_SECOND = 250
"""Training speed of one CPU core, for planning (docs/research/speed.md)."""
RECIPE = {"preset": "small", "validation_sessions": 12, "validations": 1}
"""Validated once, at the end: accuracy still rose there in every arm."""
SHORT = 100
"""Training sessions of the arms that compare settings."""


@dataclass(frozen=True)
class Plan:
    """One arm.

    Attributes:
        name: of its run and its checkpoint.
        group: which table it belongs to.
        spec: the predictor, if it is not trained here.
        learns: settings of `SftConfig` beside `RECIPE`.
        data: the variant of the data set that it is trained and tested on.
        is_headline: whether it is tested on all test sessions.
        tokens_of: the arm whose number of trained tokens it shares, by fewer sessions.
    """

    name: str
    group: str
    spec: str | None = None
    learns: Mapping[str, object] = field(default_factory=dict)
    data: str = "people"
    is_headline: bool = False
    tokens_of: str | None = None


def arms(model: str) -> list[Plan]:
    """All arms, cheap ones first."""
    simple = [
        Plan(spec.strip(":").replace(":", "-"), "headline", spec, is_headline=True)
        for spec in (*BASELINES, "choice")
    ]
    curve = [
        Plan(f"tuned-{sessions}", "curve", learns={"sessions": sessions}) for sessions in (50, 100, 200, 400)
    ]
    settings = [
        Plan("full-pages", "settings", learns={"sessions": SHORT, "pages": "full"}),
        Plan("no-intent", "settings", learns={"sessions": SHORT}, data="no-intent"),
        Plan("shuffled-intent", "settings", learns={"sessions": SHORT}, data="shuffled-intent"),
        Plan(
            "lora",
            "settings",
            learns={"sessions": SHORT, "method": "lora", "learning_rate": 1e-3, "lora_rank": 32},
        ),
        Plan("think", "rationales", learns={"sessions": SHORT, "style": "think"}, data="rationales"),
        Plan(
            "think-equal-tokens",
            "rationales",
            learns={"style": "think"},
            data="rationales",
            tokens_of="tuned-100",
        ),
    ]
    return [
        *simple,
        Plan("prompt-only", "headline", f"local:{model}", is_headline=True),
        *curve,
        *settings,
        Plan("tuned-all", "headline", is_headline=True),
        Plan("tuned-all-seed-1", "headline", learns={"training_seed": 1}, is_headline=True),
    ]


class RealPeople:
    """The experiment in its work folder.

    Args:
        data: the data set.
        work: where variants of the data set, checkpoints and runs are kept.
        model: what is prompted and fine-tuned.
        limit: test sessions of arms that are no headline.
        rationales: the data set with a teacher's rationales (`facsim synthesize`), if there is one.
        global_batch: sessions per step; None for the preset's.
    """

    def __init__(
        self,
        data: DataSet,
        work: Path,
        model: str,
        limit: int,
        rationales: Path | None,
        global_batch: int | None = None,
    ) -> None:
        self.data, self.work, self.model, self.limit = data, work, model, limit
        self._rationales = rationales
        self._recipe = RECIPE | ({} if global_batch is None else {"global_batch": global_batch})
        self.plans = {plan.name: plan for plan in arms(model)}

    def is_done(self, plan: Plan) -> bool:
        """Whether an arm has been trained and has predicted everything."""
        return (self.work / "runs" / plan.name / "metrics.json").is_file()

    def missing(self, plan: Plan) -> str | None:
        """Why an arm cannot run yet; None if it can."""
        if plan.data == "rationales" and self._rationales is None:
            return "give --rationales: facsim synthesize DATA TEACHER --part train --out FOLDER"
        return None

    def run(self, plan: Plan) -> Run:
        """Train an arm unless it is trained, then predict what is not predicted."""
        variant = self.variant(plan.data)
        experiment = Experiment(variant, self.work, limit=None if plan.is_headline else self.limit)
        arm = Arm(
            plan.name,
            plan.spec,
            learns={**self._recipe, **self._learns(plan)},
            model=self.model,
            prompt={"style": "action", "pages": "changes"},
            decoding="greedy",
        )
        return experiment.run(arm)

    def tokens(self, plan: Plan) -> int:
        """Tokens that an arm trains on, counted without a model; 0 for arms that are not trained."""
        if plan.spec is not None:
            return 0
        config = SftConfig.of(
            self.variant(plan.data).path, self.model, Path(), **self._recipe | dict(self._learns(plan))
        )
        (check,) = check_training(config, styles=(config.style,)).styles
        return round(check.counts.tokens * config.epochs)

    def variant(self, name: str) -> DataSet:
        """The data set, or a copy of it with other intents or rationales."""
        if name == "people":
            return self.data
        if name == "rationales":
            if self._rationales is None:
                raise SystemExit("these arms need --rationales FOLDER")
            return DataSet.open(self._rationales)
        out = self.work / "data" / name
        if not out.exists():
            intents = [session.intent for session in self.data]
            random.Random(0).shuffle(intents)
            with DataSetWriter(out, self.data.card) as writer:
                writer.copy_pages(self.data.pages)
                for session, other in zip(self.data, intents, strict=True):
                    intent = None if name == "no-intent" else other
                    writer.add_session(replace(session, intent=intent))
        return DataSet.open(out)

    def _learns(self, plan: Plan) -> Mapping[str, object]:
        """The settings of an arm; fewer sessions where it must not train on more tokens than another."""
        if plan.tokens_of is None:
            return plan.learns
        other = self.plans[plan.tokens_of]
        wanted = self.tokens(other)
        sessions = int(other.learns["sessions"])  # type: ignore[call-overload]
        own = self.tokens(replace(plan, learns={**plan.learns, "sessions": sessions}, tokens_of=None))
        return {**plan.learns, "sessions": max(1, sessions * wanted // own)}


def main() -> None:
    """List, run or tabulate the arms."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=("list", "run", "tables"))
    parser.add_argument("data", type=Path)
    parser.add_argument("--arm", action="append", help="only this arm; may be repeated")
    parser.add_argument("--hours", type=float, help="start no arm that is expected to end later than this")
    parser.add_argument("--limit", type=int, default=100, help="test sessions of arms that are no headline")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--global-batch", type=int, help="sessions per step; default: the preset's")
    parser.add_argument("--rationales", type=Path, help="the data set with rationales of a teacher")
    parser.add_argument("--tokens-per-second", type=float, default=TOKENS_PER_SECOND)
    parser.add_argument("--work", type=Path, default=Path("build/real_people"))
    options = parser.parse_args()
    people = RealPeople(
        DataSet.open(options.data),
        options.work,
        options.model,
        options.limit,
        options.rationales,
        options.global_batch,
    )
    unknown = set(options.arm or ()) - people.plans.keys()
    if unknown:
        parser.error(f"no arm {', '.join(sorted(unknown))}; there are {', '.join(people.plans)}")
    chosen = [plan for name, plan in people.plans.items() if not options.arm or name in options.arm]
    if options.verb == "list":
        show(people, chosen, options.tokens_per_second)
    elif options.verb == "run":
        run(people, chosen, options.hours, options.tokens_per_second)
    else:
        print(tables(people, chosen))


def show(people: RealPeople, plans: Sequence[Plan], speed: float) -> None:
    """Print every arm with what it takes."""
    for plan in plans:
        if why := people.missing(plan):
            state = f"cannot run: {why}"
        else:
            tokens = people.tokens(plan)
            state = f"{tokens:>10,} tokens trained, {tokens / speed / 3600:4.1f} h" if tokens else ""
        print(
            f"{plan.name:20} {plan.group:10} {'done' if people.is_done(plan) else 'to do':6} {state}",
            flush=True,
        )


def run(people: RealPeople, plans: Sequence[Plan], hours: float | None, speed: float) -> None:
    """Run what is not done, in order."""
    start = time.monotonic()
    for plan in plans:
        if people.is_done(plan) or people.missing(plan):
            continue
        expected = people.tokens(plan) / speed
        if hours is not None and time.monotonic() - start + expected > 3600 * hours:
            print(f"{plan.name}: left for later, it trains for {expected / 3600:.1f} h", flush=True)
            continue
        people.run(plan)


def tables(people: RealPeople, plans: Sequence[Plan]) -> str:
    """The results of the arms that are done, as Markdown."""
    done = [plan for plan in plans if people.is_done(plan)]
    runs = {plan.name: Run.open(people.work / "runs" / plan.name) for plan in done}
    parts = []
    for group in ("headline", "curve", "settings", "rationales"):
        found = [runs[plan.name] for plan in done if plan.group == group]
        if found:
            parts += [f"## {group}", summary(found)]
    wanted = [
        (runs[a], runs[b])
        for a, b in (
            ("tuned-all", "choice"),
            ("tuned-all", "prompt-only"),
            ("full-pages", "tuned-100"),
            ("no-intent", "tuned-100"),
            ("shuffled-intent", "tuned-100"),
            ("lora", "tuned-100"),
            ("think", "tuned-100"),
            ("think-equal-tokens", "tuned-100"),
        )
        if a in runs and b in runs
    ]
    if wanted:
        parts += [
            "## paired, exact match",
            pairs(wanted),
            "## paired, type and target",
            pairs(wanted, rule="target"),
        ]
    trained = [runs[plan.name] for plan in done if plan.spec is None]
    if trained:
        parts += ["## errors", errors(trained)]
    if done:
        experiment = Experiment(people.data, people.work)
        parts += ["## cost", costs(experiment, [plan.name for plan in done])]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
