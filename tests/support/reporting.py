"""Runs with everything a report can show, written by hand; and what attackers would write into them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from facsim.evaluation import Run, score

Line = dict[str, Any]

HOSTILE = (
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "<svg onload=window.hacked=1>",
    "</style><style>body{display:none}</style>",
    "</title><script>window.hacked=1</script>",
    "</pre></details></section><h1>taken over</h1>",
    '" onmouseover="window.hacked=1" data-x="',
    "' autofocus onfocus='window.hacked=1",
    "javascript:window.hacked=1",
    "data:text/html,<script>window.hacked=1</script>",
    "<a href='javascript:window.hacked=1'>click me</a>",
    "<iframe src='https://example.com/'></iframe>",
    "<link rel=stylesheet href=https://example.com/x.css>",
    "<meta http-equiv=refresh content='0;url=https://example.com/'>",
    "<base href=https://example.com/>",
    "<form action=https://example.com/><input name=q autofocus></form>",
    "<object data=https://example.com/x></object>",
    "<embed src=https://example.com/x>",
    "<video src=https://example.com/x autoplay></video>",
    "<style>@import 'https://example.com/x.css'</style>",
    "background:url(https://example.com/x.png)",
    "{{ 7 * 7 }} {% for x in [1] %}{{ x }}{% endfor %} {# gone #}",
    "{{ ''.__class__.__mro__ }}",
    "${window.hacked=1}",
    "<!-- not closed",
    "<![CDATA[ x ]]>",
    "&lt;script&gt;window.hacked=1&lt;/script&gt;",
    "&#60;script&#62;window.hacked=1&#60;/script&#62;",
    "\u202egnp.exe reversed",
    "\u2066\u2067\u2068 isolates never closed",
    "\u061c\u200f\u200e marks",
    "bell \x07 escape \x1b[31m red \x1b]0;title\x07",
    "nul \x00 byte",
    "\ufeff byte order mark",
    "\u2028line\u2029paragraph",
    "Z\u0351\u036b\u0343\u036a\u0302\u036ba\u0325\u032e\u0356lgo" * 8,
    "W" * 5_000,
    "word " * 2_000,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 50,
    "\u0644\u0645 \u0646\u062c\u062f \u0634\u064a\u0626\u0627",
    '=HYPERLINK("https://example.com/","x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\\input{/etc/passwd} \\write18{id} $x$ 100% # ~ ^ _ & { }",
    "| a | table | cell |\n| --- | --- |",
    "[link](javascript:window.hacked=1) ![x](https://example.com/x.png)",
    "```\nfence\n```",
    "%3Cscript%3Ewindow.hacked=1%3C/script%3E",
    "../../../../etc/passwd",
    "expression(window.hacked=1)",
    "-->]]></script><script>window.hacked=1</script>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.hacked=1>",
    "<noscript><p title='</noscript><img src=x onerror=window.hacked=1>'>",
)
"""What must stay text wherever it stands."""


def altered(run: Run, change: Callable[[int, Line], None], **settings: Any) -> Run:
    """The run with every line changed in place by `change(index, line)`, and scored again."""
    file = run.path / "predictions.jsonl"
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for index, line in enumerate(lines):
        del line["checksum"]  # lines without one are of an earlier version
        change(index, line)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    file.write_text(text, encoding="utf-8")
    return score(run.path, **{"resamples": 200, **settings})


def categorised(index: int, line: Line) -> None:
    """Categories as in a shop."""
    names = {"click": "product_click", "type_and_submit": "search", "terminate": "terminate"}
    line["true_category"] = "purchase" if line["is_last"] and index % 4 == 0 else names[line["true_type"]]
    line["pred_category"] = names.get(line["pred_type"])


def sure(index: int, line: Line) -> None:
    """Probabilities, in ten levels."""
    categorised(index, line)
    line["confidence"] = 0.05 + 0.1 * (index % 10)
    line["log_probability"] = math.log(0.05 + 0.09 * (index % 10))
    line["rank"] = 1 + index % 12


def badly_read(index: int, line: Line) -> None:
    """Every tenth answer unreadable, every tenth a failed call, every tenth read with leniency."""
    categorised(index, line)
    none = dict.fromkeys(("pred_type", "pred_name", "pred_text", "pred_category", "on_page"))
    if index % 10 == 3:
        line |= {**none, "parse": "failed", "answer": f"I would\nprobably scroll {index}", "error": None}
    elif index % 10 == 6:
        line |= {**none, "parse": "failed", "failed": True, "error": "server_error: 503 overloaded"}
    elif index % 10 == 9:
        line |= {"parse": "lenient", "forgiven": ["code_fence"], "answer": "```json\n{}\n```"}
    else:
        line["rationale"] = "I want the cheaper one."
    line["shown"] = index % 7 != 0


def hostile(index: int, line: Line) -> None:
    """Something hostile in every text of a line. Sessions and truths are the same for every run."""
    session = int(line["session_id"][1:4])
    line["session_id"] = f"{line['session_id'][:4]}{HOSTILE[session % len(HOSTILE)]}"
    line["user_id"] = HOSTILE[(session + 1) % len(HOSTILE)] + str(session)
    line["true_category"] = HOSTILE[(session + 2) % len(HOSTILE)][:200]
    if line["true_name"]:
        line["true_name"] = HOSTILE[(session + line["step"]) % len(HOSTILE)] + line["true_name"]
    if line["true_text"]:
        line["true_text"] = HOSTILE[(session + 4) % len(HOSTILE)]
    if line["pred_type"]:
        line["pred_category"] = HOSTILE[(index + 2) % len(HOSTILE)][:200]
        if line["pred_name"]:
            right = line["pred_name"] == "a.b"
            line["pred_name"] = line["true_name"] if right else HOSTILE[index % len(HOSTILE)]
        if line["pred_text"]:
            line["pred_text"] = line["true_text"]
    line["rationale"] = HOSTILE[(index + 5) % len(HOSTILE)]
    if index % 5 == 4:
        none = dict.fromkeys(("pred_type", "pred_name", "pred_text", "pred_category", "on_page"))
        line |= {**none, "parse": "failed", "answer": HOSTILE[index % len(HOSTILE)]}
        line["error"] = HOSTILE[(index + 7) % len(HOSTILE)]
    elif index % 5 == 3:
        line |= {"parse": "lenient", "forgiven": [HOSTILE[(index + 9) % len(HOSTILE)][:100]]}
        line["answer"] = HOSTILE[(index + 8) % len(HOSTILE)]


def varied(made: Callable[..., Run], folder: Path) -> list[Run]:
    """Runs that give every part of a report something to show, the oracle and baselines among them."""
    return [
        altered(
            made(folder / "oracle", right=lambda session, _: session % 10 != 0, spec="oracle:"), sure
        ),
        altered(made(folder / "tuned", right=lambda session, step: (session + step) % 3 != 0, cost=0.002), sure),
        altered(
            made(folder / "prompted", right=lambda session, step: (session + step) % 2 == 0, cost=0.03),
            badly_read,
        ),
        altered(
            made(
                folder / "always-terminate",
                right=lambda _, step: step == 2,
                spec="baseline:always-terminate",
            ),
            categorised,
        ),
        altered(
            made(folder / "random", right=lambda session, _: session == 0, spec="baseline:random-element"),
            sure,
        ),
    ]  # fmt: skip
