"""The tiny model's shape, and weights to begin with in which copying is laid out already.

From random weights a small model on a CPU finds copying late or never. What it takes is known (two heads one
after the other: one tells each position what came before it, one looks for positions where what came before
is what is here now, and says what is there), so the first two layers begin as a rough sketch of it, as in
mimetic initialization (Trockman & Kolter 2023). Everything is trained from there; nothing stays fixed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

_WORD = re.compile(r"([ /+=?&;._$,-]?)([^\W_]+)")

_NOT_TURNED = 2e-3
"""Rotary positions turn a feature pair by less than this from one token to the next: it can carry content
over hundreds of tokens."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Measures of the model. Heads are 64 wide, because half of a head's features are turned by position."""

    vocabulary: int = 9728
    width: int = 128
    layers: int = 4
    heads: int = 2
    inner: int = 256
    longest: int = 8192


def new_model(shape: Shape, tokens: Sequence[str], seed: int) -> Qwen2ForCausalLM:
    """A model with the sketch in it.

    Args:
        shape: its measures.
        tokens: the text of each token, for embeddings that are alike where words are.
        seed: decides all that is random.
    """
    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=shape.vocabulary,
            hidden_size=shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            intermediate_size=shape.inner,
            max_position_embeddings=shape.longest,
            rope_parameters={"rope_type": "default", "rope_theta": 1e7},
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=1,
            pad_token_id=0,
        )
    )
    draw = torch.Generator().manual_seed(seed)
    sketch_copying(model, draw)
    sketch_words(model, tokens, draw)
    return model


@torch.no_grad()
def as_llama(model: Qwen2ForCausalLM) -> LlamaForCausalLM:
    """The same function as a model of type `llama`: one bias more in each layer, which is zero.

    Beside a checkpoint of type `qwen2`, transformers' `AutoTokenizer` and servers that use it take every
    tokenizer for one of Qwen's. Beside one of type `llama` they take the one that is there.
    """
    shared = (
        "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "max_position_embeddings", "rms_norm_eps", "rope_parameters",
        "tie_word_embeddings", "pad_token_id", "bos_token_id", "eos_token_id",
    )  # fmt: skip
    config = LlamaConfig(attention_bias=True, **{name: getattr(model.config, name) for name in shared})
    llama = LlamaForCausalLM(config)
    missing, unexpected = llama.load_state_dict(model.state_dict(), strict=False)
    added = {f"model.layers.{number}.self_attn.o_proj.bias" for number in range(config.num_hidden_layers)}
    assert set(missing) == added, missing
    assert not unexpected, unexpected
    for layer in llama.model.layers:
        layer.self_attn.o_proj.bias.zero_()
    return llama


@torch.no_grad()
def sketch_words(model: Qwen2ForCausalLM, tokens: Sequence[str], draw: torch.Generator) -> None:
    """Embeddings in which the forms of a word (` Tea`, `tea`, `_tea`, `.tea`) have most in common.

    A label on a page, the name made of it and what is said of it in an instruction are cut into different
    tokens. That they mean the same need not be found out one word at a time.
    """
    embeddings = model.model.embed_tokens.weight
    size = embeddings.std()
    stems = {stem: place for place, stem in enumerate(dict.fromkeys(stem_of(token) for token in tokens))}
    forms = {form: place for place, form in enumerate(dict.fromkeys(form_of(token) for token in tokens))}
    of_stems = torch.randn(len(stems), embeddings.shape[1], generator=draw)
    of_forms = torch.randn(len(forms), embeddings.shape[1], generator=draw)
    for place, token in enumerate(tokens):
        shared = 0.85 * of_stems[stems[stem_of(token)]] + 0.45 * of_forms[forms[form_of(token)]]
        embeddings[place] = size * (shared + 0.27 * torch.randn(embeddings.shape[1], generator=draw))


def stem_of(token: str) -> str:
    """The word in a token, whatever stands before it; the token itself where there is none.

    >>> stem_of(" Tea"), stem_of("_tea"), stem_of("</a>")
    ('tea', 'tea', '</a>')
    """
    word = _WORD.fullmatch(token)
    return word[2].lower() if word else token


def form_of(token: str) -> tuple[str, str]:
    """What stands before the word of a token, and its case; both are empty where there is no word."""
    word = _WORD.fullmatch(token)
    if not word:
        return "", ""
    case = "lower" if word[2].islower() else "title" if word[2].istitle() else "other"
    return word[1], case


@torch.no_grad()
def sketch_copying(model: Qwen2ForCausalLM, draw: torch.Generator, *, size: float = 0.3) -> None:
    """Lay out copying in the first two layers, and embeddings of the size that it works with.

    One head of the first layer tells what the token before was, the other the one before that. The heads of
    the second look for where both came before, and say what followed. With one token of context alone, names
    of the same words (`blue_kettle_steel`, `blue_toaster`) are mixed up from the first shared word on.

    Args:
        model: with random weights and an even number of heads.
        draw: decides the directions that stand for content.
        size: standard deviation of the embeddings.
    """
    config = model.config
    width, heads = config.hidden_size, config.num_attention_heads
    head = width // heads
    turned = config.rope_parameters["rope_theta"] ** (-torch.arange(head // 2) / (head // 2))
    still = [place for place in range(head // 2) if turned[place] < _NOT_TURNED]
    # A pair of features that position turns together carries one of the two comparisons.
    one, two = (
        torch.tensor([*pairs, *(place + head // 2 for place in pairs)]) for pairs in (still[::2], still[1::2])
    )

    def directions() -> torch.Tensor:
        square, _ = torch.linalg.qr(torch.randn(width, width, generator=draw))
        return square.reshape(heads, head, width)

    model.model.embed_tokens.weight.normal_(0, size, generator=draw)
    model.model.norm.weight.fill_(0.3)
    content, told, said = directions()[0], directions(), directions()
    first, second = (model.model.layers[place].self_attn for place in (0, 1))
    for number in range(heads):
        part = slice(number * head, (number + 1) * head)
        back = number % 2 + 1
        # Biases alone, turned by position, attend to the token so far back.
        first.q_proj.weight[part] *= 0.1
        first.k_proj.weight[part] *= 0.1
        first.q_proj.bias[part] = 6 * torch.cat([(back * turned).cos(), -(back * turned).sin()])
        first.k_proj.bias[part] = 6 * torch.cat([torch.ones(head // 2), torch.zeros(head // 2)])
        first.v_proj.weight[part] = content
        first.o_proj.weight[:, part] = 1.5 * size * told[number].T
        # What is here is looked for where it came one before, what was before here where it came two before,
        # each by a part of its content, another one in every head; what is found there is said.
        query, key = torch.zeros(head, width), torch.zeros(head, width)
        some, others = (
            (torch.arange(len(features)) + number * len(features)) % head for features in (one, two)
        )
        query[one], key[one] = 4 * content[some], 4 * told[0][some]
        query[two], key[two] = 4 * told[0][others], 4 * told[1][others]
        second.q_proj.weight[part] = query
        second.k_proj.weight[part] = key
        second.v_proj.weight[part] = said[number]
        second.o_proj.weight[:, part] = 9 * size * said[number].T
