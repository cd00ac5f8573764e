"""Small data sets, made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from facsim.data import Card, DataSet, DataSetWriter
from facsim.schema import Action, Session, Step

START = datetime(2025, 3, 1, tzinfo=UTC)


def simplified_page(*names: str, title: str = "page") -> str:
    links = "".join(f'<a name="{name}" href="/{name}">{name}</a>' for name in names)
    return f"<html><body><h1>{title}</h1>{links}</body></html>"


class Writing:
    """Collects sessions and their pages, and writes them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pages: list[str] = []
        self.sessions: list[tuple[str, str, list[tuple[str, Action, float | None]], dict[str, object]]] = []

    def add(
        self,
        session_id: str,
        user_id: str,
        steps: Iterable[tuple[str, Action]],
        *,
        start: datetime | None = START,
        **fields: object,
    ) -> Writing:
        """`steps` are (simplified HTML, action); they follow a second apart."""
        timed = [
            (html, action, None if start is None else start + timedelta(seconds=index))
            for index, (html, action) in enumerate(steps)
        ]
        self.sessions.append((session_id, user_id, timed, fields))
        return self

    def write(self, **options: object) -> DataSet:
        with DataSetWriter(
            self.path, Card(name="made", source="jsonl", origin="a test"), **options
        ) as writer:
            for session_id, user_id, timed, fields in self.sessions:
                steps = tuple(
                    Step(writer.add_page(html), action, timestamp=time, category=fields.get("category"))
                    for html, action, time in timed
                )
                extra = {key: value for key, value in fields.items() if key != "category"}
                writer.add_session(Session(session_id, user_id, steps, **extra))
        return DataSet.open(self.path)


@pytest.fixture
def writing(tmp_path: Path) -> Callable[..., Writing]:
    return lambda name="made": Writing(tmp_path / name)
