from dataclasses import fields
from pathlib import Path

from facsim.shop.shoppers.coefficients import BOUNDS, COEFFICIENTS, PAGES
from facsim.shop.shoppers.reference import updated

DOCS = Path(__file__).resolve().parents[3] / "docs" / "research" / "shopper-coefficients.md"


def test_every_coefficient_has_a_reason():
    for group in fields(COEFFICIENTS):
        numbers = getattr(COEFFICIENTS, group.name)
        if group.name == "aims":
            assert all(len(constant.reason.split()) >= 3 for constant in numbers.values())
        elif group.name != "sharpness":
            assert all(len(item.metadata["reason"].split()) >= 3 for item in fields(numbers))
    assert all(len(item.metadata["reason"].split()) >= 3 for item in fields(BOUNDS))


def test_the_docs_show_the_coefficients_in_force():
    """After a wanted change: `python -m facsim.shop.shoppers.reference docs/research/shopper-coefficients.md`."""
    text = DOCS.read_text(encoding="utf-8")
    assert updated(text) == text


def test_shifting_an_aim_changes_only_its_constants():
    shifted = COEFFICIENTS.shifted("search", 1.0, "results")
    assert shifted.aims["search"].results == COEFFICIENTS.aims["search"].results + 1
    assert shifted.aims["search"].home == COEFFICIENTS.aims["search"].home
    assert {aim for aim in shifted.aims if shifted.aims[aim] != COEFFICIENTS.aims[aim]} == {"search"}
    everywhere = COEFFICIENTS.shifted("narrow", 1.0)
    assert [page for page in PAGES if getattr(everywhere.aims["narrow"], page) > -9] == ["results"]
