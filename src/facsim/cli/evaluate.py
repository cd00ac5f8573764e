"""`facsim evaluate`: predictors over a data set, each into a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from cyclopts import Group, Parameter

_CASES = Group("Which steps are test cases")
_PROMPT = Group("Prompts (models only)")
_MODEL = Group("Calls (models only)")
_LOCAL = Group("Models that run here (local: only)")
_Flag = Parameter(negative="")


def command(
    data: Path,
    *predictors: str,
    runs_dir: Path = Path("runs"),
    run_dir: Path | None = None,
    resume: Annotated[bool, _Flag] = False,
    dry_run: Annotated[bool, _Flag] = False,
    part: Annotated[Literal["train", "validation", "test", "all"], Parameter(group=_CASES)] = "test",
    split_by: Annotated[Literal["user", "session", "official", "time"], Parameter(group=_CASES)] = "user",
    seed: Annotated[int, Parameter(group=_CASES)] = 0,
    first_step: Annotated[Literal["exclude", "include"], Parameter(group=_CASES)] = "exclude",
    limit: Annotated[int | None, Parameter(group=_CASES)] = None,
    style: Annotated[
        Literal["action", "rationale", "think", "two_turn"] | None, Parameter(group=_PROMPT)
    ] = None,
    budget_tokens: Annotated[int | None, Parameter(group=_PROMPT)] = None,
    budget_policy: Annotated[Literal["drop_oldest", "anchored"] | None, Parameter(group=_PROMPT)] = None,
    tokenizer: Annotated[Path | None, Parameter(group=_PROMPT)] = None,
    persona: Annotated[bool | None, Parameter(group=_PROMPT)] = None,
    person_after_pages: Annotated[bool | None, Parameter(group=_PROMPT)] = None,
    page_text: Annotated[Literal["condensed", "stored"] | None, Parameter(group=_PROMPT)] = None,
    pages: Annotated[Literal["full", "changes"] | None, Parameter(group=_PROMPT)] = None,
    temperature: Annotated[float | Literal["unset"] | None, Parameter(group=_MODEL)] = None,
    max_output_tokens: Annotated[int | None, Parameter(group=_MODEL)] = None,
    sampling_seed: Annotated[int | None, Parameter(group=_MODEL)] = None,
    thinking: Annotated[
        Literal["off", "minimal", "low", "medium", "high"] | None, Parameter(group=_MODEL)
    ] = None,
    structured: Annotated[Literal["auto", "native", "off"] | None, Parameter(group=_MODEL)] = None,
    replicate: Annotated[int | None, Parameter(group=_MODEL)] = None,
    concurrency: Annotated[int | None, Parameter(group=_MODEL)] = None,
    timeout: Annotated[float | None, Parameter(group=_MODEL)] = None,
    retries: Annotated[int | None, Parameter(group=_MODEL)] = None,
    cache: Annotated[Path | None, Parameter(group=_MODEL)] = None,
    price: Annotated[tuple[float, float] | None, Parameter(group=_MODEL)] = None,
    decoding: Annotated[
        Literal["greedy", "constrained", "candidates"] | None, Parameter(group=_LOCAL)
    ] = None,
    device: Annotated[str | None, Parameter(group=_LOCAL)] = None,
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"] | None, Parameter(group=_LOCAL)
    ] = None,
    batch_tokens: Annotated[int | None, Parameter(group=_LOCAL)] = None,
) -> int:
    """Ask predictors what each person did next, step by step, and score the answers.

    Each predictor gets a run folder RUNS_DIR/NAME with config.json, predictions.jsonl and metrics.json. Every
    answer is on disk as soon as it arrives: a run that was stopped in any way continues with --resume.

    Predictors: baseline:always-terminate, baseline:majority-type, baseline:repeat-last,
    baseline:most-frequent-name, baseline:random-element, baseline:markov-category, baseline:markov-1,
    baseline:markov-2, choice, choice:FOLDER, openai:MODEL, anthropic:MODEL, bedrock:MODEL,
    endpoint:http://HOST:PORT/v1#MODEL, local:tiny, local:FOLDER, local:HUB_ID, oracle: (samples of the shop).

    Args:
        data: The data set folder.
        predictors: One or more predictors. Those that learn are fitted on the train part of the same split.
        runs_dir: Folder for the run folders, each named after its predictor.
        run_dir: The run folder itself, for a single predictor.
        resume: Continue existing runs: only missing answers and failed calls are asked.
        dry_run: Print tokens and expected cost, and ask nothing. A local model is timed on a few steps.
        part: Part of the data set.
        split_by: How it is split: by hashed user or session id, by the source's own split, or by time.
        seed: Seed of the split, of training, and of the sample of --limit.
        first_step: Whether the first step of a session is a test case.
        limit: Evaluate this many sessions, sampled at random. A larger limit adds sessions to a smaller one.
        style: Format of the answer. Default: rationale; for a local model the one it was trained with.
        budget_tokens: Maximum tokens of a prompt. Default: 40000, or the context of a local model.
        budget_policy: What is dropped first. Default: drop_oldest.
        tokenizer: tokenizer.json, to count tokens exactly.
        persona: Whether the prompt describes the person. Default: yes.
        person_after_pages: Whether persona and intent come below every page instead of in the system message.
            Small models follow them better there; their tokens count with each page. Default: no.
        page_text: condensed: pages without addresses, empty boxes and repeated text. stored: as in the data
            set. Default: condensed; for a local model the one it was trained with.
        pages: full: every page is whole. changes: pages after the first do not repeat what an earlier page
            shows. Default: full; for a local model the one it was trained with.
        temperature: A number, or unset to use the server's own. Default: 0.
        max_output_tokens: Maximum tokens of an answer. Default: 4096; for a local model 512, or the length of
            the page's longest action if it was trained to write actions only.
        sampling_seed: Sent to servers that support seeds.
        thinking: Reasoning effort of a reasoning model. Default: its own.
        structured: Whether the server enforces the answer's JSON Schema. Default: auto.
        replicate: Number of the repetition; another number bypasses the cached answers.
        concurrency: Sessions in flight. Default: 8.
        timeout: Seconds after which an attempt ends, body included. Default: 120.
        retries: Repeats of an attempt that failed for a temporary reason. Default: 4.
        cache: SQLite file that stores every answer for later runs.
        price: Dollars per million input and output tokens, if the price list does not know the model.
        decoding: How an answer is generated: token by token; token by token among actions that are possible
            on the page; or by scoring each possible action. Default: greedy.
        device: cpu, cuda, cuda:1, or auto: a GPU if there is one. Default: auto.
        dtype: Data type of the weights. Default: auto: as stored on a GPU; on a CPU the faster of
            float32 and bfloat16.
        batch_tokens: Maximum tokens in one forward pass. Default: 16384.
    """
    from facsim.cli.console import console, errors, progress_bar
    from facsim.data import DataSet
    from facsim.evaluation import CaseSelection, check_resumable, evaluate, plan_run, resolve_targets
    from facsim.report import run_plan_summary, run_summary

    prompt_options = _given(
        style=style,
        budget_tokens=budget_tokens,
        budget_policy=budget_policy,
        tokenizer=tokenizer,
        persona=persona,
        person_after_pages=person_after_pages,
        page_text=page_text,
        pages=pages,
    )
    call_options = _given(
        temperature=temperature,
        max_output_tokens=max_output_tokens,
        seed=sampling_seed,
        thinking=thinking,
        structured=structured,
        replicate=replicate,
        concurrency=concurrency,
        timeout_s=timeout,
        retries=retries,
        cache=cache,
        price={"input": price[0], "output": price[1]} if price else None,
        decoding=decoding,
        device=device,
        dtype=dtype,
        batch_tokens=batch_tokens,
    )
    targets = resolve_targets(
        predictors, runs_dir=runs_dir, run_dir=run_dir, prompt=prompt_options, **call_options
    )
    cases = _Cases(part=part, split_by=split_by, seed=seed, first_step=first_step, limit=limit)
    if dry_run:
        for predictor in targets.values():
            with progress_bar(f"Planning {predictor.spec}") as progress:
                planned = plan_run(data, predictor, **cases, progress=progress)
            console.print(run_plan_summary(planned))
        return 0
    data_set = DataSet.open(data)
    selection = CaseSelection.of(data_set, **cases)
    for folder, predictor in targets.items():
        check_resumable(folder, data_set, predictor, selection, resume=resume)
    try:
        for folder, predictor in targets.items():
            with progress_bar(folder.name) as progress:
                run = evaluate(data_set, predictor, run_dir=folder, resume=resume, **cases, progress=progress)
            console.print(run_summary(run))
    except KeyboardInterrupt as stop:
        errors.print(
            str(stop) or "stopped. Run the same command again with --resume to continue", markup=False
        )
        return 130
    shown = f"{runs_dir}/*" if run_dir is None else run_dir
    console.print(f"Next: facsim report {shown}", highlight=False, markup=False)
    return 0


class _Cases(TypedDict):
    part: Literal["train", "validation", "test", "all"]
    split_by: Literal["user", "session", "official", "time"]
    seed: int
    first_step: Literal["exclude", "include"]
    limit: int | None


def _given(**options: object) -> dict[str, Any]:
    """The options that were given; the library has the defaults of the others."""
    return {name: value for name, value in options.items() if value is not None}
