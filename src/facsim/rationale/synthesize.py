"""Rationale synthesis: copy a data set and add the missing rationales."""

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
from facsim.predict.endpoint.client import EndpointClient
from facsim.predict.endpoint.options import EndpointOptions, EndpointTarget
from facsim.rationale.rationale_checks import CHECKS, FailedCheck, SessionVocabulary
from facsim.rationale.synthesis_report import SynthesisReport
from facsim.rationale.teacher import ATTEMPTS, RationaleResult, Teacher
from facsim.rationale.teacher_pool import RationaleRequest, StepKey, TeacherPool
from facsim.rationale.teacher_prompts import LONGEST_ANSWER, LONGEST_FINDING, retry_prompt
from facsim.rationale.transcripts import Transcripts
from facsim.schema import Session, SessionSoFar, Step
from facsim.util.errors import ConfigError
from facsim.util.progress import Progress, no_progress
from facsim.util.work_folder import WorkFolder

if TYPE_CHECKING:
    from facsim.prompt import Prompt

Rewrite = Literal["none", "synthetic", "all"]
"""Which existing rationales are rewritten: none, those that a teacher wrote, or all."""

ANSWERS = "answers.sqlite"
"""The response cache in the work folder `OUT.synthesis`."""

ANSWER_TOKENS = 60
"""Tokens of a typical answer: two sentences in a JSON object."""

ANSWER_SECONDS = 3.0
"""Assumed latency of an answer, for a rough estimate of the time."""

PLANNED_STEPS = 1_000
"""Most prompts built for an estimate. Figures for more steps are scaled up."""


class SynthesisInterrupted(KeyboardInterrupt):
    """A signal stopped the synthesis. All answers so far are kept."""


