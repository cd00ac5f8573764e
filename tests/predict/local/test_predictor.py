"""One pass over whole sessions predicts what step-by-step decoding does, whatever people did."""

import asyncio
import math
from dataclasses import replace
from random import Random

import pytest
import torch
from local_models import PRODUCTS, chat_tokenizer, make_model, page_of, recorded_session

from facsim.lm.checkpoint import load_checkpoint
from facsim.lm.checkpoint_settings import write_settings
from facsim.predict.local import decoding as decoding_module
from facsim.predict.local import session_caches
from facsim.predict.local.grammar import possible_actions
from facsim.predict.local.kv_cache import allocated_tokens
from facsim.predict.local.options import LocalOptions
from facsim.predict.local.predictor import LocalPredictor
from facsim.predict.local.prefix_sharing import Branch, TokenTree, supports_shared_prefix
from facsim.predict.local.session_caches import SessionCaches
from facsim.predict.protocol import Predictor, RecordedSession, SessionPredictor
from facsim.prompt import PromptConfig, build_prompt, render_answer
from facsim.schema import Action, PastStep, Usage
from facsim.util.errors import ConfigError


def predictor(folder, style=None, **options):
    prompt = PromptConfig(style=style) if style else None
    return LocalPredictor(folder, prompt, LocalOptions(**({"max_output_tokens": 48} | options)))


def answers(asked, sessions):
    found = [answer for answer in asked.predict_sessions(sessions) if answer is not None]
    by_step = {(answer.recorded.session.session_id, answer.step): answer for answer in found}
    assert len(by_step) == len(found) == sum(len(recorded.asked) for recorded in sessions)
    return by_step


def comparable(prediction):
    """A prediction without its usage, and with probabilities rounded."""
    likely = prediction.probabilities and {
        action: round(value, 4) for action, value in prediction.probabilities.items()
    }
    confidence = prediction.confidence and round(prediction.confidence, 4)
    return replace(prediction, usage=Usage(), probabilities=likely, confidence=confidence)


CASES = [
    ("action", "action", "greedy"),
    ("action", "action", "constrained"),
    ("action", "action", "candidates"),
    ("rationale", "rationale", "greedy"),
    ("rationale", "rationale", "candidates"),
    ("rationale", "think", "constrained"),
    ("rationale", "two_turn", "greedy"),
    ("rationale", "two_turn", "candidates"),
]


@pytest.mark.parametrize(("taught", "style", "decoding"), CASES)
def test_one_pass_agrees_with_step_by_step_decoding(trained, taught, style, decoding):
    # Rationales take long to write.
    few = {} if style == "action" else {"steps": 2}
    sessions = [recorded_session(number, **few) for number in range(4 if style == "action" else 2)]
    whole = predictor(trained(taught), style, decoding=decoding)
    found = answers(whole, sessions)
    single = answers(predictor(trained(taught), style, decoding=decoding, batch_tokens=1), sessions)
    right = 0
    for key, answer in found.items():
        so_far, step = answer.recorded.steps[answer.step]
        alone = whole.answer(so_far)
        assert comparable(answer.prediction) == comparable(alone) == comparable(single[key].prediction)
        assert answer.prediction.usage.output_tokens == alone.usage.output_tokens
        assert answer.prediction.usage.input_tokens == alone.usage.input_tokens
        if answer.log_probability is not None:
            assert answer.log_probability == pytest.approx(single[key].log_probability, abs=1e-3)
        right += answer.prediction.action == step.action
    if (taught, style) == ("action", "action"):
        assert 0 < right < len(found)  # people are sometimes right drafts, sometimes wrong ones


def continued(asked, so_far):
    """The answer of a predictor that is asked step by step, as in a rollout."""
    return asyncio.run(asked.predict(so_far))


@pytest.mark.parametrize(("taught", "style", "decoding"), CASES)
def test_a_session_continued_step_by_step_computes_only_what_is_new(
    trained, taught, style, decoding, monkeypatch
):
    monkeypatch.setattr(session_caches, "_BLOCK", 16)
    sessions = [recorded_session(number, steps=3) for number in range(2)]
    asked = predictor(trained(taught), style, decoding=decoding, batch_tokens=100_000)
    # Sessions in turn, as several in flight are.
    turns = [recorded.steps[step][0] for step in range(3) for recorded in sessions]
    lengths, anew = {}, 0
    for so_far in turns:
        found, alone = continued(asked, so_far), asked.answer(so_far)
        assert comparable(found) == comparable(alone)
        assert found.usage.input_tokens == alone.usage.input_tokens
        lengths[so_far.session_id, so_far.step] = found.usage.input_tokens
        cached = found.usage.cached_tokens
        anew += not cached
        if so_far.step and cached:
            # All whole blocks of the prompt before it, up to where its answer began.
            assert lengths[so_far.session_id, so_far.step - 1] - 32 <= cached < found.usage.input_tokens
    # Besides the first step of all, only answers that hung on a near tie are computed anew.
    assert 1 <= anew <= 1 + asked._loaded_decoder().near_ties < len(turns)


