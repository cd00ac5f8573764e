"""Everything that a choice model learns: the state that is fitted, saved and loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from facsim.predict.choice.choice_rates import ChoiceRates
from facsim.predict.choice.choice_situation import SymbolTable
from facsim.predict.choice.page_table import Floats
from facsim.predict.choice.text_model import TextModel

if TYPE_CHECKING:
    import lightgbm


@dataclass
class ChoiceParameters:
    """The fitted state of a choice model.

    Attributes:
        symbols: names, intent keys and symbols of the train part.
        rates: how often people choose what they are offered.
        codes: categorical code of each symbol, 0 for rare ones, shape `(symbols + 1,)`. The last entry is
            for unknown symbols.
        booster: the trees; None before fitting, and without training examples.
        temperature: softmax temperature.
        texts: the model of typed texts.
        seed: seed of the fit; None before fitting.
    """

    symbols: SymbolTable = field(default_factory=SymbolTable)
    rates: ChoiceRates = field(default_factory=ChoiceRates)
    codes: Floats = field(default_factory=lambda: np.zeros(1, np.float32))
    booster: lightgbm.Booster | None = None
    temperature: float = 1.0
    texts: TextModel = field(default_factory=TextModel)
    seed: int | None = None