@dataclass(frozen=True, slots=True)
class SynthesisPlan:
    """What a synthesis will do and cost.

    Attributes:
        teacher: the spec string.
        sessions: sessions with a requested step.
        steps: requested steps.
        input_tokens: of all first prompts.
        output_tokens: of all answers, at typical length.
        cost: expected US dollars, if every first answer passes and the provider caches the system message;
            None if the price is unknown.
        cost_at_most: US dollars if every step takes three attempts at full length, without a cache.
        seconds: expected time, at three seconds per answer.
        concurrency: requests in flight.
        example: the first prompt; None without steps.
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
        if not self.steps:
            return (
                f"{self.teacher}: nothing to ask: every step of the selection has a rationale already. "
                "Use --rewrite synthetic or --rewrite all to write them anew"
            )
        money = (
            "cost unknown (give --price)"
            if self.cost is None or self.cost_at_most is None
            else f"about ${self.cost:.2f}, at the very most ${self.cost_at_most:.2f}"
        )
        return (
            f"{self.teacher}: {self.steps:,} steps of {self.sessions:,} sessions, about "
            f"{self.input_tokens:,} tokens in and {self.output_tokens:,} out, {money}; "
            f"about {math.ceil(self.seconds / 60):,} min with {self.concurrency} requests in flight"
        )


class Synthesis:
    """A data set, a teacher, and the steps that need a rationale.

    Args:
        data: the data set or its folder.
        teacher: spec string of a model: `openai:…`, `anthropic:…`, `bedrock:…` or `endpoint:URL#MODEL`.
        examples: think-aloud transcripts; by default those that ship with Facsim.
        rewrite: which existing rationales are rewritten.
        part: only steps in this part of the split (`facsim.data.split`).
        split_by: how the data set is split.
        seed: seed of the split.
        limit: only steps of so many sessions. A larger limit adds sessions to those of a smaller one.
        budget_tokens: most tokens of a prompt.
        options: options of the endpoint.

    Raises:
        ConfigError: if the teacher is not a model, or the examples are unusable.
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
        self.data.require_pages()
        self._target, self._options = EndpointTarget.parse(teacher), options or EndpointOptions()
        self._examples, self._budget = Transcripts.read(examples), budget_tokens
        if limit is not None and limit < 1:
            raise ConfigError(f"limit {limit}: expected 1 or more")
        self._rewrite: Rewrite = rewrite
        self._missing = _missing(self.data, rewrite)
        chosen = set(split(self.data, part, split_by=split_by, seed=seed).session_ids)
        self._pending = _limited({id_: steps for id_, steps in self._missing.items() if id_ in chosen}, limit)

    @property
    def steps(self) -> int:
        """Number of requested steps."""
        return sum(map(len, self._pending.values()))

    def plan(self, progress: Progress = no_progress) -> SynthesisPlan:
        """Estimate tokens, cost and time. Needs no key and no network."""
        from facsim.predict.endpoint.estimate import UsageEstimator  # noqa: PLC0415

        teacher = self._teacher(self._options)
        count = UsageEstimator(self._target, teacher.config, self._options)
        at_most = UsageEstimator(self._target, teacher.config, self._options)
        example = before = None
        looked_at = min(self.steps, PLANNED_STEPS)
        for number, (so_far, step) in enumerate(self._steps(_shuffled(self._pending)), start=1):
            prompt = teacher.prompt(so_far, step.action)
            count.add(prompt, before)
            for question in _worst_case_prompts(prompt, teacher):
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
            sessions=len(self._pending),
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
        """Request and check the rationales, then write the new data set.

        Args:
            out: folder of the new data set. Until it is complete, answers are kept in `OUT.synthesis`.
            resume: continue with the answers kept there. No answer is requested again.
            overwrite: replace an existing data set at `out`, which may be the input.
            progress: called after every finished step.

        Raises:
            SynthesisInterrupted: after SIGINT or SIGTERM.
            FacsimError: when continuing is pointless. All answers so far are kept.
        """
        out = Path(out)
        DataSetWriter(
            out, self.data.card, overwrite=overwrite
        )  # refuse the folder before anything is paid for
        settings = self._teacher(self._options).settings()
        identity = {"data": self.data.content_hash, **settings}
        with WorkFolder(out, "synthesis", identity, resume=resume) as work_folder:
            cache = self._options.cache or work_folder.folder / ANSWERS
            teacher = self._teacher(self._options.model_copy(update={"cache": cache}))
            pool = TeacherPool(
                teacher, total=self.steps, concurrency=self._options.concurrency, progress=progress
            )
            pool.run(self._requests())
            if pool.interrupted and len(pool.done) < self.steps:
                raise SynthesisInterrupted(
                    f"stopped with {len(pool.done):,} of {self.steps:,} steps done. Every answer is kept "
                    f"in {work_folder.folder}. Run the same command again with --resume to continue"
                )
            report = self._report({**settings, "rewrite": self._rewrite}, pool.done)
            self._write(out, overwrite, pool.done, report)
        return report

    def _teacher(self, options: EndpointOptions) -> Teacher:
        return Teacher(EndpointClient(self._target, options), self._examples, budget_tokens=self._budget)

    def _steps(self, session_ids: list[str]) -> Iterator[tuple[SessionSoFar, Step]]:
        """The requested steps, as the teacher sees them."""
        for session_id in session_ids:
            for so_far, step in replay(self.data, self.data.session(session_id)):
                if so_far.step in self._pending[session_id]:
                    yield so_far, step

    def _requests(self) -> Iterator[RationaleRequest]:
        for session_id in self._pending:
            session = self.data.session(session_id)
            steps = list(replay(self.data, session))
            vocabulary = SessionVocabulary(session, [so_far.page for so_far, _ in steps])
            for so_far, step in steps:
                if so_far.step in self._pending[session_id]:
                    yield RationaleRequest(so_far, vocabulary.context(so_far, step))

    def _report(self, settings: dict[str, Any], done: Mapping[StepKey, RationaleResult]) -> SynthesisReport:
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
        self, out: Path, overwrite: bool, done: Mapping[StepKey, RationaleResult], report: SynthesisReport
    ) -> None:
        data = self.data
        summary = {**report.settings, **report.counts}
        before = data.card.settings.get("synthesis", [])
        card = data.card.model_copy(
            update={"settings": {**data.card.settings, "synthesis": [*before, summary]}},
        )
        with DataSetWriter(out, card, overwrite=overwrite) as writer:
            if data.is_whole:
                writer.copy_pages(data.pages)
            for session in data:
                for page_id in {} if data.is_whole else {step.page_id: None for step in session.steps}:
                    writer.add_page(data.page(page_id).html, data.pages.raw_html(page_id), page_id=page_id)
                writer.add_session(_with_rationales(session, done))
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
    """Have a teacher write the missing rationales of a data set; see `Synthesis` and `Synthesis.run`.

    This is the paper's rationale synthesis: a strong model sees the page, the action taken and think-aloud
    transcripts, and writes a short first-person rationale. On `terminate` it is told that the person found
    nothing suitable and left. Such rationales improve accuracy. They are not what the person thought.
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


def _worst_case_prompts(prompt: Prompt, teacher: Teacher) -> Iterator[Prompt]:
    """All prompts of a step whose answers have maximum length and fail every check."""
    worst = [FailedCheck(name, "x" * LONGEST_FINDING) for name in CHECKS]
    yield prompt
    for _ in range(ATTEMPTS - 1):
        prompt = retry_prompt(prompt, "x" * LONGEST_ANSWER, worst, teacher.config)
        yield prompt


def _missing(data: DataSet, rewrite: Rewrite) -> dict[str, Set[int]]:
    """Steps that lack a rationale or whose rationale is rewritten, by session in stored order."""
    empty = pl.col("rationale").is_null() | (pl.col("rationale").str.strip_chars() == "")
    wanted = {
        "none": empty,
        "synthetic": empty | pl.col("rationale_source").eq_missing(pl.lit("synthetic")),
        "all": pl.lit(True),
    }[rewrite]
    pending: dict[str, set[int]] = {}
    for session_id, step in data.steps.filter(wanted).select("session_id", "step").iter_rows():
        pending.setdefault(session_id, set()).add(step)
    return dict(pending)


def _limited(missing: Mapping[str, Set[int]], limit: int | None) -> dict[str, Set[int]]:
    chosen = set(_shuffled(missing)[:limit])
    return {session_id: steps for session_id, steps in missing.items() if session_id in chosen}


def _shuffled(pending: Mapping[str, Set[int]]) -> list[str]:
    """The session ids in a pseudo-random order that is the same every time."""
    return sorted(pending, key=lambda session_id: hashlib.blake2b(session_id.encode()).digest())


def _with_rationales(session: Session, done: Mapping[StepKey, RationaleResult]) -> Session:
    """The session with its new rationales. A step without a new one keeps its old one."""
    steps = list(session.steps)
    for index, step in enumerate(steps):
        written = done.get((session.session_id, index))
        if written is not None and written.rationale is not None:
            steps[index] = replace(step, rationale=written.rationale, rationale_source="synthetic")
    return replace(session, steps=tuple(steps))


def _as_json(report: SynthesisReport) -> str:
    return json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