def test_the_oldest_prompts_are_let_go(trained, monkeypatch):
    """With room for one prompt, two sessions in turn share only what both begin with."""
    monkeypatch.setattr(session_caches, "_BLOCK", 16)
    sessions = [recorded_session(number, steps=3) for number in range(2)]
    turns = [recorded.steps[step][0] for step in range(3) for recorded in sessions]
    roomy, narrow = (
        predictor(trained("action"), decoding="candidates", batch_tokens=tokens) for tokens in (100_000, 1)
    )
    for so_far in turns:
        found, other = continued(narrow, so_far), continued(roomy, so_far)
        assert comparable(found) == comparable(other) == comparable(narrow.answer(so_far))
        if so_far.step:
            assert 0 < found.usage.cached_tokens < other.usage.cached_tokens
    # A step that is asked for again has its prompt.
    again = continued(narrow, turns[-1])
    assert again.usage.cached_tokens == (again.usage.input_tokens - 1) // 16 * 16


@pytest.mark.parametrize("decoding", ["greedy", "candidates"])
def test_pages_as_changes_are_scored_in_one_pass_as_step_by_step(trained, decoding):
    prompt = PromptConfig(style="action", pages="changes")
    whole = LocalPredictor(trained("action"), prompt, LocalOptions(max_output_tokens=48, decoding=decoding))
    sessions = [recorded_session(number, steps=5) for number in range(3)]
    prompts = [build_prompt(so_far, prompt) for recorded in sessions for so_far, _ in recorded.steps]
    assert sum("<same" in prompt.messages[-1].content for prompt in prompts) >= len(sessions)
    for answer in answers(whole, sessions).values():
        so_far, _ = answer.recorded.steps[answer.step]
        alone = whole.answer(so_far)
        assert comparable(answer.prediction) == comparable(alone)
        assert answer.prediction.usage.input_tokens == alone.usage.input_tokens


@pytest.mark.parametrize("decoding", ["greedy", "constrained", "candidates"])
def test_what_people_did_does_not_reach_the_prediction(trained, decoding):
    """Other actions at a step and after it: the same predictions up to that step."""
    rng = Random(1)
    sessions = [recorded_session(number, steps=4) for number in range(4)]
    others = []
    for recorded in sessions:
        first = rng.randrange(1, 4)
        past, steps = recorded.steps[first][0].past, list(recorded.steps[:first])
        for known, done in recorded.steps[first:]:
            so_far = replace(known, past=past)
            step = replace(done, action=rng.choice(possible_actions(so_far.page)))
            steps.append((so_far, step))
            past = (*past, PastStep(so_far.page, step.action, step.rationale))
        others.append((first, replace(recorded, steps=tuple(steps))))
    asked = predictor(trained("action"), decoding=decoding)
    before = answers(asked, sessions)
    after = answers(asked, [recorded for _, recorded in others])
    for first, recorded in others:
        for step in range(first + 1):
            key = (recorded.session.session_id, step)
            assert comparable(before[key].prediction) == comparable(after[key].prediction)


@pytest.mark.parametrize(
    ("kind", "options", "branches"),
    [
        ("llama", {}, True),
        ("gemma2", {"sliding_window": 24}, True),
        ("mistral", {"sliding_window": 24}, True),
        ("lfm2", {"layer_types": ["conv", "full_attention"]}, False),
    ],
)
def test_other_architectures(tmp_path, kind, options, branches):
    """Sliding windows shorter than a page; and convolutions, which cannot share a prefix."""
    chat = chat_tokenizer()
    model = make_model(kind, chat, **options)
    assert supports_shared_prefix(model.eval()) is branches
    model.save_pretrained(tmp_path)
    chat.tokenizer.save_pretrained(tmp_path)
    sessions = [recorded_session(number, steps=2) for number in range(2)]
    for decoding in ("greedy", "candidates"):
        asked = predictor(tmp_path, "action", decoding=decoding, max_output_tokens=8)
        for answer in answers(asked, sessions).values():
            so_far, _ = answer.recorded.steps[answer.step]
            alone = asked.answer(so_far)
            assert comparable(answer.prediction) == comparable(alone) == comparable(continued(asked, so_far))


def test_near_ties_are_decoded_separately(trained, monkeypatch):
    sessions = [recorded_session(number) for number in range(3)]
    asked = predictor(trained("action"))
    before = answers(asked, sessions)
    monkeypatch.setitem(decoding_module.NEAR_TIE, torch.float32, 1e9)
    after = answers(asked, sessions)
    assert all(comparable(before[key].prediction) == comparable(after[key].prediction) for key in before)


