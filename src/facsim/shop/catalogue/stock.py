"""Generates the catalogue for a seed: the number of products of each kind, and their attributes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import exp, log
from random import Random

from facsim.shop.catalogue import product_texts
from facsim.shop.catalogue.kinds import Blueprint, Feature, blueprints
from facsim.shop.catalogue.product_texts import pick
from facsim.shop.catalogue.products import Product, ProductKind
from facsim.util.process_pool import gc_paused

FIRST_ID = 1001

# Delivery days, each as often as it occurs among a hundred products.
_DELIVERY = (1,) * 30 + (2,) * 31 + (3,) * 14 + (4,) * 9 + (5,) * 7 + (7,) * 6 + (9,) * 3
_MODEL_LETTERS = "ABCDEFGHKLMNPRSTVX"


class Catalogue:
    """All products for a seed, identical on every machine.

    Attributes:
        products: ordered by id; ids count up from 1001.
        kinds: kinds of products; each has about twenty to forty products.
        departments: in the order of the shop's menu.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        with gc_paused():
            self.products: tuple[Product, ...] = _stock(seed)
        self.kinds: tuple[ProductKind, ...] = tuple(blueprint.kind for blueprint in blueprints())
        self.departments: tuple[str, ...] = tuple(dict.fromkeys(kind.department for kind in self.kinds))

    def product(self, product_id: int) -> Product:
        """Return the product with an id.

        Raises:
            KeyError: if no product has it.
        """
        place = product_id - FIRST_ID
        if not 0 <= place < len(self.products):
            raise KeyError(product_id)
        return self.products[place]


@dataclass(frozen=True, slots=True)
class _Brand:
    """A brand: how expensive and how good its products are, in standard deviations."""

    name: str
    price: float
    quality: float


def _stock(seed: int) -> tuple[Product, ...]:
    made: list[Product] = []
    demand: list[float] = []
    brands: dict[str, _Brand] = {}
    for blueprint in blueprints():
        # One generator per kind: changing one kind leaves the others unchanged.
        rng = Random(f"{seed} {blueprint.kind.name}")  # noqa: S311 - reproducible, not secret
        for name in blueprint.brands:
            if name not in brands:
                brands[name] = _brand(seed, name)
        titles: set[str] = set()
        for _ in range(rng.randint(22, 38)):
            product, wanted = _product(rng, blueprint, brands[pick(rng, blueprint.brands)], titles)
            made.append(product)
            demand.append(wanted)
    return _numbered(seed, made, demand)


def _numbered(seed: int, made: list[Product], demand: list[float]) -> tuple[Product, ...]:
    """Assign ids in an order independent of kinds, and set the fields that depend on all products."""
    by_demand = sorted(range(len(made)), key=demand.__getitem__)
    popularity = {place: (rank + 1) / len(made) for rank, place in enumerate(by_demand)}
    best = {made[place].kind.name: place for place in by_demand}
    order = list(range(len(made)))
    Random(f"{seed} ids").shuffle(order)  # noqa: S311
    return tuple(
        replace(
            made[place],
            id=FIRST_ID + number,
            popularity=round(popularity[place], 4),
            best_seller=best[made[place].kind.name] == place,
        )
        for number, place in enumerate(order)
    )


def _brand(seed: int, name: str) -> _Brand:
    rng = Random(f"{seed} brand {name}")  # noqa: S311
    price = rng.gauss(0, 1)
    return _Brand(name, price, 0.4 * price + 0.9 * rng.gauss(0, 1))


def _product(rng: Random, blueprint: Blueprint, brand: _Brand, titles: set[str]) -> tuple[Product, float]:
    """Generate a product without its id, and the logarithm of its demand."""
    kind = blueprint.kind
    facts, sizes, colours = _facts(rng, blueprint, brand.name)
    title = product_texts.title(rng, facts)
    while title in titles:
        facts, sizes, colours = _facts(rng, blueprint, brand.name)
        title = product_texts.title(rng, facts)
    titles.add(title)
    # Prices within a kind are log-normal: brand, features, and unobserved factors.
    dear = 0.24 * brand.price + 0.05 * (len(facts.features) - 4.5) + 0.27 * rng.gauss(0, 1)
    price = _ending(rng, kind.price / 100 * _amount(blueprint, facts.pack) * exp(dear))
    list_price = _ending(rng, price / 100 / (1 - pick(rng, (5, 8, 10, 12, 15, 18, 20, 25, 30, 40)) / 100))
    rating = _rating(0.35 * brand.quality + 0.8 * dear + 0.85 * rng.gauss(0, 1))
    age_days = min(2900, max(3, round(exp(rng.gauss(5.7, 1.0)))))
    reviews = max(2, round(exp(rng.gauss(4.5, 1.7) + 0.45 * (log(age_days) - 5.7) + 0.8 * (rating - 4.2))))
    product = Product(
        id=0,
        title=title,
        slug=re.sub(r"[^a-z0-9]+", "-", title.lower())[:60].strip("-"),
        brand=brand.name,
        kind=kind,
        features=tuple(feature.name for feature in facts.features),
        attributes=_attributes(facts, sizes, colours),
        price=price,
        list_price=list_price if rng.random() < 0.36 and list_price > price else None,
        rating=rating,
        reviews=reviews,
        delivery_days=pick(rng, _DELIVERY),
        sponsored=rng.random() < 0.09,
        best_seller=False,
        popularity=0.0,
        description=product_texts.description(rng, facts),
        bullets=product_texts.bullets(rng, facts),
        snippets=product_texts.reviews(rng, facts, rating),
        sizes=sizes,
        colours=colours,
        age_days=age_days,
        shape=blueprint.shape,
    )
    return product, log(reviews) - 0.5 * log(age_days) + 0.8 * (rating - 4.2) - 0.5 * dear + rng.gauss(0, 0.5)


