"""The probability of every action that is possible on a page, computed, not sampled.

An action's probability is that of writing it, as Facsim writes it, by a model that may only go on towards
something possible: each token is chosen among those with which an answer of the page goes on. In the styles
with a rationale that is after the rationale that the model wrote itself. Where a single answer is left
nothing is chosen any more, so that an unsure copier loses nothing by a long name. (Shares of what a free
model gives to whole answers are another distribution: in it every slip along a name counts against the
name.) Typing is infinitely many actions: the probability of typing into an element is that of the answer up
to where the text begins, whatever the text. The answers of a page have their beginnings in common, so they
are computed as one tree that grows out of the session's cache.

Of an element that is typed into, the text is the one that the model writes. A typed action's own probability
is that of its whole answer, text included; what other texts share among them is listed nowhere. The answer is
the most probable whole action.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import torch

from facsim.predict.local.grammar import possible_actions
from facsim.predict.local.prefix_sharing import Branch, Grower, Sprout, shared
from facsim.predict.local.speculative import Draft, write
from facsim.prompt import Style, render_answer
from facsim.schema import Action, Page

if TYPE_CHECKING:
    from facsim.lm.chat_tokenizer import ChatTokenizer

LEAST_TYPED: Final = 0.05
"""Elements that are typed into at least this probably get a text, though a click is more probable."""
_MOST_LOGITS: Final = 2**26
_MOST_MASK: Final = 2**27
_LEAST_NODES: Final = 64
_PROBES: Final = ("", "a", "Z", "7", " ", "é", "“", "\\", '"')


@dataclass(eq=False, slots=True)
class Offer:
    """A step, and what was found for it.

    Attributes:
        place: of its row in the batch.
        prompt: the tokens that ask for the action.
        page: what is on offer.
        limit: most tokens of a typed text.
        rationale: what the model wrote before.
        truth: what the person did, to tell its probability.
        best: the most probable action.
        probabilities: of every action, typed ones without a text left out.
        log_probability: of what the person did; None without a truth.
        written: tokens of typed texts.
    """

    place: int
    prompt: Sequence[int]
    page: Page
    limit: int
    rationale: str | None
    truth: Action | None
    best: Action = field(default_factory=Action.terminate)
    probabilities: Mapping[Action, float] = field(default_factory=dict)
    log_probability: float | None = None
    written: int = 0


class _Ways(dict[int, "_Ways"]):
    """The tokens with which some answer goes on, and how it goes on after each."""

    def __init__(self, paths: Sequence[Sequence[int]] = ()) -> None:
        super().__init__()
        for path in paths:
            ways = self
            for token in path:
                ways = ways.setdefault(token, _Ways())


@dataclass(eq=False, slots=True)
class _Look:
    """Answers of one step whose log-probabilities are wanted: their tokens after the prompt.

    Attributes:
        offer: the step.
        paths: the answers.
        ways: what is possible; after what is not part of it everything is.
        found: the log-probabilities of the answers, as they are found.
    """

    offer: Offer
    paths: list[list[int]]
    ways: _Ways
    found: list[float] = field(default_factory=list)


class Chooser:
    """Weighs the actions of pages.

    Args:
        chat: the tokenizer.
        style: the form of answers.
        ends: tokens that end an answer.
        vocabulary: how many logits the model gives.
    """

    def __init__(self, chat: ChatTokenizer, style: Style, ends: frozenset[int], vocabulary: int) -> None:
        self._chat, self._style, self._ends = chat, style, ends
        self._vocabulary = vocabulary
        self._paths = lru_cache(maxsize=20_000)(self._path)

    def choose(self, offers: Sequence[Offer], grower: Grower) -> Iterator[None]:
        """Find the best action, the probabilities, and that of what the person did, of every offer.

        It stops by for a moment after each forward pass.
        """
        looks = []
        for offer in offers:
            paths = [self._paths(action, offer.rationale) for action in possible_actions(offer.page)]
            looks.append(_Look(offer, paths, _Ways(paths)))
        yield from self._look(looks, grower)
        typed: list[tuple[_Look, Action, Draft]] = []
        for look in looks:
            typed += [(look, action, draft) for action, draft in self._drafts(look, grower)]
        for _ in write([draft for _, _, draft in typed], grower, self._ends):
            yield None
        whole = []
        for look in looks:
            texts = [
                Action.type_and_submit(action.name, self._text(draft, action, look.offer))
                for mine, action, draft in typed
                if mine is look
            ]
            look.offer.written = sum(len(draft.tokens) for mine, _, draft in typed if mine is look)
            truth = look.offer.truth
            known = [*texts, truth] if truth is not None and truth.text is not None else texts
            paths = [self._whole(action, look.offer) for action in known]
            whole.append((texts, _Look(look.offer, paths, look.ways)))
        yield from self._look([look for _, look in whole if look.paths], grower)
        for look, (texts, second) in zip(looks, whole, strict=True):
            self._settle(look, texts, second.found)

    def _path(self, action: Action, rationale: str | None) -> list[int]:
        """The tokens of an answer; of a typed action up to where the text begins to matter."""
        if action.type != "type_and_submit":
            return [*self._chat.answer(render_answer(action, rationale, self._style)), self._chat.end]
        written = [
            self._chat.answer(
                render_answer(Action.type_and_submit(action.name, text), rationale, self._style)
            )
            for text in _PROBES
        ]
        return written[0][: min(shared(written[0], other) for other in written[1:])]

    def _whole(self, action: Action, offer: Offer) -> list[int]:
        answer = render_answer(action, offer.rationale, self._style)
        return [*self._chat.answer(answer), self._chat.end]

    def _drafts(self, look: _Look, grower: Grower) -> Iterator[tuple[Action, Draft]]:
        """Texts to be written: where typing may turn out to be best, and where it is not improbable."""
        offer, actions = look.offer, possible_actions(look.offer.page)
        found = list(zip(actions, look.paths, look.found, strict=True))
        least = min(
            math.log(LEAST_TYPED),
            max(mass for action, _, mass in found if action.type != "type_and_submit"),
        )
        for action, path, mass in found:
            if action.type == "type_and_submit" and mass >= least:
                branch, rest = grower.branch(offer.place, [*offer.prompt, *path])
                yield action, Draft(branch, rest, offer.limit)

    def _text(self, draft: Draft, action: Action, offer: Offer) -> str:
        """The typed text in what was written: up to the quote that ends it."""
        answer = self._chat.text([*self._paths(action, offer.rationale), *draft.tokens])
        around = render_answer(Action.type_and_submit(action.name, ""), offer.rationale, self._style)
        opening = around[: around.rindex('"', 0, around.rindex('"')) + 1]
        return _string(answer.removeprefix(opening) if answer.startswith(opening) else "")

    def _settle(self, look: _Look, texts: Sequence[Action], masses: Sequence[float]) -> None:
        """Put the probabilities together."""
        offer, actions = look.offer, possible_actions(look.offer.page)
        known = dict(zip(actions, look.found, strict=True))
        listed = {action: mass for action, mass in known.items() if action.type != "type_and_submit"}
        listed |= dict(zip(texts, masses, strict=False))
        # A typed action counts with its text: typing may be likely where no single text is.
        offer.best = max(listed, key=listed.__getitem__)
        offer.probabilities = {action: math.exp(mass) for action, mass in listed.items()}
        truth = offer.truth
        if truth is None:
            return
        if truth.type != "type_and_submit":
            mass = known.get(truth, -math.inf)
        else:
            possible = Action.type_and_submit(truth.name, "") in known
            mass = masses[len(texts)] if possible else -math.inf
        offer.log_probability = mass

    def _look(self, looks: Sequence[_Look], grower: Grower) -> Iterator[None]:
        """Fill `found`: one step of every row at a time, so that all rows of the batch have work."""
        waiting: dict[int, deque[tuple[_Look, list[list[int]]]]] = {}
        most = self._most_nodes([look.offer for look in looks])
        for look in looks:
            queue = waiting.setdefault(look.offer.place, deque())
            queue.extend((look, part) for part in _parts(look.paths, most))
        while waiting:
            now = [queue.popleft() for queue in waiting.values()]
            waiting = {place: queue for place, queue in waiting.items() if queue}
            trees, sprouts = [], []
            for look, paths in now:
                branch, rest = grower.branch(look.offer.place, look.offer.prompt)
                if len(rest) > 1:
                    grower.grow([Sprout(branch, rest[:-1])])
                trees.append(_Tree(rest[-1], paths, look.ways))
                sprouts.append(trees[-1].sprout(branch))
            for (look, _), tree, logits in zip(now, trees, grower.look(sprouts), strict=True):
                look.found += tree.log_probabilities(logits)
            yield None

    def _most_nodes(self, offers: Sequence[Offer]) -> int:
        """Most tokens of a row in one forward pass, for what logits and masks of all rows take."""
        rows = len({offer.place for offer in offers})
        longest = max((len(offer.prompt) for offer in offers), default=1)
        most = min(_MOST_LOGITS // self._vocabulary, _MOST_MASK // longest)
        return max(_LEAST_NODES, most // max(rows, 1))


def _parts(paths: Sequence[list[int]], most: int) -> Iterator[list[list[int]]]:
    """Paths in parts whose trees have at most `most` tokens, as far as single paths do."""
    part: list[list[int]] = []
    size = 0
    for path in paths:
        # Neighbours on a page are named alike: what they share stands in the tree once.
        grown = len(path) - (shared(part[-1], path) if part else 0)
        if part and size + grown > most:
            yield part
            part, size, grown = [], 0, len(path)
        part.append(path)
        size += grown
    if part:
        yield part


class _Tree:
    """Paths of tokens out of one root, their common beginnings shared; `ways` are those possible there."""

    def __init__(self, root: int, paths: Sequence[Sequence[int]], ways: _Ways) -> None:
        self._tokens, self._parents, self._ways = [root], [-1], [ways]
        children: dict[tuple[int, int], int] = {}
        self._paths = []
        for path in paths:
            node, nodes = 0, []
            for token in path:
                child = children.setdefault((node, token), len(self._tokens))
                if child == len(self._tokens):
                    self._tokens.append(token)
                    self._parents.append(node)
                    self._ways.append(self._ways[node].get(token, _Ways()))
                node = child
                nodes.append(node)
            self._paths.append(nodes)
        # What comes after the last token of a path does not matter.
        self._fed = sorted({0, *self._parents[1:]})
        self._number = {node: number for number, node in enumerate(self._fed)}

    def sprout(self, branch: Branch) -> Sprout:
        """The nodes that something follows."""
        parents = [-1, *(self._number[self._parents[node]] for node in self._fed[1:])]
        return Sprout(branch, [self._tokens[node] for node in self._fed], parents)

    def log_probabilities(self, logits: torch.Tensor) -> list[float]:
        """Of each path, given the logits after each token of the sprout."""
        totals = logits.logsumexp(dim=1)
        for number, node in enumerate(self._fed):
            if possible := self._ways[node]:
                totals[number] = logits[number, list(possible)].logsumexp(dim=0)
        before = torch.tensor([self._number[parent] for parent in self._parents[1:]], device=logits.device)
        tokens = torch.tensor(self._tokens[1:], device=logits.device)
        steps = (logits[before, tokens] - totals[before]).double()
        values = [0.0, *steps.tolist()]
        return [math.fsum(values[node] for node in nodes) for nodes in self._paths]


def _string(text: str) -> str:
    """The JSON string that a text begins with, its opening quote left out; as far as it goes."""
    body, escaped = [], False
    for character in text:
        if character == '"' and not escaped:
            break
        escaped = character == "\\" and not escaped
        body.append(character)
    try:
        read = json.loads(f'"{"".join(body)}"', strict=False)
    except ValueError:
        return "".join(body)
    return str(read)
