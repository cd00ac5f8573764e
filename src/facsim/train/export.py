"""Export the best weights as a checkpoint that other tools can load."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from facsim.lm.chat_tokenizer import ChatTokenizer
from facsim.lm.checkpoint import load_checkpoint
from facsim.lm.checkpoint_settings import write_settings
from facsim.prompt import PromptConfig
from facsim.train.curves import draw_curves
from facsim.train.report import REPORT_FILE, TrainingReport, model_card
from facsim.train.serving import is_auto_tokenizer, stop_at_answers
from facsim.train.training_folder import SCORE_FILE, TrainingFolder

ADAPTER = "adapter"
"""Folder within the checkpoint, with the LoRA adapter by itself."""


def export_checkpoint(
    folder: TrainingFolder,
    report: TrainingReport,
    *,
    base: Path,
    chat: ChatTokenizer,
    prompt: PromptConfig,
    facts: Mapping[str, Any],
) -> None:
    """Write the checkpoint and the files beside it. May be repeated after a kill: training.json comes last.

    Args:
        folder: of the training; its best weights are exported.
        report: of the training.
        base: folder of the base model, for LoRA.
        chat: the tokenizer.
        prompt: how sessions were shown.
        facts: for `facsim.json`.

    Raises:
        OSError: if the disk is full.
    """
    best, out = folder.best_folder, folder.out
    is_bf16 = bool(facts["bf16"])
    if (best / "adapter_config.json").is_file():
        _merge(base, best, out, chat, is_bf16=is_bf16)
        chat.tokenizer.save_pretrained(out)
    elif is_bf16:
        # Computed in bf16, so nothing is lost by storing bf16, at half the size.
        model = load_checkpoint(best, dtype="float32").model
        model.to(torch.bfloat16).save_pretrained(out)
        chat.tokenizer.save_pretrained(out)
    else:
        for file in sorted(best.iterdir()):
            if file.is_file() and file.name != SCORE_FILE:
                _link(file, out / file.name)
    write_settings(out, prompt, **facts)
    card = model_card(report, auto_tokenizer=is_auto_tokenizer(out, chat))
    (out / "README.md").write_text(card, encoding="utf-8")
    draw_curves(report, out)
    partial = out / f".{REPORT_FILE}.partial"
    partial.write_text(report.to_json(), encoding="utf-8")
    partial.rename(out / REPORT_FILE)


def _merge(base: Path, adapter: Path, out: Path, chat: ChatTokenizer, *, is_bf16: bool) -> None:
    """Merge LoRA weights into the model's own, in fp32, and keep the adapter too."""
    from peft import PeftModel  # noqa: PLC0415 - slow to import

    model = load_checkpoint(base, dtype="float32").model
    stop_at_answers(model, chat)
    merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    if is_bf16:
        merged = merged.to(torch.bfloat16)
    merged.save_pretrained(out)
    kept = out / ADAPTER
    kept.mkdir(exist_ok=True)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        _link(adapter / name, kept / name)


def _link(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it where the file system has no hard links."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
