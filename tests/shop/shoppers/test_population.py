from collections import Counter
from random import Random

from facsim.shop.shoppers import Population
from facsim.shop.shoppers.styles import STYLES


def test_a_visit_is_decided_by_seed_and_number_alone(catalogue, population):
    again = Population(catalogue, population._seed)
    numbers = list(range(40))
    first = {number: population.shopper(number, 100) for number in numbers}
    Random(5).shuffle(numbers)
    assert {number: again.shopper(number, 100) for number in numbers} == first
    assert Population(catalogue, 99).shopper(3, 100) != first[3]


def test_people_come_back_with_the_same_persona_style_and_tastes(population):
    shoppers = [population.shopper(number, 400) for number in range(400)]
    by_user = {}
    for shopper in shoppers:
        by_user.setdefault(shopper.user_id, []).append(shopper)
    assert 1.8 < len(shoppers) / len(by_user) < 3
    for sessions in by_user.values():
        assert len({session.persona for session in sessions}) == 1
        assert all(session.person == sessions[0].person for session in sessions)
    assert len({shopper.intent for shopper in shoppers}) > 390


def test_every_style_and_mission_occurs_in_its_share(population):
    people = [population.person(number) for number in range(1500)]
    shares = Counter(person.style.name for person in people)
    assert abs(sum(style.share for style in STYLES) - 1) < 1e-9 and len(STYLES) >= 6
    for style in STYLES:
        assert abs(shares[style.name] / 1500 - style.share) < 0.04
    missions = Counter(population.shopper(number, 500).mission for number in range(500))
    assert set(missions) == {"buy", "list", "look", "return"}
    assert missions["buy"] > 250


def test_persona_and_intent_are_readable_and_name_no_product(catalogue, population):
    titles = {product.title.lower() for product in catalogue.products}
    for number in range(200):
        shopper = population.shopper(number, 200)
        for text in (shopper.persona, shopper.intent):
            assert "{" not in text and "  " not in text and text[0].isupper() and text.endswith(".")
            assert not any(title in text.lower() for title in titles)
        assert shopper.person.name in shopper.persona
        assert any(habit in shopper.persona for habit in shopper.person.style.habits)
        if shopper.mission == "buy":
            assert shopper.needs[0].kind.name in shopper.intent
        latent = {f"{shopper.stamina}", f"{shopper.threshold}"}
        assert not latent & set(shopper.fields.values())


def test_those_who_return_to_a_cart_have_one_and_nobody_else(catalogue, population):
    for number in range(300):
        shopper = population.shopper(number, 300)
        assert bool(shopper.visitor.lines) == (shopper.mission == "return")
        if shopper.visitor.lines:
            product = catalogue.product(shopper.visitor.lines[0][0])
            assert product.kind.name == shopper.needs[0].kind.name


def test_stamina_is_heavy_tailed(population):
    stamina = sorted(population.shopper(number, 800).stamina for number in range(800))
    assert stamina[720] / stamina[400] > 2.5
