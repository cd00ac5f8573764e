"""One pass agrees with step-by-step greedy generation, at any batch size."""

import random

import pytest
import torch
import transformers
from chat_tokenizers import CHATML, make_tokenizer

from facsim.lm.chat_tokenizer import AnswerSpan, ChatTokenizer, TokenizedSegment
from facsim.lm.scoring import score_segments
from facsim.page import read_page
from facsim.prompt import PromptConfig
from facsim.prompt.segments import segments
from facsim.schema import Action, PastStep, SessionSoFar, Step

NAMES = ["kettle", "blue_kettle", "pan"]


@pytest.fixture(scope="module")
def chat():
    return ChatTokenizer(make_tokenizer(CHATML, eos="<|im_end|>"))


def session(number, steps):
    past = ()
    for step in range(steps):
        name = NAMES[(number + step) % 3]
        page = read_page(
            "".join(f'<a name="{other}">{other}</a>' for other in NAMES[: step % 3])
            + f'<a name="{name}">{name}</a>'
        )
        action = Action.terminate() if step == steps - 1 else Action.click(name)
        yield SessionSoFar(str(number), page, past), Step("0", action, rationale="I like it")
        past = (*past, PastStep(page, action, "I like it"))


def make_model(chat, kind):
    torch.manual_seed(0)
    config = {
        "qwen2": transformers.Qwen2Config,
        "llama": transformers.LlamaConfig,
        "gemma2": transformers.Gemma2Config,
    }[kind](
        vocab_size=len(chat.tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=8192,
    )
    return transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")


def greedy(model, tokens, count):
    with torch.inference_mode():
        asked = torch.tensor([tokens])
        out = model.generate(
            asked,
            attention_mask=torch.ones_like(asked),
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
            pad_token_id=0,
        )
    return tuple(out[0, len(tokens) :].tolist())


@pytest.mark.parametrize("kind", ["qwen2", "llama", "gemma2"])
def test_verdicts_are_those_of_greedy_generation(chat, kind):
    """Sessions whose every answer is what the model generates token by token, or differs from it in one token."""
    model = make_model(chat, kind).eval()
    choose = random.Random(0)
    for number in range(3):
        tokens, spans, altered = (), [], []
        for step in range(3):
            tokens += tuple(choose.choices(range(20, len(chat.tokenizer)), k=choose.randrange(5, 40)))
            said = list(greedy(model, tokens, 6))
            altered.append(choose.random() < 0.5)
            if altered[-1]:
                place = choose.randrange(6)
                said[place] = (said[place] + 1) % len(chat.tokenizer)
            begin = len(tokens)
            tokens += tuple(said)
            spans.append(AnswerSpan(step, "rationale", begin, begin + 2, ends_turn=False))
            spans.append(AnswerSpan(step, "action", begin + 2, begin + 6, ends_turn=True))
        (scores,) = score_segments(model, [TokenizedSegment(str(number), tokens, tuple(spans))])
        assert [score.is_greedy for score in scores] == [not changed for changed in altered]
        for score in scores:
            assert (score.smallest_margin > 0) == score.is_greedy
            assert score.action_is_greedy or not score.is_greedy


@pytest.mark.parametrize(
    ("kind", "style"),
    [("qwen2", "action"), ("qwen2", "rationale"), ("llama", "think"), ("gemma2", "two_turn")],
)
def test_probabilities_are_those_of_a_plain_forward_pass(chat, kind, style):
    model = make_model(chat, kind).eval()
    rows = [
        chat.encode_segment(segment)
        for number in range(3)
        for segment in segments(session(number, 1 + number), PromptConfig(style=style, budget_tokens=None))
    ]
    together = score_segments(model, rows)
    alone = score_segments(model, rows, batch_tokens=1)
    for row, found, single in zip(rows, together, alone, strict=True):
        with torch.inference_mode():
            plain = model(input_ids=torch.tensor([row.tokens])).logits[0].log_softmax(-1)
        for score, other in zip(found, single, strict=True):
            spans = [span for span in row.spans if span.step == score.step]
            logs = [
                float(plain[place - 1, row.tokens[place]])
                for span in spans for place in range(span.start, span.end)
            ]  # fmt: skip
            assert score.log_probability == pytest.approx(sum(logs), abs=1e-3)
            assert score.action_log_probability == pytest.approx(
                sum(logs[-(spans[-1].end - spans[-1].start) :]), abs=1e-3
            )
            assert score.tokens == len(logs)
            assert score.log_probability == pytest.approx(other.log_probability, abs=1e-3)
            assert score.is_greedy == other.is_greedy


def test_no_segments(chat):
    assert score_segments(make_model(chat, "qwen2"), []) == []
