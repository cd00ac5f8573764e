"""Training settings: which sessions, how they are shown, and the recipe; presets and configuration files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facsim.data.splits import SplitBy
from facsim.lm.locate import TINY
from facsim.lm.model_catalog import CATALOG
from facsim.prompt import BudgetPolicy, Pages, PageText, PromptConfig, Style
from facsim.util.validation import option_error
from facsim.util.yaml_config import read_yaml

Preset = Literal["paper", "small", "tiny"]
Schedule = Literal["cosine", "linear", "constant"]
Optimizer = Literal["adamw", "muon"]
Tracker = Literal["trackio", "wandb", "mlflow", "tensorboard"]

INCIDENTAL: Final = frozenset({"save_every", "cpu", "log_to"})
"""Fields that do not change what is learned: a resumed training may change them."""


class SftSettings(BaseModel):
    """Every setting that a configuration file may contain; the preset fills in the others."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    style: Style = "rationale"
    """The form of an answer (`facsim.prompt.PromptConfig`)."""

    context_tokens: int = Field(default=40_000, ge=64)
    """Most tokens of one training example, answers included. Longer sessions become several examples."""

    budget_tokens: int | None = Field(default=None, gt=0)
    """Most tokens of a prompt. Default: what the context leaves beside the longest answer."""

    budget_policy: BudgetPolicy = "drop_oldest"
    """What is cut first in a session that is too long."""

    persona: bool = True
    """Whether the prompt includes the persona."""

    person_after_pages: bool = False
    """Whether persona and intent follow every page instead of being in the system message."""

    page_text: PageText = "condensed"
    """How pages are written: condensed, or as the data set stores them."""

    pages: Pages = "full"
    """Whole pages, or pages after the first without what an earlier page of the prompt shows."""

    split_by: SplitBy = "user"
    """How the data set is split. The train part is trained on, the validation part chooses the checkpoint."""

    seed: int = 0
    """Seed of the split, of the choice and order of sessions, and of new weights (LoRA)."""

    training_seed: int | None = None
    """Seed of the order of examples and of new weights alone. Default: `seed`."""

    sessions: int | None = Field(default=None, ge=1)
    """Train on at most this many sessions, drawn at random; a larger number adds to a smaller one."""

    validation_sessions: int = Field(default=100, ge=0)
    """Most validation sessions, drawn at random. 0: no validation, the last weights are kept."""

    allow_shared_users: bool = False
    """Whether people of the test part may be in the train part. Results then say how well known people are
    predicted."""

    method: Literal["full", "lora"] = "full"
    """`full`: train all weights. `lora`: train low-rank adapters of all linear layers, merged at the end."""

    train_embeddings: bool = True
    """Whether token embeddings are trained, and with them an output layer that is tied to them. Freezing them
    saves a CPU much of the work on a small model with a large vocabulary."""

    lora_rank: int = Field(default=16, ge=1)
    """Rank of the LoRA adapters."""

    lora_alpha: int = Field(default=32, ge=1)
    """Scale of the LoRA adapters, times their rank."""

    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the inputs of the LoRA adapters."""

    optimizer: Optimizer = "adamw"
    """`muon`: Muon for the matrices of the layers, AdamW for all other weights; method full, one process. For
    small models that have much to learn."""

    learning_rate: float = Field(default=2e-5, gt=0)
    """Peak learning rate."""

    schedule: Schedule = "cosine"
    """How the learning rate decays."""

    warmup_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the steps over which the learning rate rises to its peak."""

    weight_decay: float = Field(default=0.0, ge=0)
    """Weight decay of AdamW; the matrices that Muon trains have none."""

    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are clipped to this norm."""

    epochs: float = Field(default=1.0, gt=0)
    """How often every example is seen."""

    global_batch: int = Field(default=64, ge=1)
    """Examples in one step of the optimizer, over all processes."""

    max_steps: int | None = Field(default=None, ge=1)
    """Stop after this many steps of the optimizer; the schedule ends there, too."""

    packing: bool | None = None
    """Whether short examples are packed together (none attends to another). Default: if FlashAttention is
    installed and there is a GPU. Elsewhere one example at a time has no padding either, and needs no mask."""

    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """`auto`: bf16 on a GPU that has it, and on a CPU where half a second of measuring finds it faster;
    otherwise fp32."""

    gradient_checkpointing: bool | None = None
    """Whether activations are recomputed instead of kept. Default: on a GPU."""

    attention: str | None = None
    """An attention implementation of transformers. Default: FlashAttention 2 on a GPU where it is installed,
    matrix products over blocks of queries in bf16 on a CPU (`facsim.lm.blockwise_attention`), otherwise
    `sdpa`."""

    liger: bool | None = None
    """Whether layers run on Liger kernels. Default: if there is a GPU and `liger_kernel` is installed."""

    cpu: bool = False
    """Train on the CPU even if there is a GPU."""

    validations: int = Field(default=8, ge=1)
    """How many times the validation part is scored, evenly spaced; the last time at the end."""

    log_to: Tracker | None = None
    """Experiment tracker that gets loss, learning rate and validation, through the trainer's own
    integration. Its package must be installed; its account and folder come from its own environment
    variables."""

    save_every: int | None = Field(default=None, ge=1)
    """Steps between two checkpoints that `--resume` can start from. Default: with every validation."""


class SftConfig(SftSettings):
    """The complete configuration of one supervised fine-tuning."""

    data: Path
    """The data set folder."""

    model: str
    """`tiny` (the base model that comes with Facsim), a folder, or the id of a model on the hub."""

    out: Path
    """The folder for the checkpoint. It must not exist, unless training is resumed."""

    @classmethod
    def of(
        cls,
        data: str | Path,
        model: str,
        out: str | Path,
        *,
        preset: Preset | None = None,
        file: str | Path | None = None,
        **choices: object,
    ) -> Self:
        """A configuration: the preset, overridden by the file, overridden by the arguments.

        Args:
            data: the data set folder.
            model: the model to train.
            out: the folder for the checkpoint.
            preset: by default `tiny` for the model `tiny`, `small` for the small models by name, otherwise
                `paper`.
            file: a YAML file with any of the fields.
            choices: any of the fields; None means not given.

        Raises:
            ConfigError: if a value is invalid.
        """
        recipe = dict(PRESETS[preset or _default_preset(model)])
        if file is not None:
            read = read_yaml(SftSettings, Path(file))
            recipe |= {name: getattr(read, name) for name in read.model_fields_set}
        recipe |= {name: value for name, value in choices.items() if value is not None}
        try:
            return cls.model_validate({"data": data, "model": model, "out": out} | recipe)
        except ValidationError as error:
            raise option_error(error) from None

    def prompt(self, tokenizer: Path, budget_tokens: int) -> PromptConfig:
        """How sessions are shown: in training, in validation, and when the checkpoint is evaluated."""
        return PromptConfig(
            style=self.style,
            budget_tokens=budget_tokens,
            budget_policy=self.budget_policy,
            tokenizer=tokenizer,
            persona=self.persona,
            person_after_pages=self.person_after_pages,
            page_text=self.page_text,
            pages=self.pages,
        )

    def identity(self) -> dict[str, Any]:
        """What a resumed training must have in common with its start, as JSON values."""
        return self.model_dump(mode="json", exclude={"data", "model", "out", *INCIDENTAL})


PRESETS: Final[Mapping[Preset, Mapping[str, object]]] = MappingProxyType(
    {
        # Section on training of arXiv 2503.20749.
        "paper": MappingProxyType(
            {
                "learning_rate": 2e-5,
                "schedule": "cosine",
                "epochs": 1.0,
                "context_tokens": 40_000,
                "global_batch": 64,
            }
        ),
        # Pre-trained models of 135M to 500M parameters, on one GPU or a CPU. Found with SmolLM2-135M-Instruct
        # on people who book flights; experiments/real_people.py measures what it gives.
        "small": MappingProxyType(
            {
                "style": "action",
                "pages": "changes",
                "train_embeddings": False,
                "learning_rate": 1.5e-4,
                "schedule": "cosine",
                "warmup_share": 0.05,
                "epochs": 1.0,
                "context_tokens": 4_096,
                "global_batch": 4,
                "validation_sessions": 40,
                "validations": 4,
            }
        ),
        # The base model that comes with Facsim, prompted as it was pre-trained; minutes on a CPU.
        "tiny": MappingProxyType(
            {
                "style": "action",
                "person_after_pages": True,
                "page_text": "stored",
                "optimizer": "muon",
                "learning_rate": 1e-3,
                "schedule": "cosine",
                "warmup_share": 0.05,
                "epochs": 2.0,
                "budget_tokens": 1_000,
                "context_tokens": 1_536,
                "global_batch": 4,
                "validation_sessions": 24,
                "validations": 3,
            }
        ),
    }
)
"""Recipes by name."""


def _default_preset(model: str) -> Preset:
    """The recipe for a model, unless one is named."""
    if model == TINY:
        return "tiny"
    return "small" if model in CATALOG else "paper"