def _facts(
    rng: Random, blueprint: Blueprint, brand: str
) -> tuple[product_texts.ProductFacts, tuple[str, ...], tuple[str, ...]]:
    """Sample the facts about a product of the kind, and its sizes and colours."""
    kind = blueprint.kind
    sizes = _run(rng, kind.sizes, 3)
    colours = _some(rng, kind.colours, pick(rng, (1, 1, 2, 3, 4, 5)))
    facts = product_texts.ProductFacts(
        blueprint=blueprint,
        brand=brand,
        model=_model(rng) if blueprint.model and rng.random() < 0.7 else "",
        features=_features(rng, blueprint),
        use=pick(rng, kind.uses),
        pack=pick(rng, blueprint.packs) if blueprint.packs else "",
        colour=colours[0] if len(colours) == 1 else "",
    )
    return facts, sizes, colours


def _features(rng: Random, blueprint: Blueprint) -> tuple[Feature, ...]:
    """Sample one feature from each group of alternatives, and some of the others, in the kind's order."""
    chosen = []
    for group in blueprint.features:
        if rng.random() < (0.88 if len(group) > 1 else 0.47):
            chosen.append(pick(rng, group))
    while len(chosen) < 3:
        group = pick(rng, blueprint.features)
        if not set(group) & set(chosen):
            chosen.append(pick(rng, group))
    return tuple(chosen)


def _some(rng: Random, values: tuple[str, ...], count: int) -> tuple[str, ...]:
    chosen = set(rng.sample(values, min(count, len(values))))
    return tuple(value for value in values if value in chosen)


def _run(rng: Random, values: tuple[str, ...], least: int) -> tuple[str, ...]:
    """Sample a contiguous run of values: nobody sells only XS and XXL."""
    if len(values) <= least:
        return values
    length = rng.randint(least, len(values))
    start = rng.randint(0, len(values) - length)
    return values[start : start + length]


def _amount(blueprint: Blueprint, pack: str) -> float:
    """Price factor of a pack relative to the kind's typical price: larger packs cost less per piece."""
    if len(blueprint.packs) < 2:
        return 1.0
    share = blueprint.packs.index(pack) / (len(blueprint.packs) - 1)
    return 0.74 * float(2.1**share)


def _ending(rng: Random, dollars: float) -> int:
    """Round a price to a typical retail ending; returns cents."""
    if dollars < 12:
        return max(199, round(dollars) * 100 + pick(rng, (-1, -1, -1, -51, -5, -11)))
    if dollars < 100:
        return round(dollars) * 100 + pick(rng, (-1, -1, -1, -1, -1, -5, -3, -2, -50, 0))
    step = 1 if dollars < 200 else 5 if dollars < 400 else 10
    return round(dollars / step) * step * 100 + pick(rng, (-1, -1, -1, -100, -5, 0))


def _rating(merit: float) -> float:
    """Stars for a merit in standard deviations: most are slightly above four, bad ones far below."""
    stars = 4.38 + (0.22 * merit if merit > 0 else 0.42 * merit)
    return round(min(4.9, max(2.8, stars)), 1)


def _model(rng: Random) -> str:
    numbers = (rng.randint(1, 9), rng.randint(10, 99), 10 * rng.randint(10, 99), 5 * rng.randint(20, 199))
    letters = pick(rng, _MODEL_LETTERS) + pick(rng, ("", pick(rng, _MODEL_LETTERS)))
    return f"{letters}{pick(rng, numbers)}{pick(rng, ('', '', '', ' Pro', ' Plus', ' Lite'))}"


def _attributes(
    facts: product_texts.ProductFacts, sizes: tuple[str, ...], colours: tuple[str, ...]
) -> dict[str, str]:
    entries = {
        "Brand": facts.brand,
        "Model": facts.model,
        "Department": facts.blueprint.kind.department,
        "Amount": facts.pack,
        "Size": ", ".join(sizes),
        "Color": ", ".join(colours),
        "Features": ", ".join(feature.name for feature in facts.features),
        "Recommended for": facts.use,
    }
    return {name: value for name, value in entries.items() if value}
