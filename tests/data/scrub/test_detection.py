"""What is found, and what only looks personal: by kind, in held-out phrases, in addresses and fields."""

from __future__ import annotations

from pathlib import Path

import pytest
from cpu_time import cpu_limit
from scrub_scoring import CORPUS, Score, scored, table

from facsim.data.scrub import PersonalDataDetector
from facsim.data.scrub.candidate import Candidate
from facsim.data.scrub.rules import KINDS
from facsim.data.scrub.value_checks import CHECKS

LEAST_RECALL, LEAST_PRECISION = 0.95, 0.90
LEAST_OF_A_KIND = 0.90
"""A kind has some ten values: one miss is 10%."""


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Score:
    return scored(tmp_path_factory.mktemp("held_out"))


def test_recall_and_precision_on_phrases_that_the_rules_have_not_seen(held_out: Score) -> None:
    assert held_out.planted.total() >= 200
    assert set(held_out.planted) == set(KINDS)
    assert len(KINDS) == 12
    assert {language for language, found in held_out.by_language.items() if found} == {
        "en",
        "de",
        "fr",
        "es",
        "it",
    }
    assert held_out.recall() >= LEAST_RECALL, table(held_out)
    assert held_out.precision() >= LEAST_PRECISION, table(held_out)


@pytest.mark.parametrize("kind", KINDS)
def test_recall_and_precision_of_each_kind(held_out: Score, kind: str) -> None:
    assert held_out.planted[kind] >= 7
    assert held_out.recall(kind) >= LEAST_OF_A_KIND
    assert held_out.precision(kind) >= LEAST_OF_A_KIND


def test_the_phrases_that_the_rules_were_tuned_on(tmp_path: Path) -> None:
    score = scored(tmp_path, CORPUS.with_name("development.yaml"))
    assert score.problems == []


def test_the_docs_state_the_figures(held_out: Score) -> None:
    docs = (Path(__file__).parents[3] / "docs" / "your-data" / "scrub.md").read_text(encoding="utf-8")
    for line in table(held_out).splitlines():
        assert line in docs


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("checkout.shipping.first_name", "name"),
        ("email_address", "email"),
        ("strasse_und_hausnummer", "address"),
        ("código_postal", "address"),
        ("indirizzo_e_mail", "email"),
        ("numéro_de_téléphone", "phone"),
        ("search", None),
        ("search_by_name", None),
        ("product_name", None),
        ("quantity", None),
        ("results.sort_by", None),
        (None, None),
    ],
)
def test_fields_are_known_by_their_names(field: str | None, kind: str | None) -> None:
    assert PersonalDataDetector.default().field_kind(field) == kind


@pytest.mark.parametrize(
    ("field", "text", "kind"),
    [
        ("search", "red shoes", None),
        ("search", "write to a@b.example", "email"),
        ("first_name", "Ann", "name"),
        ("first_name", "NAME_7Q2M9XKD", None),
        ("first_name", "  ", None),
        ("q", "4111 1111 1111 1111", "card"),
        ("q", "4111 1111 1111 1112", None),
    ],
)
def test_typed_texts(field: str, text: str, kind: str | None) -> None:
    assert PersonalDataDetector.default().typed_kind(field, text) == kind


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("mailto:ann@b.example?subject=hi", ["ann@b.example"]),
        ("tel:+44113", ["+44113"]),
        ("https://u:p@x.example/", ["u:p"]),
        ("https://x.example/a?e=ann%40b.example%20x", ["ann%40b.example"]),
        ("https://x.example/?token=", []),
        ("https://x.example/?q=a+b&token=EMAIL_7Q2M9XKD", []),
        ("/relative?sid=abcdef1", ["abcdef1"]),
        ("javascript:alert('a@b.example')", []),
        ("", []),
    ],
)
def test_addresses(url: str, found: list[str]) -> None:
    spans = PersonalDataDetector.default().find_in_url(url)
    assert [url[span.start : span.end] for span in spans] == found


def test_a_label_in_the_line_before_and_a_name_above_a_street() -> None:
    text = "Phone\n030 1234567\n\nAnna Berg\n14 Elm Street\nSpringfield, IL 62704\nBlue mug"
    spans = PersonalDataDetector.default().find(text)
    assert [(span.kind, text[span.start : span.end]) for span in spans] == [
        ("phone", "030 1234567"),
        ("name", "Anna Berg"),
        ("address", "14 Elm Street"),
        ("address", "Springfield, IL 62704"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Anna " * 10_000,
        "1 " * 10_000,
        "12-34-" * 5_000,
        "a." * 10_000 + "@",
        ":" * 10_000,
        "Hello, " + "A" * 20_000,
        "Calle " + "de la " * 5_000,
        "https://x.example/?" + "a=b&" * 5_000,
        "\n".join(["Ship to"] * 5_000),
    ],
)
def test_hostile_texts_take_little_time(text: str) -> None:
    with cpu_limit(5):
        PersonalDataDetector().find(text)


def test_check_digits() -> None:
    def check(name: str, value: str) -> bool:
        return CHECKS[name](Candidate(value, value, ("US",), frozenset(), frozenset()))

    assert check("card", "4111-1111-1111-1111")
    assert not check("card", "4111-1111-1111-1112")
    assert not check("card", "0000 0000 0000 0000")
    assert check("iban", "DE89 3704 0044 0532 0130 00")
    assert not check("iban", "DE89 3704 0044 0532 0130 01")
    assert check("ip_address", "8.8.8.8")
    assert not check("ip_address", "192.168.1.10")
    assert not check("ip_address", "300.1.1.1")
