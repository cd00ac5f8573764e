"""What an audit found, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from facsim.data.audit_finding import Finding
from facsim.report.exports import spreadsheet_text
from facsim.util.display_text import one_line


def findings_csv(findings: Iterable[Finding]) -> str:
    """One row for each finding: severity, check, message, and the first examples.

    >>> print(findings_csv([Finding("leakage", "error", "2 users are in both", ("u1", "u2"))]), end="")
    severity,check,message,examples
    error,leakage,2 users are in both,u1; u2
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("severity", "check", "message", "examples"))
    for finding in findings:
        texts = (finding.check, finding.message, "; ".join(finding.examples))
        writer.writerow([finding.severity, *(spreadsheet_text(one_line(text)) for text in texts)])
    return out.getvalue()
