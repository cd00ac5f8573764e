"""XPath as recorders write it, translated to CSS: a path of tags with positions and attributes."""

from __future__ import annotations

import re

_STEP = re.compile(
    r"(?P<axis>//|/)(?P<tag>[a-zA-Z][\w:-]*|\*)(?P<conditions>(?:\[(?:[^\]\"']|\"[^\"]*\"|'[^']*')*\])*)"
)
_CONDITION = re.compile(r"\[((?:[^\]\"']|\"[^\"]*\"|'[^']*')*)\]")
_STRING = r"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')"
_EQUALS = re.compile(rf"@(?P<name>[\w:-]+)\s*=\s*{_STRING}")
_HAS = re.compile(r"@(?P<name>[\w:-]+)")
_FUNCTION = re.compile(rf"(?P<function>contains|starts-with)\(\s*@(?P<name>[\w:-]+)\s*,\s*{_STRING}\s*\)")
_OPERATORS = {"contains": "*=", "starts-with": "^="}


def css_of_xpath(path: str) -> str | None:
    r"""The CSS selector of an XPath, or None if CSS cannot say it (text, parents, other axes).

    >>> css_of_xpath("/html/body/div[2]/a[1]")
    'html > body > div:nth-of-type(2) > a:nth-of-type(1)'
    >>> css_of_xpath("//*[@id='buy']//span[contains(@class, \"price\")]")
    '*[id="buy"] span[class*="price"]'
    >>> css_of_xpath("//a[text()='Buy']") is None
    True
    """
    path = path.strip().removeprefix("xpath=")
    if path.startswith("(") or not path.startswith("/"):
        path = path if path.startswith("/") else f"//{path.removeprefix('./').lstrip('/')}"
    written: list[str] = []
    at = 0
    for step in _STEP.finditer(path):
        if step.start() != at:
            return None
        at = step.end()
        tag = step["tag"]
        simple = tag.lower()
        conditions = [text.strip() for text in _CONDITION.findall(step["conditions"])]
        if any(not text.startswith("@") and "(@" not in text for text in conditions[1:]):
            return None  # a position among those that match, which CSS counts otherwise
        for condition in conditions:
            css = _condition(condition, tag)
            if css is None:
                return None
            simple += css
        if written or step["axis"] == "/":
            written.append(" " if step["axis"] == "//" else (" > " if written else ""))
        written.append(simple)
    if at != len(path) or not written:
        return None
    found = "".join(written)
    # A path that begins with one slash begins at the root.
    return found if path.startswith("//") or found.startswith("html") else f":root > {found}"


def _condition(text: str, tag: str) -> str | None:
    kind = "child" if tag == "*" else "of-type"
    if text.isdecimal():
        return f":nth-{kind}({text})"
    if text.replace(" ", "") == "last()":
        return f":last-{kind}"
    written = ""
    for part in re.split(r"\s+and\s+", text):
        if match := _EQUALS.fullmatch(part):
            written += f'[{match["name"]}="{_string(match)}"]'
        elif match := _HAS.fullmatch(part):
            written += f"[{match['name']}]"
        elif match := _FUNCTION.fullmatch(part):
            written += f'[{match["name"]}{_OPERATORS[match["function"]]}"{_string(match)}"]'
        else:
            return None
    return written


def _string(match: re.Match[str]) -> str:
    text = match["double"] if match["double"] is not None else match["single"]
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\a ")
