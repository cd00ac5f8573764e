"""The packaged base model: its parts, and that it reads pages."""

import json
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from facsim.lm.checkpoint import load_checkpoint
from facsim.lm.locate import find_checkpoint
from facsim.lm.scoring import score_segments
from facsim.page import names_in
from facsim.prompt import PromptConfig, build_prompt, parse_answer
from facsim.prompt.templates import system_message
from facsim.schema import SessionSoFar
from facsim.shop.catalogue import Catalogue
from facsim.shop.storefront import Storefront

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "experiments"))

from tiny.model import Shape, as_llama, new_model
from tiny.rows import Mixture, RowMaker, rows

# Measured on these pages: 0.53 and 0.12; see docs/your-model/tiny.md.
NAME_SHARE, CLICK_SHARE = 0.35, 0.08


@pytest.fixture(scope="module")
def tiny():
    return load_checkpoint("tiny")


@pytest.fixture(scope="module")
def shop_pages():
    catalogue = Catalogue(77)
    store = Storefront(catalogue)
    addresses = (
        "/",
        "/search?q=red+kettle",
        "/search?q=wireless+earbuds",
        f"/product/{catalogue.products[3].id}",
    )
    return [store.named(store.open(address)).page for address in addresses]


def test_it_is_small_and_plain(tiny):
    folder = find_checkpoint("tiny")
    assert sum(weight.numel() for weight in tiny.model.parameters()) <= 6_000_000
    assert sum(file.stat().st_size for file in folder.glob("*.safetensors")) <= 12_000_000
    assert json.loads((folder / "config.json").read_text())["model_type"] == "llama"
    assert tiny.settings.prompt.style == "action"
    assert tiny.settings.prompt.tokenizer == folder.resolve() / "tokenizer.json"


def test_auto_tokenizer_loads_its_tokenizer(tiny, shop_pages):
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(find_checkpoint("tiny"))
    for page in shop_pages:
        assert theirs(page.html)["input_ids"] == tiny.chat.tokenizer(page.html)["input_ids"]


def test_a_new_model_is_the_same_as_one_of_type_llama():
    model = new_model(Shape(vocabulary=60), [f"token{number}" for number in range(60)], seed=3)
    tokens = torch.randint(60, (1, 40), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(as_llama(model)(tokens).logits, model(tokens).logits)


def test_the_fixed_text_of_a_prompt_takes_few_tokens(tiny):
    # They are a token a paragraph. Whoever rewords the prompt has to make the model anew.
    prompt = system_message(None, None, tiny.settings.prompt)
    assert len(tiny.chat.tokenizer(prompt)["input_ids"]) <= 20


def test_names_are_the_same_tokens_on_a_page_and_in_an_answer(tiny, shop_pages):
    def ids(text):
        return tiny.chat.tokenizer(text, add_special_tokens=False)["input_ids"]

    for page in shop_pages:
        names = names_in(page.html)
        whole = ids(page.html)
        assert len(names) > 40
        for name in names:
            answer = ids(f'{{"type": "click", "name": "{name}"}}')
            inside = answer[1:-1]
            assert tiny.chat.tokenizer.decode(inside) == name
            assert any(whole[at : at + len(inside)] == inside for at in range(len(whole))), name


def test_text_is_decoded_as_it_was_encoded(tiny, shop_pages):
    for text in (*[page.html for page in shop_pages], "naïve “☕” \t\n  x", '{"a": "\\"b\\u00e9"}', "﷽ 𝔘"):
        ids = tiny.chat.tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tiny.chat.tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def test_it_finds_and_copies_names_on_pages_it_has_never_seen(tiny):
    maker = RowMaker(tiny.chat, PromptConfig(style="action", budget_tokens=1000, chars_per_token=5.2))
    found = rows(maker, [], Mixture(0, (1, 2), (700, 1000), count=5), "fresh pages")
    asked = [next(found) for _ in range(30)]
    right = {"name": [], "click": []}
    for one, scores in zip(asked, score_segments(tiny.model, [one.row for one in asked]), strict=True):
        for kind, score in zip(one.kinds, scores, strict=True):
            right.get(kind, []).append(score.is_greedy)
    shares = {kind: sum(answers) / len(answers) for kind, answers in right.items()}
    assert len(right["name"]) > 15
    assert shares["name"] > NAME_SHARE, shares
    assert shares["click"] > CLICK_SHARE, shares


def test_it_answers_in_the_requested_form(tiny, shop_pages):
    so_far = SessionSoFar("s", shop_pages[1], persona="Ana, 40, is a nurse.", intent="I need a red kettle.")
    prompt = build_prompt(so_far, tiny.settings.prompt)
    ids = torch.tensor([tiny.chat.encode_prompt(prompt.messages)])
    assert ids.shape[1] <= tiny.settings.prompt.budget_tokens + 20
    answer = tiny.model.generate(ids, max_new_tokens=60, do_sample=False)[0, ids.shape[1] :]
    assert answer[-1] == tiny.chat.end_token
    parsed = parse_answer(tiny.chat.tokenizer.decode(answer[:-1]), "action")
    assert parsed.level == "strict", parsed
