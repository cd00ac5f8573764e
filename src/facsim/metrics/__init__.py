"""How accurate a run is, how sure that is, and whether two runs differ. Knows no files, pages or models."""

from facsim.metrics.match import RULES, Rule, match_expression, matches
from facsim.metrics.table import CASES_SCHEMA, cases_table, check_cases

__all__ = ["CASES_SCHEMA", "RULES", "Rule", "cases_table", "check_cases", "match_expression", "matches"]
