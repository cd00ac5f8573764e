"""Compute the probability of every action that is possible on a page.

An action's probability is that of writing it, as Facsim writes it, by a model whose every token is chosen
among those that continue some possible answer. In the styles with a rationale, that is after the rationale
that the model wrote itself. Where a single answer is left nothing is chosen any more, so a long name costs an
unsure copier nothing. (Normalising the probabilities that an unconstrained model gives to whole answers is
another distribution: in it, every slip along a name counts against the name.) Typing stands for infinitely
many actions: the probability of typing into an element is that of the answer up to where the text starts,
whatever the text. The answers of a page share prefixes, so they are scored as one tree that continues the
session's KV cache.

For an element that is typed into, the text is the one that the model writes. A typed action's own probability
is that of its whole answer, text included; the probability that other texts share is not listed. The answer
is the most probable whole action.
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
from facsim.predict.local.prefix_sharing import Branch, PrefixDecoder, TokenTree, common_prefix_length
from facsim.predict.local.speculative import Generation, greedy_decode
from facsim.prompt import Style, render_answer
from facsim.schema import Action, Page

if TYPE_CHECKING:
    from facsim.lm.chat_tokenizer import ChatTokenizer

MIN_TYPING_PROBABILITY: Final = 0.05
"""Elements that are typed into at least this probably get a text, even if a click is more probable."""
_MAX_LOGITS: Final = 2**26
_MAX_MASK: Final = 2**27
_MIN_NODES: Final = 64
_PROBE_TEXTS: Final = ("", "a", "Z", "7", " ", "é", "“", "\\", '"')


@dataclass(eq=False, slots=True)
class ScoringRequest:
    """A step whose possible actions are scored, and the result.

    Attributes:
        row: index of its row in the batch.
        place: session and step, for error messages.
        prompt: the tokens that ask for the action, `(tokens,)`.
        page: the current page.
        limit: most tokens of a typed text.
        rationale: what the model wrote before the action.
        truth: what the person did, to report its probability.
        best: the most probable action.
        probabilities: of every action; typed ones without a text are left out.
        log_probability: natural logarithm of the probability of what the person did; None without a truth.
        text_tokens: tokens decoded for typed texts.
    """

    row: int
    place: str
    prompt: Sequence[int]
    page: Page
    limit: int
    rationale: str | None
    truth: Action | None
    best: Action = field(default_factory=Action.terminate)
    probabilities: Mapping[Action, float] = field(default_factory=dict)
    log_probability: float | None = None
    text_tokens: int = 0


class _Trie(dict[int, "_Trie"]):
    """Token sequences as a prefix tree: the tokens that may come next, each with what may follow it."""

    def __init__(self, paths: Sequence[Sequence[int]] = ()) -> None:
        super().__init__()
        for path in paths:
            node = self
            for token in path:
                node = node.setdefault(token, _Trie())


@dataclass(eq=False, slots=True)
class _PathScores:
    """Answers of one step whose log-probabilities are wanted, as tokens after the prompt.

    Attributes:
        request: the step.
        paths: the answers' tokens.
        trie: what is possible; beyond its leaves every token is.
        log_probabilities: of the answers, as they are computed.
    """

    request: ScoringRequest
    paths: list[list[int]]
    trie: _Trie
    log_probabilities: list[float] = field(default_factory=list)


class CandidateScorer:
    """Scores every possible action of pages.

    Args:
        chat: the tokenizer.
        style: the form of answers.
        end_tokens: tokens that end an answer.
        vocab_size: the number of logits of the model.
    """

    def __init__(
        self, chat: ChatTokenizer, style: Style, end_tokens: frozenset[int], vocab_size: int
    ) -> None:
        self._chat, self._style, self._end_tokens = chat, style, end_tokens
        self._vocab_size = vocab_size
        self._cached_path = lru_cache(maxsize=20_000)(self._path)

    def score(self, requests: Sequence[ScoringRequest], decoder: PrefixDecoder) -> Iterator[None]:
        """Fill in the best action and all probabilities of every request; yields after each forward pass."""
        scored = []
        for request in requests:
            paths = [
                self._cached_path(action, request.rationale) for action in possible_actions(request.page)
            ]
            scored.append(_PathScores(request, paths, _Trie(paths)))
        yield from self._score_paths(scored, decoder)
        typed: list[tuple[_PathScores, Action, Generation]] = []
        for one in scored:
            typed += [(one, action, text) for action, text in self._texts_to_decode(one, decoder)]
        for _ in greedy_decode([text for _, _, text in typed], decoder, self._end_tokens):
            yield None
        with_texts = []
        for one in scored:
            actions = [
                Action.type_and_submit(action.name, self._typed_text(text, action, one.request))
                for mine, action, text in typed
                if mine is one
            ]
            one.request.text_tokens = sum(len(text.tokens) for mine, _, text in typed if mine is one)
            truth = one.request.truth
            known = [*actions, truth] if truth is not None and truth.text is not None else actions
            paths = [self._whole_answer(action, one.request) for action in known]
            with_texts.append((actions, _PathScores(one.request, paths, one.trie)))
        yield from self._score_paths([whole for _, whole in with_texts if whole.paths], decoder)
        for one, (actions, whole) in zip(scored, with_texts, strict=True):
            self._settle(one, actions, whole.log_probabilities)

    def _path(self, action: Action, rationale: str | None) -> list[int]:
        """The tokens of an answer; for a typed action only those that do not depend on the text."""
        if action.type != "type_and_submit":
            answer = render_answer(action, rationale, self._style)
            return [*self._chat.encode_answer(answer), self._chat.end_token]
        variants = [
            self._chat.encode_answer(
                render_answer(Action.type_and_submit(action.name, text), rationale, self._style)
            )
            for text in _PROBE_TEXTS
        ]
        return variants[0][: min(common_prefix_length(variants[0], other) for other in variants[1:])]

    def _whole_answer(self, action: Action, request: ScoringRequest) -> list[int]:
        answer = render_answer(action, request.rationale, self._style)
        return [*self._chat.encode_answer(answer), self._chat.end_token]

    def _texts_to_decode(
        self, scored: _PathScores, decoder: PrefixDecoder
    ) -> Iterator[tuple[Action, Generation]]:
        """Texts to decode: where typing may turn out to be best, and where it is not improbable."""
        request, actions = scored.request, possible_actions(scored.request.page)
        found = list(zip(actions, scored.paths, scored.log_probabilities, strict=True))
        least = min(
            math.log(MIN_TYPING_PROBABILITY),
            max(value for action, _, value in found if action.type != "type_and_submit"),
        )
        for action, path, value in found:
            if action.type == "type_and_submit" and value >= least:
                branch, rest = decoder.branch(request.row, [*request.prompt, *path])
                branch.place = request.place
                yield action, Generation(branch, rest, request.limit)

    def _typed_text(self, text: Generation, action: Action, request: ScoringRequest) -> str:
        """The typed text within what was decoded: up to the quote that ends it."""
        answer = self._chat.decode_answer([*self._cached_path(action, request.rationale), *text.tokens])
        empty = render_answer(Action.type_and_submit(action.name, ""), request.rationale, self._style)
        opening = empty[: empty.rindex('"', 0, empty.rindex('"')) + 1]
        return _json_string(answer.removeprefix(opening) if answer.startswith(opening) else "")

    def _settle(
        self, scored: _PathScores, typed: Sequence[Action], log_probabilities: Sequence[float]
    ) -> None:
        """Combine the scores of actions without a text and of typed actions with theirs."""
        request, actions = scored.request, possible_actions(scored.request.page)
        known = dict(zip(actions, scored.log_probabilities, strict=True))
        listed = {action: value for action, value in known.items() if action.type != "type_and_submit"}
        listed |= dict(zip(typed, log_probabilities, strict=False))
        # A typed action counts with its text: typing may be likely where no single text is.
        request.best = max(listed, key=listed.__getitem__)
        request.probabilities = {action: math.exp(value) for action, value in listed.items()}
        truth = request.truth
        if truth is None:
            return
        if truth.type != "type_and_submit":
            value = known.get(truth, -math.inf)
        else:
            is_possible = Action.type_and_submit(truth.name, "") in known
            value = log_probabilities[len(typed)] if is_possible else -math.inf
        request.log_probability = value

    def _score_paths(self, scored: Sequence[_PathScores], decoder: PrefixDecoder) -> Iterator[None]:
        """Fill `log_probabilities`, one step of every row at a time, to keep all rows of the batch busy."""
        waiting: dict[int, deque[tuple[_PathScores, list[list[int]]]]] = {}
        max_nodes = self._max_nodes([one.request for one in scored])
        for one in scored:
            queue = waiting.setdefault(one.request.row, deque())
            queue.extend((one, chunk) for chunk in _chunks(one.paths, max_nodes))
        while waiting:
            current = [queue.popleft() for queue in waiting.values()]
            waiting = {row: queue for row, queue in waiting.items() if queue}
            path_trees, token_trees = [], []
            for one, paths in current:
                branch, rest = decoder.branch(one.request.row, one.request.prompt)
                branch.place = one.request.place
                if len(rest) > 1:
                    decoder.extend([TokenTree(branch, rest[:-1])])
                path_trees.append(_PathTree(rest[-1], paths, one.trie))
                token_trees.append(path_trees[-1].token_tree(branch))
            for (one, _), tree, logits in zip(current, path_trees, decoder.score(token_trees), strict=True):
                one.log_probabilities += tree.log_probabilities(logits)
            yield None

    def _max_nodes(self, requests: Sequence[ScoringRequest]) -> int:
        """Most tokens of a row in one forward pass, to bound the memory of all rows' logits and masks."""
        rows = len({request.row for request in requests})
        longest = max((len(request.prompt) for request in requests), default=1)
        limit = min(_MAX_LOGITS // self._vocab_size, _MAX_MASK // longest)
        return max(_MIN_NODES, limit // max(rows, 1))


def _chunks(paths: Sequence[list[int]], max_nodes: int) -> Iterator[list[list[int]]]:
    """Paths in chunks whose trees have at most `max_nodes` tokens, as far as single paths do."""
    chunk: list[list[int]] = []
    size = 0
    for path in paths:
        # Neighbours on a page have similar names; the prefix they share is in the tree once.
        added = len(path) - (common_prefix_length(chunk[-1], path) if chunk else 0)
        if chunk and size + added > max_nodes:
            yield chunk
            chunk, size, added = [], 0, len(path)
        chunk.append(path)
        size += added
    if chunk:
        yield chunk


class _PathTree:
    """Token paths from one root, their common prefixes merged.

    Args:
        root: the last token of the prompt.
        paths: the tokens of each path.
        trie: the tokens possible after the root.
    """

    def __init__(self, root: int, paths: Sequence[Sequence[int]], trie: _Trie) -> None:
        self._tokens, self._parents, self._tries = [root], [-1], [trie]
        children: dict[tuple[int, int], int] = {}
        self._paths = []
        for path in paths:
            node, nodes = 0, []
            for token in path:
                child = children.setdefault((node, token), len(self._tokens))
                if child == len(self._tokens):
                    self._tokens.append(token)
                    self._parents.append(node)
                    self._tries.append(self._tries[node].get(token, _Trie()))
                node = child
                nodes.append(node)
            self._paths.append(nodes)
        # What comes after the last token of a path does not matter.
        self._inner = sorted({0, *self._parents[1:]})
        self._position = {node: position for position, node in enumerate(self._inner)}

    def token_tree(self, branch: Branch) -> TokenTree:
        """The inner nodes: those whose next-token logits are needed."""
        parents = [-1, *(self._position[self._parents[node]] for node in self._inner[1:])]
        return TokenTree(branch, [self._tokens[node] for node in self._inner], parents)

    def log_probabilities(self, logits: torch.Tensor) -> list[float]:
        """The log-probability of each path, from the logits `(inner nodes, vocab)` of the token tree."""
        totals = logits.logsumexp(dim=1)
        for position, node in enumerate(self._inner):
            if possible := self._tries[node]:
                totals[position] = logits[position, list(possible)].logsumexp(dim=0)
        before = torch.tensor([self._position[parent] for parent in self._parents[1:]], device=logits.device)
        tokens = torch.tensor(self._tokens[1:], device=logits.device)
        steps = (logits[before, tokens] - totals[before]).double()
        values = [0.0, *steps.tolist()]
        return [math.fsum(values[node] for node in nodes) for nodes in self._paths]


def _json_string(text: str) -> str:
    """The JSON string at the start of a text, without its opening quote; as far as it goes."""
    body, is_escaped = [], False
    for character in text:
        if character == '"' and not is_escaped:
            break
        is_escaped = character == "\\" and not is_escaped
        body.append(character)
    try:
        decoded = json.loads(f'"{"".join(body)}"', strict=False)
    except ValueError:
        return "".join(body)
    return str(decoded)