def written(chat, action):
    return [*chat.encode_answer(render_answer(action, None, "action")), chat.end_token]


def plain_log_probability(asked, so_far, action, possible=()):
    """From one plain forward pass over prompt and answer; normalised over `possible` answers, if given."""
    model, chat, _ = asked.checkpoint
    prompt = chat.encode_prompt(build_prompt(so_far, asked.prompt).messages)
    answer = written(chat, action)
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([[*prompt, *answer]])).logits[0]
    total = 0.0
    for place, token in enumerate(answer):
        here = logits[len(prompt) + place - 1].double()
        among = {one[place] for one in possible if len(one) > place and one[:place] == answer[:place]}
        total += float(here[token] - (here[sorted(among)] if among else here).logsumexp(0))
    return total


def possible_answers(asked, page):
    """The tokens of every answer to a page; of typing only those that do not depend on the text."""
    chat = asked.checkpoint.chat
    for action in possible_actions(page):
        if action.type != "type_and_submit":
            yield written(chat, action)
        else:
            texts = [written(chat, replace(action, text=text)) for text in ("", "a", "Z", "7", " ", '"', "é")]
            places = range(min(map(len, texts)))
            yield texts[0][: next(at for at in places if len({text[at] for text in texts}) > 1)]


def test_probabilities_are_those_of_plain_forward_passes(trained):
    recorded = recorded_session(3, steps=3)
    greedy = predictor(trained("action"))
    weighed = predictor(trained("action"), decoding="candidates")
    for answer in answers(greedy, [recorded]).values():
        so_far, step = recorded.steps[answer.step]
        expected = plain_log_probability(greedy, so_far, step.action)
        assert answer.log_probability == pytest.approx(expected, abs=1e-3)
    for answer in answers(weighed, [recorded]).values():
        so_far, step = recorded.steps[answer.step]
        likely = answer.prediction.probabilities
        clicks = [action for action in likely if action.type != "type_and_submit"]
        assert len(clicks) == len(so_far.page.elements) + 1
        possible = list(possible_answers(weighed, so_far.page))
        for action, found in likely.items():
            expected = plain_log_probability(weighed, so_far, action, possible)
            assert math.log(found) == pytest.approx(expected, abs=1e-3)
        # All possible actions together are certain; typing has what is left of it.
        assert sum(likely.values()) <= 1 + 1e-6
        # A typed action counts with its text, however likely typing as such is.
        assert answer.prediction.action == max(likely, key=likely.__getitem__)
        if step.action.text is None:
            assert answer.log_probability == pytest.approx(torch.tensor(likely[step.action]).log().item(), abs=1e-4)  # fmt: skip


@pytest.mark.parametrize(
    ("style", "decoding"),
    [
        ("action", "constrained"),
        ("action", "candidates"),
        ("rationale", "constrained"),
        ("rationale", "candidates"),
        ("think", "constrained"),
        # Untrained models think until they are stopped; what is written after it is decoded as in the others.
        pytest.param("think", "candidates", marks=pytest.mark.slow),
        pytest.param("two_turn", "constrained", marks=pytest.mark.slow),
        ("two_turn", "candidates"),
    ],
)
def test_names_are_always_on_the_page(tmp_path, style, decoding):
    """An untrained model, and pages whose names are hard to write."""
    limit = 500 if style == "think" else 200  # it does not stop by itself
    chat = chat_tokenizer()
    make_model("qwen2", chat).save_pretrained(tmp_path)
    chat.tokenizer.save_pretrained(tmp_path)
    recorded = recorded_session(5, steps=2)
    names = ["a", 'quo"te', "back\\slash", "größe.ändern", "a.b", *PRODUCTS]
    (first, done), _ = recorded.steps
    steps = ((replace(first, page=page_of(names)), done),)
    odd = RecordedSession(recorded.session, steps, frozenset({0}))
    asked = predictor(tmp_path, style, decoding=decoding, max_output_tokens=limit)
    for answer in answers(asked, [odd]).values():
        action = answer.prediction.action
        assert action is not None
        assert action.name is None or action.name in steps[0][0].page
        assert answer.prediction.forgiven in ((), ("no_rationale",))


def test_an_action_that_is_not_possible_has_no_probability(trained):
    recorded = recorded_session(2, steps=2)
    so_far, step = recorded.steps[1]
    gone = (recorded.steps[0], (so_far, replace(step, action=Action.click("results.gone"))))
    for decoding in ("constrained", "candidates"):
        asked = predictor(trained("action"), decoding=decoding)
        found = answers(asked, [replace(recorded, steps=gone, asked=frozenset({1}))])
        assert [answer.log_probability for answer in found.values()] == [float("-inf")]


