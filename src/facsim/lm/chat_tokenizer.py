"""Tokenize a segment of a session exactly as a server would prompt the model with it.

Text is tokenized piece by piece and split where the model is prompted: everything before an answer as a
prompt, the answer on its own. So the tokens before an answer are those that generation starts from, and the
answer's tokens are ones that generation can produce.

Only the chat template writes control tokens. Text from pages, people and models becomes ordinary tokens, even
where it spells `</s>` or `[INST]`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from facsim.lm.limits import LimitExceeded, limits
from facsim.prompt import Message
from facsim.prompt.segments import Segment
from facsim.prompt.templates import END_THINK, THINK
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

AnswerPart = Literal["rationale", "action"]

_BREAK = "\ufdd0"
"""Inserted into text that spells a control token, to break it up; its own tokens are dropped again. A Unicode
noncharacter, reserved for internal use by programs."""

_MAX_SECONDS, _MAX_MEMORY = 20.0, 2**30
"""What rendering a chat template may take: real ones need milliseconds."""
_MAX_GROWTH = 100
"""Characters that a chat template may write for each one of its messages, or of a thousand more."""

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
class AnswerSpan:
    """Tokens `start` up to, but excluding, `end` of a tokenized segment.

    Attributes:
        step: index of the step in its session.
        part: rationale (with its wrapping) or action.
        start: index of the first token.
        end: index after the last token.
        ends_turn: whether the last token ends the assistant's turn.
    """

    step: int
    part: AnswerPart
    start: int
    end: int
    ends_turn: bool


@dataclass(frozen=True, slots=True)
class TokenizedSegment:
    """A segment of a session as one token sequence.

    Attributes:
        session_id: of the session.
        tokens: token ids, shape `(tokens,)`.
        spans: the answers of the segment's turns in order, rationale before action. Together they are what a
            model is trained on and scored on.
    """

    session_id: str
    tokens: tuple[int, ...]
    spans: tuple[AnswerSpan, ...]

    @property
    def answer_tokens(self) -> int:
        """The number of tokens in all spans."""
        return sum(span.end - span.start for span in self.spans)


class ChatTokenizer:
    """A tokenizer whose chat template meets the needs of sessions; the constructor checks that.

    Args:
        tokenizer: with or without a chat template. Without one, `FALLBACK_TEMPLATE` is used, which needs an
            end-of-sequence token.

    Raises:
        ConfigError: if the template rejects a system message followed by a dialogue, alters or trims
            messages, rewrites earlier turns, or does not end turns with a token of its own.
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
        # White space that some templates put between a prompt and its answer; the model has to write it.
        self._lead = ""
        self._control_pattern: re.Pattern[str] | None = None
        self._check_template()
        self._control_pattern = self._find_control_tokens()

    @property
    def name(self) -> str:
        """Where the tokenizer was loaded from."""
        return str(self.tokenizer.name_or_path or type(self.tokenizer).__name__)

    def encode_prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Tokenize messages that ask for an answer, split as in `encode_segment`.

        Returns:
            Token ids, shape `(tokens,)`, generation prompt included.
        """
        tokens: list[int] = []
        rendered = ""
        for index, message in enumerate(messages):
            if message.role == "assistant":
                before, answer, rendered = self._split_at_answer(messages, index, rendered)
                tokens += self._ids(before)
                tokens += self._ids(answer)
        prompt = self._render(messages, generation_prompt=True)
        tokens += self._ids(prompt[len(rendered) :])
        return tuple(tokens)

    def decode_answer(self, tokens: Sequence[int]) -> str:
        """The text of an answer's tokens, shape `(tokens,)`."""
        text = str(self.tokenizer.decode(list(tokens), skip_special_tokens=False))
        return text.removeprefix(self._lead)

    def encode_answer(self, text: str) -> list[int]:
        """Tokenize an answer.

        Returns:
            Token ids, shape `(tokens,)`, without the token that ends the turn.
        """
        return self._ids(self._lead + self._break_controls(text))

    def encode_segment(self, segment: Segment) -> TokenizedSegment:
        """Tokenize a segment of a session."""
        turns = {index: turn for turn in segment.turns for index in turn.messages}
        tokens: list[int] = []
        spans: list[AnswerSpan] = []
        rendered = ""
        for index, message in enumerate(segment.messages):
            if message.role != "assistant":
                continue
            before, answer, rendered = self._split_at_answer(segment.messages, index, rendered)
            tokens += self._ids(before)
            turn = turns.get(index)
            if turn is None:
                tokens += self._ids(answer)
            elif index != turn.messages[-1]:
                tokens += (ids := self._ids(answer))
                tokens.append(self.end_token)
                rendered += self._end_text
                spans.append(
                    AnswerSpan(turn.step, "rationale", len(tokens) - len(ids) - 1, len(tokens), True)
                )
            else:
                start = len(tokens)
                tokens += (ids := self._ids(answer))
                cut = start + self._tokens_before(answer, turn.action[0])
                tokens.append(self.end_token)
                rendered += self._end_text
                if cut > start:
                    spans.append(AnswerSpan(turn.step, "rationale", start, cut, False))
                spans.append(AnswerSpan(turn.step, "action", cut, len(tokens), True))
        return TokenizedSegment(segment.session_id, tuple(tokens), tuple(spans))

    def _tokens_before(self, answer: str, character: int) -> int:
        """The number of an answer's tokens that end before a character; control breaks do not count."""
        if not character:
            return 0
        character += len(self._lead)
        if _BREAK in answer:
            indices = [index for index, letter in enumerate(answer) if letter != _BREAK]
            character = indices[character]
        return sum(end <= character for _, end in self._ids_and_ends(answer))

    def _split_at_answer(
        self, messages: Sequence[Message], index: int, rendered: str
    ) -> tuple[str, str, str]:
        """For an assistant message: the text since `rendered`, the answer, and all text up to its end."""
        prompt = self._render(messages[:index], generation_prompt=True)
        answer = self._lead + self._break_controls(messages[index].content)
        return prompt[len(rendered) :], answer, prompt + answer

    def _render(self, messages: Sequence[Message], *, generation_prompt: bool) -> str:
        turns = [
            {"role": message.role, "content": self._break_controls(message.content)} for message in messages
        ]
        try:
            with limits(_MAX_SECONDS, _MAX_MEMORY):
                rendered = str(
                    self.tokenizer.apply_chat_template(
                        turns,
                        chat_template=self._template,
                        tokenize=False,
                        add_generation_prompt=generation_prompt,
                    )
                )
        except LimitExceeded as error:
            raise self._template_error(str(error)) from None
        except Exception as error:  # templates raise what they like
            roles = ", ".join(message.role for message in messages)
            raise self._template_error(f"rejects messages with the roles {roles} ({error})") from error
        if len(rendered) > _MAX_GROWTH * sum(len(turn["content"]) + 1_000 for turn in turns):
            raise self._template_error(f"writes {len(rendered):,} characters for {len(turns)} messages")
        return rendered

    def _template_error(self, what: str) -> ConfigError:
        return ConfigError(
            f"{self.name}: its chat template {what}. Give the tokenizer another one (chat_template.jinja)"
        )

    def _ids(self, text: str) -> list[int]:
        if _BREAK in text:
            return [token for token, _ in self._ids_and_ends(text)]
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _ids_and_ends(self, text: str) -> list[tuple[int, int]]:
        """Token ids, each with the index of the character after it; tokens of control breaks are dropped."""
        encoding = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return [
            (token, end)
            for token, (start, end) in zip(encoding["input_ids"], encoding["offset_mapping"], strict=True)
            if start == end or text[start:end].strip(_BREAK)
        ]

    def _break_controls(self, text: str) -> str:
        """The text, with a break inside whatever spells a control token."""
        while self._control_pattern is not None and self._control_pattern.search(text):
            text = self._control_pattern.sub(lambda found: f"{found[0][0]}{_BREAK}{found[0][1:]}", text)
        return text

    def _find_control_tokens(self) -> re.Pattern[str] | None:
        """All control tokens: those that the tokenizer calls special, and those that the template writes.

        Except the tags around thoughts: answers contain them, whatever the tokenizer calls them.
        """
        scaffold = self._render(_PROBE[:1], generation_prompt=True) + self._text_after_answer()
        spellings = {str(token) for token in self.tokenizer.all_special_tokens}
        for token in self.tokenizer.added_tokens_decoder.values():
            if token.special or token.content in scaffold:
                spellings.add(token.content)
        spellings = {text for text in spellings - {THINK, END_THINK} if len(text) > 1}
        longest_first = sorted(spellings, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first))) if spellings else None

    @cached_property
    def _end_text(self) -> str:
        return self._text_of(self.end_token)

    def _text_of(self, token: int) -> str:
        return str(self.tokenizer.convert_ids_to_tokens(token))

    @cached_property
    def end_token(self) -> int:
        """The id of the token that ends an answer."""
        after = self._text_after_answer()
        ids = self._ids(after)
        special = set(self.tokenizer.all_special_ids) | set(self.tokenizer.get_added_vocab().values())
        if not ids or ids[0] not in special or not after.startswith(self._text_of(ids[0])):
            raise ConfigError(
                f"{self.name}: its chat template ends an answer with {after[:20]!r}, not with a token of its "
                "own, so a model could not learn to stop. Use a template that ends turns with a special token"
            )
        return ids[0]

    def _text_after_answer(self) -> str:
        dialogue = self._render(_PROBE, generation_prompt=False)
        prompt = self._render(_PROBE[:2], generation_prompt=True)
        return dialogue[len(prompt) + len(self._lead) + len(_PROBE[2].content) :]

    def _check_template(self) -> None:
        dialogue = self._render(_PROBE, generation_prompt=False)
        prompts = [(index, self._render(_PROBE[:index], generation_prompt=True)) for index in (2, 4)]
        for index, prompt in prompts:
            answer = _PROBE[index].content
            start = dialogue.find(answer)
            lead = dialogue[len(prompt) : start]
            if start < 0 or not dialogue.startswith(prompt) or lead.strip() or self._lead not in ("", lead):
                raise ConfigError(
                    f"{self.name}: its chat template rewrites, trims or reorders messages (expected "
                    f"{answer!r} after the prompt), so the prompts of a session do not continue each other. "
                    "Templates that drop earlier reasoning do so: give the tokenizer one that keeps all turns"
                )
            self._lead = lead
        _ = self.end_token
