"""`facsim evaluate`: predictors over a data set, each into a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

_CASES = Group("Which steps are test cases")
_PROMPT = Group("Prompts (models only)")
_MODEL = Group("Calls (models only)")
_LOCAL = Group("Models that run here (local: only)")
_CLUSTER = Group("Where predictors run")
_Flag = Parameter(negative="")


def command(
    data: Path,
    *predictors: str,
    config: Path | None = None,
    runs_dir: Path | None = None,
    run_dir: Path | None = None,
    resume: Annotated[bool, _Flag] = False,
    dry_run: Annotated[bool, _Flag] = False,
    prompts: Annotated[bool, _Flag] = False,
    max_failed: float | None = None,
    on: Annotated[str | None, Parameter(group=_CLUSTER)] = None,
    task_timeout: Annotated[float | None, Parameter(group=_CLUSTER)] = None,
    part: Annotated[Literal["train", "validation", "test", "all"] | None, Parameter(group=_CASES)] = None,
    split_by: Annotated[
        Literal["user", "session", "official", "time"] | None, Parameter(group=_CASES)
    ] = None,
    seed: Annotated[int | None, Parameter(group=_CASES)] = None,
    first_step: Annotated[Literal["exclude", "include"] | None, Parameter(group=_CASES)] = None,
    limit: Annotated[int | None, Parameter(group=_CASES)] = None,
    style: Annotated[
        Literal["action", "rationale", "think", "two_turn"] | None, Parameter(group=_PROMPT)
    ] = None,
    budget_tokens: Annotated[int | None, Parameter(group=_PROMPT)] = None,
    budget_policy: Annotated[Literal["drop_oldest", "anchored"] | None, Parameter(group=_PROMPT)] = None,
    tokenizer: Annotated[Path | None, Parameter(group=_PROMPT)] = None,
    chars_per_token: Annotated[float | None, Parameter(group=_PROMPT)] = None,
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
    Models behind endpoints are asked side by side, the other predictors one after another.

    Predictors: baseline:always-terminate, baseline:majority-type, baseline:repeat-last,
    baseline:most-frequent-name, baseline:random-element, baseline:markov-category, baseline:markov-1,
    baseline:markov-2, choice, choice:FOLDER, openai:MODEL, anthropic:MODEL, bedrock:MODEL,
    endpoint:http://HOST:PORT/v1#MODEL, local:tiny, local:FOLDER, local:HUB_ID, oracle: (samples of the shop).

    Args:
        data: The data set folder.
        predictors: One or more predictors. Those that learn are fitted on the train part of the same split.
        config: YAML file with any of these options, and `predictors`; those given here win.
        runs_dir: Folder for the run folders, each named after its predictor. Default: runs.
        run_dir: The run folder itself, for a single predictor.
        resume: Continue existing runs: only missing answers and failed calls are asked.
        dry_run: Print calls, tokens and expected cost, and ask nothing. Local models are timed on some steps;
            with --on ray, their sessions are placed on 1, 8 and 64 GPUs instead.
        prompts: With --dry-run, also print each predictor's longest prompt of the first session.
        max_failed: Exit with code 1 if more than this share of the calls of a run failed. Default: 0.1.
        on: ray, or ray://HOST:PORT: predict on a Ray cluster whose nodes all see the data set. Models behind
            endpoints are called from this machine all the same.
        task_timeout: Seconds without an answer after which a worker's sessions are repeated on another, at
            most twice. Default: 900.
        part: Part of the data set. Default: test.
        split_by: How it is split: by hashed user or session id, by the source's own split, or by time.
            Default: user.
        seed: Seed of the split, of training, and of the sample of --limit. Default: 0.
        first_step: Whether the first step of a session is a test case. Default: exclude.
        limit: Evaluate this many sessions, sampled at random. A larger limit adds sessions to a smaller one.
        style: Format of the answer. Default: rationale; for a local model the one it was trained with.
        budget_tokens: Maximum tokens of a prompt. Default: 40000, or the context of a local model.
        budget_policy: What is dropped first. Default: drop_oldest.
        tokenizer: tokenizer.json, to count tokens exactly.
        chars_per_token: Characters counted as one token where there is no tokenizer. Default: 3.
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
        concurrency: Sessions in flight for each model. Default: 8.
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
    from facsim.cli.console import console, errors, progress_bar, progress_bars
    from facsim.data import DataSet
    from facsim.evaluation import (
        CaseSelection,
        Run,
        RunInterrupted,
        check_resumable,
        evaluate_many,
        plan_run,
        resolve_targets,
    )
    from facsim.evaluation.settings import EvaluationSettings
    from facsim.report import cluster_plan_table, run_plan_prompt, run_plans_table, run_summary

    settings = EvaluationSettings.of(
        config,
        predictors=predictors,
        runs_dir=runs_dir,
        run_dir=run_dir,
        max_failed=max_failed,
        on=on,
        task_timeout=task_timeout,
        part=part,
        split_by=split_by,
        seed=seed,
        first_step=first_step,
        limit=limit,
        style=style,
        budget_tokens=budget_tokens,
        budget_policy=budget_policy,
        tokenizer=tokenizer,
        chars_per_token=chars_per_token,
        persona=persona,
        person_after_pages=person_after_pages,
        page_text=page_text,
        pages=pages,
        temperature=temperature,
        max_output_tokens=max_output_tokens,
        sampling_seed=sampling_seed,
        thinking=thinking,
        structured=structured,
        replicate=replicate,
        concurrency=concurrency,
        timeout=timeout,
        retries=retries,
        cache=cache,
        price=price,
        decoding=decoding,
        device=device,
        dtype=dtype,
        batch_tokens=batch_tokens,
    )
    targets = resolve_targets(
        settings.predictors,
        runs_dir=settings.runs_dir,
        run_dir=settings.run_dir,
        prompt=settings.prompt_options,
        **settings.model_options,
    )
    data_set = DataSet.open(data)
    if dry_run:
        plans, on_cluster = [], settings.cluster() is not None
        for predictor in targets.values():
            with progress_bar(f"Planning {predictor.spec}") as progress:
                plans.append(
                    plan_run(
                        data_set, predictor, **settings.selection, on_cluster=on_cluster, progress=progress
                    )
                )
        console.print(run_plans_table(plans))
        for plan in plans:
            if plan.cluster is not None:
                console.print(cluster_plan_table(plan.predictor, plan.cluster))
        for plan in plans if prompts else ():
            console.print(run_plan_prompt(plan))
        return 0
    selection = CaseSelection.of(data_set, **settings.selection)
    for folder, predictor in targets.items():
        check_resumable(folder, data_set, predictor, selection, resume=resume)

    def announce(line: str) -> None:
        errors.print(line, highlight=False, markup=False)

    too_many_failed, problems = False, []
    try:
        for outcome in evaluate_many(
            data_set, targets, selection, resume=resume, on=settings.cluster(announce), progress=progress_bars
        ):
            if not isinstance(outcome, Run):
                problems.append(outcome)
                continue
            console.print(run_summary(outcome))
            too_many_failed |= outcome.failures is not None and outcome.failures.share > settings.max_failed
    except KeyboardInterrupt:
        errors.print("stopped. Run the same command again with --resume to continue", markup=False)
        return 130
    for problem in problems:
        stopped = isinstance(problem, RunInterrupted)
        message, colour = (str(problem), None) if stopped else (f"facsim: {problem}", "red")
        errors.print(message, style=colour, highlight=False, markup=False)
    if problems:
        return 130 if any(isinstance(problem, RunInterrupted) for problem in problems) else 2
    if too_many_failed:
        errors.print(
            f"facsim: more than {settings.max_failed:.0%} of the calls of a run failed (--max-failed)",
            style="red",
            highlight=False,
        )
        return 1
    runs = f"{settings.runs_dir}/*" if settings.run_dir is None else settings.run_dir
    console.print(f"Next: facsim report {runs}", highlight=False, markup=False)
    return 0
