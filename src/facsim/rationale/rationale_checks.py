"""Checks on written rationales, one function per check.

The checks are heuristics for English. They are strict about what would spoil training data (the future, talk
about the task, element names) and lenient about taste. A failed check goes back to the teacher in the words
of `CHECKS`.
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
    trigrams,
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


Trigrams = frozenset[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check that a rationale failed.

    Attributes:
        check: name of the check, a key of `CHECKS`.
        found: what was found, in a clause for readers and for the teacher.
    """

    check: str
    found: str


@dataclass(frozen=True)
class CheckContext:
    """What a rationale is checked against: what the person had seen by then, and what came later.

    All words are folded (`lexicon.fold`).

    Attributes:
        page: the current page.
        action: the action taken there.
        later_names: words that are on later pages only, and never in lower case there: names, numbers.
        later_queries: words that were typed later only.
        past_trigrams: trigrams of this page and of each earlier page.
        later_trigrams: trigrams of each later page.
        about: words from persona, intent and typed texts, which may be repeated at any time.
    """

    page: Page
    action: Action
    later_names: frozenset[str]
    later_queries: frozenset[str]
    past_trigrams: tuple[Trigrams, ...]
    later_trigrams: tuple[Trigrams, ...]
    about: frozenset[str]

    @cached_property
    def page_words(self) -> set[str]:
        """Words on the page, including those in element names."""
        return set(words(visible_text(self.page.html))) | names_in_words(self.page.html)

    @cached_property
    def label_words(self) -> set[str]:
        """Words in the text of the element acted upon."""
        element = self.page.by_name.get(self.action.name or "")
        return set() if element is None else set(words(element.text))

    @cached_property
    def target_words(self) -> set[str]:
        """Words of the element acted upon, and of the typed text."""
        found = set(words(self.action.text or ""))
        element = self.page.by_name.get(self.action.name or "")
        if element is not None:
            found |= set(words(" ".join((element.text, element.value or "", *element.options))))
            found |= set(words(element.name.replace("_", " ").replace(".", " ")))
        return found


def check(rationale: str, context: CheckContext) -> tuple[FailedCheck, ...]:
    """The checks that `rationale` fails, in the order of `CHECKS`; empty if it passes all."""
    if not WORD.search(rationale):
        return (FailedCheck("empty", "it says nothing"),)
    found = ((name, rule(rationale, context)) for name, rule in _RULES.items())
    return tuple(FailedCheck(name, what) for name, what in found if what is not None)


def _not_first_person(rationale: str, _: CheckContext) -> str | None:
    if match := _OF_SOMEBODY.search(rationale):
        return f"it speaks of somebody else: {match[0].strip(' .!?')!r}"
    return None if _FIRST_PERSON.search(rationale) else "there is no I, me or my in it"


def _too_long(rationale: str, _: CheckContext) -> str | None:
    count = len(rationale.split())
    if count > MAX_WORDS:
        return f"it has {count} words, the most is {MAX_WORDS}"
    sentences = len(_SENTENCE_END.findall(_NO_END.sub("x", rationale.strip() + ".")))
    return f"it has {sentences} sentences, the most is {MAX_SENTENCES}" if sentences > MAX_SENTENCES else None


def _names_nothing(rationale: str, context: CheckContext) -> str | None:
    said = content_words(rationale)
    if said & (context.target_words | context.page_words):
        return None
    # A button may have no other text than Done, Go or Next.
    if context.label_words <= function_words() and context.label_words & set(words(rationale)):
        return None
    if context.action.type == "terminate":
        if said & context.about or _LEAVING.search(rationale):
            return None
        return "it names neither anything on the page nor what was looked for, and does not say that I leave"
    return "it names nothing that is on the page or was typed"


def _quotes_future(rationale: str, context: CheckContext) -> str | None:
    listed = [(word, fold(word)) for word in WORD.findall(rationale)]
    for word, folded in listed:
        if folded in context.later_queries:
            return f"{word!r} cannot be known yet"
        if folded in context.later_names and (word[:1].isdigit() or word[:1].isupper()):
            return f"{word!r} cannot be known yet"
    said = [folded for _, folded in listed]
    for run in zip(said, said[1:], said[2:], strict=False):
        telling = set(run) - ordinary_words()
        own = telling <= context.about or telling <= context.target_words
        if len(telling) < 2 or own or any(run in page for page in context.past_trigrams):
            continue
        if any(run in page for page in context.later_trigrams):
            return f"{' '.join(run)!r} cannot be known yet"
    return None


def _talks_of_the_task(rationale: str, context: CheckContext) -> str | None:
    if match := _TASK_TALK.search(rationale):
        return f"{match[0]!r} is no word of a visitor"
    # People may look for a book about HTML, but an instruction on the page must not be repeated.
    telling = (set(words(rationale)) & _TASK_WORDS) - context.target_words - context.about
    return f"{min(telling)!r} is no word of a visitor" if telling else None


def _not_spoken(rationale: str, context: CheckContext) -> str | None:
    typed = context.action.text or ""
    for match in _NOT_SPOKEN.finditer(rationale):
        if match[0] not in typed:
            return f"nobody says {match[0]!r} aloud"
    for token in rationale.split():
        bare = token.strip(".,;:!?\"'“”()`")
        if "." in bare and bare in context.page:
            return f"{bare!r} is the name of an element"
    return None


_RULES: Mapping[str, Callable[[str, CheckContext], str | None]] = {
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
"""What a rationale that passes each check is like. Part of the teacher's retry prompt."""


class SessionVocabulary:
    """The words on all pages of one session, computed once for the checks of all its steps.

    Args:
        session: the whole session. Later steps are used by checks only and never reach the teacher.
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
        self._trigrams = {page_id: trigrams(words(text)) for page_id, text in texts.items()}
        self._names = {
            step.page_id: names_in_words(page.html) for step, page in zip(session.steps, pages, strict=True)
        }

    def context(self, so_far: SessionSoFar, step: Step) -> CheckContext:
        """What the rationale of step `so_far.step` is checked against."""
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
        return CheckContext(
            page=so_far.page,
            action=step.action,
            later_names=frozenset({fold(word) for word in raw if len(word) > 1} - allowed),
            later_queries=frozenset(queries - known - ordinary_words() - function_words()),
            past_trigrams=tuple(self._trigrams[page_id] for page_id in sorted(past_pages)),
            later_trigrams=tuple(self._trigrams[page_id] for page_id in sorted(later_pages)),
            about=frozenset(about),
        )
