"""A session as its predictor sees it: step by step, never beyond the current page."""

from __future__ import annotations

from collections.abc import Iterator

from facsim.data.store import DataSet, PageStore
from facsim.schema import PastStep, Session, SessionSoFar, Step


def replay(data: DataSet | PageStore, session: Session) -> Iterator[tuple[SessionSoFar, Step]]:
    """For every step of `session`: what was known before it, and the step itself (the truth).

    The history is always the true one (paper, section on evaluation: teacher-forced).

    Raises:
        InputError: if the data set has no pages.
    """
    if isinstance(data, DataSet):
        data.require_pages()
    past: tuple[PastStep, ...] = ()
    for step in session.steps:
        page = data.page(step.page_id)
        yield (
            SessionSoFar(
                session_id=session.session_id,
                page=page,
                past=past,
                persona=session.persona,
                intent=session.intent,
                site=session.site,
            ),
            step,
        )
        past = (*past, PastStep(page, step.action, step.rationale, step.category))
