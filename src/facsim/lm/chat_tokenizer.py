"""Segments of a session as tokens, exactly as a server would be prompted with them.

Text is cut into tokens piece by piece, at the very places where a model is asked: what stands before an
answer is tokenized as a prompt, the answer on its own. So the tokens before an answer are those that
generation starts from, and the answer's are those that it can give.

Only the template writes control tokens. What pages, people and models say is cut into ordinary tokens, even
where it spells `</s>` or `[INST]`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from facsim.prompt import Message
from facsim.prompt.segments import Segment
from facsim.prompt.templates import END_THINK, THINK
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

Part = Literal["rationale", "action"]

_MARK = "\ufdd0"
"""Put into what spells a control token, so that it is none; its own tokens are dropped. No character: Unicode
keeps it for the inner use of programs."""

FALLBACK_TEMPLATE = """\
{%- for message in messages %}{{ '### ' + message.role + '\\n' + message.content + eos_token + '\\n' }}\
{%- endfor %}{%- if add_generation_prompt %}{{ '### assistant\\n' }}{%- endif %}"""
"""For tokenizers of base models, which have no chat template."""

_PROBE = (
    Message("system", "Be  brief."),
    Message("user", "<p>One\n\n two</p>"),
    Message("assistant", '<think>\nI  see\n</think>\n\n{"type": "click"}'),
    Message("user", "<p>Three</p>"),
    Message("assistant", '{"type":  "terminate"}'),
)


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens `begin` up to, not including, `end` of a row; the last one ends the turn if `ends_turn`."""

    step: int
    part: Part
    begin: int
    end: int
    ends_turn: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence of tokens.

    Attributes:
        session_id: of the session.
        tokens: their ids.
        spans: the answers of the segment's turns in order: rationale (with its wrapping) before action.
            Together they are what a model is to learn, and what it is scored on.
    """

    session_id: str
    tokens: tuple[int, ...]
    spans: tuple[Span, ...]

    @property
    def trained(self) -> int:
        """How many tokens the spans hold."""
        return sum(span.end - span.begin for span in self.spans)


class ChatTokenizer:
    """A tokenizer whose chat template does what sessions need; that is found out when it is made.

    Args:
        tokenizer: with a chat template, or without one: then `FALLBACK_TEMPLATE` is used, which needs an
            end-of-sequence token.

    Raises:
        ConfigError: if the template refuses a system message and a dialogue, alters or trims what is said,
            rewrites earlier turns, or does not end turns with a token of its own.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.uses_fallback = not tokenizer.chat_template
        self._template = FALLBACK_TEMPLATE if self.uses_fallback else None
        if self.uses_fallback and tokenizer.eos_token is None:
            raise ConfigError(
                f"{self.name}: the tokenizer has neither a chat template nor an end-of-sequence token, so "
                "nothing could end an answer. Give it an eos_token in tokenizer_config.json"
            )
        # White space that some templates put between a prompt and its answer; models have to write it.
        self._lead = ""
        self._controls: re.Pattern[str] | None = None
        self._check()
        self._controls = self._find_controls()

    @property
    def name(self) -> str:
        """Where the tokenizer came from."""
        return str(self.tokenizer.name_or_path or type(self.tokenizer).__name__)

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The tokens of messages that ask for an answer: as `row`, up to the answer."""
        tokens: list[int] = []
        done = ""
        for place, message in enumerate(messages):
            if message.role == "assistant":
                before, said, done = self._around(messages, place, done)
                tokens += self._ids(before)
                tokens += self._ids(said)
        asked = self._render(messages, asks=True)
        tokens += self._ids(asked[len(done) :])
        return tuple(tokens)

    def text(self, tokens: Sequence[int]) -> str:
        """What tokens of an answer say."""
        said = str(self.tokenizer.decode(list(tokens), skip_special_tokens=False))
        return said.removeprefix(self._lead)

    def answer(self, text: str) -> list[int]:
        """The tokens of an answer, without the one that ends it."""
        return self._ids(self._lead + self._guarded(text))

    def row(self, segment: Segment) -> Row:
        """A segment as tokens."""
        turns = {place: turn for turn in segment.turns for place in turn.messages}
        tokens: list[int] = []
        spans: list[Span] = []
        done = ""
        for place, message in enumerate(segment.messages):
            if message.role != "assistant":
                continue
            before, said, done = self._around(segment.messages, place, done)
            tokens += self._ids(before)
            turn = turns.get(place)
            if turn is None:
                tokens += self._ids(said)
            elif place != turn.messages[-1]:
                tokens += (ids := self._ids(said))
                tokens.append(self.end)
                done += self._end_text
                spans.append(Span(turn.step, "rationale", len(tokens) - len(ids) - 1, len(tokens), True))
            else:
                begin = len(tokens)
                tokens += (ids := self._ids(said))
                cut = begin + self._tokens_before(said, turn.action[0])
                tokens.append(self.end)
                done += self._end_text
                if cut > begin:
                    spans.append(Span(turn.step, "rationale", begin, cut, False))
                spans.append(Span(turn.step, "action", cut, len(tokens), True))
        return Row(segment.session_id, tuple(tokens), tuple(spans))

    def _tokens_before(self, said: str, character: int) -> int:
        """How many of the tokens of an answer end before a character of what is said, marks not counted."""
        if not character:
            return 0
        character += len(self._lead)
        if _MARK in said:
            places = [place for place, letter in enumerate(said) if letter != _MARK]
            character = places[character]
        return sum(end <= character for _, end in self._encoded(said))

    def _around(self, messages: Sequence[Message], place: int, done: str) -> tuple[str, str, str]:
        """For an assistant message: the text since `done`, what is said, and all text up to its end."""
        asked = self._render(messages[:place], asks=True)
        said = self._lead + self._guarded(messages[place].content)
        return asked[len(done) :], said, asked + said

    def _render(self, messages: Sequence[Message], *, asks: bool) -> str:
        rendered = self.tokenizer.apply_chat_template(
            [{"role": message.role, "content": self._guarded(message.content)} for message in messages],
            chat_template=self._template,
            tokenize=False,
            add_generation_prompt=asks,
        )
        return str(rendered)

    def _ids(self, text: str) -> list[int]:
        if _MARK in text:
            return [token for token, _ in self._encoded(text)]
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _encoded(self, text: str) -> list[tuple[int, int]]:
        """Tokens and the characters that they end before; without those of marks."""
        encoding = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return [
            (token, end)
            for token, (begin, end) in zip(encoding["input_ids"], encoding["offset_mapping"], strict=True)
            if begin == end or text[begin:end].strip(_MARK)
        ]

    def _guarded(self, text: str) -> str:
        """What is said, with a mark in whatever spells a control token."""
        while self._controls is not None and self._controls.search(text):
            text = self._controls.sub(lambda found: f"{found[0][0]}{_MARK}{found[0][1:]}", text)
        return text

    def _find_controls(self) -> re.Pattern[str] | None:
        """All control tokens: those that the tokenizer calls special, and those that the template writes.

        Not the tags around thoughts, which answers are to hold, whatever the tokenizer calls them.
        """
        frame = self._render(_PROBE[:1], asks=True) + self._after_answer()
        spelled = {str(token) for token in self.tokenizer.all_special_tokens}
        for token in self.tokenizer.added_tokens_decoder.values():
            if token.special or token.content in frame:
                spelled.add(token.content)
        spelled = {text for text in spelled - {THINK, END_THINK} if len(text) > 1}
        longest_first = sorted(spelled, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first))) if spelled else None

    @cached_property
    def _end_text(self) -> str:
        return self._text_of(self.end)

    def _text_of(self, token: int) -> str:
        return str(self.tokenizer.convert_ids_to_tokens(token))

    @cached_property
    def end(self) -> int:
        """The token that ends an answer."""
        after = self._after_answer()
        ids = self._ids(after)
        special = set(self.tokenizer.all_special_ids) | set(self.tokenizer.get_added_vocab().values())
        if not ids or ids[0] not in special or not after.startswith(self._text_of(ids[0])):
            raise ConfigError(
                f"{self.name}: its chat template ends an answer with {after[:20]!r}, not with a token of its "
                "own, so a model could not learn to stop. Use a template that ends turns with a special token"
            )
        return ids[0]

    def _after_answer(self) -> str:
        whole = self._render(_PROBE, asks=False)
        asked = self._render(_PROBE[:2], asks=True)
        return whole[len(asked) + len(self._lead) + len(_PROBE[2].content) :]

    def _check(self) -> None:
        try:
            whole = self._render(_PROBE, asks=False)
            prefixes = [(place, self._render(_PROBE[:place], asks=True)) for place in (2, 4)]
        except Exception as error:
            raise ConfigError(
                f"{self.name}: its chat template refuses a system message followed by a dialogue "
                f"({error}). Give the tokenizer another template (chat_template.jinja)"
            ) from error
        for place, asked in prefixes:
            said = _PROBE[place].content
            begin = whole.find(said)
            lead = whole[len(asked) : begin]
            if begin < 0 or not whole.startswith(asked) or lead.strip() or self._lead not in ("", lead):
                raise ConfigError(
                    f"{self.name}: its chat template rewrites, trims or reorders what is said (looked for "
                    f"{said!r} after the prompt), so the prompts of a session do not continue each other. "
                    "Templates that drop earlier reasoning do so: give the tokenizer one that keeps all turns"
                )
            self._lead = lead
        _ = self.end
