"""A data set in, the same data set with the reasons that were missing out."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from facsim.data import DataSet, DataSetWriter, replay, split
from facsim.data.splits import Part, SplitBy
from facsim.data.table_schemas import SESSIONS_SCHEMA, STEPS_SCHEMA
from facsim.predict.endpoint.chat_model import ChatModel
from facsim.predict.endpoint.options import EndpointOptions, Target
from facsim.rationale.rationale_checks import CHECKS, Problem, SessionWords
from facsim.rationale.synthesis_report import SynthesisReport
from facsim.rationale.teacher import ATTEMPTS, Teacher, Written
from facsim.rationale.teacher_pool import Asking, Place, Question
from facsim.rationale.teacher_prompts import LONGEST_ANSWER, LONGEST_FINDING, asked_again
from facsim.rationale.transcripts import Transcripts
from facsim.rationale.work_folder import Workplace
from facsim.schema import Session, SessionSoFar, Step
from facsim.util.errors import ConfigError
from facsim.util.progress import Progress, no_progress

if TYPE_CHECKING:
    from facsim.prompt import Prompt

Rewrite = Literal["none", "synthetic", "all"]
"""Which reasons that are there are written anew: none, those that a teacher wrote, or all of them."""

ANSWER_TOKENS = 60
"""A typical answer: two sentences in a JSON object."""

ANSWER_SECONDS = 3.0
"""What an answer is taken to last, for a first idea of the time."""

PLANNED_STEPS = 1_000
"""So many prompts are built for an estimate; the figures for more steps are scaled up from these."""


class SynthesisInterrupted(KeyboardInterrupt):
    """A synthesis was stopped by a signal; every answer that came is kept."""


@dataclass(frozen=True, slots=True)
class SynthesisPlan:
    """What a synthesis will do and take.

    Attributes:
        teacher: the spec string.
        sessions: sessions with a step that is asked about.
        steps: steps that are asked about.
        input_tokens: of all first questions.
        output_tokens: of all answers, if typical.
        cost: US dollars to expect, every first answer passing and the provider's cache serving the system
            message; None where no price is known.
        cost_at_most: every step asked three times, no cache, every answer as long as it may be.
        seconds: at three seconds an answer.
        concurrency: questions in flight.
        example: the first question of all; None without steps.
    """

    teacher: str
    sessions: int
    steps: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    cost_at_most: float | None
    seconds: float
    concurrency: int
    example: Prompt | None

    def __str__(self) -> str:
        money = (
            "cost unknown (give --price)"
            if self.cost is None or self.cost_at_most is None
            else f"about ${self.cost:.2f}, at the very most ${self.cost_at_most:.2f}"
        )
        return (
            f"{self.teacher}: {self.steps:,} steps of {self.sessions:,} sessions, about "
            f"{self.input_tokens:,} tokens in and {self.output_tokens:,} out, {money}; "
            f"about {math.ceil(self.seconds / 60):,} min at {self.concurrency} at once"
        )


class Synthesis:
    """A data set, a teacher, and which steps it is asked about.

    Args:
        data: the data set or its folder.
        teacher: spec string of a model: `openai:…`, `anthropic:…`, `bedrock:…` or `endpoint:URL#MODEL`.
        examples: think-aloud transcripts; those that come with Facsim if left out.
        rewrite: which reasons that are there are written anew.
        part: ask about this part of the data set only, as `facsim.data.split` makes it.
        split_by: how it is split.
        seed: of the split.
        limit: ask about the steps of so many sessions only. A larger limit adds sessions to a smaller one.
        budget_tokens: most tokens of a prompt.
        options: how the teacher is asked.

    Raises:
        ConfigError: if the teacher names no model, or the examples cannot be used.
        InputError: if the data set cannot be read.
    """

    def __init__(
        self,
        data: DataSet | str | Path,
        teacher: str,
        *,
        examples: Path | None = None,
        rewrite: Rewrite = "none",
        part: Part = "all",
        split_by: SplitBy = "user",
        seed: int = 0,
        limit: int | None = None,
        budget_tokens: int = 24_000,
        options: EndpointOptions | None = None,
    ) -> None:
        self.data = data if isinstance(data, DataSet) else DataSet.open(data)
        self._target, self._options = Target.read(teacher), options or EndpointOptions()
        self._examples, self._budget = Transcripts.read(examples), budget_tokens
        if limit is not None and limit < 1:
            raise ConfigError(f"limit {limit}: expected 1 or more")
        self._rewrite: Rewrite = rewrite
        self._missing = _missing(self.data, rewrite)
        chosen = set(split(self.data, part, by=split_by, seed=seed).session_ids)
        self._owed = _limited({id_: steps for id_, steps in self._missing.items() if id_ in chosen}, limit)

    @property
    def steps(self) -> int:
        """How many steps are asked about."""
        return sum(map(len, self._owed.values()))

    def plan(self, progress: Progress = no_progress) -> SynthesisPlan:
        """What it takes. Needs no key and no network."""
        from facsim.predict.endpoint.estimate import CallCount  # noqa: PLC0415

        teacher = self._teacher(self._options)
        count = CallCount(self._target, teacher.config, self._options)
        at_most = CallCount(self._target, teacher.config, self._options)
        example = before = None
        looked_at = min(self.steps, PLANNED_STEPS)
        for number, (so_far, step) in enumerate(self._moments(_mixed(self._owed)), start=1):
            prompt = teacher.prompt(so_far, step.action)
            count.add(prompt, before)
            for question in _as_often_as_it_gets(prompt, teacher):
                at_most.add(question, None)
            example, before = example or prompt, prompt
            progress(number, looked_at, "prompts")
            if number == PLANNED_STEPS:
                break
        scale = self.steps / count.calls if count.calls else 0.0
        cost = count.cost(ANSWER_TOKENS * count.calls)
        most = at_most.cost_at_most(self._options.max_output_tokens * at_most.calls)
        return SynthesisPlan(
            teacher=self._target.spec,
            sessions=len(self._owed),
            steps=self.steps,
            input_tokens=round(scale * count.input),
            output_tokens=ANSWER_TOKENS * self.steps,
            cost=None if cost is None else scale * cost,
            cost_at_most=None if most is None else scale * most,
            seconds=self.steps * ANSWER_SECONDS / self._options.concurrency,
            concurrency=self._options.concurrency,
            example=example,
        )

    def run(
        self,
        out: str | Path,
        *,
        resume: bool = False,
        overwrite: bool = False,
        progress: Progress = no_progress,
    ) -> SynthesisReport:
        """Ask, check, and write the new data set.

        Args:
            out: its folder. Until it is there, the answers are kept beside it, in `OUT.synthesis`.
            resume: go on with what is kept there: no answer is asked for again.
            overwrite: replace a data set that is already at `out` (it may be the one that is read).
            progress: told of every step that is done.

        Raises:
            SynthesisInterrupted: after SIGINT or SIGTERM.
            FacsimError: if going on makes no sense. What was answered is kept.
        """
        out = Path(out)
        DataSetWriter(out, self.data.card, overwrite=overwrite)  # refuses the place before anything is paid
        settings = self._teacher(self._options).settings()
        identity = {"data": self.data.content_hash, **settings}
        with Workplace(out, identity, resume=resume) as workplace:
            cache = self._options.cache or workplace.answers
            teacher = self._teacher(self._options.model_copy(update={"cache": cache}))
            asking = Asking(
                teacher, total=self.steps, concurrency=self._options.concurrency, progress=progress
            )
            asking.run(self._questions())
            if asking.interrupted and len(asking.done) < self.steps:
                raise SynthesisInterrupted(
                    f"stopped with {len(asking.done):,} of {self.steps:,} steps done. Every answer is kept "
                    f"in {workplace.folder}: run the same command again with --resume to go on"
                )
            report = self._report({**settings, "rewrite": self._rewrite}, asking.done)
            self._write(out, overwrite, asking.done, report)
        return report

    def _teacher(self, options: EndpointOptions) -> Teacher:
        return Teacher(ChatModel(self._target, options), self._examples, budget_tokens=self._budget)

    def _moments(self, session_ids: list[str]) -> Iterator[tuple[SessionSoFar, Step]]:
        """The steps that are asked about, as the teacher sees them."""
        for session_id in session_ids:
            for so_far, step in replay(self.data, self.data.session(session_id)):
                if so_far.step in self._owed[session_id]:
                    yield so_far, step

    def _questions(self) -> Iterator[Question]:
        for session_id in self._owed:
            session = self.data.session(session_id)
            moments = list(replay(self.data, session))
            said = SessionWords(session, [so_far.page for so_far, _ in moments])
            for so_far, step in moments:
                if so_far.step in self._owed[session_id]:
                    yield Question(so_far, said.seen(so_far, step))

    def _report(self, settings: dict[str, Any], done: Mapping[Place, Written]) -> SynthesisReport:
        missing = sum(map(len, self._missing.values()))
        report = SynthesisReport(settings, steps=self.data.steps.height)
        report.had = report.steps - missing
        report.left_out = missing - self.steps
        columns = {*self.data.sessions.columns, *self.data.steps.columns}
        report.foreign = tuple(sorted(columns - {*SESSIONS_SCHEMA.names, *STEPS_SCHEMA.names}))
        for session_id, step in sorted(done):
            report.count(session_id, step, done[session_id, step])
        return report

    def _write(
        self, out: Path, overwrite: bool, done: Mapping[Place, Written], report: SynthesisReport
    ) -> None:
        data = self.data
        told = {**report.settings, **report.counts}
        before = data.card.settings.get("synthesis", [])
        card = data.card.model_copy(
            update={"settings": {**data.card.settings, "synthesis": [*before, told]}},
        )
        with DataSetWriter(out, card, overwrite=overwrite) as writer:
            if data.is_whole:
                writer.copy_pages(data.pages)
            for session in data:
                for page_id in {} if data.is_whole else {step.page_id: None for step in session.steps}:
                    writer.add_page(data.page(page_id).html, data.pages.raw_html(page_id), page_id=page_id)
                writer.add_session(_with_reasons(session, done))
            writer.copy_reports(data.path)
            writer.add_report(_as_json(report), report.to_markdown(), name="synthesis")


def synthesize(
    data: DataSet | str | Path,
    teacher: str,
    out: str | Path,
    *,
    examples: Path | None = None,
    rewrite: Rewrite = "none",
    part: Part = "all",
    split_by: SplitBy = "user",
    seed: int = 0,
    limit: int | None = None,
    budget_tokens: int = 24_000,
    options: EndpointOptions | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> SynthesisReport:
    """Have a teacher write the reasons that a data set lacks; see `Synthesis` and `Synthesis.run`.

    The paper's rationale synthesis: a strong model sees the page, the action that was taken, and transcripts
    of people thinking aloud, and writes a short first-person reason. On `terminate` it is told that the
    person found nothing suitable and left. Such reasons serve accuracy; they do not claim to be what the
    person thought.
    """
    work = Synthesis(
        data,
        teacher,
        examples=examples,
        rewrite=rewrite,
        part=part,
        split_by=split_by,
        seed=seed,
        limit=limit,
        budget_tokens=budget_tokens,
        options=options,
    )
    return work.run(out, resume=resume, overwrite=overwrite, progress=progress)


def _as_often_as_it_gets(prompt: Prompt, teacher: Teacher) -> Iterator[Prompt]:
    """Every question about a step whose answers are as long and as bad as can be."""
    worst = [Problem(name, "x" * LONGEST_FINDING) for name in CHECKS]
    yield prompt
    for _ in range(ATTEMPTS - 1):
        prompt = asked_again(prompt, "x" * LONGEST_ANSWER, worst, teacher.config)
        yield prompt


def _missing(data: DataSet, rewrite: Rewrite) -> dict[str, Set[int]]:
    """The steps that lack a reason, or whose reason is to be written anew, by session in stored order."""
    empty = pl.col("rationale").is_null() | (pl.col("rationale").str.strip_chars() == "")
    wanted = {
        "none": empty,
        "synthetic": empty | pl.col("rationale_source").eq_missing(pl.lit("synthetic")),
        "all": pl.lit(True),
    }[rewrite]
    owed: dict[str, set[int]] = {}
    for session_id, step in data.steps.filter(wanted).select("session_id", "step").iter_rows():
        owed.setdefault(session_id, set()).add(step)
    return dict(owed)


def _limited(missing: Mapping[str, Set[int]], limit: int | None) -> dict[str, Set[int]]:
    chosen = set(_mixed(missing)[:limit])
    return {session_id: steps for session_id, steps in missing.items() if session_id in chosen}


def _mixed(owed: Mapping[str, Set[int]]) -> list[str]:
    """The session ids in an order that has nothing to do with anything, the same every time."""
    return sorted(owed, key=lambda session_id: hashlib.blake2b(session_id.encode()).digest())


def _with_reasons(session: Session, done: Mapping[Place, Written]) -> Session:
    """The session with what was written; a step whose reason could not be written keeps what it had."""
    steps = list(session.steps)
    for index, step in enumerate(steps):
        written = done.get((session.session_id, index))
        if written is not None and written.rationale is not None:
            steps[index] = replace(step, rationale=written.rationale, rationale_source="synthetic")
    return replace(session, steps=tuple(steps))


def _as_json(report: SynthesisReport) -> str:
    return json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
