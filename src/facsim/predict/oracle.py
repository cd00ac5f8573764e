"""The oracle: the true probabilities of the simulated shoppers, an upper bound on shop data.

It rebuilds the shop from the data set's card and each session from its id, replays the session up to the
current page, and reads the shopper's policy.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, Final

from facsim.data import DataSet, replay
from facsim.schema import Action, Prediction, SessionSoFar, Truth
from facsim.util.errors import ConfigError
from facsim.util.progress import Progress, no_progress

if TYPE_CHECKING:
    from facsim.shop.action_distribution import ActionDistribution
    from facsim.shop.shoppers import Shopper
    from facsim.shop.shoppers.session_simulator import DecisionPoint
    from facsim.shop.simulation import ShopSimulation

_SESSIONS_KEPT: Final = 32
_CHECKED: Final = 5
_TOLERANCE: Final = 1e-9


class Oracle:
    """Predicts the most probable action, with the true probability of every action.

    `fit` reads which shop the data set came from. Nothing is learned: the answers do not depend on what
    people did in the train part.
    """

    spec = "oracle:"
    concurrency = 1
    learns = False

    def __init__(self) -> None:
        self._settings: Mapping[str, Any] = {}
        self._simulation: ShopSimulation | None = None
        self._sessions: OrderedDict[str, _ReplayedSession] = OrderedDict()

    def settings(self) -> Mapping[str, Any]:
        """Which shop it rebuilt; empty before `fit`."""
        return self._settings

    def fit(self, train: DataSet, *, seed: int = 0, progress: Progress = no_progress) -> None:  # noqa: ARG002
        """Rebuild the shop of a data set, and compare it with the first sessions of `train`.

        Raises:
            ConfigError: if the data set is not from the shop, or from another version of it.
        """
        from facsim.shop.version import version_of  # noqa: PLC0415 - the shop is needed here only

        settings = _settings_of(train)
        version = version_of(settings["seed"])
        if settings["shop"] != version:
            raise ConfigError(
                f"{train.location} was sampled in the shop of version {settings['shop']}; this Facsim's shop "
                f"is version {version}, whose shoppers may choose otherwise. "
                "Sample it again, or use the version of Facsim that made it"
            )
        self.rebuild(settings["seed"], settings["sessions"], settings["variant"])
        self._settings = settings
        checked = train.session_ids[:_CHECKED]
        for done, session_id in enumerate(checked, start=1):
            for so_far, step in replay(train, train.session(session_id)):
                self._check_truth(so_far, step.action, step.truth)
            progress(done, len(checked), "sessions compared")

    def rebuild(self, seed: int, sessions: int, variant: str) -> None:
        """Rebuild the shop of a seed, without a data set to compare it with.

        Args:
            seed: of the shop.
            sessions: number of sessions that its people make in all.
            variant: name of the design.

        Raises:
            ConfigError: if there is no such design.
        """
        from facsim.shop.simulation import ShopSimulation  # noqa: PLC0415

        self.use(ShopSimulation(seed, sessions, variant), variant)

    def use(self, simulation: ShopSimulation, variant: str) -> None:
        """Answer in a shop that is there already, whose pages are then made once for both.

        Args:
            simulation: the shop. It must be used by one thread at a time.
            variant: name of its design.
        """
        self._simulation = simulation
        self._settings = {"seed": simulation.seed, "sessions": simulation.sessions, "variant": variant}
        self._sessions.clear()

    def _check_truth(self, so_far: SessionSoFar, action: Action, stated: Truth | None) -> None:
        found = self._replay(so_far).truth(so_far.step, action)
        if found is not None and stated is not None:
            pairs = ((found.probability, stated.probability), (found.entropy, stated.entropy))
            if all(abs(ours - theirs) < _TOLERANCE for ours, theirs in pairs):
                return
        raise _world_differs(so_far, "different probabilities than the data set records")

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        """The most probable action, its rationale, and all probabilities."""
        return self.answer(so_far)

    def answer(self, so_far: SessionSoFar) -> Prediction:
        """Predict synchronously. Steps may come in any order.

        Raises:
            ConfigError: before `fit`, or if the session is not from the shop.
        """
        replayed = self._replay(so_far)
        chances = replayed.chances(so_far.step)
        best = chances.best
        return Prediction(
            best, rationale=replayed.rationale(so_far.step, best), probabilities=chances.probabilities
        )

    def _replay(self, so_far: SessionSoFar) -> _ReplayedSession:
        """The session, replayed up to the current page."""
        from facsim.shop.sampling import number_of  # noqa: PLC0415

        if self._simulation is None:
            raise ConfigError("the oracle is not fitted. Fit it on a data set of `facsim shop sample`")
        number = number_of(so_far.session_id, self._settings)
        if number is None:
            raise ConfigError(
                f"session {so_far.session_id} is not one of the {self._settings['sessions']} sessions of "
                "this data set's card. The oracle answers sessions of the shop only"
            )
        replayed = self._sessions.get(so_far.session_id)
        if replayed is None:
            replayed = self._sessions[so_far.session_id] = _ReplayedSession(self._simulation, number)
            if len(self._sessions) > _SESSIONS_KEPT:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(so_far.session_id)
        replayed.go_to(so_far)
        return replayed

    def __getstate__(self) -> Mapping[str, Any]:
        """What another process needs: the shop is rebuilt there."""
        return self._settings

    def __setstate__(self, settings: Mapping[str, Any]) -> None:
        from facsim.shop.simulation import ShopSimulation  # noqa: PLC0415

        self.__init__()  # type: ignore[misc]
        self._settings = settings
        if settings:
            self._simulation = ShopSimulation(settings["seed"], settings["sessions"], settings["variant"])

    async def close(self) -> None:
        """Nothing to free."""


class _ReplayedSession:
    """One session, replayed as far as it was asked about."""

    def __init__(self, simulation: ShopSimulation, number: int) -> None:
        self._simulation = simulation
        self._shopper: Shopper = simulation.shopper(number)
        self._taken: list[Action] = []
        self._points: list[DecisionPoint] = [simulation.begin(self._shopper)]
        self._chances: dict[int, ActionDistribution] = {}

    def go_to(self, so_far: SessionSoFar) -> None:
        """Replay the past, and check that it leads to the current page.

        Raises:
            ConfigError: if it does not.
        """
        past = [step.action for step in so_far.past]
        same = _common(past, self._taken)
        if same < len(past):
            # Later steps, or a different past of the same session.
            del self._taken[same:], self._points[same + 1 :]
            self._chances = {step: found for step, found in self._chances.items() if step <= same}
            for action in past[same:]:
                self._take(so_far, action)
        named = self._simulation.store.named(self._points[len(past)].rendered)
        if named.page.html != so_far.page.html:
            raise _world_differs(so_far, "a different page")

    def _take(self, so_far: SessionSoFar, action: Action) -> None:
        choice = self.chances(len(self._taken)).choices.get(action)
        if choice is None or self._points[-1].ends_with(choice):
            raise _world_differs(so_far, f"no step after {action.to_dict()}")
        self._points.append(self._simulation.after(self._points[-1], choice, self._shopper))
        self._taken.append(action)

    def chances(self, step: int) -> ActionDistribution:
        """The probability of every action at a step."""
        from facsim.shop.action_distribution import ActionDistribution  # noqa: PLC0415

        if step not in self._chances:
            point = self._points[step]
            names = self._simulation.store.named(point.rendered).names
            self._chances[step] = ActionDistribution.of(point.choices, names)
        return self._chances[step]

    def truth(self, step: int, taken: Action) -> Truth | None:
        """What the data set records when an action is taken; None if it is impossible."""
        from facsim.shop.action_distribution import truth_of  # noqa: PLC0415

        choice = self.chances(step).choices.get(taken)
        point = self._points[step]
        if choice is None:
            return None
        return truth_of(choice, point.choices, self._simulation.store.named(point.rendered).names)

    def rationale(self, step: int, action: Action) -> str:
        """Why the shopper would do this, in their words. Deterministic."""
        from facsim.shop.shoppers import rationale_for  # noqa: PLC0415

        point = self._points[step]
        rng = Random(f"oracle:{self._shopper.number}:{step}")  # noqa: S311
        choice = self.chances(step).choices[action]
        return rationale_for(rng, choice, point.view, point.memory, self._shopper)


def _settings_of(data: DataSet) -> Mapping[str, Any]:
    """The settings that a shop data set was sampled with.

    Raises:
        ConfigError: if it is not a shop data set.
    """
    kinds = {"seed": int, "sessions": int, "variant": str, "shop": str}
    found = {name: data.card.settings.get(name) for name in kinds}
    if data.card.source != "shop" or not all(isinstance(found[name], kind) for name, kind in kinds.items()):
        raise ConfigError(
            f"{data.location} is not a data set of `facsim shop sample` "
            f"(its source is {data.card.source!r}): "
            "the true probabilities are unknown, so there is no oracle"
        )
    return found


def _world_differs(so_far: SessionSoFar, difference: str) -> ConfigError:
    return ConfigError(
        f"session {so_far.session_id}, step {so_far.step + 1}: this Facsim's shop has {difference}. "
        "The data set was changed, or sampled by another version. Sample it again"
    )


def _common(one: Sequence[Action], other: Sequence[Action]) -> int:
    """Length of the common prefix of two action sequences."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
