"""Build the chat messages of a step within the token budget."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypedDict

from facsim.page import condense, read_page
from facsim.prompt.action_space import action_schema
from facsim.prompt.budget import BudgetPlan, plan_changes, plan_history
from facsim.prompt.config import Message, Prompt, PromptConfig
from facsim.prompt.page_changes import as_changes, escape_markers
from facsim.prompt.page_fitting import PageFitter
from facsim.prompt.page_index import PageIndex
from facsim.prompt.page_texts import WINDOW_TOKENS, PageMessage, PageTexts, omitted_page, page_texts
from facsim.prompt.templates import (
    ACTION_MARKER,
    CUT_MARK,
    omitted_steps,
    person_text,
    render_rationale,
    step_messages,
    system_message,
)
from facsim.prompt.tokens import MESSAGE_TOKENS, count_tokens_cached, tokenizer_file
from facsim.schema import Action, PastStep, SessionSoFar
from facsim.util.errors import ConfigError

MIN_PAGE_TOKENS = 100
"""Minimum tokens that the budget must leave beside the system message."""

_DEFAULT = PromptConfig()

# Shortened versions of it enter the prompt hash, to cover the code that shortens pages.
_LONG_PAGE = (
    '<header><input name="search" value="tea"><a name="cart" href="/cart">Cart</a></header><ul>'
    + "".join(f'<li><a name="item.{n}" href="/item/{n}">{"Tea " * 20}</a> ${n}</li>' for n in range(9))
    + '</ul><select name="size"><option>S</option><option selected>M</option></select>'
    '<table><tr><td>1</td><td>2</td></tr><tr><td><button name="buy">Buy</button></td></tr></table>'
    '<footer><a name="help" href="/help">Help</a></footer>'
)


def build_prompt(so_far: SessionSoFar, config: PromptConfig = _DEFAULT) -> Prompt:
    """Build the messages that request the next action of a session.

    The system message; for every past step its page and its answer; last, the current page. Persona and
    intent are in the system message, or below every page (`PromptConfig.person_after_pages`). The messages of
    the previous step are a prefix of these, unless the budget has just dropped old pages. In the style
    `two_turn` this is the first turn, which requests the rationale; `action_turn` adds the second.

    Raises:
        ConfigError: if the budget does not leave `MIN_PAGE_TOKENS` beside the system message, or the
            tokenizer cannot be loaded.
    """
    system = system_message(so_far.persona, so_far.intent, config)
    system_tokens = MESSAGE_TOKENS + count_tokens_cached(system, config)
    person = _PersonText(person_text(so_far.persona, so_far.intent, config), config)
    pages = (*(step.page for step in so_far.past), so_far.page)
    texts = _SessionPages([page_texts(page, config) for page in pages], person, config)
    answers = [_answer(step.action, step.rationale, config) for step in so_far.past]
    room = _room(so_far, config, system_tokens, person.tokens)
    plan = _plan(so_far, config, room, texts, [tokens for _, tokens in answers])

    messages, tokens = [Message("system", system)], system_tokens
    for step in range(plan.steps_left_out, so_far.step):
        shown = _past_page(step, so_far.past[step], texts, plan, config)
        page, *answered = answers[step][0]
        messages.append(_below(shown.message, page.content) if page.content else shown.message)
        messages.extend(answered)
        tokens += shown.tokens + answers[step][1]
    cache_boundary = len(messages)
    if plan.page_room is None:
        current = texts.whole(plan.pages_in_window, so_far.step)
    else:
        current = texts.cut(so_far.step, plan.page_room)
    messages.append(current.message)
    tokens += current.tokens
    if plan.steps_left_out:
        note = omitted_steps(plan.steps_left_out)
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
    """Build the second turn of the style `two_turn`: the first turn, its answer, and the marker.

    If `rationale` is empty, the marker is below the page, as in past steps without one. The rationale and the
    marker are not counted in the budget.
    """
    if config.style != "two_turn":
        raise ValueError(f"style {config.style} has one turn")
    reason = render_rationale(rationale)
    marker = Message("user", ACTION_MARKER)
    if reason is None:
        messages = (*prompt.messages[:-1], _below(prompt.messages[-1], ACTION_MARKER))
        added = count_tokens_cached(ACTION_MARKER, config)
    else:
        messages = (*prompt.messages, Message("assistant", reason), marker)
        added = 2 * MESSAGE_TOKENS + sum(
            count_tokens_cached(text, config) for text in (reason, ACTION_MARKER)
        )
    return replace(prompt, messages=messages, tokens=prompt.tokens + added)


class _PersonText:
    """The text below every page on the person, which may be empty, and its tokens."""

    def __init__(self, text: str, config: PromptConfig) -> None:
        self._text = text
        self.tokens = count_tokens_cached(f"\n{text}", config) if text else 0

    def below(self, shown: PageMessage) -> PageMessage:
        if not self._text:
            return shown
        return replace(shown, message=_below(shown.message, self._text), tokens=shown.tokens + self.tokens)


class _SessionPages:
    """The texts of a session's pages, each followed by the text on the person."""

    def __init__(self, texts: Sequence[PageTexts], person: _PersonText, config: PromptConfig) -> None:
        self._texts, self._person = texts, person
        self._changes = config.pages == "changes"
        self.below = person.tokens

    def whole(self, first: int, step: int) -> PageMessage:
        """The whole page of `step`. As changes, it may refer to the pages from `first` on."""
        texts = self._texts[step]
        return self._person.below(texts.after(self._texts[first:step]) if self._changes else texts.whole)

    def window(self, step: int, name: str | None) -> PageMessage:
        """The window around the element that was acted on at `step`."""
        shown = self._texts[step].window(name)
        return self._person.below(shown) if shown.html else shown

    def cut(self, step: int, room: int) -> PageMessage:
        """The page of `step`, shortened to at most `room` tokens."""
        return self._person.below(self._texts[step].cut(room - self._person.tokens))


