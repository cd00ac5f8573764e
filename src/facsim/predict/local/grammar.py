"""Constrained decoding: a grammar that accepts exactly the actions that are possible on the page.

xgrammar compiles the grammar and masks tokens. The grammar contains the texts that `render_answer` writes,
with any of the page's names, and free text where people write freely.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import torch

from facsim.predict.frequencies import ActionFrequencies
from facsim.prompt import Style
from facsim.prompt.templates import END_THINK, THINK, render_action
from facsim.schema import Action, ActionType, Page
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from xgrammar import CompiledGrammar, GrammarMatcher

    from facsim.lm.chat_tokenizer import ChatTokenizer

MAX_TEXT: Final = 200
"""Most characters of a typed text in a constrained answer."""
MAX_RATIONALE: Final = 500
"""Most characters of a rationale in a constrained answer."""
_MAX_CACHED: Final = 256
_HOLE = "\N{OBJECT REPLACEMENT CHARACTER}"

_STRING = r"""
char ::= [^"\\\x00-\x1f] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F])
plain ::= [^<\x00-\x09\x0b-\x1f]
"""


def possible_actions(page: Page) -> list[Action]:
    """Every action possible on a page, in document order; typing has an empty text, `terminate` is last."""
    return [
        Action(kind, name, "" if kind == "type_and_submit" else None)
        for kind, name in ActionFrequencies().possible_targets(page)
    ]


def page_grammar(page: Page, style: Style) -> str:
    """The EBNF grammar of possible answers to a page; for `two_turn`, of the second turn."""
    names: dict[ActionType, list[str]] = {}
    for action in possible_actions(page):
        names.setdefault(action.type, []).append(action.name or "")
    forms = []
    for kind, possible in names.items():
        # The texts around the holes: a name goes into the first hole, free text into the second.
        holes = {"click": (_HOLE, None), "type_and_submit": (_HOLE, _HOLE), "terminate": (None, None)}
        around = render_action(Action(kind, *holes[kind])).split(_HOLE)
        either = " | ".join(_quoted(_inside(name)) for name in possible)
        free = [_quoted(around[0]), f"({either})", *map(_quoted, around[1:2]), "text"]
        forms.append(" ".join([*free[: 2 * len(around) - 2], _quoted(around[-1])]))
    rules = [
        f"root ::= {_root(style)}",
        f"action ::= {' | '.join(forms)}",
        f"text ::= char{{0,{MAX_TEXT}}}",
        f"rationale ::= char{{1,{MAX_RATIONALE}}}",
        f"thought ::= plain{{1,{MAX_RATIONALE}}}",
    ]
    return "\n".join(rules) + _STRING


def _root(style: Style) -> str:
    """The answer around the action; the rationale is optional, as it is in prompts where none is known."""
    if style == "rationale":
        begin, end, action = map(_quoted, ('"rationale": "', '", ', '"action": '))
        return f'"{{" ({begin} rationale {end})? {action} action "}}"'
    if style == "think":
        begin, end = map(_quoted, (f"{THINK}\n", f"\n{END_THINK}\n\n"))
        return f"({begin} thought {end})? action"
    return "action"


def _inside(name: str) -> str:
    """A name as JSON writes it within a string."""
    return json.dumps(name, ensure_ascii=False)[1:-1]


def _quoted(text: str) -> str:
    escaped = re.sub(r'["\\]', r"\\\g<0>", text).replace("\n", "\\n")
    return f'"{escaped}"'


class GrammarConstraint:
    """Masks the logits of one answer, token by token (a logits processor with a state).

    Args:
        compiled: the grammar.
        end_tokens: tokens that end an answer.
        vocab_size: the number of logits of the model.
    """

    def __init__(self, compiled: CompiledGrammar, end_tokens: Iterable[int], vocab_size: int) -> None:
        from xgrammar import GrammarMatcher, allocate_token_bitmask  # noqa: PLC0415

        self._matcher: GrammarMatcher = GrammarMatcher(compiled, override_stop_tokens=sorted(end_tokens))
        self._bits: torch.Tensor = allocate_token_bitmask(1, vocab_size)

    def mask_logits(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits `(vocab,)` with those of tokens that may not come next at minus infinity."""
        from xgrammar import apply_token_bitmask_inplace  # noqa: PLC0415

        self._matcher.fill_next_token_bitmask(self._bits)
        masked = logits[None].clone()
        apply_token_bitmask_inplace(masked, self._bits.to(logits.device))
        return masked[0]

    def accept(self, token: int) -> None:
        """Advance by a token.

        Raises:
            ValueError: if it may not come next.
        """
        if not self._matcher.accept_token(token):
            raise ValueError(f"token {token} may not come next")


class GrammarCache:
    """Makes constraints. Compiled grammars are cached: pages recur.

    Args:
        chat: the tokenizer.
        vocab_size: the number of logits of the model.
        end_tokens: tokens that end an answer.

    Raises:
        ConfigError: if xgrammar is not installed, or cannot read the tokenizer.
    """

    def __init__(self, chat: ChatTokenizer, vocab_size: int, end_tokens: frozenset[int]) -> None:
        try:
            from xgrammar import GrammarCompiler, TokenizerInfo  # noqa: PLC0415
        except ImportError:
            raise ConfigError(
                "constrained decoding needs the package xgrammar. Install it: pip install 'facsim[local]'"
            ) from None
        try:
            info = TokenizerInfo.from_huggingface(
                chat.tokenizer, vocab_size=vocab_size, stop_token_ids=sorted(end_tokens)
            )
        except (RuntimeError, ValueError, TypeError) as error:
            raise ConfigError(
                f"{chat.name}: xgrammar cannot read this tokenizer ({error}), so answers cannot be "
                "constrained. Use --decoding candidates, which needs no grammar"
            ) from error
        self._compiler = GrammarCompiler(info, max_threads=1, cache_enabled=False)
        self._vocab_size, self._end_tokens = vocab_size, end_tokens
        self._compiled: OrderedDict[str, CompiledGrammar] = OrderedDict()

    def constraint(self, page: Page, style: Style) -> GrammarConstraint:
        """A new constraint for one answer to a page."""
        from xgrammar import Grammar  # noqa: PLC0415

        source = page_grammar(page, style)
        compiled = self._compiled.get(source)
        if compiled is None:
            compiled = self._compiled[source] = self._compiler.compile_grammar(Grammar.from_ebnf(source))
            if len(self._compiled) > _MAX_CACHED:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(source)
        return GrammarConstraint(compiled, self._end_tokens, self._vocab_size)
