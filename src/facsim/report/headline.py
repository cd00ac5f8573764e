"""The result of a report in a title and a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from facsim.metrics import Estimate
from facsim.report.leaderboard_data import LeaderboardData, LeaderboardRow
from facsim.report.leaderboard_table import dollars, whole_percent
from facsim.report.report_data import Headline, ReportEntry
from facsim.report.terminal_summary import p_value
from facsim.util.display_text import one_line

_RULES: Final = {
    "exact": "exactly",
    "equivalent": "up to equivalent targets and spelling",
    "target": "by type and target",
}
_NAMES_SPELLED_OUT: Final = 3
_LONGEST_NAME: Final = 60


def headline(board: LeaderboardData, entries: Sequence[ReportEntry]) -> Headline:
    """Which run is best, whether that is significant, and how far it is from the best possible."""
    ranked = [entry for entry in entries if entry.kind != "oracle"]
    if not ranked:
        return _only_the_oracle(board, entries[0].row)
    best = ranked[0]
    sentences = [_accuracy(board, best)]
    named = [best]
    if len(ranked) > 1:
        named.append(ranked[1])
        sentences.append(_against(board, ranked[1], "Next comes"))
    for opening, other in _best_of_each_kind(ranked):
        if other not in named:
            named.append(other)
            sentences.append(_against(board, other, opening))
    sentences += _likelihoods(board, ranked)
    sentences.append(_ceiling(board, best.row))
    return Headline(_title(board, ranked), tuple(sentences))


def _title(board: LeaderboardData, ranked: Sequence[ReportEntry]) -> str:
    best, others = ranked[0], ranked[1:]
    share = _percent(board, best.row)
    tied = [entry for entry in others if entry.row.separable is False]
    model = next((entry for entry in others if entry.kind == "model"), None)
    people = board.population.people
    if all(_failed(entry) for entry in ranked):
        title = "No call of any run succeeded"
    elif best.row.values[board.ranking_metric].value == 0:
        title = "No run predicts a single action correctly"
    elif not others:
        title = f"{_name(best.name)} predicts {share} of {board.population.possessive} next actions"
    elif best.kind == "baseline" and model is not None:
        tie = ", not separable from it" if model in tied else ""
        title = (
            f"No model beats a trivial baseline: {_name(best.name)} is correct {share} of the time, the best "
            f"model, {_name(model.name)}, {_percent(board, model.row)}{tie}"
        )
    elif best.kind == "baseline":
        title = f"Of the trivial baselines, {_name(best.name)} is correct most often: {share}"
    elif tied:
        names = _listed([_name(entry.name) for entry in tied])
        title = f"{_name(best.name)} leads with {share}, but cannot be separated statistically from {names}"
    else:
        title = (
            f"{_name(best.name)} predicts {people} best: {share} of their next actions, a significant lead"
        )
    return title


def _accuracy(board: LeaderboardData, best: ReportEntry) -> str:
    estimate = best.row.values[board.ranking_metric]
    metrics = best.metrics
    return (
        f"{_name(best.name)} predicts {_points(estimate.value)}% of what {board.population.people} do next "
        f"{_RULES[board.rule]}{_interval(board, estimate)}, averaged over {metrics.sessions:,} sessions with "
        f"{metrics.steps:,} steps{_spent(best.row)}."
    )


def _spent(row: LeaderboardRow) -> str:
    return f", for {dollars(row.cost)}" if row.cost else ""


def _against(board: LeaderboardData, other: ReportEntry, opening: str) -> str:
    """How far a run is behind the best one, and whether the difference is significant."""
    pair = next(found for found in board.comparisons if found.b == other.name)
    difference = pair.difference
    if difference.value == 0:
        return f"{opening} {_name(other.name)}, which is correct exactly as often."
    verdict = "" if other.row.separable else ": not significant"
    p = p_value(pair.adjusted_p)
    p = p if p.startswith("<") else f"= {p}"
    many = len(board.comparisons)
    corrected = f", Holm-corrected over {many} comparisons" if many > 1 else ""
    interval = _range(difference)
    level = f"{100 * board.level:g}% interval {interval}; " if interval else ""
    return (
        f"{opening} {_name(other.name)} with {_percent(board, other.row)}, "
        f"{_points(difference.value)} points less{verdict} ({level}"
        f"p {p} by a paired permutation test by {pair.cluster}{corrected})."
    )


def _best_of_each_kind(ranked: Sequence[ReportEntry]) -> list[tuple[str, ReportEntry]]:
    """The best model, language model and trivial baseline, each with the words that introduce it."""
    openings = {
        "The best model is": [entry for entry in ranked if entry.kind == "model"],
        "The best language model is": [entry for entry in ranked if entry.reads_prompts],
        "The best trivial baseline is": [entry for entry in ranked if entry.kind == "baseline"],
    }
    return [(opening, found[0]) for opening, found in openings.items() if found]


def _likelihoods(board: LeaderboardData, ranked: Sequence[ReportEntry]) -> list[str]:
    """Log-likelihoods: of the best run by it, the best language model and the best trivial baseline."""
    likely = {entry.name: found for entry in ranked if (found := entry.row.log_likelihood) is not None}
    if not likely:
        return []
    order = sorted(
        (entry for entry in ranked if entry.name in likely), key=lambda entry: -likely[entry.name].value
    )
    best = order[0]
    share = best.row.shares.get("log_likelihood")
    way = ""
    if share is not None and board.ceiling is not None and share.value > 0:
        floor = board.ceiling.floors["log_likelihood"]
        way = f", {whole_percent(share)}% of the way from {_name(floor)} to the best possible"
    others = [
        f"{label} is {_name(found.name)} with {likely[found.name].value:.2f}"
        for label, found in (
            ("the best language model", next((entry for entry in order if entry.reads_prompts), None)),
            ("the best trivial baseline", next((entry for entry in order if entry.kind == "baseline"), None)),
        )
        if found is not None and found is not best
    ]
    sentence = (
        f"By log-likelihood, which scores the whole distribution and not only the first guess, "
        f"{_name(best.name)} is best with {likely[best.name].value:.2f} nats a step{way}"
        f"{''.join(f'; {other}' for other in others)}."
    )
    first = (ranked[0], next((entry for entry in ranked if entry.kind == "baseline"), None))
    silent = {entry.name for entry in first if entry is not None and entry.name not in likely}
    if silent:
        names = _listed([_name(name) for name in sorted(silent)])
        sentence += (
            f" {names} {'has' if len(silent) == 1 else 'have'} none: a fixed answer is no probability."
        )
    return [sentence]


def _ceiling(board: LeaderboardData, best: LeaderboardRow) -> str:
    if board.ceiling is None:
        reachable = best.values.get("reachability")
        cap = (
            f"; at most {_points(reachable.value)}% of the targets can be reached"
            if reachable and reachable.value < 1
            else ""
        )
        return f"The best possible accuracy on these data is unknown{cap}."
    oracle = next(row for row in board.rows if row.name == board.ceiling.ceiling)
    possible = f"The best possible accuracy on these data is {_percent(board, oracle)}"
    floor, share = board.ceiling.floors.get("accuracy"), best.shares.get("accuracy")
    if floor is None or share is None:
        return f"{possible}."
    base = next(row for row in board.rows if row.name == floor)
    if floor == best.name:
        return f"{possible}: no run is closer to it than {_name(floor)}, the best trivial baseline."
    return (
        f"{possible}. From {_name(floor)}, the best trivial baseline with {_percent(board, base)}, "
        f"{_name(best.name)} closes {_points(share.value)}% of the gap to it{_interval(board, share)}."
    )


def _only_the_oracle(board: LeaderboardData, oracle: LeaderboardRow) -> Headline:
    estimate = oracle.values[board.ranking_metric]
    return Headline(
        f"The best possible accuracy on these data is {_percent(board, oracle)}",
        (
            f"The oracle answers with {board.population.possessive} true probabilities"
            f"{_interval(board, estimate)}. There is no other run, so there is nothing to rank.",
        ),
    )


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
