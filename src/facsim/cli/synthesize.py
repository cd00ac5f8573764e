"""`facsim synthesize`: a data set in, the same with the rationales that were missing out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

_MODEL = Group("How the teacher is asked")
_Flag = Parameter(negative="")


def command(
    data: Path,
    *,
    teacher: str,
    out: Path | None = None,
    examples: Path | None = None,
    dry_run: Annotated[bool, _Flag] = False,
    resume: Annotated[bool, _Flag] = False,
    overwrite: Annotated[bool, _Flag] = False,
    rewrite: Literal["none", "synthetic", "all"] = "none",
    split: Literal["train", "validation", "test", "all"] = "all",
    split_by: Literal["user", "session", "official", "time"] = "user",
    seed: int = 0,
    limit: int | None = None,
    grade: Annotated[bool, _Flag] = False,
    budget_tokens: Annotated[int, Parameter(group=_MODEL)] = 24_000,
    concurrency: Annotated[int, Parameter(group=_MODEL)] = 8,
    temperature: Annotated[float | Literal["unset"], Parameter(group=_MODEL)] = 0.0,
    max_output_tokens: Annotated[int, Parameter(group=_MODEL)] = 1024,
    thinking: Annotated[
        Literal["off", "minimal", "low", "medium", "high"] | None, Parameter(group=_MODEL)
    ] = None,
    structured: Annotated[Literal["auto", "native", "off"], Parameter(group=_MODEL)] = "auto",
    timeout: Annotated[float, Parameter(group=_MODEL)] = 120.0,
    retries: Annotated[int, Parameter(group=_MODEL)] = 4,
    cache: Annotated[Path | None, Parameter(group=_MODEL)] = None,
    price: Annotated[tuple[float, float] | None, Parameter(group=_MODEL)] = None,
) -> int:
    """Have a strong model write the reason of every step that has none.

    For each step the teacher sees the page, the action, what is known of the person and what was done before,
    never anything later, and writes one to three sentences in the first person. Each answer is checked; one
    that fails is asked for again, twice at most, and then left out and reported in OUT/synthesis.md. Answers
    are kept in OUT.synthesis until OUT is in its place: a run that was stopped, however, goes on with
    --resume.

    Args:
        data: The data set folder.
        teacher: openai:MODEL, anthropic:MODEL, bedrock:MODEL or endpoint:http://HOST:PORT/v1#MODEL.
        out: The data set folder to make.
        examples: YAML file of think-aloud transcripts. Default: those that come with Facsim.
        dry_run: Print a prompt, tokens and expected cost, and ask nobody.
        resume: Go on with a run that was stopped: no answer is asked for again.
        overwrite: Replace a data set that is already there.
        rewrite: Which rationales that are there are written anew: none, those of a teacher, or all.
        split: Ask about this part only, as evaluating and training split it; the others stay as they are.
        split_by: How it is split: by hashed user or session id, as the source does, or by time.
        seed: Of the split.
        limit: Ask about so many sessions only; the others stay as they are.
        grade: Also write a reason where the data set has one, and measure how well each kind lets a reader
            recover the action. The new data set then has the teacher's. Same as --rewrite all, and graded.
        budget_tokens: Most tokens of a prompt; longer pages are shortened.
        concurrency: Questions in flight.
        temperature: A number, or unset: not sent.
        max_output_tokens: Most tokens of an answer, hidden reasoning included.
        thinking: How hard a reasoning model thinks. Default: its own.
        structured: Whether the server enforces the answer's JSON Schema.
        timeout: Seconds for one attempt.
        retries: Repeats of an attempt that failed for a passing reason.
        cache: SQLite file that keeps every answer for good, instead of OUT.synthesis.
        price: Dollars per million input and output tokens, where the price list does not know the model.
    """
    from rich.markdown import Markdown

    from facsim.cli.console import console, errors, progress_bar
    from facsim.predict.endpoint.options import EndpointOptions
    from facsim.rationale import Synthesis, SynthesisInterrupted, grade_rationales
    from facsim.util.errors import ConfigError

    options = EndpointOptions.of(
        temperature=temperature,
        max_output_tokens=max_output_tokens,
        thinking=thinking,
        structured=structured,
        concurrency=concurrency,
        timeout_s=timeout,
        retries=retries,
        cache=cache,
        price={"input": price[0], "output": price[1]} if price else None,
    )
    if out is None and not dry_run:
        raise ConfigError("say with --out where the new data set goes, or --dry-run")
    work = Synthesis(
        data,
        teacher,
        examples=examples,
        rewrite="all" if grade else rewrite,
        part=split,
        split_by=split_by,
        seed=seed,
        limit=limit,
        budget_tokens=budget_tokens,
        options=options,
    )
    if grade:
        grade_rationales(work.data, resamples=0)  # what cannot be graded is told before it is paid for
    with progress_bar("Planning") as progress:
        plan = work.plan(progress)
    if dry_run and plan.example is not None:
        for message in plan.example.messages:
            console.print(f"--- {message.role}", style="bold")
            console.print(message.content, highlight=False, markup=False)
    (console if dry_run else errors).print(str(plan), highlight=False, markup=False)
    if dry_run or out is None:
        return 0
    try:
        with progress_bar("Writing rationales") as progress:
            report = work.run(out, resume=resume, overwrite=overwrite, progress=progress)
    except SynthesisInterrupted as stop:
        errors.print(str(stop), markup=False)
        return 130
    console.print(Markdown(report.to_markdown()))
    if grade:
        with progress_bar("Grading") as progress:
            console.print(Markdown(grade_rationales(work.data, out, progress=progress).to_markdown()))
    console.print(f"The data set is in {out}. Next: facsim audit {out}", highlight=False, markup=False)
    return 0
