"""Save and load choice models: a folder of JSON and LightGBM's text format. No code is loaded.

model.json     everything but the trees, and the hashes of the other files
elements.txt   the trees that score elements
texts.txt      the trees that score texts
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facsim.lm.untrusted_files import require_regular
from facsim.predict.choice.choice_rates import RATE_FAMILIES, ChoiceRates, RateCounts
from facsim.predict.choice.choice_situation import SymbolTable
from facsim.predict.choice.features import FEATURES
from facsim.predict.choice.folds import FOLDS
from facsim.predict.choice.parameters import ChoiceParameters
from facsim.predict.choice.text_model import FEATURES as TEXT_FEATURES
from facsim.util.errors import ConfigError, FacsimError, InputError
from facsim.util.validation import file_error

_MAX_BYTES: Final = 1 << 30
MODEL, ELEMENTS, TEXTS = "model.json", "elements.txt", "texts.txt"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# A model folder may come from a stranger: no value may overflow an array or turn probabilities into NaN.
_Code = Annotated[int, Field(ge=-1, lt=2**62)]
_Count = Annotated[int, Field(ge=0, lt=2**31)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Temperature = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _StoredCounts(_Strict):
    pairs: list[_Code]
    chosen: list[_Count]
    offered: list[_Count]
    contexts: list[_Code]
    met: list[_Count]


class _StoredTexts(_Strict):
    frequent: dict[str, dict[str, _Count]]
    key_counts: dict[str, dict[str, _Count]]
    coverage: Annotated[float, Field(ge=0, le=1)]
    temperature: _Temperature


class _Stored(_Strict):
    format: Literal["facsim choice model"]
    version: Literal[1]
    seed: int | None
    temperature: _Temperature
    names: list[str]
    typed: list[str]
    keys: list[str]
    symbols: list[str]
    contexts: list[list[_Code]]
    codes: list[_Finite]
    rates: list[list[_StoredCounts]]
    texts: _StoredTexts
    hashes: dict[str, str]


def save_parameters(model: ChoiceParameters, path: str | Path) -> None:
    """Write a fitted model into the folder `path`, atomically.

    Raises:
        ConfigError: if `path` exists and holds something else.
        FacsimError: if it cannot be written.
    """
    path = Path(path)
    if path.exists() and not (path / MODEL).exists():
        if not path.is_dir() or any(path.iterdir()):
            raise ConfigError(f"{path} exists and is not a saved choice model. Choose another folder")
        path.rmdir()
    trees = {
        file: booster.model_to_string(num_iteration=booster.best_iteration or -1)
        for file, booster in ((ELEMENTS, model.booster), (TEXTS, model.texts.booster))
        if booster is not None
    }
    symbols, texts = model.symbols, model.texts
    stored = _Stored(
        format="facsim choice model",
        version=1,
        seed=model.seed,
        temperature=model.temperature,
        names=sorted(symbols.names),
        typed=sorted(symbols.typed),
        keys=list(symbols.keys),
        symbols=list(symbols.numbers),
        contexts=[list(context) for context in symbols.contexts],
        codes=model.codes.tolist(),
        rates=[[_stored(counts) for counts in family] for family in model.rates.counts],
        texts=_StoredTexts(
            frequent={name: dict(counts) for name, counts in texts.frequent.items()},
            key_counts={
                name: {key: sum(by) for key, by in counts.items()}
                for name, counts in texts.key_counts.items()
            },
            coverage=texts.coverage,
            temperature=texts.temperature,
        ),
        hashes={file: _hash(text) for file, text in trees.items()},
    )
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for file, text in trees.items():
            (partial / file).write_text(text, encoding="utf-8")
        (partial / MODEL).write_text(stored.model_dump_json() + "\n", encoding="utf-8")
        if path.exists():
            shutil.rmtree(path)
        partial.rename(path)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise FacsimError(
            f"the choice model cannot be saved to {path}: {error.strerror}. Free some space or choose "
            "another folder, then run the command again"
        ) from None


def load_parameters(path: str | Path) -> tuple[ChoiceParameters, str]:
    """Read a model that `save_parameters` wrote.

    Returns:
        The fitted state, and the SHA-256 fingerprint of all files.

    Raises:
        InputError: if a file is missing, was changed, or does not fit this version's features.
    """
    path = Path(path)
    stored = _read(path / MODEL)
    model = ChoiceParameters(seed=stored.seed, temperature=stored.temperature)
    model.symbols = SymbolTable(
        names=frozenset(stored.names),
        typed=frozenset(stored.typed),
        keys=tuple(stored.keys),
        numbers={symbol: number for number, symbol in enumerate(stored.symbols)},
        contexts={tuple(context): number for number, context in enumerate(stored.contexts)},
    )
    model.codes = np.array(stored.codes, np.float32)
    _check(path, "rates", [len(family) for family in stored.rates] in ([], [f.depths for f in RATE_FAMILIES]))
    _check(path, "codes", len(model.codes) in (1, len(stored.symbols) + 1))
    model.rates = ChoiceRates([[_counts(path, counts) for counts in family] for family in stored.rates])
    model.texts.frequent = {"": Counter()} | {
        name: Counter(counts) for name, counts in stored.texts.frequent.items()
    }
    model.texts.key_counts = {
        name: {key: [count] + [0] * (FOLDS - 1) for key, count in counts.items()}
        for name, counts in stored.texts.key_counts.items()
    }
    model.texts.coverage, model.texts.temperature = stored.texts.coverage, stored.texts.temperature
    model.booster = _booster(path / ELEMENTS, stored.hashes, FEATURES)
    model.texts.booster = _booster(path / TEXTS, stored.hashes, TEXT_FEATURES)
    return model, _hash(stored.model_dump_json())  # includes the hashes of the other files


def _read(file: Path) -> _Stored:
    if not file.exists():
        raise InputError(
            "no such file",
            file=file,
            expected="a saved choice model",
            remedy="Save one with `ChoiceModel.save`, or use `choice`, which is fitted on the train part",
        )
    require_regular(file, _MAX_BYTES)
    try:
        return _Stored.model_validate_json(file.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from None
    except ValidationError as error:
        raise file_error(error, file) from None


def _booster(file: Path, hashes: dict[str, str], features: tuple[str, ...]) -> Any:
    if file.name not in hashes:
        return None
    import lightgbm  # noqa: PLC0415

    require_regular(file, _MAX_BYTES)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=file) from None
    if _hash(text) != hashes[file.name]:
        raise InputError(
            "has changed since it was saved",
            file=file,
            expected=f"the hash in {MODEL}",
            remedy="Save the model again",
        )
    booster = lightgbm.Booster(model_str=text)
    if tuple(booster.feature_name()) != features:
        raise InputError(
            "has different features",
            file=file,
            expected="the features of this version of facsim",
            remedy="Fit the model again",
        )
    return booster


def _check(path: Path, field: str, holds: bool) -> None:
    if not holds:
        raise InputError("has the wrong length", file=path / MODEL, where=f"field {field}")


def _stored(counts: RateCounts) -> _StoredCounts:
    return _StoredCounts(
        pairs=counts.pairs.tolist(),
        chosen=counts.chosen.sum(axis=1).astype(int).tolist(),
        offered=counts.offered.sum(axis=1).astype(int).tolist(),
        contexts=counts.contexts.tolist(),
        met=counts.met.sum(axis=1).astype(int).tolist(),
    )


def _counts(path: Path, stored: _StoredCounts) -> RateCounts:
    _check(path, "rates", len(stored.pairs) == len(stored.chosen) == len(stored.offered))
    _check(path, "rates", len(stored.contexts) == len(stored.met))
    return RateCounts(
        pairs=np.array(stored.pairs, np.int64),
        chosen=np.array(stored.chosen, np.float32)[:, None],
        offered=np.array(stored.offered, np.float32)[:, None],
        contexts=np.array(stored.contexts, np.int64),
        met=np.array(stored.met, np.float32)[:, None],
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
