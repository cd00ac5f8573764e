"""A session so far -> chat messages within the budget."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from facsim.page import condense, read_page
from facsim.prompt.action_space import action_schema
from facsim.prompt.budget import Plan, plan_history
from facsim.prompt.config import Message, Prompt, PromptConfig
from facsim.prompt.fit import Fitter
from facsim.prompt.page_texts import WINDOW_TOKENS, PageTexts, Shown, left_out, page_texts
from facsim.prompt.templates import (
    ACTION_MARKER,
    CUT_MARK,
    below_pages,
    render_rationale,
    step_messages,
    steps_left_out,
    system_message,
)
from facsim.prompt.tokens import MESSAGE_TOKENS, count_short, tokenizer_file
from facsim.schema import Action, PastStep, SessionSoFar
from facsim.util.errors import ConfigError

MIN_PAGE_TOKENS = 100
"""A budget that leaves less than this beside the system message is refused."""

_DEFAULT = PromptConfig()

# Its cuts stand for all cuts in the hash of a prompt.
_LONG_PAGE = (
    '<header><input name="search" value="tea"><a name="cart" href="/cart">Cart</a></header><ul>'
    + "".join(f'<li><a name="item.{n}" href="/item/{n}">{"Tea " * 20}</a> ${n}</li>' for n in range(9))
    + '</ul><select name="size"><option>S</option><option selected>M</option></select>'
    '<table><tr><td>1</td><td>2</td></tr><tr><td><button name="buy">Buy</button></td></tr></table>'
    '<footer><a name="help" href="/help">Help</a></footer>'
)


def build_prompt(so_far: SessionSoFar, config: PromptConfig = _DEFAULT) -> Prompt:
    """The messages that ask for the next action of a session.

    System message; then for every past step the page and what was answered; last, the current page. Persona
    and intent stand in the first of these, or below every page (`PromptConfig.person_after_pages`). The
    messages of a step begin with those of the step before it, until the budget makes older pages give way.
    In the style `two_turn` this is the first turn, which asks for the rationale; `action_turn` makes the
    second of it.

    Raises:
        ConfigError: if the budget does not hold the system message and a hundred tokens more, or the
        tokenizer
            cannot be loaded.
    """
    system = system_message(so_far.persona, so_far.intent, config)
    system_tokens = MESSAGE_TOKENS + count_short(system, config)
    person = _Person(below_pages(so_far.persona, so_far.intent, config), config)
    pages = (*(step.page for step in so_far.past), so_far.page)
    texts = [_WithPerson(page_texts(page, config), person) for page in pages]
    answers = [_answer(step.action, step.rationale, config) for step in so_far.past]
    room = _room(so_far, config, system_tokens, person.tokens)
    plan = _plan(so_far, config, room, texts, [tokens for _, tokens in answers])

    messages, tokens = [Message("system", system)], system_tokens
    for step in range(plan.steps_left_out, so_far.step):
        shown = _past_page(step, so_far.past[step], texts[step], plan, config)
        page, *answered = answers[step][0]
        messages.append(_below(shown.message, page.content) if page.content else shown.message)
        messages.extend(answered)
        tokens += shown.tokens + answers[step][1]
    cache_boundary = len(messages)
    current = texts[-1].whole if plan.page_room is None else texts[-1].cut(plan.page_room)
    messages.append(current.message)
    tokens += current.tokens
    if plan.steps_left_out:
        note = steps_left_out(plan.steps_left_out)
        messages[1] = Message("user", f"{note}\n{messages[1].content}")
        tokens += _note_tokens(config)
    return Prompt(
        messages=tuple(messages),
        shown=None if current.is_whole else current.names,
        tokens=tokens,
        cache_boundary=cache_boundary,
        pages_left_out=plan.pages_left_out - plan.steps_left_out,
        steps_left_out=plan.steps_left_out,
    )


def action_turn(prompt: Prompt, rationale: str | None, config: PromptConfig) -> Prompt:
    """The second turn of the style `two_turn`: the first turn's messages, its answer, and the marker.

    Where the answer holds no rationale the marker stands below the page, as in past steps without one. The
    rationale and the marker come on top of the budget.
    """
    if config.style != "two_turn":
        raise ValueError(f"style {config.style} has one turn")
    reason = render_rationale(rationale)
    marker = Message("user", ACTION_MARKER)
    if reason is None:
        messages = (*prompt.messages[:-1], _below(prompt.messages[-1], ACTION_MARKER))
        added = count_short(ACTION_MARKER, config)
    else:
        messages = (*prompt.messages, Message("assistant", reason), marker)
        added = 2 * MESSAGE_TOKENS + sum(count_short(text, config) for text in (reason, ACTION_MARKER))
    return replace(prompt, messages=messages, tokens=prompt.tokens + added)


class _Person:
    """What stands below pages of the person, maybe nothing, and its tokens."""

    def __init__(self, text: str, config: PromptConfig) -> None:
        self._text = text
        self.tokens = count_short(f"\n{text}", config) if text else 0

    def below(self, shown: Shown) -> Shown:
        if not self._text:
            return shown
        return replace(shown, message=_below(shown.message, self._text), tokens=shown.tokens + self.tokens)


class _WithPerson:
    """The texts of a page, each with the person below it."""

    def __init__(self, texts: PageTexts, person: _Person) -> None:
        self._texts, self._person = texts, person
        self.below = person.tokens
        self.whole = person.below(texts.whole)

    def window(self, name: str | None) -> Shown:
        shown = self._texts.window(name)
        return self._person.below(shown) if shown.html else shown

    def cut(self, room: int) -> Shown:
        return self._person.below(self._texts.cut(room - self._person.tokens))


def _room(so_far: SessionSoFar, config: PromptConfig, system: int, person: int) -> int | None:
    """Tokens that the system message leaves for pages; None for any number."""
    if config.budget_tokens is None:
        return None
    room = config.budget_tokens - system
    # In the worst case half of the room is free for the current page and the person below it.
    needed = MIN_PAGE_TOKENS + 2 * person
    if room < needed:
        raise ConfigError(
            f"budget_tokens {config.budget_tokens} is too small for session {so_far.session_id}: the system "
            f"message alone takes {system} tokens, and pages need {needed} at the least. "
            f"Give a budget_tokens of {system + needed} or more, or leave out the persona"
        )
    return room


def _plan(
    so_far: SessionSoFar,
    config: PromptConfig,
    room: int | None,
    texts: Sequence[_WithPerson],
    answers: Sequence[int],
) -> Plan:
    if room is None:
        return Plan()
    anchored = config.budget_policy == "anchored"
    return plan_history(
        room,
        pages=[text.whole.tokens for text in texts],
        answers=answers,
        mark=left_out(config).tokens,
        note=_note_tokens(config),
        below=texts[-1].below,
        window=(lambda step: texts[step].window(so_far.past[step].action.name).tokens) if anchored else None,
    )


def _past_page(step: int, past: PastStep, texts: _WithPerson, plan: Plan, config: PromptConfig) -> Shown:
    if step < plan.pages_left_out:
        return left_out(config)
    return texts.window(past.action.name) if step < plan.pages_in_window else texts.whole


@lru_cache(maxsize=4096)
def _answer(action: Action, rationale: str | None, config: PromptConfig) -> tuple[tuple[Message, ...], int]:
    """The messages of a past step around an empty page, and the tokens that they add to the page's."""
    page, *answered = step_messages("", action, rationale, config.style)
    below = replace(page, content=page.content.strip())
    tokens = count_short(below.content, config) if below.content else 0
    tokens += sum(MESSAGE_TOKENS + count_short(message.content, config) for message in answered)
    return (below, *answered), tokens


