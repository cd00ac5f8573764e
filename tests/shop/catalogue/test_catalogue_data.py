"""The data files say what the code needs, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from string import Formatter
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from facsim.shop.catalogue.kinds import FILES, blueprints, read_data
from facsim.shop.catalogue.pictures import FILES as DRAWING_FILES

Phrase = Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$", max_length=60)]
Sentence = Annotated[str, StringConstraints(pattern=r"^[A-Z\"].*[^.\s]$", min_length=5)]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
Element = Annotated[
    str,
    StringConstraints(
        pattern=r"^(float|R( -?[\d.]+){4} [\d.]+ \w+|C( -?[\d.]+){3} \w+|E( -?[\d.]+){4} \w+"
        r"|P \w+ M[-\d. MLHVQCTAZ]+|L \w+ [\d.]+ M[-\d. MLHVQCTAZ]+)$"
    ),
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class KindEntry(Strict):
    words: Annotated[list[Phrase], Field(min_length=1)]
    price: Annotated[int, Field(gt=5, lt=1000)]
    shape: str
    features: Annotated[list[Annotated[str, StringConstraints(pattern=r"^\+?\w")]], Field(min_length=5)]
    uses: Annotated[list[Phrase], Field(min_length=3)]
    good: Annotated[list[Sentence], Field(min_length=3)]
    bad: Annotated[list[Sentence], Field(min_length=2)]
    sizes: str | list[str | int] = []
    colors: str | list[Phrase] = []
    packs: list[Phrase] = []


class Department(Strict):
    brands: Annotated[list[Phrase], Field(min_length=8)]
    kinds: Annotated[dict[Phrase, KindEntry], Field(min_length=4)]
    model: bool = False


class Words(Strict):
    colors: dict[str, list[Phrase]]
    sizes: dict[str, list[Phrase]]
    palette: dict[Phrase, Colour]


class Drawings(Strict):
    ink: dict[str, Colour] = {}
    drawings: dict[str, Annotated[list[Element], Field(min_length=3)]]


class Texts(Strict):
    features: dict[Phrase, tuple[str, str | None, str | None]]
    adjective_bullets: list[str]
    part_bullets: list[str]
    use_bullets: list[tuple[str, str]]
    end_bullets: list[tuple[str, str]]
    lasting_bullets: list[tuple[str, str]]
    openers: list[str]
    glances: list[str]
    middles: list[str]
    closers: list[str]
    lasting_closers: list[str]
    reviews: dict[str, list[str]]


def _checked(name: str, model: type[BaseModel]) -> BaseModel:
    # Lists of the file stand for tuples of the model.
    return model.model_validate(read_data(name), strict=False)


@pytest.fixture(scope="module")
def departments() -> dict[str, Department]:
    read: dict[str, Department] = {}
    for name in FILES:
        data = read_data(name)
        assert isinstance(data, Mapping)
        for department, entry in data.items():
            assert department not in read
            read[department] = Department.model_validate(entry, strict=False)
    return read


def test_there_is_enough_to_sell(departments: dict[str, Department]) -> None:
    names = [kind for department in departments.values() for kind in department.kinds]
    assert len(departments) >= 20
    assert len(names) >= 120
    assert max(Counter(names).values()) == 1


def test_colors_sizes_and_drawings_named_by_kinds_exist(departments: dict[str, Department]) -> None:
    words = _checked("words", Words)
    assert isinstance(words, Words)
    drawn = {shape for name in DRAWING_FILES for shape in _checked(name, Drawings).drawings}  # type: ignore[attr-defined]
    used = set()
    for department in departments.values():
        for name, kind in department.kinds.items():
            assert not isinstance(kind.colors, str) or kind.colors in words.colors, name
            assert not isinstance(kind.sizes, str) or kind.sizes in words.sizes, name
            used.add(kind.shape)
    assert used == drawn
    for blueprint in blueprints():
        assert set(blueprint.kind.colours) <= set(words.palette), blueprint.kind.name


def test_drawings_use_colors_that_exist() -> None:
    ink = _checked("drawings", Drawings).ink  # type: ignore[attr-defined]
    known = {*ink, "main", "dark", "light", "pale", "accent"}
    for name in DRAWING_FILES:
        for shape, lines in _checked(name, Drawings).drawings.items():  # type: ignore[attr-defined]
            for line in lines:
                if line != "float":
                    letter, *fields = line.split()
                    assert fields[0 if letter in "PL" else -1] in known, (shape, line)


def test_a_brand_belongs_to_one_department(departments: dict[str, Department]) -> None:
    counts = Counter(brand for department in departments.values() for brand in department.brands)
    assert max(counts.values()) == 1
    assert len(counts) >= 200


def test_features_of_a_kind_are_told_apart() -> None:
    for blueprint in blueprints():
        names = [feature.name.lower() for group in blueprint.features for feature in group]
        assert len(names) == len(set(names)), blueprint.kind.name
        words = [blueprint.kind.name, *blueprint.kind.words]
        assert len(words) == len(set(words)), blueprint.kind.name
        assert len(set(blueprint.kind.uses)) >= 2


def test_sentences_have_only_blanks_that_are_filled() -> None:
    texts = _checked("texts", Texts)
    assert isinstance(texts, Texts)
    page = {
        "this",
        "is",
        "it",
        "it_",
        "its",
        "has",
        "does",
        "This",
        "It",
        "noun",
        "brand",
        "use",
        "other_use",
        "pack",
    }
    pairs = [*texts.use_bullets, *texts.end_bullets, *texts.lasting_bullets]
    sentences = [
        *texts.adjective_bullets,
        *texts.part_bullets,
        *texts.openers,
        *texts.glances,
        *texts.middles,
    ]
    sentences += [*texts.closers, *texts.lasting_closers, *(text for pair in pairs for text in pair)]
    for sentence in sentences:
        assert _blanks(sentence) <= page | {"feature", "features"}, sentence
    for sentence in (text for pool in texts.reviews.values() for text in pool):
        assert _blanks(sentence) <= {"brand", "use"}, sentence
    for said in texts.features.values():
        assert not any(_blanks(text) for text in said if text)
    assert {"delighted", "pleased", "torn", "angry", "uses", "small", "thanks", "laments", "names"} == set(
        texts.reviews
    )


def test_remarks_are_about_features_that_are_sold() -> None:
    texts = _checked("texts", Texts)
    assert isinstance(texts, Texts)
    sold = {feature.name for blueprint in blueprints() for group in blueprint.features for feature in group}
    assert set(texts.features) <= sold
    assert not any(re.search(r"[.!]$", text) for said in texts.features.values() for text in said if text)


def _blanks(sentence: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(sentence) if field is not None}
