"""How accurate a run is, with what certainty, and whether two runs differ. Knows no files or models."""

from facsim.metrics.case_table import CASES_SCHEMA, NULLABLE, cases_table, check_cases
from facsim.metrics.cases import Cases
from facsim.metrics.ceiling import CeilingShares, ceiling_shares
from facsim.metrics.compare import Comparison, compare_many, compare_runs, holm
from facsim.metrics.compute import compute_metrics
from facsim.metrics.estimate import Cluster, Estimate, Metrics
from facsim.metrics.match import RULES, Rule, match_expression, matches
from facsim.metrics.registry import METRICS, Definition

__all__ = [
    "CASES_SCHEMA",
    "METRICS",
    "NULLABLE",
    "RULES",
    "Cases",
    "CeilingShares",
    "Cluster",
    "Comparison",
    "Definition",
    "Estimate",
    "Metrics",
    "Rule",
    "cases_table",
    "ceiling_shares",
    "check_cases",
    "compare_many",
    "compare_runs",
    "compute_metrics",
    "holm",
    "match_expression",
    "matches",
]
