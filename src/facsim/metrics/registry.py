"""The list of all metrics: name, meaning, source. Docs and reports are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, Literal, get_args

from facsim.metrics import accuracy, classification, error_types, probability, text_similarity, usage
from facsim.metrics.bootstrap import Statistic
from facsim.metrics.cases import Cases
from facsim.schema import ACTION_TYPES, ParseLevel

Better = Literal["higher", "lower"]
Unit = Literal["share", "bits", "nats", "tokens", "dollars", "seconds", "steps"]


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of a metric.

    Attributes:
        name: its key in `Metrics` and in metrics.json.
        title: heading of its column.
        group: heading of its group.
        meaning: one line.
        compute: the function that computes it; its docstring has a worked example.
        unit: its unit; a `share` is between 0 and 1.
        better: the better direction; None if neither is.
        source: where the definition comes from.
        interval: whether it has an interval (totals do not).
    """

    name: str
    title: str
    group: str
    meaning: str
    compute: Callable[[Cases], Statistic]
    unit: Unit = "share"
    better: Better | None = "higher"
    source: str = "Facsim"
    interval: bool = True


_PAPER = "arXiv 2503.20749, Evaluation"
_OPERA = "OPeRA, arXiv 2506.05606"
_SKLEARN = "scikit-learn f1_score"


def _accuracy() -> list[Definition]:
    rules: tuple[tuple[Literal["exact", "equivalent", "target"], str, str], ...] = (
        ("exact", "", "type, name and text are right"),
        ("equivalent", "_equivalent", "the same destination and folded text count as right"),
        ("target", "_target", "type and name are right, whatever the text"),
    )
    made = []
    for rule, suffix, what in rules:
        source = f"{_PAPER} 1" if rule == "exact" else "Facsim"
        label = "" if rule == "exact" else f" ({rule})"
        made += [
            Definition(
                f"accuracy{suffix}",
                f"accuracy{label}",
                "Accuracy",
                f"Share of a session's steps where {what}, averaged over sessions",
                partial(accuracy.accuracy, rule=rule),
                source=source,
            ),
            Definition(
                f"accuracy{suffix}_micro",
                f"accuracy, micro{label}",
                "Accuracy",
                f"Share of all steps where {what}",
                partial(accuracy.accuracy_micro, rule=rule),
                source=f"{_OPERA}: exact match" if rule == "exact" else "Facsim",
            ),
        ]
    made += [
        Definition(
            f"exact_{kind}",
            f"exact {kind}",
            "Accuracy",
            f"Share of the steps whose true type is {kind} that are predicted exactly",
            partial(accuracy.exact_of_type, action_type=kind),
            source="Shop-R1, arXiv 2507.17842",
        )
        for kind in ACTION_TYPES
    ]
    return made


def _classes() -> list[Definition]:
    made = [
        Definition(
            "type_accuracy",
            "type accuracy",
            "Types and categories",
            "Share of all steps whose action type is right",
            classification.type_accuracy,
            source="Shop-R1, arXiv 2507.17842",
        )
    ]
    plural = {"type": "types", "category": "categories"}
    for kind in classification.KINDS:
        made += [
            Definition(
                f"{kind}_f1_macro",
                f"{kind} F1, macro",
                "Types and categories",
                f"Mean of the F1 scores of the {plural[kind]} that are true or predicted somewhere",
                partial(classification.f1_macro, kind=kind),
                source=f"{_OPERA}; {_SKLEARN}" if kind == "type" else _SKLEARN,
            ),
            Definition(
                f"{kind}_f1_weighted",
                f"{kind} F1, weighted",
                "Types and categories",
                f"Mean of the F1 scores of the {plural[kind]}, weighted by how often each is true",
                partial(classification.f1_weighted, kind=kind),
                source=f"{_OPERA}; {_SKLEARN}" if kind == "category" else _SKLEARN,
            ),
        ]
    for kind in classification.KINDS:
        made.append(
            Definition(
                f"{kind}_divergence",
                f"{kind} divergence",
                "Types and categories",
                f"Jensen-Shannon divergence (base 2) of the predicted {plural[kind]}' shares from people's",
                partial(classification.divergence, kind=kind),
                unit="bits",
                better="lower",
                source="Lin 1991; SIMTRACE",
            )
        )
    return made


def _outcome() -> list[Definition]:
    return [
        Definition(
            "outcome_f1",
            "outcome F1",
            "Outcome",
            "F1 of purchase on the last step of each session",
            classification.outcome_f1,
            source=f"{_PAPER} 2",
        ),
        Definition(
            "outcome_f1_weighted",
            "outcome F1, weighted",
            "Outcome",
            "Weighted F1 of purchase and terminate on the last step of each session",
            classification.outcome_f1_weighted,
            source=_OPERA,
        ),
    ]


