"""Presets, files and options, in this order of precedence; errors name the field."""

import pytest

from facsim.train import PRESETS, SftConfig
from facsim.util.errors import ConfigError


def test_the_preset_paper_is_the_papers_recipe():
    config = SftConfig.of("data", "Qwen/Qwen2.5-7B", "out")
    assert (config.learning_rate, config.schedule, config.epochs) == (2e-5, "cosine", 1.0)
    assert (config.context_tokens, config.global_batch, config.warmup_share) == (40_000, 64, 0.0)


def test_small_models_by_name_have_a_recipe_of_their_own():
    assert PRESETS["small"].items() <= SftConfig.of("data", "smollm2", "out").model_dump().items()
    assert SftConfig.of("data", "smollm2", "out", preset="paper").learning_rate == 2e-5
    assert (
        SftConfig.of("data", "HuggingFaceTB/SmolLM2-135M-Instruct", "out", preset="small").pages == "changes"
    )


def test_options_override_the_file_and_the_file_overrides_the_preset(tmp_path):
    file = tmp_path / "recipe.yaml"
    file.write_text("epochs: 7\nlearning_rate: 3.0e-4\n")
    config = SftConfig.of("data", "tiny", "out", file=file, learning_rate=1e-5, style=None)
    assert (config.epochs, config.learning_rate) == (7, 1e-5)
    assert config.context_tokens == PRESETS["tiny"]["context_tokens"]
    assert config.style == PRESETS["tiny"]["style"] == "action"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("epoch: 3\n", "line 1, field epoch: no such field; did you mean epochs"),
        ("epochs: -1\n", "line 1, field epochs: .*greater than 0"),
        ("style: poem\n", "field style"),
        ("data: elsewhere\n", "no such field"),
    ],
)
def test_errors_in_files_are_named(tmp_path, text, problem):
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        SftConfig.of("data", "tiny", "out", file=file)


def test_wrong_options_are_named():
    with pytest.raises(ConfigError, match="lora_rank 0"):
        SftConfig.of("data", "tiny", "out", lora_rank=0)


def test_a_resumed_training_may_save_more_often_and_move():
    one = SftConfig.of("data", "tiny", "out", save_every=3)
    other = SftConfig.of("elsewhere", "tiny", "there")
    assert one.identity() == other.identity()
    assert one.identity() != SftConfig.of("data", "tiny", "out", epochs=9).identity()


def test_the_command_line_has_every_setting():
    """Each option reaches the configuration, with a value that is not its default."""
    from dataclasses import fields

    from facsim.cli import train
    from facsim.train.config import SftSettings

    groups = (train._Examples, train._Recipe, train._Machine)
    options = {field.name for group in groups for field in fields(group)} | {"style"}
    assert options == set(SftSettings.model_fields) | {"preset", "config"}
    given = train._settings(
        train._Examples(preset="tiny", context_tokens=2048),
        train._Recipe(warmup_share=0.25, weight_decay=0.1, max_grad_norm=2.0, lora_alpha=8, lora_dropout=0.5),
        train._Machine(cpu=True),
    )
    config = SftConfig.of("data", "tiny", "out", **given)
    assert (config.warmup_share, config.weight_decay, config.max_grad_norm) == (0.25, 0.1, 2.0)
    assert (config.lora_alpha, config.lora_dropout, config.cpu, config.context_tokens) == (8, 0.5, True, 2048)
    assert config.learning_rate == PRESETS["tiny"]["learning_rate"]
