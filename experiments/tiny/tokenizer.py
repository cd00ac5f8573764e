"""The tiny model's tokenizer: byte-level BPE over pieces that are cut so that names can be copied.

A name is cut the same way wherever it stands: on a page in `name="search_results.tea_set"`, in an answer in
`"name": "search_results.tea_set"}`. Both times it is what lies between two quotes; the quotes belong to the
markup or to the JSON around it, and inside it every word goes with the dot or underscore before it.
Markup between two texts is one piece, however many tags it holds, so a shop's page has about as many tokens
as words. A common word is one token with a space before it and without, as what is typed begins.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from facsim.prompt import PromptConfig
from facsim.prompt.templates import system_message

PAD, END, SYSTEM, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"

CHAT_TEMPLATE: Final = (
    "{%- for message in messages -%}"
    "{{- '<|' + message.role + '|>' + message.content -}}"
    "{%- if message.role == 'assistant' -%}{{- '<|end|>' -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)
"""A token a turn, and one more to end an answer."""

_TEXT: Final = re.compile(r"(?<=>)[^<>\n]+(?=<)")
_WORD: Final = re.compile(r"\b[a-z]{3,}\b")
_WORD_TOKENS: Final = 1536
"""Tokens that are added so that common words are one token wherever they stand."""
_NUMBERS: Final = re.compile(r"\$?[\d.,]*\d")

_NAME: Final = re.compile(r' name="([^"]+)"')
_NAME_PART: Final = re.compile(r"\.?[^.]+")

_PIECES: Final = "|".join(
    (
        # An answer up to its name or its end; between name and text; its end.
        r'\{"type": "[a-z_]+"(?:, "name": "|\})?',
        r'", "text": "',
        r'"\}+',
        # Markup from the end of one text or attribute to the beginning of the next one.
        r'(?:\)(?=<))?(?:"?(?:\s[a-zA-Z-]+="|\s?/?>|\s*<[!/a-zA-Z][^<>"=]*(?:="|>)))+(?:\n| \()?',
        r" &amp;",
        # A word of a name, of an address, of a text.
        r"[._][^\W_]+",
        r"[ /+=?&;-]?\p{L}+(?:['\u2019]\p{L}+)?",
        # A price, a count: groups of digits.
        r" ?\$?\d{1,3}",
        r",\d{1,3}",
        r' ?[^\s\p{L}\d"<>]{1,3}',
        r"\s+",
        r".",
    )
)


def train_tokenizer(texts: Iterable[str], *, vocabulary: int, wording: Iterable[str] = ()) -> Tokenizer:
    """A tokenizer of at most `vocabulary` tokens, learned from texts.

    Args:
        texts: what pages, personas and answers look like.
        vocabulary: tokens in all, the 256 bytes, `wording` and what is added for words among them.
        wording: texts of several words that are one token each: the standing words of a prompt.
    """
    tokenizer = Tokenizer(models.BPE(byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    specials = [PAD, END, SYSTEM, USER, ASSISTANT]
    phrases = list(dict.fromkeys(wording))
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(phrases) - _WORD_TOKENS,
        min_frequency=4,
        special_tokens=[AddedToken(text, normalized=False, special=True) for text in specials],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
        max_token_length=160,
    )
    held = list(texts)
    tokenizer.train_from_iterator(held, trainer)
    tokenizer = with_words(tokenizer, common_words(held), _WORD_TOKENS)
    tokenizer.add_tokens([AddedToken(phrase, normalized=False, special=False) for phrase in phrases])
    return tokenizer


def common_words(texts: Iterable[str], *, least: int = 8) -> list[str]:
    """Lower-case words of three letters or more that occur at least so often, the most frequent first."""
    counts = Counter[str]()
    for text in texts:
        counts.update(_WORD.findall(text.lower()))
    return [word for word, count in counts.most_common() if count >= least]


def with_words(tokenizer: Tokenizer, words: Iterable[str], room: int) -> Tokenizer:
    """The tokenizer with merges that make each word one token, with a space before it and without.

    Args:
        tokenizer: byte-level BPE without added tokens beyond its special ones.
        words: lower-case words, the most important first.
        room: most tokens that are added.
    """
    forms = [form for word in words for form in (word, f" {word}")]
    for _ in range(3):  # a merge may take apart what another one was to join: join it the way it is cut now
        stored = json.loads(tokenizer.to_str())
        vocabulary, merges = stored["model"]["vocab"], stored["model"]["merges"]
        for form in forms:
            whole, *rest = tokenizer.encode(form).tokens
            if len(rest) > min(room, 3):
                continue
            for part in rest:
                merges.append([whole, part])
                whole += part
                if whole not in vocabulary:
                    vocabulary[whole] = len(vocabulary)
                    room -= 1
        stored["model"]["merges"] = list(dict.fromkeys(map(tuple, merges)))
        tokenizer = Tokenizer.from_str(json.dumps(stored))
    return tokenizer


def stock_phrases(pages: Iterable[str], *, share: float = 0.3) -> list[str]:
    """Texts of several words, numbers aside, that stand on at least this share of the pages."""
    counts = Counter[str]()
    total = 0
    for page in pages:
        total += 1
        counts.update({part for node in _TEXT.findall(page) for part in _parts(node.strip())})
    often = [text for text, count in counts.items() if count >= share * total]
    return sorted(text for text in often if len(text.split()) > 1)


def stock_names(pages: Iterable[str], *, share: float = 0.1) -> list[str]:
    """Parts of names, of several words, that stand on at least this share of the pages."""
    counts = Counter[str]()
    total = 0
    for page in pages:
        total += 1
        counts.update({part for name in _NAME.findall(page) for part in _NAME_PART.findall(name)})
    return sorted(part for part, count in counts.items() if count >= share * total and "_" in part)


def _parts(text: str) -> Iterator[str]:
    """A text as a whole, up to each of its numbers, and between them."""
    yield text
    yield from (text[: found.start()] for found in _NUMBERS.finditer(text))
    yield from _NUMBERS.split(text)


def prompt_wording(config: PromptConfig) -> list[str]:
    """The paragraphs of the system message that stand in every prompt."""
    standing = system_message(None, None, config)
    return [part for part in standing.split("\n\n") if part.strip()]


def for_chat(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """The tokenizer as transformers takes it, with its chat template."""
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        clean_up_tokenization_spaces=False,
        model_max_length=8192,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the files that a checkpoint holds of its tokenizer."""
    for_chat(tokenizer).save_pretrained(str(folder))
