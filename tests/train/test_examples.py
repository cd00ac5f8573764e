"""Examples train people's answers, complete, and nothing else; what cannot be learned is only counted."""

from dataclasses import replace

import pytest
from chat_tokenizers import CHATML
from small_training import make_short_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from facsim.data import Card, DataSet, DataSetWriter
from facsim.lm.chat_tokenizer import AnswerSpan, ChatTokenizer, TokenizedSegment
from facsim.prompt import PromptConfig
from facsim.schema import MASKED_TEXT, Action, Session, Step
from facsim.train import SftConfig
from facsim.train.example_file import IGNORE_INDEX, labels_of, write_examples
from facsim.train.example_set import build_examples, fit_prompt_budget
from facsim.train.examples import ExampleCounts, check_example, session_examples
from facsim.util.errors import ConfigError, InputError


@pytest.fixture(scope="module")
def chat():
    return ChatTokenizer(make_short_tokenizer())


@pytest.fixture(scope="module")
def data(shop):
    return DataSet.open(shop)


@pytest.mark.parametrize("style", ["action", "rationale", "think", "two_turn"])
def test_trained_text_is_the_answers_and_nothing_else(data, chat, style):
    session = data.session("s1-0")
    (example,) = session_examples(data, session, chat, PromptConfig(style=style, budget_tokens=None))
    labels = labels_of(example.masked)
    assert len(labels) == len(example.tokenized.tokens)
    trained = chat.tokenizer.decode([label for label in labels if label != IGNORE_INDEX])
    said = [message.content for message in example.segment.messages if message.role == "assistant"]
    assert trained == "".join(f"{text}<|im_end|>" for text in said)
    assert all(
        label in (IGNORE_INDEX, token) for label, token in zip(labels, example.tokenized.tokens, strict=True)
    )


def test_targets_that_are_not_shown_are_context(data, chat):
    """Otherwise a model would learn to answer null, or to make names up."""
    session = data.session("s0-0")
    (example,) = session_examples(data, session, chat, PromptConfig(style="action", budget_tokens=None))
    assert example.missing_targets == {2: "no name"}
    assert {span.step for span in example.trained} == {0, 1, 3}
    assert {span.step for span in example.tokenized.spans} == {0, 1, 2, 3}
    counts = ExampleCounts()
    counts.add([example])
    assert (counts.steps, counts.unnamed, counts.not_shown) == (4, 1, 0)
    assert counts.trained_tokens == example.masked.answer_tokens < example.tokenized.answer_tokens


@pytest.fixture
def long_pages(tmp_path):
    """A target at the end of a page that is longer than the budget, and one at its beginning."""
    with DataSetWriter(tmp_path / "long", Card(name="long", source="jsonl", origin="tests")) as writer:
        cards = "".join(f'<li><a name="list.item_{n}">Item {n}, a thing of use</a></li>' for n in range(120))
        page = writer.add_page(f"<ul>{cards}</ul>")
        for person in range(12):
            steps = [
                Step(page, Action.click("list.item_1")),
                Step(page, Action.click("list.item_119")),
                Step(page, Action.click("list.item_2")),
                Step(page, Action.terminate()),
            ]
            writer.add_session(Session(f"s{person}", f"u{person}", tuple(steps)))
    return DataSet.open(tmp_path / "long")


def test_long_sessions_become_several_examples_that_fit(long_pages, chat, small_model, tmp_path):
    config = SftConfig.of(long_pages.path, str(small_model), tmp_path, context_tokens=3000, style="action")
    rows = []

    def make(prompt):
        rows.clear()
        return build_examples(
            long_pages, chat, prompt, context_tokens=3000, keep=rows.append, progress=lambda *_: None
        )

    prompt, counts = fit_prompt_budget(config, long_pages, chat, small_model / "tokenizer.json", make)
    assert prompt.budget_tokens < 3000
    assert max(len(row.tokens) for row in rows) == counts.longest_example <= 3000
    assert counts.examples == len(rows) > counts.sessions == counts.split_sessions
    assert counts.not_shown == 12
    assert counts.steps == 48
    # Every step is learned in exactly one row, with all of its answer, or it is counted as not learned.
    learned = [(row.session_id, span.step) for row in rows for span in row.spans]
    assert len(learned) == len(set(learned)) == 48 - counts.not_shown
    for row in rows:
        for span in row.spans:
            text = chat.tokenizer.decode(row.tokens[span.start : span.end])
            assert text.startswith('{"type": ')
            assert text.endswith("}<|im_end|>")


