"""Who goes shopping: the shop's own people, people of a data set's sessions, or a personas file."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from facsim.data import DataSet
from facsim.util.errors import ConfigError, InputError
from facsim.util.validation import first_problem
from facsim.util.yaml_config import load_yaml

if TYPE_CHECKING:
    from facsim.shop.simulation import ShopSimulation

_FORMS: Final = ".jsonl, .json, .yaml, .yml or .csv"


@dataclass(frozen=True, slots=True)
class SimulatedPerson:
    """The person of one session.

    Attributes:
        session_id: id of the session to be produced. It equals the id of the real session whose person this
            is, so that the two can be paired.
        user_id: the person.
        persona: what is known about the person.
        persona_fields: the same as a JSON object.
        intent: what the person wants.
        draw_key: selects the random numbers of the session; the same in every design of a site.
        shopper: number of the shop's own shopper, who may arrive with something in the cart.
    """

    session_id: str
    user_id: str
    persona: str | None = None
    persona_fields: str | None = None
    intent: str | None = None
    draw_key: str = ""
    shopper: int | None = None


class _PersonaRow(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    persona: str
    intent: str | None = None
    user_id: str | None = None
    fields: dict[str, str | int | float | bool] | None = None


def people_of_shop(simulation: ShopSimulation, numbers: Iterable[int]) -> list[SimulatedPerson]:
    """The people of the embedded shop with the ids that `facsim shop sample` gives their sessions."""
    from facsim.shop.sampling import persona_fields_of, session_id_of  # noqa: PLC0415

    people = []
    for number in numbers:
        shopper = simulation.shopper(number)
        people.append(
            SimulatedPerson(
                session_id=session_id_of(simulation.seed, number),
                user_id=shopper.user_id,
                persona=shopper.persona,
                persona_fields=persona_fields_of(shopper),
                intent=shopper.intent,
                draw_key=str(number),
                shopper=number,
            )
        )
    return people


def people_of_data(data: DataSet) -> list[SimulatedPerson]:
    """The people of a data set's sessions, with their intents. Sessions of the shop keep their shopper."""
    numbers = _shopper_numbers(data)
    columns = ("session_id", "user_id", "persona", "persona_fields", "intent")
    rows = data.sessions.select(columns).iter_rows(named=True)
    return [
        SimulatedPerson(
            **row,
            draw_key=row["session_id"] if number is None else str(number),
            shopper=number,
        )
        for row, number in zip(rows, numbers, strict=True)
    ]


def _shopper_numbers(data: DataSet) -> Iterator[int | None]:
    from facsim.shop.sampling import number_of  # noqa: PLC0415

    settings = data.card.settings
    is_shop = data.card.source == "shop" and {"seed", "sessions", "variant"} <= settings.keys()
    for session_id in data.session_ids:
        yield number_of(session_id, settings) if is_shop else None


def read_personas(file: Path) -> list[SimulatedPerson]:
    """Read people from JSON Lines, a JSON or YAML list, or CSV.

    A row has the fields `persona`, `intent`, `user_id` and `fields` (an object; not in CSV). Only `persona`
    is required.

    Raises:
        ConfigError: if the file has another ending, is missing or not YAML.
        InputError: if a row is not a persona, with its number.
    """
    people = []
    for number, row in enumerate(_rows(file), start=1):
        try:
            read = _PersonaRow.model_validate(row)
        except ValidationError as error:
            raise InputError(
                str(first_problem(error)),
                file=file,
                where=f"persona {number}",
                expected="persona, and optionally intent, user_id and fields",
            ) from None
        user_id = read.user_id or f"persona-{number:06d}"
        fields = None if read.fields is None else json.dumps(read.fields, sort_keys=True, ensure_ascii=False)
        session_id = f"{user_id}-{number:06d}"
        people.append(
            SimulatedPerson(session_id, user_id, read.persona, fields, read.intent, draw_key=session_id)
        )
    if not people:
        raise InputError("no persona", file=file, expected="at least one")
    return people


def _rows(file: Path) -> list[Any]:
    ending = file.suffix.lower()
    if ending in (".yaml", ".yml", ".json"):
        rows = load_yaml(file)  # JSON is YAML
        if not isinstance(rows, list):
            raise InputError("not a list", file=file, expected="a list of personas")
        return rows
    if ending not in (".jsonl", ".csv"):
        raise ConfigError(f"{file}: unknown kind of personas file; expected {_FORMS}")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from None
    if ending == ".csv":
        return [
            {key: value for key, value in row.items() if value} for row in csv.DictReader(text.splitlines())
        ]
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except (ValueError, RecursionError):
                raise InputError("not JSON", file=file, where=f"line {number}") from None
    return found


def select_people(people: Sequence[SimulatedPerson], sessions: int, seed: int) -> list[SimulatedPerson]:
    """So many people of a list, in its order: a random sample, or all of them several times over.

    A larger number adds people to those of a smaller one. From the second time on, session ids end in `.2`,
    `.3` and so on.

    Raises:
        ConfigError: if two of them have one session id.
    """
    counts = Counter(person.session_id for person in people)
    if twice := next((session_id for session_id, count in counts.items() if count > 1), None):
        raise ConfigError(f"two people have the session id {twice!r}: give each session an id of its own")
    if sessions < len(people):
        ranked = sorted(range(len(people)), key=lambda place: _rank(seed, people[place]))
        return [people[place] for place in sorted(ranked[:sessions])]
    chosen = list(people[:sessions])
    for number in range(len(people), sessions):
        again = number // len(people) + 1
        person = people[number % len(people)]
        chosen.append(
            replace(
                person,
                session_id=f"{person.session_id}.{again}",
                draw_key=f"{person.draw_key}.{again}",
            )
        )
    return chosen


def _rank(seed: int, person: SimulatedPerson) -> bytes:
    return hashlib.blake2b(f"people:{seed}:{person.session_id}".encode(), digest_size=8).digest()