def _room(so_far: SessionSoFar, config: PromptConfig, system: int, person: int) -> int | None:
    """Tokens that the system message leaves for pages; None if unlimited."""
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


class _Sizes(TypedDict):
    answers: Sequence[int]
    mark: int
    note: int
    below: int
    window: Callable[[int], int] | None


def _plan(
    so_far: SessionSoFar,
    config: PromptConfig,
    room: int | None,
    texts: _SessionPages,
    answers: Sequence[int],
) -> BudgetPlan:
    if room is None:
        return BudgetPlan()

    def window(step: int) -> int:
        return texts.window(step, so_far.past[step].action.name).tokens

    def page(first: int, step: int) -> int:
        return texts.whole(first, step).tokens

    sizes: _Sizes = {
        "answers": answers,
        "mark": omitted_page(config).tokens,
        "note": _note_tokens(config),
        "below": texts.below,
        "window": window if config.budget_policy == "anchored" else None,
    }
    if config.pages == "changes":
        return plan_changes(room, page=page, **sizes)
    return plan_history(room, pages=[page(0, step) for step in range(so_far.step + 1)], **sizes)


def _past_page(
    step: int, past: PastStep, texts: _SessionPages, plan: BudgetPlan, config: PromptConfig
) -> PageMessage:
    if step < plan.pages_left_out:
        return omitted_page(config)
    if step < plan.pages_in_window:
        return texts.window(step, past.action.name)
    return texts.whole(plan.pages_in_window, step)


@lru_cache(maxsize=4096)
def _answer(action: Action, rationale: str | None, config: PromptConfig) -> tuple[tuple[Message, ...], int]:
    """The messages of a past step with an empty page, and the tokens that they add to those of the page."""
    page, *answered = step_messages("", action, rationale, config.style)
    below = replace(page, content=page.content.strip())
    tokens = count_tokens_cached(below.content, config) if below.content else 0
    tokens += sum(MESSAGE_TOKENS + count_tokens_cached(message.content, config) for message in answered)
    return (below, *answered), tokens


def _below(message: Message, line: str) -> Message:
    return replace(message, content=f"{message.content}\n{line}")


def _note_tokens(config: PromptConfig) -> int:
    return count_tokens_cached(omitted_steps(1000), config)


def prompt_hash(config: PromptConfig) -> str:
    """Hash of everything that determines the text of prompts: config, templates, action space, tokenizer.

    It includes prompts built for a small fixed session, so that no change of wording goes unnoticed.
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
        "marks": [omitted_page(_DEFAULT).message.content, omitted_steps(2), CUT_MARK],
        "condensed": condense(_LONG_PAGE),
        "changes": _changes_probe() if config.pages == "changes" else [],
        "cuts": [PageFitter(_LONG_PAGE).to(limit) for limit in range(0, len(_LONG_PAGE), 100)],
        "sizes": [WINDOW_TOKENS, MIN_PAGE_TOKENS, MESSAGE_TOKENS],
    }
    canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _changes_probe() -> list[str]:
    """A page and edited versions of it as changes, to cover their code in the prompt hash."""
    pages = [
        _LONG_PAGE,
        _LONG_PAGE.replace("<footer>", "<p>New</p><footer>"),
        _LONG_PAGE.replace('value="tea"', ""),
        f"{_LONG_PAGE}<same a>",
    ]
    indexes = [PageIndex(escape_markers(page)) for page in pages]
    return [as_changes(index, indexes[:place]) for place, index in enumerate(indexes)]
