"""What a run will take, before it is run, against what a provider then counts."""

import pytest
from loopback import Answer, Loopback

from facsim.predict.endpoint.options import EndpointOptions
from facsim.predict.endpoint.predictor import endpoint_predictor
from facsim.predict.endpoint.prices import Price
from facsim.prompt import PromptConfig, build_prompt

FREE_ANSWERS = Price(input=1, cached=0.1, written=1.25, output=0)


def length(prompt):
    return build_prompt(prompt, PromptConfig()).tokens


def test_needs_neither_key_nor_network(step, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    steps = [step(n) for n in range(3)]
    estimate = endpoint_predictor("openai:gpt-4.1").estimate(steps)
    assert (estimate.steps, estimate.calls) == (3, 3)
    assert estimate.input_tokens == sum(length(step) for step in steps)
    assert estimate.longest == length(steps[-1])
    assert 0 < estimate.cached_tokens < estimate.input_tokens
    assert estimate.output_tokens_at_most == 3 * 4096
    assert 0 < estimate.cost < estimate.cost_at_most
    assert estimate.example == build_prompt(steps[-1], PromptConfig())


def test_sessions_share_no_prefix(step):
    one = endpoint_predictor("openai:gpt-4.1").estimate([step(0), step(1)])
    two = endpoint_predictor("openai:gpt-4.1").estimate([step(0, "a"), step(1, "b")])
    assert one.cached_tokens > 0
    assert two.cached_tokens == 0


def test_no_price_no_cost(step):
    estimate = endpoint_predictor("endpoint:http://localhost/v1#m").estimate([step(0)])
    assert (estimate.cost, estimate.cost_at_most) == (None, None)
    assert endpoint_predictor("endpoint:http://localhost/v1#m").estimate([]).example is None


def test_two_turns_are_two_calls_of_which_the_second_reads_the_first(step):
    options = EndpointOptions(price=FREE_ANSWERS)
    spec, steps = "anthropic:claude-haiku-4-5", [step(0)]
    one = endpoint_predictor(spec, PromptConfig(style="rationale"), options).estimate(steps)
    two = endpoint_predictor(spec, PromptConfig(style="two_turn"), options).estimate(steps)
    assert (one.calls, two.calls) == (1, 2)
    assert one.cached_tokens == 0
    assert two.cached_tokens > 0.4 * two.input_tokens


@pytest.mark.parametrize("style", ["rationale", "two_turn"])
def test_the_other_setting_of_pages_is_estimated_too(step, style):
    html = "".join(f'<a name="shelf.{n}">Product {n}</a>' for n in range(40))
    steps = [step(n, html=html) for n in range(6)]
    full, changes = (
        endpoint_predictor("openai:gpt-4.1", PromptConfig(style=style, pages=pages)).estimate(steps)
        for pages in ("full", "changes")
    )
    assert (full.otherwise.pages, changes.otherwise.pages) == ("changes", "full")
    assert full.otherwise.input_tokens == changes.input_tokens < full.input_tokens
    assert changes.otherwise.input_tokens == full.input_tokens
    assert full.otherwise.cost == pytest.approx(changes.cost)
    assert changes.cost < full.cost == pytest.approx(changes.otherwise.cost)


def test_marks_cost_what_a_provider_with_marks_would_bill(step, talk, monkeypatch):
    """A server that keeps every prefix up to each mark, and bills as the price list of marks says."""
    kept = set()

    def script(request):
        blocks = [*request.body["system"], *(b for m in request.body["messages"] for b in m["content"])]
        prefixes, at = [], 0
        for block in blocks:
            at += 5 + -(-len(block["text"]) // 3)  # the config's way of counting
            prefixes.append(
                (at, hash(tuple(b["text"] for b in blocks[: len(prefixes) + 1])), "cache_control" in block)
            )
        cached = max((at for at, prefix, _ in prefixes if prefix in kept), default=0)
        marked = max((at for at, _, mark in prefixes if mark), default=0)
        kept.update(prefix for _, prefix, mark in prefixes if mark)
        total = prefixes[-1][0]
        return Answer(input_tokens=total, cached_tokens=cached, written_tokens=max(0, marked - cached))

    steps = [step(n) for n in range(6)]
    options = EndpointOptions(price=FREE_ANSWERS)
    with Loopback(script) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.root)
        predictor = endpoint_predictor("anthropic:claude-haiku-4-5", options=options)
        billed = sum(prediction.usage.cost for prediction in talk(predictor, steps))
    estimate = predictor.estimate(steps)
    assert estimate.cost == pytest.approx(billed, rel=0.03)
    unmarked = EndpointOptions(price=Price(input=1, output=0))
    assert estimate.cost < 0.5 * endpoint_predictor("openai:x", options=unmarked).estimate(steps).cost
