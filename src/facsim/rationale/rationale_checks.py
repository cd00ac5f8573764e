"""What a written reason must be, each rule a function of its own.

The rules are heuristics for English. They are strict on what would spoil training data (the future, talk
about the task, names of elements) and lenient on taste. A reason that fails one is asked for again with the
rule's own words; see `CHECKS` for what each rule says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from facsim.rationale.lexicon import (
    WORD,
    content_words,
    fold,
    function_words,
    names_in_words,
    ordinary_words,
    runs_of_three,
    visible_text,
    words,
)
from facsim.schema import Action, Page, Session, SessionSoFar, Step

MAX_WORDS = 60
MAX_SENTENCES = 3

_FIRST_PERSON = re.compile(
    r"\b(?:i|i['’](?:m|d|ll|ve)|me|my|mine|myself|we|we['’](?:re|d|ll|ve)|us|our|ours|let['’]s)\b",  # noqa: RUF001
    re.IGNORECASE,
)
_OF_SOMEBODY = re.compile(
    r"(?:^|[.!?]\s+)(?:the|this) (?:user|person|shopper|visitor|customer)(?:['’]s)?\b"  # noqa: RUF001
    r"(?! (?:reviews?|ratings?|service|photos?|questions?|support|care))",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…]+[\"”')]*(?=\s+[\"“'(]?[A-Z0-9]|\s*$)")
_NO_END = re.compile(r"\b(?:mr|mrs|ms|dr|vs|no|e\.g|i\.e|oz|ft|in|lb|approx)\.(?=\s)", re.IGNORECASE)
_TASK_TALK = re.compile(
    r"\bas an? (?:ai|artificial|(?:large )?language|virtual|helpful)\b|\blanguage model\b|\bLLMs?\b"
    r"|\bchatgpt\b"
    r"|\b(?:my|these|those|the|your|all|previous|prior|above) instructions?\b"
    r"|\b(?:system|user) (?:prompt|message)\b"
    r"|\bI (?:was|am|have been|['’]m) (?:told|asked|instructed) to\b"  # noqa: RUF001
    r"|\b(?:given|required|recorded|true|next) action\b|\bthink(?:ing)?[- ]aloud\b"
    r"|\bsimplified (?:page|html)\b"
    r"|\b(?:can['’]t|cannot|unable to) (?:assist|comply|fulfil)",  # noqa: RUF001
    re.IGNORECASE,
)
_TASK_WORDS = frozenset(
    words("AI JSON HTML XML prompt prompts persona rationale transcript simulation simulated dataset")
)
_NOT_SPOKEN = re.compile(
    r"</?[a-z][^>]*>|[{}]|```|\bhttps?:|\bwww\.|\b[^\W_]+_\w+|\b[a-z]\w+(?:\.[a-z]\w+){2,}"
)
_LEAVING = re.compile(
    r"\b(?:leav(?:e|ing)|left|stop(?:ping)?|quit(?:ting)?|give|giving|gave|enough|done|another (?:day|time)"
    r"|later|elsewhere|nothing|none|not (?:today|now|convinced|sure|what)|close|closing|tired|move on|no luck"
    r"|for now|for today|decide|pass)\b",
    re.IGNORECASE,
)


Runs = frozenset[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Problem:
    """A check that a reason did not pass.

    Attributes:
        check: its name, a key of `CHECKS`.
        found: what was found, in a clause that a reader, and the teacher, understands.
    """

    check: str
    found: str


@dataclass(frozen=True)
class Seen:
    """A step as its reason is checked: what the person had seen by then, and what came later.

    Attributes:
        page: the page in front of the person.
        action: what the person did there.
        later_names: folded words that stand on later pages only, and there never in lower case: names,
            numbers.
        later_queries: folded words that were typed later only.
        past_runs: runs of three folded words, of this page and of each earlier one.
        later_runs: the same of each later page.
        about: what the person said, typed or came for: words that may be repeated at any time.
    """

    page: Page
    action: Action
    later_names: frozenset[str]
    later_queries: frozenset[str]
    past_runs: tuple[Runs, ...]
    later_runs: tuple[Runs, ...]
    about: frozenset[str]

    @cached_property
    def page_words(self) -> set[str]:
        """Words on the page, those of its names included."""
        return set(words(visible_text(self.page.html))) | names_in_words(self.page.html)

    @cached_property
    def label_words(self) -> set[str]:
        """Words that stand on the element that was acted on."""
        element = self.page.by_name.get(self.action.name or "")
        return set() if element is None else set(words(element.text))

    @cached_property
    def target_words(self) -> set[str]:
        """Words of the element that was acted on, and what was typed."""
        found = set(words(self.action.text or ""))
        element = self.page.by_name.get(self.action.name or "")
        if element is not None:
            found |= set(words(" ".join((element.text, element.value or "", *element.options))))
            found |= set(words(element.name.replace("_", " ").replace(".", " ")))
        return found


def check(rationale: str, seen: Seen) -> tuple[Problem, ...]:
    """The checks that `rationale` does not pass, in the order of `CHECKS`; none if it is fine."""
    if not WORD.search(rationale):
        return (Problem("empty", "it says nothing"),)
    found = ((name, rule(rationale, seen)) for name, rule in _RULES.items())
    return tuple(Problem(name, what) for name, what in found if what is not None)


def _not_first_person(rationale: str, _: Seen) -> str | None:
    if match := _OF_SOMEBODY.search(rationale):
        return f"it speaks of somebody else: {match[0].strip(' .!?')!r}"
    return None if _FIRST_PERSON.search(rationale) else "there is no I, me or my in it"


def _too_long(rationale: str, _: Seen) -> str | None:
    count = len(rationale.split())
    if count > MAX_WORDS:
        return f"it has {count} words, the most is {MAX_WORDS}"
    sentences = len(_SENTENCE_END.findall(_NO_END.sub("x", rationale.strip() + ".")))
    return f"it has {sentences} sentences, the most is {MAX_SENTENCES}" if sentences > MAX_SENTENCES else None


def _names_nothing(rationale: str, seen: Seen) -> str | None:
    said = content_words(rationale)
    if said & (seen.target_words | seen.page_words):
        return None
    # A button may say nothing but Done, Go or Next.
    if seen.label_words <= function_words() and seen.label_words & set(words(rationale)):
        return None
    if seen.action.type == "terminate":
        if said & seen.about or _LEAVING.search(rationale):
            return None
        return "it names neither anything on the page nor what was looked for, and does not say that I leave"
    return "it names nothing that is on the page or was typed"


def _quotes_future(rationale: str, seen: Seen) -> str | None:
    listed = [(word, fold(word)) for word in WORD.findall(rationale)]
    for word, folded in listed:
        if folded in seen.later_queries:
            return f"{word!r} cannot be known yet"
        if folded in seen.later_names and (word[:1].isdigit() or word[:1].isupper()):
            return f"{word!r} cannot be known yet"
    said = [folded for _, folded in listed]
    for run in zip(said, said[1:], said[2:], strict=False):
        telling = set(run) - ordinary_words()
        own = telling <= seen.about or telling <= seen.target_words
        if len(telling) < 2 or own or any(run in page for page in seen.past_runs):
            continue
        if any(run in page for page in seen.later_runs):
            return f"{' '.join(run)!r} cannot be known yet"
    return None


def _talks_of_the_task(rationale: str, seen: Seen) -> str | None:
    if match := _TASK_TALK.search(rationale):
        return f"{match[0]!r} is no word of a visitor"
    # A book about HTML may be looked for; an order in some corner of the page gives no right to repeat it.
    telling = (set(words(rationale)) & _TASK_WORDS) - seen.target_words - seen.about
    return f"{min(telling)!r} is no word of a visitor" if telling else None


def _not_spoken(rationale: str, seen: Seen) -> str | None:
    typed = seen.action.text or ""
    for match in _NOT_SPOKEN.finditer(rationale):
        if match[0] not in typed:
            return f"nobody says {match[0]!r} aloud"
    for token in rationale.split():
        bare = token.strip(".,;:!?\"'“”()`")
        if "." in bare and bare in seen.page:
            return f"{bare!r} is the name of an element"
    return None


_RULES: Mapping[str, Callable[[str, Seen], str | None]] = {
    "first_person": _not_first_person,
    "short": _too_long,
    "names_something": _names_nothing,
    "no_future": _quotes_future,
    "no_task_talk": _talks_of_the_task,
    "spoken": _not_spoken,
}

CHECKS: Mapping[str, str] = {
    "empty": "has words in it",
    "first_person": "is in the first person: has I, me, my or the like, and does not speak of “the user”",
    "short": f"has at most {MAX_WORDS} words and {MAX_SENTENCES} sentences",
    "names_something": "has a word of the page, of the target's name or of what was typed (on leaving: "
    "or of what was looked for, or says that one leaves)",
    "no_future": "has no word that is typed only later, and no name, number or telling run of three words "
    "that stands only on later pages",
    "no_task_talk": "does not speak of instructions, prompts, language models, JSON",
    "spoken": "has no names of elements, markup or web addresses",
}
"""What a reason that passes each check is like."""


class SessionWords:
    """What is said on the pages of one session, read once, for the checks of all its steps.

    Args:
        session: the whole session, later steps included: only checks know them, no teacher is told.
        pages: the page of each step.
    """

    def __init__(self, session: Session, pages: list[Page]) -> None:
        self._session, self._pages = session, pages
        texts: dict[str, str] = {}
        for step, page in zip(session.steps, pages, strict=True):
            if step.page_id not in texts:
                texts[step.page_id] = visible_text(page.html)
        self._raw = {page_id: frozenset(WORD.findall(text)) for page_id, text in texts.items()}
        self._words = {page_id: frozenset(map(fold, raw)) for page_id, raw in self._raw.items()}
        self._runs = {page_id: runs_of_three(words(text)) for page_id, text in texts.items()}
        self._names = {
            step.page_id: names_in_words(page.html) for step, page in zip(session.steps, pages, strict=True)
        }

    def seen(self, so_far: SessionSoFar, step: Step) -> Seen:
        """The step `so_far.step`, as its reason is checked."""
        at = so_far.step
        past, later = self._session.steps[: at + 1], self._session.steps[at + 1 :]
        about = content_words(" ".join(filter(None, (so_far.persona, so_far.intent))))
        about |= {word for one in past for word in content_words(one.action.text or "")}
        past_pages = {one.page_id for one in past}
        later_pages = {one.page_id for one in later} - past_pages
        known = about.union(*(self._words[page_id] | self._names[page_id] for page_id in past_pages))
        raw = set[str]().union(*(self._raw[page_id] for page_id in later_pages))
        in_lower_case = {fold(word) for word in raw if word[:1].islower()}
        allowed = known | in_lower_case | ordinary_words()
        queries = {word for one in later for word in words(one.action.text or "")}
        return Seen(
            page=so_far.page,
            action=step.action,
            later_names=frozenset({fold(word) for word in raw if len(word) > 1} - allowed),
            later_queries=frozenset(queries - known - ordinary_words() - function_words()),
            past_runs=tuple(self._runs[page_id] for page_id in sorted(past_pages)),
            later_runs=tuple(self._runs[page_id] for page_id in sorted(later_pages)),
            about=frozenset(about),
        )
