"""`facsim synthesize`: a data set in, the same with the rationales that were missing out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

_MODEL = Group("Teacher options")
_Flag = Parameter(negative="")


def command(
    data: Path,
    *,
    teacher: str,
    out: Path | None = None,
    examples: Path | None = None,
    dry_run: Annotated[bool, _Flag] = False,
    prompts: Annotated[bool, _Flag] = False,
    resume: Annotated[bool, _Flag] = False,
    overwrite: Annotated[bool, _Flag] = False,
    rewrite: Literal["none", "synthetic", "all"] = "none",
    part: Literal["train", "validation", "test", "all"] = "all",
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
    """Have a strong model write a rationale for every step that has none.

    For each step the teacher sees the page, the action, the persona and the earlier steps, never anything
    later. It writes one to three sentences in the first person. Each answer is checked. One that fails is
    retried twice at most, then left out and reported in OUT/synthesis.md. Answers are kept in OUT.synthesis
    until OUT is complete, so an interrupted run continues with --resume.

    Args:
        data: The data set folder.
        teacher: openai:MODEL, anthropic:MODEL, bedrock:MODEL or endpoint:http://HOST:PORT/v1#MODEL.
        out: The data set folder to write.
        examples: YAML file of think-aloud transcripts. Default: those that ship with Facsim.
        dry_run: Print steps, tokens and expected cost, without calling the model.
        prompts: With --dry-run, also print the first prompt.
        resume: Continue an interrupted run. No answer is requested again.
        overwrite: Replace an existing data set.
        rewrite: Which existing rationales are rewritten: none, those of a teacher, or all.
        part: Only this part of the data set, split as in evaluation. Other parts stay unchanged.
        split_by: How it is split: by hashed user or session id, by the official split, or by time.
        seed: Seed of the split.
        limit: Only so many sessions. Other sessions stay unchanged.
        grade: Also write a rationale where the data set has one, and measure how well the click can be
            retrieved from each kind. The new data set has the teacher's. Implies --rewrite all.
        budget_tokens: Most tokens of a prompt. Longer pages are shortened.
        concurrency: Requests in flight.
        temperature: A number, or unset: not sent.
        max_output_tokens: Most tokens of an answer, hidden reasoning included.
        thinking: How hard a reasoning model thinks. Default: its own.
        structured: Whether the server must enforce the JSON Schema of the answer.
        timeout: Seconds after which an attempt ends, body included.
        retries: Retries after a transient failure.
        cache: SQLite file that keeps every answer permanently, instead of OUT.synthesis.
        price: US dollars per million input and output tokens, for models missing from the price list.
    """
    from rich.markdown import Markdown

    from facsim.cli.console import console, errors, progress_bar
    from facsim.predict.endpoint.options import EndpointOptions
    from facsim.rationale import Synthesis, SynthesisInterrupted, grade_rationales
    from facsim.util.display_text import escape_controls
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
        raise ConfigError("give --out, the folder of the new data set, or --dry-run")
    work = Synthesis(
        data,
        teacher,
        examples=examples,
        rewrite="all" if grade else rewrite,
        part=part,
        split_by=split_by,
        seed=seed,
        limit=limit,
        budget_tokens=budget_tokens,
        options=options,
    )
    if grade:
        grade_rationales(work.data, resamples=0)  # fail before anything is paid for
    with progress_bar("Planning") as progress:
        plan = work.plan(progress)
    (console if dry_run else errors).print(str(plan), highlight=False, markup=False)
    if dry_run and prompts and plan.example is not None:
        for message in plan.example.messages:
            console.print(f"── {message.role}", style="bold cyan")
            console.print(escape_controls(message.content), highlight=False, markup=False)
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