def test_too_large_budgets_are_refused_with_a_fitting_one(long_pages, chat, small_model, tmp_path):
    config = SftConfig.of(
        long_pages.path, str(small_model), tmp_path, context_tokens=3000, budget_tokens=3000, style="action"
    )

    def make(prompt):
        return build_examples(
            long_pages, chat, prompt, context_tokens=3000, keep=lambda _: None, progress=lambda *_: None
        )

    with pytest.raises(ConfigError, match=r"session s0, step \d: 3\d\d\d tokens do not fit") as error:
        fit_prompt_budget(config, long_pages, chat, small_model / "tokenizer.json", make)
    advised = int(str(error.value).split("budget_tokens of ")[1].split()[0])
    fit_prompt_budget(
        config.model_copy(update={"budget_tokens": advised}),
        long_pages,
        chat,
        small_model / "tokenizer.json",
        make,
    )


def test_masked_texts_are_not_trained(tmp_path, chat):
    with DataSetWriter(tmp_path / "masked", Card(name="m", source="rrweb", origin="tests")) as writer:
        page = writer.add_page('<input name="q">')
        steps = [Step(page, Action.type_and_submit("q", text)) for text in ("tea", MASKED_TEXT)]
        writer.add_session(Session("s", "u", tuple(steps)))
    data = DataSet.open(tmp_path / "masked")
    (example,) = session_examples(
        data, data.session("s"), chat, PromptConfig(style="action", budget_tokens=None)
    )
    assert example.missing_targets == {1: "masked text"}
    counts = ExampleCounts()
    counts.add([example])
    assert (counts.steps, counts.unnamed, counts.masked_text) == (2, 0, 1)


def test_a_very_long_text_is_refused(tmp_path, chat, small_model):
    with DataSetWriter(tmp_path / "novel", Card(name="n", source="jsonl", origin="tests")) as writer:
        page = writer.add_page('<input name="q">')
        step = Step(page, Action.type_and_submit("q", " ".join(map(str, range(3000)))))
        writer.add_session(Session("novelist", "u", (step,)))
    data = DataSet.open(tmp_path / "novel")
    config = SftConfig.of(data.path, str(small_model), tmp_path, context_tokens=4096, style="action")
    with pytest.raises(ConfigError, match="session novelist: an answer of"):
        fit_prompt_budget(config, data, chat, small_model / "tokenizer.json", lambda _: None)


@pytest.mark.parametrize("loses", ["white space", "capitals"])
def test_lossy_tokenizers_are_refused(data, loses):
    from tokenizers import normalizers

    raw = (
        Tokenizer(models.WordLevel(unk_token="<unk>")) if loses == "white space" else Tokenizer(models.BPE())
    )
    special = ["<unk>", "<|im_start|>", "<|im_end|>"]
    if loses == "white space":
        raw.pre_tokenizer = pre_tokenizers.Whitespace()
        raw.train_from_iterator(
            ['{ "type" : "click" , "name" }', "user assistant system"],
            trainers.WordLevelTrainer(special_tokens=special),
        )
    else:
        raw.normalizer = normalizers.Lowercase()
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.decoder = decoders.ByteLevel()
        raw.train_from_iterator(
            ["abc"],
            trainers.BpeTrainer(special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
        )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, chat_template=CHATML, eos_token="<|im_end|>")
    chat = ChatTokenizer(tokenizer)
    session = data.session("s1-0")
    loud = replace(session.steps[0], action=Action.type_and_submit("q", "A Kettle"))
    session = replace(session, steps=(loud, *session.steps[1:]))
    with pytest.raises(InputError, match=r"session s1-0, step 1: the tokenizer .* decodes the action"):
        list(session_examples(data, session, chat, PromptConfig(style="action", budget_tokens=None)))


@pytest.mark.parametrize(
    ("spans", "problem"),
    [
        ((), "no token of an example is trained"),
        ((AnswerSpan(1, "action", 8, 12, True),), "is at tokens 8 to 12 of an example of 10"),
        ((AnswerSpan(0, "action", 2, 5, True), AnswerSpan(1, "action", 4, 6, True)), "is at tokens 4 to 6"),
    ],
)
def test_wrong_examples_are_refused(spans, problem):
    with pytest.raises(InputError, match=problem):
        check_example(TokenizedSegment("s", tuple(range(10)), spans))


def test_examples_are_read_from_disk(tmp_path):
    from datasets import Dataset

    rows = [
        TokenizedSegment(f"s{n}", tuple(range(n, n + 9)), (AnswerSpan(0, "action", 3, 5, True),))
        for n in range(150)
    ]
    with write_examples(tmp_path / "rows.arrow") as keep:
        for row in rows:
            keep(row)
    found = Dataset.from_file(str(tmp_path / "rows.arrow"))
    assert found["session_id"] == [row.session_id for row in rows]
    assert found[149]["input_ids"] == list(rows[149].tokens)
    assert found[149]["labels"] == [IGNORE_INDEX] * 3 + [152, 153] + [IGNORE_INDEX] * 4


def test_partly_written_examples_are_removed(tmp_path):
    def write():
        with write_examples(tmp_path / "rows.arrow") as keep:
            keep(TokenizedSegment("s", (1, 2), (AnswerSpan(0, "action", 1, 2, True),)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert list(tmp_path.iterdir()) == []
