"""The colours of runs can be read on either page, as letters too."""

from __future__ import annotations

import pytest

from facsim.report.palette import ORACLE_COLOUR, REST, RUN_COLOURS


def luminance(colour: str) -> float:
    """Relative luminance, by WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("pair", [*RUN_COLOURS, REST, ORACLE_COLOUR])
def test_the_letter_of_a_run_stands_out_from_its_page(pair: tuple[str, str]) -> None:
    light, dark = map(luminance, pair)
    assert (luminance("#ffffff") + 0.05) / (light + 0.05) >= 4.5
    assert (dark + 0.05) / (luminance("#14171c") + 0.05) >= 4.5


def test_no_two_runs_have_one_colour() -> None:
    for theme in (0, 1):
        assert len({pair[theme] for pair in (*RUN_COLOURS, REST, ORACLE_COLOUR)}) == len(RUN_COLOURS) + 2
