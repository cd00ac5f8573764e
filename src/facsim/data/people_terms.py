"""What to call the people of a data set: simulated shoppers are never called people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PeopleTerms:
    """The people whose actions a data set holds.

    Attributes:
        person: one of them.
        people: all of them.
        simulated: whether they are simulated.
    """

    person: str
    people: str
    simulated: bool = False

    @property
    def possessive(self) -> str:
        """`people` in the possessive.

        >>> PEOPLE.possessive, SIMULATED_SHOPPERS.possessive
        ("people's", "simulated shoppers'")
        """
        return f"{self.people}'" if self.people.endswith("s") else f"{self.people}'s"


PEOPLE: Final = PeopleTerms("person", "people")
SIMULATED_SHOPPERS: Final = PeopleTerms("simulated shopper", "simulated shoppers", simulated=True)
_BY_SOURCE: Final = {
    "shop": SIMULATED_SHOPPERS,
    "rollout": PeopleTerms("simulated person", "simulated people", simulated=True),
}


def population_of(source: str | None) -> PeopleTerms:
    """The population of a data source, as its card names it; people unless the source simulates them.

    >>> population_of("shop").people, population_of("opera").people
    ('simulated shoppers', 'people')
    """
    return _BY_SOURCE.get(source or "", PEOPLE)
