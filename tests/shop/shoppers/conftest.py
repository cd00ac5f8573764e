from random import Random

import pytest

from facsim.shop.catalogue import Catalogue
from facsim.shop.shoppers import Policy, Population
from facsim.shop.shoppers.session_simulator import simulate_session
from facsim.shop.storefront.store import Storefront

SEED = 11


@pytest.fixture(scope="session")
def catalogue():
    return Catalogue(SEED)


@pytest.fixture(scope="session")
def store(catalogue):
    return Storefront(catalogue)


@pytest.fixture(scope="session")
def population(catalogue):
    return Population(catalogue, SEED)


@pytest.fixture(scope="session")
def policy():
    return Policy()


@pytest.fixture(scope="session")
def sessions(store, population, policy):
    """150 sessions: shopper and moments."""
    shoppers = [population.shopper(number, 150) for number in range(150)]
    return [
        (shopper, list(simulate_session(store, policy, shopper, Random(shopper.number))))
        for shopper in shoppers
    ]