_ERRORS: Mapping[error_types.ErrorType, tuple[str, str]] = {
    "failed": ("call failed", "the call failed for good"),
    "unparseable": ("unparseable", "no action could be read from the answer"),
    "illegal": ("illegal", "the predicted name is not on the page"),
    "no_terminate": ("didn't terminate", "the person left and another type was predicted"),
    "no_click": ("didn't click", "the person clicked and another type was predicted"),
    "no_search": ("didn't search", "the person typed and another type was predicted"),
    "wrong_click": ("clicked wrong button", "a click on something else was predicted"),
    "wrong_field": ("typed into wrong field", "typing into another field was predicted"),
    "wrong_text": ("searched wrong keyword", "another text in the right field was predicted"),
}


def _errors() -> list[Definition]:
    from_paper = error_types.ERROR_TYPES[3:]
    return [
        Definition(
            f"error_{error}",
            _ERRORS[error][0],
            "Errors",
            f"Share of all steps that are no exact match because {_ERRORS[error][1]}",
            partial(error_types.error_rate, error=error),
            better="lower",
            source=f"{_PAPER} 5" if error in from_paper and error != "wrong_field" else "Facsim",
        )
        for error in error_types.ERROR_TYPES
    ]


def _answers() -> list[Definition]:
    levels: tuple[ParseLevel, ...] = get_args(ParseLevel)
    how = {
        "strict": "was read strictly",
        "lenient": "needed leniencies to be read",
        "failed": "could not be read or is missing",
    }
    better: dict[str, Better | None] = {"strict": "higher", "lenient": None, "failed": "lower"}
    return [
        Definition(
            "reachability",
            "reachable",
            "Ceilings and answers",
            "Share of all steps whose true target has a name and is on the page",
            accuracy.reachability,
        ),
        Definition(
            "shown",
            "shown",
            "Ceilings and answers",
            "Share of all steps whose true target was in the prompt",
            accuracy.shown,
        ),
        *[
            Definition(
                f"parse_{level}",
                f"parsed: {level}",
                "Ceilings and answers",
                f"Share of all steps whose answer {how[level]}",
                partial(accuracy.parsed, level=level),
                better=better[level],
            )
            for level in levels
        ],
        Definition(
            "query_token_f1",
            "query F1",
            "Ceilings and answers",
            "Mean F1 of the words of typed and true text, on steps where both type",
            text_similarity.query_token_f1,
            source="SQuAD, Rajpurkar et al. 2016",
        ),
        Definition(
            "query_similarity",
            "query similarity",
            "Ceilings and answers",
            "Mean of 1 - Levenshtein distance / longer length, on steps where both type",
            text_similarity.query_similarity,
            source="Levenshtein 1966; SIMTRACE",
        ),
    ]


def _probability() -> list[Definition]:
    group = "Probabilities"
    return [
        Definition(
            "nll",
            "NLL",
            group,
            "Mean negative log-likelihood of the true action, where it has a probability above zero",
            probability.negative_log_likelihood,
            unit="nats",
            better="lower",
            source="scikit-learn log_loss",
        ),
        Definition(
            "probability_coverage",
            "NLL coverage",
            group,
            "Share of all steps whose true action has a probability above zero",
            probability.probability_coverage,
        ),
        *[
            Definition(
                f"top_{k}",
                f"top-{k}",
                group,
                f"Share of all steps whose true action is among the {k} most probable"
                if k > 1
                else "Share of all steps whose true action is the most probable",
                partial(probability.top_k, k=k),
                source="scikit-learn top_k_accuracy_score",
            )
            for k in (1, 3, 5, 10)
        ],
        Definition(
            "calibration_error",
            "ECE",
            group,
            "Mean gap between confidence and exact accuracy over ten bins of equal mass",
            probability.calibration_error,
            better="lower",
            source="Naeini et al. 2015; equal-mass bins: Nguyen & O'Connor 2015",
        ),
    ]


def _effort() -> list[Definition]:
    units: Mapping[usage.Effort, Unit] = {
        "input_tokens": "tokens",
        "cached_tokens": "tokens",
        "output_tokens": "tokens",
        "cost": "dollars",
        "seconds": "seconds",
    }
    made = []
    for name, unit in units.items():
        title = name.replace("_", " ")
        made += [
            Definition(
                f"{name}_total",
                f"{title}, total",
                "Effort",
                f"Sum of {title} over the steps where it is known",
                partial(usage.effort_total, effort=name),
                unit=unit,
                better=None,
                interval=False,
            ),
            Definition(
                f"{name}_mean",
                f"{title} per step",
                "Effort",
                f"Mean of {title} over the steps where it is known",
                partial(usage.effort_mean, effort=name),
                unit=unit,
                better=None,
            ),
        ]
    made.append(
        Definition(
            "session_length",
            "steps per session",
            "Effort",
            "Mean number of test cases of a session",
            usage.session_length,
            unit="steps",
            better=None,
        )
    )
    return made


METRICS: Final[Mapping[str, Definition]] = MappingProxyType(
    {
        definition.name: definition
        for definition in (
            *_accuracy(),
            *_classes(),
            *_outcome(),
            *_errors(),
            *_answers(),
            *_probability(),
            *_effort(),
        )
    }
)
"""Every metric by name, in the order of reports."""
