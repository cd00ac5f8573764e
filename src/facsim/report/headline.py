"""The answer to the question, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from facsim.metrics import Estimate
from facsim.report.leaderboard_data import LeaderboardData, LeaderboardRow
from facsim.report.leaderboard_table import dollars
from facsim.report.report_data import Headline, ReportEntry
from facsim.report.terminal_summary import p_value
from facsim.util.display_text import one_line

_RULES: Final = {
    "exact": "exactly",
    "equivalent": "up to equivalent targets and spelling",
    "target": "as to type and target",
}
_NAMES_SPELLED_OUT: Final = 3
_LONGEST_NAME: Final = 60


def headline(board: LeaderboardData, entries: Sequence[ReportEntry]) -> Headline:
    """Who is best, whether that is sure, and how far from what is possible."""
    ranked = [entry for entry in entries if entry.kind != "oracle"]
    if not ranked:
        return _only_the_oracle(board, entries[0].row)
    best = ranked[0]
    sentences = [_how_right(board, best)]
    if len(ranked) > 1:
        sentences.append(_against(board, ranked[1], "Next comes"))
    other = _best_of_other_kind(ranked)
    if other is not None and other is not ranked[1]:
        what = "The best model" if other.kind == "model" else "The best trivial baseline"
        sentences.append(_against(board, other, f"{what} is"))
    sentences.append(_ceiling(board, best.row))
    return Headline(_title(board, ranked), tuple(sentences))


def _title(board: LeaderboardData, ranked: Sequence[ReportEntry]) -> str:
    best, others = ranked[0], ranked[1:]
    share = _percent(board, best.row)
    tied = [entry for entry in others if entry.row.separable is False]
    if all(_failed(entry) for entry in ranked):
        title = "No call of any run succeeded"
    elif best.row.values[board.ranking_metric].value == 0:
        title = "No run predicts a single action right"
    elif not others:
        title = f"{_name(best.name)} predicts {share} of people's next actions"
    elif best.kind == "baseline" and any(entry.kind == "model" for entry in others):
        verdict = "is shown to beat" if any(entry.kind == "model" for entry in tied) else "beats"
        title = f"No model {verdict} a trivial baseline: {_name(best.name)} is right {share} of the time"
    elif best.kind == "baseline":
        title = f"Of the trivial baselines {_name(best.name)} is right most often: {share}"
    elif tied:
        names = _listed([_name(entry.name) for entry in tied])
        title = f"{_name(best.name)} leads with {share}, but cannot be told from {names}"
    else:
        title = (
            f"{_name(best.name)} predicts people best: {share} of their next actions, and the lead is real"
        )
    return title


def _how_right(board: LeaderboardData, best: ReportEntry) -> str:
    estimate = best.row.values[board.ranking_metric]
    metrics = best.metrics
    return (
        f"{_name(best.name)} predicts {_points(estimate.value)}% of what people do next {_RULES[board.rule]}"
        f"{_interval(board, estimate)}, averaged over {metrics.sessions:,} sessions with {metrics.steps:,} "
        f"steps{_spent(best.row)}."
    )


def _spent(row: LeaderboardRow) -> str:
    return f", for {dollars(row.cost)}" if row.cost else ""


def _against(board: LeaderboardData, other: ReportEntry, opening: str) -> str:
    """How far a run is behind the best one, and whether that is sure."""
    pair = next(found for found in board.comparisons if found.b == other.name)
    difference = pair.difference
    if difference.value == 0:
        return f"{opening} {_name(other.name)}, which is right exactly as often."
    verdict = "." if other.row.separable else ": too little to tell the two apart."
    p = p_value(pair.adjusted_p)
    p = p if p.startswith("<") else f"= {p}"
    many = len(board.comparisons)
    corrected = f", Holm-corrected over {many} comparisons" if many > 1 else ""
    interval = _range(difference)
    level = f"{100 * board.level:g}% interval {interval}; " if interval else ""
    return (
        f"{opening} {_name(other.name)} with {_percent(board, other.row)}, "
        f"{_points(difference.value)} points less{verdict[:-1]} ({level}"
        f"p {p} by a paired permutation test by {pair.cluster}{corrected})."
    )


def _ceiling(board: LeaderboardData, best: LeaderboardRow) -> str:
    if board.ceiling is None:
        reachable = best.values.get("reachability")
        cap = (
            f"; at most {_points(reachable.value)}% of the targets can be reached"
            if reachable and reachable.value < 1
            else ""
        )
        return f"How far that is from the best possible is not known for these data{cap}."
    oracle = next(row for row in board.rows if row.name == board.ceiling.ceiling)
    possible = f"The best possible on these data is {_percent(board, oracle)}"
    floor, share = board.ceiling.floors.get("accuracy"), best.shares.get("accuracy")
    if floor is None or share is None:
        return f"{possible}."
    base = next(row for row in board.rows if row.name == floor)
    if floor == best.name:
        return f"{possible}: nobody comes nearer to it than {_name(floor)}, the best trivial baseline."
    return (
        f"{possible}: {_name(best.name)} goes {_points(share.value)}% of the way to it"
        f"{_interval(board, share)} from {_name(floor)}, the best trivial baseline with "
        f"{_percent(board, base)}."
    )


def _only_the_oracle(board: LeaderboardData, oracle: LeaderboardRow) -> Headline:
    estimate = oracle.values[board.ranking_metric]
    return Headline(
        f"The best possible on these data is {_percent(board, oracle)}",
        (
            f"The oracle answers with people's own probabilities{_interval(board, estimate)}. "
            "No other run is given, so there is nothing to rank.",
        ),
    )


def _best_of_other_kind(ranked: Sequence[ReportEntry]) -> ReportEntry | None:
    """The highest baseline if the best run is a model, and the other way round."""
    return next((entry for entry in ranked[1:] if entry.kind != ranked[0].kind), None)


def _name(name: str) -> str:
    """A run's name in a sentence."""
    return one_line(name, _LONGEST_NAME)


def _failed(entry: ReportEntry) -> bool:
    failed = entry.row.values.get("error_failed")
    return failed is not None and failed.value == 1


def _percent(board: LeaderboardData, row: LeaderboardRow) -> str:
    return f"{_points(row.values[board.ranking_metric].value)}%"


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _interval(board: LeaderboardData, estimate: Estimate) -> str:
    found = _range(estimate)
    return f" ({100 * board.level:g}% interval {found})" if found else ""


def _range(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{_points(estimate.low)} to {_points(estimate.high)}"


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> _listed(["a"]), _listed(["a", "b"]), _listed(["a", "b", "c", "d"])
    ('a', 'a and b', '4 others')
    """
    if len(names) > _NAMES_SPELLED_OUT:
        return f"{len(names)} others"
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