def _below(message: Message, line: str) -> Message:
    return replace(message, content=f"{message.content}\n{line}")


def _note_tokens(config: PromptConfig) -> int:
    return count_short(steps_left_out(1000), config)


def prompt_hash(config: PromptConfig) -> str:
    """Identifies all that decides the wording of prompts: config, templates, action space, tokenizer.

    It is taken over prompts built for a small fixed session, so that no change of wording can miss it.
    """
    html = '<a name="a.b">A</a><input name="c">'
    steps = [(Action.click("a.b"), "because"), (Action.type_and_submit(None, "x"), None)]
    past = tuple(PastStep(read_page(html), action, rationale) for action, rationale in steps)
    probes = []
    for persona, room in (("p", None), (None, 10**6)):
        probe = config.model_copy(update={"budget_tokens": room, "tokenizer": None})
        prompt = build_prompt(
            SessionSoFar("probe", read_page(html), past, persona=persona, intent="i"), probe
        )
        probes.append([(message.role, message.content) for message in prompt.messages])
    file = tokenizer_file(config.tokenizer) if config.tokenizer else None
    decisive = {
        "config": config.model_dump(mode="json", exclude={"tokenizer"}),
        "tokenizer": hashlib.sha256(file.read_bytes()).hexdigest() if file and file.is_file() else None,
        "probes": probes,
        "schema": action_schema(),
        "marks": [left_out(_DEFAULT).message.content, steps_left_out(2), CUT_MARK],
        "condensed": condense(_LONG_PAGE),
        "cuts": [Fitter(_LONG_PAGE).to(limit) for limit in range(0, len(_LONG_PAGE), 100)],
        "sizes": [WINDOW_TOKENS, MIN_PAGE_TOKENS, MESSAGE_TOKENS],
    }
    canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
