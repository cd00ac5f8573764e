"""A session as its tokens, told apart by what is learned of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from facsim.lm.chat_tokenizer import ChatTokenizer
from facsim.train.examples import Lesson
from facsim.util.display_text import escape_controls

Kind = Literal["context", "rationale", "action", "not trained"]

_HEAD, _TAIL = 240, 160


@dataclass(frozen=True, slots=True)
class Stretch:
    """Tokens that stand together.

    Attributes:
        kind: `rationale` and `action` are trained; `not trained` is an answer whose target the prompt does
            not show; everything else is context.
        tokens: how many.
        text: as the tokenizer gives them back, special tokens included; what does nothing but harm on a
            terminal is written as an escape.
    """

    kind: Kind
    tokens: int
    text: str


def stretches(lesson: Lesson, chat: ChatTokenizer, *, whole: bool = False) -> Iterator[Stretch]:
    """One sequence from its first to its last token.

    Args:
        lesson: the sequence.
        chat: its tokenizer.
        whole: give all text; else the middle of long stretches of context is left out, and counted.
    """
    done = 0
    for span in lesson.row.spans:
        if span.begin > done:
            yield _stretch(lesson, chat, "context", done, span.begin, whole=whole)
        kind: Kind = span.part if span in lesson.trained else "not trained"
        yield _stretch(lesson, chat, kind, span.begin, span.end, whole=True)
        done = span.end
    if done < len(lesson.row.tokens):
        yield _stretch(lesson, chat, "context", done, len(lesson.row.tokens), whole=whole)


def _stretch(
    lesson: Lesson, chat: ChatTokenizer, kind: Kind, begin: int, end: int, *, whole: bool
) -> Stretch:
    ids = lesson.row.tokens[begin:end]
    text = escape_controls(chat.tokenizer.decode(ids, clean_up_tokenization_spaces=False))
    if not whole and len(text) > 2 * (_HEAD + _TAIL):
        text = f"{text[:_HEAD]}\n… {len(ids):,} tokens, not trained …\n{text[-_TAIL:]}"
    return Stretch(kind, len(ids), text)
