"""A shop of few products, its recorded sessions, and small models that learn some of what people do."""

from __future__ import annotations

from random import Random

import torch
from chat_tokenizers import CHATML, make_tokenizer
from transformers import AutoConfig, AutoModelForCausalLM

from facsim.lm.chat_tokenizer import ChatTokenizer
from facsim.page import read_page
from facsim.predict.protocol import RecordedSession
from facsim.prompt import PromptConfig
from facsim.prompt.segments import segments
from facsim.prompt.templates import system_message
from facsim.schema import Action, PastStep, Session, SessionSoFar, Step

PRODUCTS = ("blue_kettle", "red_kettle", "steel_pan", "small_pan", "tea_pot")
REASONS = ("I like it", "It is what I need", None)


def page_of(names):
    shown = "".join(f'<a name="results.{name}" href="/{name}">{name.replace("_", " ")}</a>' for name in names)
    return read_page(f'<input name="search" type="search">{shown}<button name="buy">Buy</button>')


def recorded_session(number: int, *, steps: int | None = None, asked_from: int = 0) -> RecordedSession:
    """A session that begins with a search, goes on with clicks and ends with a purchase or without."""
    rng = Random(number)
    steps = steps or rng.randrange(2, 6)
    past, taken = (), []
    for step in range(steps):
        page = page_of(rng.sample(PRODUCTS, 3))
        names = [element.name for element in page.elements if element.name.startswith("results")]
        if step == 0:
            action = Action.type_and_submit("search", rng.choice(("kettle", "pan", "Tee “groß”")))
        elif step == steps - 1:
            action = rng.choice((Action.click("buy"), Action.terminate()))
        else:
            # Mostly what comes first in the alphabet: that can be learned.
            action = Action.click(min(names) if rng.random() < 0.7 else rng.choice(names))
        rationale = rng.choice(REASONS)
        so_far = SessionSoFar(f"s{number}", page, past, persona="likes tea")
        taken.append((so_far, Step(str(step), action, rationale=rationale)))
        past = (*past, PastStep(page, action, rationale))
    session = Session(f"s{number}", f"u{number}", tuple(step for _, step in taken))
    return RecordedSession(session, tuple(taken), frozenset(range(asked_from, steps)))


def chat_tokenizer(template: str = CHATML, eos: str = "<|im_end|>") -> ChatTokenizer:
    texts = [system_message("likes tea", None, PromptConfig(style=style)) for style in ("action", "think")]
    for number in range(20):
        for so_far, step in recorded_session(number).steps:
            texts += [so_far.page.html, str(step.action.to_dict()).replace("'", '"')]
    return ChatTokenizer(make_tokenizer(template, eos, texts=texts, size=700))


def make_model(kind: str, chat: ChatTokenizer, **options):
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(chat.tokenizer),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=3,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=4096,
        eos_token_id=None,
        bos_token_id=None,
        pad_token_id=None,
        **options,
    )
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config)


def teach(model, chat: ChatTokenizer, prompt: PromptConfig, steps: int) -> None:
    """A few steps of fine-tuning on the answers: enough to write actions, too few to write the right ones."""
    rows = [
        chat.encode_segment(segment)
        for number in range(100, 124)
        for segment in segments(recorded_session(number).steps, prompt)
    ]
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    rng = Random(0)
    model.train()
    for _ in range(steps):
        row = rng.choice(rows)
        tokens = torch.tensor([row.tokens])
        labels = torch.full_like(tokens, -100)
        for span in row.spans:
            labels[0, span.start : span.end] = tokens[0, span.start : span.end]
        model(input_ids=tokens, labels=labels, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