def test_prompts_are_those_of_training_by_default(trained):
    folder = trained("action")
    assert predictor(folder).prompt.style == "action"
    assert predictor(folder, "think").prompt.style == "think"
    other = LocalPredictor(folder, PromptConfig(persona=False))
    assert (other.prompt.style, other.prompt.persona) == ("action", False)
    assert other.prompt.budget_tokens == (4096 - 512) * 19 // 20
    assert isinstance(other, SessionPredictor)
    assert isinstance(other, Predictor)


def test_a_prompt_that_does_not_fit_is_refused(trained, tmp_path):
    model, chat, _ = load_checkpoint(trained("action"))
    model.config.max_position_embeddings = 400
    model.save_pretrained(tmp_path)
    chat.tokenizer.save_pretrained(tmp_path)
    write_settings(tmp_path, PromptConfig(style="action"))
    asked = predictor(tmp_path)
    # A tokenizer that counts less than there is.
    asked.prompt = asked.prompt.model_copy(update={"budget_tokens": 4000, "tokenizer": None})
    with pytest.raises(ConfigError, match=r"step 4: the prompt takes \d+ tokens.*Give --budget-tokens \d+"):
        answers(asked, [recorded_session(0, steps=5, asked_from=3)])


def test_answers_end_where_the_longest_action_would(tmp_path):
    """A model that never stops, and was trained to write only actions."""
    chat = chat_tokenizer()
    make_model("qwen2", chat).save_pretrained(tmp_path)
    chat.tokenizer.save_pretrained(tmp_path)
    write_settings(tmp_path, PromptConfig(style="action"))
    recorded = recorded_session(1, steps=2)
    asked = predictor(tmp_path, max_output_tokens=None)
    assert asked.settings()["max_output_tokens"] is None
    page = recorded.steps[0][0].page
    longest = max(
        len(chat.encode_answer(render_answer(action, None, "action"))) for action in possible_actions(page)
    )
    most = max(answer.prediction.usage.output_tokens for answer in answers(asked, [recorded]).values())
    assert longest < most < longest + 150
    told = predictor(tmp_path, max_output_tokens=200)
    assert max(found.prediction.usage.output_tokens for found in answers(told, [recorded]).values()) == 200


def test_tokens_and_time_are_estimated(trained):
    sessions = [recorded_session(number, asked_from=1) for number in range(3)]
    asked = predictor(trained("action"))
    steps = [so_far for recorded in sessions for so_far, _ in recorded.steps if so_far.step in recorded.asked]
    told = asked.estimate(iter(steps))
    found = answers(asked, sessions).values()
    assert (told.steps, told.sequences) == (len(steps), len(sessions))
    assert told.input_tokens == sum(answer.prediction.usage.input_tokens for answer in found)
    assert told.longest == max(answer.prediction.usage.input_tokens for answer in found)
    assert told.longest <= told.tokens < told.input_tokens + 100
    assert told.seconds > 0
    assert 1 <= told.tried <= told.steps
    assert told.example is not None
    assert asked.estimate([]).example is None


@pytest.mark.parametrize("style", ["action", "think"])
def test_a_continued_answer_depends_on_nothing_asked_before(trained, style):
    """To the last bit, whatever was kept: rollouts draw from these numbers, in any order and any process."""
    count, steps = (3, 4) if style == "action" else (2, 3)  # thoughts take long to write
    sessions = [recorded_session(number, steps=steps) for number in range(count)]
    turns = [recorded.steps[step][0] for step in range(steps) for recorded in sessions]
    asked = predictor(trained(style), style, decoding="candidates")
    decoder = asked._loaded_decoder()

    def found(max_tokens, asked_for):
        decoder._session_caches = SessionCaches(decoder._model, max_tokens)
        answers = {(one.session_id, one.step): continued(asked, one) for one in asked_for}
        return {place: (one.action, dict(one.probabilities)) for place, one in answers.items()}

    roomy = found(100_000, turns)
    assert roomy == found(1, turns)
    assert roomy == found(100_000, sorted(turns, key=lambda one: one.session_id))
    assert found(100_000, turns[-1:]).items() <= roomy.items()


def test_memory_for_the_actions_of_a_long_page_is_not_kept(trained):
    model = predictor(trained("action"))._loaded_decoder()._model
    caches, prompt = SessionCaches(model, 100_000), [5 + number % 50 for number in range(301)]
    with caches.computed(prompt) as (prefix, _):
        prefix.score([TokenTree(Branch(0, 300), prompt * 3)])
    (kept,) = caches._kept
    assert allocated_tokens(kept.cache) <= 600
    with caches.computed([*prompt, 7]) as (_, cached):
        assert cached == 256
