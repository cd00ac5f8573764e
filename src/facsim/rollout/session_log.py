"""Where the answers of a session go: into the journal, or into memory in a worker process."""

from __future__ import annotations

from dataclasses import dataclass, field

from facsim.data import page_id_of
from facsim.rollout.people import SimulatedPerson
from facsim.rollout.rollout_answer import RolloutAnswer, SessionEnd
from facsim.rollout.rollout_journal import RolloutJournal
from facsim.rollout.web_environment import Observation


class JournalLog:
    """The log of one session in the journal.

    Args:
        journal: open for writing.
        person: whose session it is.
    """

    def __init__(self, journal: RolloutJournal, person: SimulatedPerson) -> None:
        self._journal, self._session_id = journal, person.session_id
        answers = journal.answers(person.session_id)
        self._before = {(answer.step, answer.attempt): answer for answer in answers}
        journal.put_person(person)

    def recorded(self, step: int, attempt: int) -> RolloutAnswer | None:
        """The answer that an earlier run got here."""
        return self._before.get((step, attempt))

    def ask(self, step: int, observation: Observation) -> None:
        """Commit the page that the predictor is asked about.

        Raises:
            FacsimError: if it cannot be written.
        """
        page_id = page_id_of(observation.page.html)
        with self._journal.transaction():
            self._journal.put_page(page_id, observation.page.html, observation.raw_html)
            self._journal.put_question(self._session_id, step, page_id, observation.url)

    def put(self, answer: RolloutAnswer, observation: Observation) -> None:
        """Commit an answer and its page.

        Raises:
            FacsimError: if they cannot be written.
        """
        place = (answer.step, answer.attempt)
        before = self._before.get(place)
        with self._journal.transaction():
            if self._before and (before is None or before.action != answer.action):
                # Another answer than last time: what followed then does not follow now.
                self._before = {key: kept for key, kept in self._before.items() if key < place}
                self._journal.drop_after(self._session_id, *place)
            self._journal.put_page(answer.page_id, observation.page.html, observation.raw_html)
            self._journal.put_answer(self._session_id, answer)


@dataclass(slots=True)
class MemoryLog:
    """The log of one session in memory, to be sent to another process.

    Attributes:
        person: whose session it is.
        answers: in order.
        pages: the pages of the answers, by id.
        end: how the session ended; None before.
    """

    person: SimulatedPerson
    answers: dict[tuple[int, int], RolloutAnswer] = field(default_factory=dict)
    pages: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    end: SessionEnd | None = None

    def recorded(self, step: int, attempt: int) -> RolloutAnswer | None:  # noqa: ARG002
        """Nothing: worker processes do not continue sessions."""
        return None

    def ask(self, step: int, observation: Observation) -> None:
        """Nothing: nobody sees this log before the session has ended."""

    def put(self, answer: RolloutAnswer, observation: Observation) -> None:
        """Keep an answer and its page."""
        self.answers[answer.step, answer.attempt] = answer
        self.pages.setdefault(answer.page_id, (observation.page.html, observation.raw_html))
