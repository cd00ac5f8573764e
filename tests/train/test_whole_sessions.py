"""One example per session trains what one example per step does, with fewer tokens; packing keeps them apart."""

import pytest
import torch
from datasets import Dataset
from trl import pack_dataset
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from facsim.data import DataSet, replay
from facsim.lm.checkpoint import load_checkpoint
from facsim.prompt import PromptConfig, build_prompt
from facsim.train import train_sft
from facsim.train.example_file import IGNORE_INDEX, labels_of
from facsim.train.examples import session_examples
from facsim.train.trainer import SessionTrainer
from facsim.train.trl_settings import Hardware, trl_settings

PROMPT = PromptConfig(style="action", budget_tokens=None)


@pytest.fixture(scope="module")
def model(small_model):
    return load_checkpoint(small_model)


@pytest.fixture(scope="module")
def examples(shop, model):
    data = DataSet.open(shop)
    return [
        example
        for session_id in data.session_ids[:10]
        for example in session_examples(data, data.session(session_id), model.chat, PROMPT)
    ]


def answer_loss(model, tokens, begin):
    """The loss of the answer that ends a sequence, summed over its tokens, by a plain forward pass."""
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0]
    said = torch.tensor(tokens[begin:])
    return torch.nn.functional.cross_entropy(logits[begin - 1 : -1], said, reduction="sum")


def test_the_loss_is_that_of_one_example_per_step(shop, model, examples):
    """The very prompts of an evaluation, each with its answer, one by one."""
    data = DataSet.open(shop)
    for example in examples[:6]:
        expected, stepwise = {}, 0
        for so_far, step in replay(data, data.session(example.tokenized.session_id)):
            asked = model.chat.encode_prompt(build_prompt(so_far, PROMPT).messages)
            span = next(span for span in example.tokenized.spans if span.step == so_far.step)
            tokens = [*asked, *example.tokenized.tokens[span.start : span.end]]
            stepwise += len(tokens)
            assert step.action.type in model.chat.tokenizer.decode(tokens[len(asked) :])
            expected[so_far.step] = answer_loss(model.model, tokens, len(asked))
        with torch.inference_mode():
            logits = model.model(input_ids=torch.tensor([example.tokenized.tokens]), use_cache=False).logits[
                0
            ]
        for span in example.tokenized.spans:
            said = torch.tensor(example.tokenized.tokens[span.start : span.end])
            found = torch.nn.functional.cross_entropy(
                logits[span.start - 1 : span.end - 1], said, reduction="sum"
            )
            torch.testing.assert_close(found, expected[span.step], rtol=1e-4, atol=1e-4)
        assert stepwise > 2 * len(example.tokenized.tokens)


def trainer_of(config, sequences, rows, model, tmp_path):
    """A trainer of which only the loss is used."""
    from facsim.train.training_folder import TrainingFolder

    hardware = Hardware.of(config, model.model.config)
    return SessionTrainer(
        model.model,
        trl_settings(config, hardware, tmp_path),
        examples=rows,
        train_dataset=sequences,
        validation=None,
        folder=TrainingFolder(tmp_path),
        processing_class=model.chat.tokenizer,
    )


@pytest.mark.parametrize("packing", [False, True])
def test_the_loss_at_answers_is_the_models_own(config, examples, model, tmp_path, packing):
    """Computed before trained tokens only, with packed examples apart, and scaled as TRL scales it."""
    rows = Dataset.from_dict(
        {
            "session_id": [example.tokenized.session_id for example in examples],
            "input_ids": [list(example.tokenized.tokens) for example in examples],
            "labels": [labels_of(example.masked) for example in examples],
        }
    )
    sequences = rows.select_columns(["input_ids", "labels"])
    if packing:
        sequences = pack_dataset(sequences, 2000, "bfd")
        assert len(sequences) < len(rows) / 2
    trainer = trainer_of(config(packing=packing, context_tokens=2000), sequences, rows, model, tmp_path)
    collate = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=packing)
    total = torch.tensor(sum(label != IGNORE_INDEX for labels in rows["labels"] for label in labels))
    together = sum(
        float(trainer.compute_loss(trainer.model, collate([sequence]), num_items_in_batch=total).detach())
        for sequence in sequences
    )
    alone = 0.0
    for example in examples:
        with torch.inference_mode():
            output = model.model(
                input_ids=torch.tensor([example.tokenized.tokens]),
                labels=torch.tensor([labels_of(example.masked)]),
                use_cache=False,
                num_items_in_batch=total,
            )
        alone += float(output.loss)
    assert together == pytest.approx(alone, rel=1e-4)


def test_packed_training_learns_as_much(config):
    """The same sessions in fewer packed examples: as many trained tokens, and a loss that falls."""
    report = train_sft(
        config(packing=True, context_tokens=4096, global_batch=1, epochs=2, learning_rate=5e-3)
    )
    assert report.packed_examples < report.examples["examples"] / 1.5
    assert report.losses[-1]["loss"] < report.losses[0]["loss"]
