"""Segments hold the very prompts of evaluation, and every step exactly once."""

import json
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.page import read_page
from facsim.prompt import PromptConfig, build_prompt
from facsim.prompt.config import Style
from facsim.prompt.segments import segments
from facsim.schema import Action, PastStep, SessionSoFar, Step

STYLES: tuple[Style, ...] = typing.get_args(Style)
actions = st.one_of(
    st.builds(Action.click, st.sampled_from(["a", "b.c", "menu.näher"])),
    st.builds(Action.type_and_submit, st.just("q"), st.text(max_size=20)),
)
steps_of = st.lists(
    st.tuples(st.integers(1, 60), actions, st.sampled_from([None, "because", '{"type": "terminate"}'])),
    min_size=1,
    max_size=9,
)


def recorded(drawn):
    """(so far, step) pairs of a session whose pages have so many paragraphs."""
    past: tuple[PastStep, ...] = ()
    for count, action, rationale in drawn:
        page = read_page(
            "".join(f'<p>Product {n}</p><a name="link.{n}">View {n}</a>' for n in range(count))
            + '<input name="q">'
        )
        step = Step("0", action, rationale=rationale)
        yield SessionSoFar("s", page, past, persona="p"), step
        past = (*past, PastStep(page, action, rationale))


@pytest.mark.parametrize("style", STYLES)
@settings(deadline=None)
@given(
    drawn=steps_of,
    budget=st.sampled_from([None, 900, 1500, 4000]),
    below=st.booleans(),
    pages=st.sampled_from(["full", "changes"]),
)
def test_every_step_is_asked_as_in_evaluation(style, drawn, budget, below, pages):
    config = PromptConfig(style=style, budget_tokens=budget, person_after_pages=below, pages=pages)
    steps = list(recorded(drawn))
    found = list(segments(steps, config))
    assert [turn.step for segment in found for turn in segment.turns] == list(range(len(steps)))
    if budget is None:
        assert len(found) == 1
    for segment in found:
        for turn in segment.turns:
            so_far, step = steps[turn.step]
            prompt = build_prompt(so_far, config)
            asked = segment.messages[: turn.messages[0]]
            assert asked[:-1] == prompt.messages[:-1]
            # A step without a rationale has the marker of `two_turn` below its page.
            assert asked[-1].content.startswith(prompt.messages[-1].content)
            assert turn.shown == prompt.shown
            begin, end = turn.action
            said = json.loads(segment.messages[turn.messages[-1]].content[begin:end])
            assert Action.from_dict(said) == step.action
            assert all(segment.messages[place].role == "assistant" for place in turn.messages)
        assert segment.messages[-1].role == "assistant"
        assert segment.turns[-1].messages[-1] == len(segment.messages) - 1


def test_nothing_gives_nothing():
    assert list(segments([], PromptConfig())) == []
