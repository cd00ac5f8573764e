"""When a prediction counts as right.

Three rules, from strict to lenient. `matches` defines them for two actions; `match_expression` applies them
to a table of test cases.

- `exact`: type, name and text are equal. The paper's rule. Names are compared character by character; text
  after Unicode normalization (NFC) and removal of outer white space.
- `equivalent`: as exact, but another element with the same destination also matches (picture and title of one
  product), and text is compared after case folding, with runs of white space as one space.
- `target`: type and name only; the text does not count.

A true target without a name never matches: the step remains in the denominator. A true text that the person's
recorder masked is unknown (`facsim.schema.MASKED_TEXT`): any text matches it.
`terminate` has neither name nor text and matches on its type.
"""

from __future__ import annotations

import unicodedata
from typing import Literal, get_args

import polars as pl

from facsim.schema import MASKED_TEXT, Action
from facsim.util.errors import ConfigError

Rule = Literal["exact", "equivalent", "target"]
RULES: tuple[Rule, ...] = get_args(Rule)


def check_rule(rule: str) -> None:
    """Check the name of a matching rule.

    Raises:
        ConfigError: if `rule` is none of `RULES`.
    """
    if rule not in RULES:
        raise ConfigError(f"unknown matching rule {rule!r}; expected one of {', '.join(RULES)}")


def normalize_text(text: str) -> str:
    r"""Text as the exact rule compares it: NFC, outer white space removed.

    >>> normalize_text("  cafe\u0301 au lait\n") == "caf\u00e9 au lait"
    True
    """
    return unicodedata.normalize("NFC", text).strip()


def fold_text(text: str) -> str:
    """Text as the equivalent rule compares it: also case folded, with runs of white space as one space.

    >>> fold_text("  Running   SHOES ")
    'running shoes'
    """
    # Case folding can decompose characters, so NFC comes last.
    return unicodedata.normalize("NFC", " ".join(unicodedata.normalize("NFC", text).casefold().split()))


def matches(
    true: Action, predicted: Action | None, rule: Rule = "exact", *, same_destination: bool = False
) -> bool:
    """Whether a prediction is right under a rule.

    Args:
        true: what the person did.
        predicted: the prediction; None (no answer) never matches.
        rule: `exact`, `equivalent` or `target`.
        same_destination: whether the page lists the predicted element as equivalent to the true one.

    Raises:
        ConfigError: for an unknown rule.

    >>> search = Action.type_and_submit("search_input", "Running shoes")
    >>> matches(search, Action.type_and_submit("search_input", " Running shoes "))
    True
    >>> matches(search, Action.type_and_submit("search_input", "running  shoes"))
    False
    >>> matches(search, Action.type_and_submit("search_input", "running  shoes"), "equivalent")
    True
    >>> matches(search, Action.type_and_submit("search_input", "socks"), "target")
    True
    >>> picture, title = Action.click("results.shoe.picture"), Action.click("results.shoe.title")
    >>> [matches(picture, title, rule, same_destination=True) for rule in RULES]
    [False, True, False]
    >>> matches(Action.terminate(), Action.terminate())
    True
    >>> matches(Action.click(None), Action.click(None))  # no name, no match
    False
    >>> matches(Action.type_and_submit("name", MASKED_TEXT), Action.type_and_submit("name", "Ada"))
    True
    """
    check_rule(rule)
    if predicted is None or predicted.type != true.type:
        return False
    if true.type == "terminate":
        return True
    same_target = true.name is not None and (
        predicted.name == true.name or (rule == "equivalent" and same_destination)
    )
    if not same_target or rule == "target" or true.text in (None, MASKED_TEXT) or predicted.text is None:
        return same_target
    fold = fold_text if rule == "equivalent" else normalize_text
    return fold(predicted.text) == fold(true.text)


def match_expression(rule: Rule) -> pl.Expr:
    """The rule as a Boolean polars expression over a table of test cases. Never null.

    Raises:
        ConfigError: for an unknown rule.
    """
    check_rule(rule)
    same_type = pl.col("true_type").eq(pl.col("pred_type"))
    same_target = pl.col("true_name").eq(pl.col("pred_name"))
    if rule == "equivalent":
        same_target = pl.col("true_name").is_not_null() & (
            same_target.fill_null(value=False) | pl.col("same_destination")
        )
    matched = same_target
    if rule != "target":
        same_text = _normalized("true_text", rule).eq(_normalized("pred_text", rule))
        same_text = same_text | pl.col("true_text").eq(MASKED_TEXT)
        matched = same_target & (pl.col("true_type").ne("type_and_submit") | same_text)
    return (same_type & (pl.col("true_type").eq("terminate") | matched)).fill_null(value=False)


def _normalized(column: str, rule: Rule) -> pl.Expr:
    """The column's texts, each distinct one normalized once."""
    normalize = fold_text if rule == "equivalent" else normalize_text

    def batch(texts: pl.Series) -> pl.Series:
        distinct = texts.unique().drop_nulls()
        return texts.replace_strict(
            distinct, pl.Series([normalize(text) for text in distinct], dtype=pl.String), default=None
        )

    return pl.col(column).map_batches(batch, return_dtype=pl.String)
