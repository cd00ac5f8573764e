"""Nothing that reaches a prompt tells the future.

Given all that has happened, what a shopper does next is random with the stated probabilities. So a feature
of the prompt, whatever it is, must have no part in the difference between what happened and how probable
that was: over all steps that have the feature, the differences sum to zero but for chance (they are martingale
differences). That holds of every word of the prompt and of every kind of action, and it does not matter what
a learner could make of it: a word that knew more than the shoppers' own probabilities would be a leak.

The tests plant leaks as well, and see that they are found.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist

import pytest

from facsim.data import DataSet, DataSetWriter, replay
from facsim.evaluation import evaluate
from facsim.predict.oracle import Oracle
from facsim.prompt import PromptConfig, build_prompt
from facsim.schema import Action, SessionSoFar, Step

WORD = re.compile(r"[a-z]{3,}|\d+")
LEAST_VARIANCE = 8.0
"""Words with less are too rare for the sum to be nearly normal."""


@dataclass(frozen=True)
class Seen:
    """A step: the words of its prompt, and by kind of action what happened against how probable it was."""

    words: frozenset[str]
    surprises: dict[str, tuple[float, float]]


Happened = Callable[[Action], bool]


def kinds_of(so_far: SessionSoFar, best: Action) -> dict[str, Happened]:
    """What is asked of the next action."""
    del so_far
    return {
        "leaves": lambda action: action.type == "terminate",
        "types": lambda action: action.type == "type_and_submit",
        "looks": lambda action: (action.name or "").startswith("search_results."),
        "orders": lambda action: (action.name or "").rpartition(".")[2] in ("place_order", "buy_now"),
        "does the likeliest": lambda action: action == best,
    }


def steps_seen(data: DataSet, oracle: Oracle) -> Iterator[tuple[SessionSoFar, Step, Seen]]:
    config = PromptConfig(style="rationale", persona=True, budget_tokens=None)
    for session in data:
        for so_far, step in replay(data, session):
            answer = oracle.answer(so_far)
            assert answer.probabilities is not None and answer.action is not None
            surprises = {}
            for kind, happened in kinds_of(so_far, answer.action).items():
                p = math.fsum(q for action, q in answer.probabilities.items() if happened(action))
                surprises[kind] = (happened(step.action) - p, p * (1 - p))
            # All that this prompt adds; the rest of it was in an earlier one. And the person.
            prompt = build_prompt(replace(so_far, past=so_far.past[-1:]), config)
            texts = [message.content for message in (prompt.messages[0], *prompt.messages[-2:])]
            yield so_far, step, Seen(frozenset(WORD.findall(" ".join(texts).lower())), surprises)


def most_telling(seen: list[Seen]) -> tuple[float, str, str, int]:
    """The largest z-score of a word, the word, the kind of action, and how many were tried."""
    sums: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for step in seen:
        for kind, (surprise, variance) in step.surprises.items():
            for word in step.words:
                entry = sums[word, kind]
                entry[0] += surprise
                entry[1] += variance
    scores = {
        key: total / math.sqrt(variance)
        for key, (total, variance) in sums.items()
        if variance > LEAST_VARIANCE
    }
    word, kind = max(scores, key=lambda key: abs(scores[key]))
    return abs(scores[word, kind]), word, kind, len(scores)


def bound(tried: int) -> float:
    """The largest of so many z-scores stays below this in all but one of 10,000 samples (Bonferroni)."""
    return NormalDist().inv_cdf(1 - 1e-4 / (2 * tried))


@pytest.fixture(scope="module")
def seen(shop_data: DataSet, oracle: Oracle) -> list[tuple[SessionSoFar, Step, Seen]]:
    return list(steps_seen(shop_data.select(shop_data.session_ids[:80]), oracle))


def test_no_word_of_a_prompt_knows_more_than_the_shopper(
    seen: list[tuple[SessionSoFar, Step, Seen]],
) -> None:
    score, word, kind, tried = most_telling([step for _, _, step in seen])
    assert tried > 300
    assert score < bound(tried), f"{word!r} tells whether the person {kind}"


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_a_planted_word_is_found(seen: list[tuple[SessionSoFar, Step, Seen]], share: float) -> None:
    """A word in this share of the prompts before people leave, and in a tenth of the others."""
    planted = []
    for place, (_, step, found) in enumerate(seen):
        leaves = step.action.type == "terminate"
        told = place % 10 < 10 * share if leaves else place % 10 < 1
        planted.append(replace(found, words=found.words | {"tired"}) if told else found)
    score, word, kind, tried = most_telling(planted)
    assert (word, kind) == ("tired", "leaves")
    assert score > bound(tried)


def test_prompts_hold_no_truth(shop_data: DataSet) -> None:
    """No field of the data set but those of a prompt is in it: ids, truths, outcome, structured persona."""
    for session in list(shop_data)[:20]:
        *_, (so_far, last) = replay(shop_data, session)
        text = "\n".join(message.content for message in build_prompt(so_far, PromptConfig()).messages)
        assert last.truth is not None and last.rationale is not None
        secrets = [session.session_id, session.user_id, session.persona_fields or ""]
        secrets += [repr(last.truth.probability), repr(last.truth.entropy)]
        # People repeat themselves: what they said before is no secret.
        secrets += [last.rationale] * all(step.rationale != last.rationale for step in session.steps[:-1])
        assert not [secret for secret in secrets if secret in text]


def with_intents(data: DataSet, folder: Path, intent: Callable[[int, str], str]) -> DataSet:
    """The same sessions with other words for what people came for."""
    with DataSetWriter(folder, data.card) as writer:
        for number, session in enumerate(data):
            for step in session.steps:
                writer.add_page(data.page(step.page_id).html)
            writer.add_session(replace(session, intent=intent(number, session.intent or "")))
    return DataSet.open(folder)


def test_what_the_choice_model_learns_is_less_than_the_oracle_knows(
    shop_data: DataSet, tmp_path: Path
) -> None:
    """Trained on all that reaches a prompt it stays below; told the typed queries in the intent it gains."""
    some = shop_data.select(shop_data.session_ids[:60])
    ceiling = evaluate(some, "oracle:", run_dir=tmp_path / "oracle", first_step="include").metrics
    honest = evaluate(some, "choice", run_dir=tmp_path / "honest", first_step="include").metrics
    nll = "nll"
    assert honest[nll].value > ceiling[nll].value
    assert honest["accuracy"].value < ceiling["accuracy"].value
    queries = {
        number: [step.action.text for step in session.steps if step.action.text]
        for number, session in enumerate(some)
    }
    leaked = with_intents(some, tmp_path / "leaked", lambda number, _: (queries[number] or ["nothing"])[0])
    told = evaluate(leaked, "choice", run_dir=tmp_path / "told", first_step="include").metrics
    assert told["exact_type_and_submit"].value > honest["exact_type_and_submit"].value
