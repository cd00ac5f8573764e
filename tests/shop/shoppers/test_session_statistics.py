from random import Random

import numpy as np
import pytest
from scipy import stats

from facsim.shop.shoppers import Choice, Memory, pause
from facsim.shop.shoppers.pauses import PAUSES
from facsim.shop.shoppers.session_simulator import Decision
from facsim.shop.shoppers.session_statistics import (
    count_session,
    distance,
    figures,
    simulate_counts,
    transitions,
)
from facsim.shop.storefront.views import PageAction, PageView


def point(kind, text=None, meant=None, probability=0.5):
    actions = (PageAction(kind, kind, "/"),) if kind != "leave" else ()
    view = PageView("results", "/", actions)
    choice = Choice(0 if actions else None, text, probability, {}, "look", meant or text, 0)
    return Decision(view, Memory(), (choice, Choice(None, None, 1 - probability, {}, "leave")), choice)


def test_a_visit_is_counted_by_hand():
    points = [
        point("search", "ketle", "kettle"),
        point("search", "kettle", probability=0.8),
        point("filter"),
        point("product"),
        point("back"),
        point("add_to_cart"),
        point("checkout"),
        point("place_order", probability=0.9),
    ]
    found = count_session(points)
    assert (found.actions, found.searches, found.filters, found.bought) == (8, 2, 1, 1)
    assert (found.reformulations, found.typos, found.corrections) == (1, 1, 1)
    assert found.classes == ("search", "search", "filter", "product", "purchase")
    assert found.right == pytest.approx((0.8 + 0.5 * 5 + 0.9) / 7)


def test_transitions_and_their_distance():
    ours = transitions([("search", "search", "product", "end")])
    theirs = transitions([("search", "product", "end"), ("search", "end")])
    assert ours["search"] == {"search": 1, "product": 1}
    away = distance(ours, theirs)
    assert away["search"] == pytest.approx(0.5) and away["start"] == 0
    assert away["all"] == pytest.approx(0.5 * 2 / 5)
    assert transitions([("search", "search", "end")], repeats=False)["search"] == {"end": 1}


def test_pauses_are_log_normal(sessions):
    shopper, points = sessions[0]
    rng = Random(3)
    for aim, (mean, deviation) in PAUSES.items():
        seconds = [pause(rng, Choice(None, None, 1, {}, aim), points[0].view, shopper) for _ in range(2000)]
        assert min(seconds) >= 0.1 and max(seconds) <= 1800
        assert abs(np.median(np.log(seconds)) - mean) < 0.3 + 0.1 * deviation
    assert stats.kstest(np.log(seconds), "norm", args=(mean, deviation)).statistic < 0.15


QUICK = {
    "actions": (6.0, 8.5),
    "searches": (2.3, 3.4),
    "purchases": (0.09, 0.19),
    "skew": (2.2, 4.0),
    "oracle_macro": (0.44, 0.57),
    "leaving_most_probable": (0.0, 0.3),
    "misspelt": (0.04, 0.25),
    "corrected": (0.2, 0.9),
    "reformulated": (0.4, 0.9),
}


def test_a_small_fresh_sample_is_near_the_published_figures(store, population, policy):
    found = figures(list(simulate_counts(store, policy, population, 350, seed=2)))
    for name, (low, high) in QUICK.items():
        assert low < found[name].value < high, (name, found[name])
    assert found["searches_per_filter"].value > 5


@pytest.mark.slow
def test_a_large_fresh_sample_has_the_published_figures():
    from facsim.shop.catalogue import Catalogue
    from facsim.shop.shoppers import Policy, Population
    from facsim.shop.storefront.store import Storefront

    catalogue = Catalogue(2024)
    found = figures(
        list(simulate_counts(Storefront(catalogue), Policy(), Population(catalogue, 2024), 4000, seed=2024))
    )
    assert found["actions"].value == pytest.approx(7.25, rel=0.03)
    assert found["searches"].value == pytest.approx(2.82, rel=0.03)
    assert found["searches_per_filter"].value >= 7
    assert found["purchases"].value == pytest.approx(0.139, abs=0.01)
    assert 2.5 <= found["skew"].value <= 3.5
    assert 0.45 <= found["oracle_macro"].value <= 0.55
    assert found["reformulated"].value > 0.3 and found["corrected"].value > 0.2
