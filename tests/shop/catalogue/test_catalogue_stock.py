"""The catalogue of a seed: believable, consistent, and the same everywhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from math import log
from statistics import correlation, mean, median, stdev

import pytest

from facsim.shop.catalogue import Catalogue, Product, SearchEngine
from facsim.shop.catalogue.pictures import picture

DIGEST = """
import hashlib
from facsim.shop.catalogue import Catalogue, Query, SearchEngine
from facsim.shop.catalogue.pictures import picture
digest = hashlib.sha256()
for product in catalogue.products:
    digest.update(repr(product).encode())
    if product.id % 10 == 0:
        digest.update(picture(product).encode())
for kind in catalogue.kinds[::4]:
    for text in (kind.name, f"{kind.features[0]} {kind.words[0]}", kind.name[1:], f"quiet {kind.name} for men"):
        digest.update(repr(search.find(Query(text))).encode())
    digest.update(repr(search.suggest(kind.name[:2])).encode())
digest = digest.hexdigest()
"""
FRESH = "from facsim.shop.catalogue import *; catalogue = Catalogue({seed}); search = SearchEngine(catalogue)"


def _digest_elsewhere(seed: int) -> str:
    # Strings have other hashes there than here.
    hash_seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    done = subprocess.run(
        [sys.executable, "-c", f"{FRESH.format(seed=seed)}\n{DIGEST}\nprint(digest)"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_another_process_sees_the_same_shop(catalogue: Catalogue, search: SearchEngine) -> None:
    here = {"catalogue": catalogue, "search": search}
    exec(DIGEST, here)
    assert here["digest"] == _digest_elsewhere(catalogue.seed)
    assert len(here["digest"]) == 64


def test_another_seed_is_another_shop(catalogue: Catalogue) -> None:
    other = Catalogue(catalogue.seed + 1)
    assert other.kinds == catalogue.kinds
    assert not {p.title for p in other.products} > {p.title for p in catalogue.products}
    shared = {p.title for p in other.products} & {p.title for p in catalogue.products}
    assert len(shared) < 0.05 * len(catalogue.products)


def test_there_is_much_to_choose_from(catalogue: Catalogue) -> None:
    assert len(catalogue.departments) >= 20
    assert len(catalogue.kinds) >= 120
    assert len(catalogue.products) >= 5000
    assert min(Counter(product.kind.name for product in catalogue.products).values()) >= 20


def test_products_are_found_by_id(catalogue: Catalogue) -> None:
    assert [product.id for product in catalogue.products] == list(range(1001, 1001 + len(catalogue.products)))
    assert all(catalogue.product(product.id) is product for product in catalogue.products)
    for missing in (-1, 0, 1000, 1001 + len(catalogue.products)):
        with pytest.raises(KeyError):
            catalogue.product(missing)


def test_ids_say_nothing_of_kinds(catalogue: Catalogue) -> None:
    neighbours = zip(catalogue.products, catalogue.products[1:], strict=False)
    assert sum(a.kind == b.kind for a, b in neighbours) < 0.03 * len(catalogue.products)


def test_no_two_titles_are_the_same(catalogue: Catalogue) -> None:
    counts = Counter(product.title.lower() for product in catalogue.products)
    assert max(counts.values()) == 1


def test_titles_say_what_it_is(catalogue: Catalogue) -> None:
    for product in catalogue.products:
        title = product.title.lower()
        assert title.startswith(product.brand.lower())
        assert product.kind.name in title
        assert re.fullmatch(r"[a-z0-9-]+", product.slug)
        assert len(product.title) <= 200
        assert "  " not in title
        assert " ," not in title


def test_features_can_be_read_on_the_page(catalogue: Catalogue) -> None:
    for product in catalogue.products:
        page = " ".join((product.title, *product.bullets)).lower()
        assert all(feature.lower() in page for feature in product.features), product.title
        assert set(product.features) <= set(product.kind.features)
        assert len(product.features) >= 3


def test_texts_are_finished(catalogue: Catalogue) -> None:
    for product in catalogue.products:
        texts = [product.title, product.description, *product.bullets, *(r.text for r in product.snippets)]
        for text in texts:
            assert text == text.strip()
            assert not re.search(r"[{}]|None|\bnull\b|\.\.|  |'s's", text), text
        for sentence in (product.description, *(review.text for review in product.snippets)):
            assert sentence[0].isupper()
            assert sentence[-1] in ".!?"


def test_texts_differ(catalogue: Catalogue) -> None:
    descriptions = Counter(product.description for product in catalogue.products)
    assert len(descriptions) > 0.99 * len(catalogue.products)
    reviews = Counter(review.text for product in catalogue.products for review in product.snippets)
    assert len(reviews) > 0.7 * sum(reviews.values())
    for product in catalogue.products:
        assert len({review.text for review in product.snippets}) == len(product.snippets)
        assert len({review.author for review in product.snippets}) == len(product.snippets)


def test_prices_are_like_prices(catalogue: Catalogue) -> None:
    for product in catalogue.products:
        assert 199 <= product.price < 500_000
        if product.list_price is not None:
            assert product.price < product.list_price < 2 * product.price
    endings = Counter(product.price % 100 for product in catalogue.products)
    assert endings[99] > 0.4 * len(catalogue.products)
    discounted = sum(product.list_price is not None for product in catalogue.products)
    assert 0.25 < discounted / len(catalogue.products) < 0.45
    spreads = [stdev(log(p.price) for p in of_kind) for of_kind in _by_kind(catalogue).values()]
    assert 0.25 < median(spreads) < 0.6
    ratios = [median(p.price / p.kind.price for p in of_kind) for of_kind in _by_kind(catalogue).values()]
    assert 0.85 < median(ratios) < 1.3
    assert 0.4 < min(ratios) < max(ratios) < 2.5


def test_ratings_and_reviews_are_like_those_of_a_shop(catalogue: Catalogue) -> None:
    products = catalogue.products
    assert all(2.8 <= p.rating <= 4.9 and round(p.rating, 1) == p.rating for p in products)
    assert 4.1 < mean(p.rating for p in products) < 4.4
    assert sum(p.rating < 3.8 for p in products) > 0.04 * len(products)
    # Heavy tail: the most reviewed hundredth has more than a fifth of all reviews.
    counts = sorted((p.reviews for p in products), reverse=True)
    assert sum(counts[: len(counts) // 100]) > 0.2 * sum(counts)
    assert 20 < median(counts) < 400
    dear = [log(p.price / p.kind.price) for p in products]
    assert 0.05 < correlation(dear, [p.rating for p in products]) < 0.5


def test_reviews_agree_with_the_rating(catalogue: Catalogue) -> None:
    shown = [(p.rating, mean(r.stars for r in p.snippets)) for p in catalogue.products]
    assert correlation([a for a, _ in shown], [b for _, b in shown]) > 0.25
    assert abs(mean(a for a, _ in shown) - mean(b for _, b in shown)) < 0.25
    bad = [sentence for product in catalogue.products for sentence in _bad(product)]
    assert bad
    assert not any("Love this" in text or "Perfect." in text for text in bad)


def test_offers_are_few_and_best_sellers_sell(catalogue: Catalogue) -> None:
    products = catalogue.products
    assert 0.05 < mean(p.sponsored for p in products) < 0.13
    assert 0.2 < mean(p.delivery_days == 1 for p in products) < 0.4
    for of_kind in _by_kind(catalogue).values():
        best = [p for p in of_kind if p.best_seller]
        assert len(best) == 1
        assert best[0].popularity == max(p.popularity for p in of_kind)
    assert sorted(p.popularity for p in products)[0] > 0
    assert max(p.popularity for p in products) == 1


def test_options_are_the_kinds_own(catalogue: Catalogue) -> None:
    for product in catalogue.products:
        kind = product.kind
        assert [size for size in kind.sizes if size in product.sizes] == list(product.sizes)
        assert [colour for colour in kind.colours if colour in product.colours] == list(product.colours)
        assert bool(product.colours) == bool(kind.colours)
        assert bool(product.sizes) == bool(kind.sizes)
        assert all(product.attributes.values())


def test_pictures_are_small_and_well_formed(catalogue: Catalogue) -> None:
    from xml.etree import ElementTree

    seen = set()
    for product in catalogue.products:
        svg = picture(product)
        assert 350 < len(svg) < 3000
        if product.shape not in seen:
            seen.add(product.shape)
            root = ElementTree.fromstring(svg)
            title = root.find("{http://www.w3.org/2000/svg}title")
            assert title is not None
            assert title.text is not None
            assert product.kind.name in title.text
            assert product.brand in title.text


def test_pictures_show_the_color(catalogue: Catalogue) -> None:
    for shape in ("mug", "kettle", "sneaker", "backpack"):
        pictures = {p.colours[0]: picture(p) for p in catalogue.products if p.shape == shape}
        assert len(pictures) >= 3
        for colour, hexadecimal in (("Red", "#cf4a43"), ("Navy", "#31446b")):
            assert all((hexadecimal in svg) == (colour == shown) for shown, svg in pictures.items())


def _by_kind(catalogue: Catalogue) -> dict[str, list[Product]]:
    found: dict[str, list[Product]] = {}
    for product in catalogue.products:
        found.setdefault(product.kind.name, []).append(product)
    return found


def _bad(product: Product) -> list[str]:
    return [review.text for review in product.snippets if review.stars <= 2]
