"""A training example as text, split into spans by how its tokens are trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from facsim.lm.chat_tokenizer import ChatTokenizer
from facsim.train.examples import TrainingExample
from facsim.util.display_text import escape_controls

Kind = Literal["context", "rationale", "action", "not trained"]

_HEAD, _TAIL = 240, 160


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """Consecutive tokens of one kind.

    Attributes:
        kind: `rationale` and `action` are trained; `not trained` is an answer whose target the prompt does
            not show; everything else is context.
        tokens: the number of tokens.
        text: as the tokenizer decodes them, special tokens included; control characters are escaped.
    """

    kind: Kind
    tokens: int
    text: str


def token_spans(example: TrainingExample, chat: ChatTokenizer, *, whole: bool = False) -> Iterator[TokenSpan]:
    """One example from its first to its last token.

    Args:
        example: the example.
        chat: its tokenizer.
        whole: give all text; otherwise the middle of long contexts is left out, and counted.
    """
    done = 0
    for span in example.tokenized.spans:
        if span.start > done:
            yield _token_span(example, chat, "context", done, span.start, whole=whole)
        kind: Kind = span.part if span in example.trained else "not trained"
        yield _token_span(example, chat, kind, span.start, span.end, whole=True)
        done = span.end
    if done < len(example.tokenized.tokens):
        yield _token_span(example, chat, "context", done, len(example.tokenized.tokens), whole=whole)


def _token_span(
    example: TrainingExample, chat: ChatTokenizer, kind: Kind, start: int, end: int, *, whole: bool
) -> TokenSpan:
    ids = example.tokenized.tokens[start:end]
    text = escape_controls(chat.tokenizer.decode(ids, clean_up_tokenization_spaces=False))
    if not whole and len(text) > 2 * (_HEAD + _TAIL):
        text = f"{text[:_HEAD]}\n… {len(ids):,} tokens, not trained …\n{text[-_TAIL:]}"
    return TokenSpan(kind, len(ids), text)
