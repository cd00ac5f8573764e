"""Scoring recorded sessions in one pass, against asking a model step by step.

The same model on every step but the first of so many sessions of the shop, four times:

1. scoring: one pass, which says of every step whether greedy decoding would write the person's action;
2. answers: `facsim evaluate` with `local:`, one pass too, then answers are written where they differ;
3. from scratch: the prompt of each step computed anew, the answer written token by token;
4. shared prefix: one cache per session; only the new page is computed, the answer is written token by token,
   and the cache is cut back to the prompt before the person's action is put in.

`speedup_*` are the times of 3 and 4 over that of 1, `answers_*` over that of 2, whose gain grows with the
share of steps at which the model is right. A verdict is whether the answer is the person's action.
`verdicts_differ` counts the steps whose verdicts, or answers, are not the same in all four; `ties` how many
of these have a choice among their tokens that rounding could decide (margin below 0.001). One thread; times
are CPU times, unless the model is on a GPU.

    python benchmarks/bench_score.py [--sessions 200] [--model tiny] [--budget-tokens 7000]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch loads

import torch
from transformers import DynamicCache

from facsim.data import DataSet, replay
from facsim.predict.local.branches import shared
from facsim.predict.local.onepass import score_rows
from facsim.predict.local.options import LocalOptions
from facsim.predict.local.predictor import LocalPredictor
from facsim.predict.local.writing import TIES, Choices
from facsim.predict.protocol import RecordedSession
from facsim.prompt import PromptConfig, build_prompt, parse_answer
from facsim.prompt.segments import segments
from facsim.schema import Action, SessionSoFar
from facsim.shop.sampling import write_sample

Answers = dict[tuple[str, int], Action | None]


def main() -> None:
    """Run the three and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--model", default="tiny", help="as after local:")
    parser.add_argument("--budget-tokens", type=int, default=7000)
    parser.add_argument("--max-output-tokens", type=int, default=128)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    clock = time.process_time if arguments.device == "cpu" else time.perf_counter
    predictor = LocalPredictor(
        arguments.model,
        PromptConfig(style="action", budget_tokens=arguments.budget_tokens),
        LocalOptions(max_output_tokens=arguments.max_output_tokens, device=arguments.device),
    )
    with tempfile.TemporaryDirectory() as folder:
        write_sample(arguments.sessions, arguments.seed, Path(folder) / "shop")
        recorded = read(DataSet.open(Path(folder) / "shop"))
    _ = predictor.checkpoint
    predictor.answer(recorded[0].steps[0][0])  # what is done once
    asked = [so_far for one in recorded for so_far, step in one.steps if so_far.step in one.asked]

    began = clock()
    verdicts = scored(predictor, recorded)
    scoring = clock() - began

    began = clock()
    found = [answer for answer in predictor.predict_sessions(recorded) if answer is not None]
    answering = clock() - began
    whole: Answers = {
        (answer.recorded.session.session_id, answer.step): answer.prediction.action for answer in found
    }

    began = clock()
    scratch: Answers = {(so_far.session_id, so_far.step): predictor.answer(so_far).action for so_far in asked}
    generate = clock() - began

    began = clock()
    prefix, near = shared_prefix(predictor, recorded, arguments.max_output_tokens)
    prefixed = clock() - began

    truth = {
        (one.session.session_id, so_far.step): step.action for one in recorded for so_far, step in one.steps
    }
    differ = [
        key
        for key in whole
        if not whole[key] == scratch[key] == prefix[key] or verdicts[key] != (whole[key] == truth[key])
    ]
    right = sum(whole[key] == truth[key] for key in whole)
    for name, seconds in (
        ("scoring", scoring),
        ("answers", answering),
        ("from scratch", generate),
        ("shared prefix", prefixed),
    ):
        print(f"{name + ':':15}{seconds:8.1f} s, {1000 * seconds / len(asked):7.1f} ms a step")
    print(f"{len(asked)} steps of {len(recorded)} sessions, {right} answered as the person did")
    print(
        f"RESULT speedup_generate={generate / scoring:.1f} speedup_prefix={prefixed / scoring:.1f} "
        f"answers_generate={generate / answering:.1f} answers_prefix={prefixed / answering:.1f} "
        f"verdicts_differ={len(differ)} ties={sum(key in near for key in differ)} steps={len(asked)}"
    )


def read(data: DataSet) -> list[RecordedSession]:
    """Sessions with every step but the first asked about."""
    return [
        RecordedSession(session, tuple(replay(data, session)), frozenset(range(1, len(session.steps))))
        for session in data
        if len(session.steps) > 1
    ]


def scored(predictor: LocalPredictor, recorded: Iterable[RecordedSession]) -> dict[tuple[str, int], bool]:
    """Of every step whether greedy decoding would write the person's answer."""
    model, chat, _ = predictor.checkpoint
    rows = [chat.row(segment) for one in recorded for segment in segments(one.steps, predictor.prompt)]
    return {
        (row.session_id, score.step): score.is_greedy
        for row, scores in zip(rows, score_rows(model, rows), strict=True)
        for score in scores
    }


def shared_prefix(
    predictor: LocalPredictor, recorded: Iterable[RecordedSession], most: int
) -> tuple[Answers, set[tuple[str, int]]]:
    """Answers token by token, session by session, and the steps at which a choice was near a tie."""
    model, chat, _ = predictor.checkpoint
    answers: Answers = {}
    near = set()
    for one in recorded:
        cache, held = DynamicCache(), ()
        for so_far, _step in one.steps:
            if so_far.step not in one.asked:
                continue
            prompt = tokens_of(predictor, so_far)
            kept = min(shared(held, prompt), len(prompt) - 1)
            if len(held) > kept:
                cache.crop(kept - len(held))
            written: list[int] = []
            fed, margin = prompt[kept:], float("inf")
            while len(written) < most:
                with torch.inference_mode():
                    logits = model(
                        input_ids=torch.tensor([fed], device=model.device),
                        past_key_values=cache,
                        use_cache=True,
                        logits_to_keep=1,
                    ).logits[0]
                choice = Choices.of(logits.float())
                margin = min(margin, choice.margins[0])
                if choice.tokens[0] in (chat.end, model.generation_config.eos_token_id):
                    break
                written.append(choice.tokens[0])
                fed = (choice.tokens[0],)
            held = (*prompt, *written)[: cache.get_seq_length()]
            key = (so_far.session_id, so_far.step)
            answers[key] = parse_answer(chat.text(written), "action").action
            if margin < TIES[torch.float32]:
                near.add(key)
    return answers, near


def tokens_of(predictor: LocalPredictor, so_far: SessionSoFar) -> tuple[int, ...]:
    """The prompt of a step."""
    return predictor.checkpoint.chat.prompt(build_prompt(so_far, predictor.prompt).messages)


if __name__ == "__main__":
    main()
