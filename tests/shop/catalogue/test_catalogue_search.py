"""The shop's search: what is found, counted, sorted and suggested, whatever is typed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facsim.shop.catalogue import Catalogue, Product, Query, SearchEngine
from facsim.shop.catalogue.search import FEW, MOST_LOOSE, RANKINGS, SORTS, SPONSORED_PLACES
from facsim.util.errors import ConfigError

FIELDS = ("brand", "price", "rating", "size", "colour", "delivery")
WORDS = ("coffee grinder", "shoes", "black dress", "quiet", "waterproof jacket", "gift for men", "usb-c", "")

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.one_of(
    st.sampled_from(WORDS),
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [
                "black",
                "coffee",
                "for",
                "quiet",
                "AND",
                "OR",
                "NOT",
                "NEAR",
                "(",
                ")",
                '"',
                "*",
                "^",
                ":",
                "-",
                "title",
                "{",
            ]
        ),
        max_size=8,
    ).map(" ".join),
)


def _every(
    search: SearchEngine, query: Query, *, ranking: str = "relevance", per_page: int = 16
) -> list[int]:
    """The ids on all pages, in order."""
    ids: list[int] = []
    last = search.find(query, ranking=ranking, per_page=per_page).last_page
    for page in range(1, last + 1):
        found = search.find(replace(query, page=page), ranking=ranking, per_page=per_page)
        assert found.page == page
        assert found.last_page == last
        ids += found.products
    return ids


# What passes a filter, said independently of the code that filters.
PASSES: dict[str, Callable[[Product, str], bool]] = {
    "brand": lambda product, value: product.brand == value,
    "size": lambda product, value: value in product.sizes,
    "colour": lambda product, value: value in product.colours,
    "rating": lambda product, value: product.rating >= float(value),
    "delivery": lambda product, value: product.delivery_days <= int(value),
    "price": lambda product, value: (
        product.price >= 100 * int(value.split("-")[0] or 0)
        and product.price < 100 * int(value.split("-")[1] or 10**9)
    ),
}


def test_every_kind_is_found_by_its_name_and_its_other_words(search: SearchEngine) -> None:
    for kind in search.catalogue.kinds:
        first = search.find(Query(kind.name)).products[:10]
        right = [search.catalogue.product(id_).kind == kind for id_ in first]
        assert sum(right) >= 3, kind.name
        for word in kind.words:
            assert search.find(Query(word)).total, word


def test_products_are_found_by_their_titles(search: SearchEngine) -> None:
    for product in search.catalogue.products[::40]:
        assert product.id in search.find(Query(product.title)).products[:5], product.title


@given(text=texts)
@quick
def test_any_text_is_plain_words(search: SearchEngine, text: str) -> None:
    found = search.find(Query(text))
    assert 0 <= found.total <= len(search.catalogue.products)
    assert len(found.products) == min(16, found.total)
    assert all(facet.values for facet in found.facets)


@pytest.mark.parametrize(
    "text",
    ["\0", "a\0b", '"', '""', "title:knife", "knife*", "NEAR(chef knife)", "knife NOT chef", "{title}: x", "^knife", "+knife",
     "';--", "knife -chef", "x" * 10_000, "knife " * 3000, "ümlaut käse", "包丁", "\ud800", "\N{ZERO WIDTH SPACE}", "½ ² ٣"],
)  # fmt: skip
def test_hostile_text_harms_nobody(search: SearchEngine, text: str) -> None:
    found = search.find(Query(text))
    assert found.last_page >= 1
    if "knife" in text:
        assert any(search.catalogue.product(id_).kind.name == "chef knife" for id_ in found.products)
    search.suggest(text)


@given(text=st.sampled_from(WORDS), data=st.data())
@quick
def test_filters_narrow_and_their_counts_are_exact(
    search: SearchEngine, text: str, data: st.DataObject
) -> None:
    """Choosing a value leaves exactly as many results as its count said, under the other filters chosen."""
    query = Query(text, department=data.draw(st.sampled_from(["", "Shoes", "Kitchen & Dining"])))
    for _ in range(data.draw(st.integers(1, 3))):
        found = search.find(query)
        choices = [(facet.field, value) for facet in found.facets for value in facet.values]
        if not choices:
            return
        field, value = data.draw(st.sampled_from(choices))
        chosen = replace(query, **{field: "" if value.selected else value.value})
        after = search.find(chosen)
        if not value.selected:
            assert after.total == value.count
            assert [v.value for f in after.facets if f.field == field for v in f.values if v.selected] == [
                value.value
            ]
        query = chosen
    ids = _every(search, query, per_page=500)
    unfiltered = set(_every(search, replace(query, **dict.fromkeys(FIELDS, "")), per_page=500))
    expected = {
        id_
        for id_ in unfiltered
        if all(
            PASSES[field](search.catalogue.product(id_), value)
            for field in FIELDS
            if (value := str(getattr(query, field)))
        )
    }
    assert set(ids) == expected


@given(
    text=texts,
    sort=st.sampled_from(list(SORTS)),
    ranking=st.sampled_from(RANKINGS),
    per_page=st.integers(1, 40),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_partition_the_results(
    search: SearchEngine, text: str, sort: str, ranking: str, per_page: int
) -> None:
    query = Query(text, department="Shoes", sort=sort)
    ids = _every(search, query, ranking=ranking, per_page=per_page)
    assert len(ids) == len(set(ids)) == search.find(query, ranking=ranking, per_page=per_page).total
    other = _every(search, replace(query, sort="price_up"), per_page=16)
    assert set(ids) == set(other)


def test_sorted_results_are_sorted(search: SearchEngine) -> None:
    def products(sort: str) -> list[Product]:
        return [search.catalogue.product(id_) for id_ in _every(search, Query("backpack", sort=sort))]

    prices = [product.price for product in products("price_up")]
    assert prices == sorted(prices)
    prices = [product.price for product in products("price_down")]
    assert prices == sorted(prices, reverse=True)
    ratings = [product.rating for product in products("rating")]
    assert ratings == sorted(ratings, reverse=True)
    ages = [product.age_days for product in products("newest")]
    assert ages == sorted(ages)


def test_sponsored_products_stand_in_their_places_only(search: SearchEngine) -> None:
    shown = 0
    for kind in search.catalogue.kinds[::4]:
        for page in (1, 2):
            found = search.find(Query(kind.name, page=page))
            places = [found.products.index(id_) for id_ in found.sponsored]
            assert set(places) <= set(SPONSORED_PLACES)
            assert all(search.catalogue.product(id_).sponsored for id_ in found.sponsored)
            shown += len(places)
        assert not search.find(Query(kind.name, sort="price_up")).sponsored
    assert shown > 20


def test_pages_beyond_the_last_are_the_last(search: SearchEngine) -> None:
    query = Query("running shoes")
    last = search.find(query).last_page
    assert search.find(replace(query, page=10**9)) == search.find(replace(query, page=last))
    assert search.find(replace(query, page=-3)) == search.find(query)


def test_values_that_no_filter_has_let_nothing_pass(search: SearchEngine) -> None:
    for field in FIELDS:
        for value in ("nonsense", "-", "1-2-3", "--", "٣-٤", "9" * 400 + "-", "'", "nan", "1e3-"):
            assert search.find(Query("shoes", **{field: value})).total == 0, (field, value)
    assert search.find(Query("shoes", department="Nowhere")).total == 0
    assert search.find(Query("shoes", sort="nonsense")) == search.find(Query("shoes"))


def test_a_price_range_of_ones_own_works_and_stays_shown(search: SearchEngine) -> None:
    found = search.find(Query("shoes", price="60-61"))
    assert all(6000 <= search.catalogue.product(id_).price < 6100 for id_ in found.products)
    price = next(facet for facet in found.facets if facet.field == "price")
    assert [(value.value, value.text) for value in price.values if value.selected] == [
        ("60-61", "$60 to $61")
    ]
    assert next(value for value in price.values if value.selected).count == found.total > 0


def test_a_price_range_that_ends_before_it_begins_has_nothing_in_it(search: SearchEngine) -> None:
    found = search.find(Query("shoes", price="61-40"))
    assert not found.total
    price = next(facet for facet in found.facets if facet.field == "price")
    assert [value.count for value in price.values if value.selected] == [0]


def test_an_unknown_ranking_is_an_error(search: SearchEngine) -> None:
    with pytest.raises(ConfigError, match="popular"):
        search.find(Query("shoes"), ranking="best")


def test_popular_ranking_is_by_demand(search: SearchEngine) -> None:
    ids = _every(search, Query("backpack"), ranking="popular")
    assert set(ids) == set(_every(search, Query("backpack")))
    organic = [id_ for id_ in ids if not search.catalogue.product(id_).sponsored]
    demand = [search.catalogue.product(id_).popularity for id_ in organic]
    assert demand == sorted(demand, reverse=True)


def test_misspelt_words_find_less_and_are_not_corrected_silently(search: SearchEngine) -> None:
    for kind in search.catalogue.kinds:
        word = max(kind.name.replace("-", " ").split(), key=len)
        typo = word[:2] + word[3:] if len(word) > 5 else word + "q"
        found = search.find(Query(kind.name.replace(word, typo)))
        right = search.find(Query(kind.name))
        complete = {
            id_ for id_ in _every(search, Query(kind.name)) if search.catalogue.product(id_).kind == kind
        }
        shown = set(_every(search, Query(kind.name.replace(word, typo))))
        if not found.did_you_mean:
            continue  # the typo is a word of the shop by chance
        assert len(shown & complete) <= len(complete)
        assert found.total <= max(MOST_LOOSE, right.total)


def test_did_you_mean_offers_what_was_meant(search: SearchEngine) -> None:
    meant = {
        "cofee grinder": "coffee grinder",
        "waterprof jacket": "waterproof jacket",
        "blutooth speaker": "bluetooth speaker",
        "matress": "mattress",
        "headhpones": "headphones",
        "runing shoes": "running shoes",
        "wirless mouse": "wireless mouse",
        "KETTEL!": "kettle",
    }
    for typed, right in meant.items():
        found = search.find(Query(typed))
        assert found.did_you_mean == right
        assert search.find(Query(right)).total > 0
    for right in meant.values():
        assert search.find(Query(right)).did_you_mean == ""
    for nonsense in ("", "zzzzqqqq", "!!!", "x"):
        assert search.find(Query(nonsense)).did_you_mean == ""


@given(text=texts)
@quick
def test_what_is_offered_instead_finds_something(search: SearchEngine, text: str) -> None:
    offered = search.find(Query(text)).did_you_mean
    if offered:
        assert search.find(Query(offered)).total > 0
        assert search.find(Query(offered)).did_you_mean == ""


def test_texts_whose_words_do_not_meet_are_filled_up_with_looser_matches(search: SearchEngine) -> None:
    found = search.find(Query("velvet toaster unicorn"))
    assert found.total == 0  # one of three words is not half of them
    found = search.find(Query("velvet toaster"))
    assert 0 < found.total <= MOST_LOOSE
    few = [kind for kind in search.catalogue.kinds if search.find(Query(f"xyzzy {kind.name}")).total > 0]
    assert few
    for kind in few[:20]:
        assert search.find(Query(f"xyzzy {kind.name}")).total <= MOST_LOOSE
    assert FEW < MOST_LOOSE


def test_synonyms_find_only_products_whose_text_has_them(search: SearchEngine) -> None:
    ids = _every(search, Query("couch"))
    assert ids
    for id_ in ids:
        product = search.catalogue.product(id_)
        text = " ".join((product.title, product.description, *product.bullets)).lower()
        assert "couch" in text
    sofas = [product for product in search.catalogue.products if product.kind.name == "sofa"]
    assert 0 < len([product for product in sofas if product.id in ids]) < len(sofas)


def test_related_searches_lead_somewhere_else(search: SearchEngine) -> None:
    for kind in search.catalogue.kinds[::5]:
        related = search.find(Query(kind.name)).related
        assert len(related) == len(set(related)) >= 4
        assert kind.name not in related
        for text in related:
            assert search.find(Query(text)).total > 0, text
    assert search.find(Query("")).related == ()
    assert search.find(Query("zzzzqqqq")).related == ()


def test_suggestions_go_on_from_what_was_typed(search: SearchEngine) -> None:
    assert "coffee grinder" in search.suggest("coffee g")
    assert search.suggest("  COFFEE  G") == search.suggest("coffee g")
    assert search.suggest("") == ()
    assert search.suggest("qqqq") == ()
    for prefix in ("a", "s", "wat", "wireless ", "mens "):
        found = search.suggest(prefix)
        assert 0 < len(found) <= 8
        assert len(set(found)) == len(found)
        assert all(text.startswith(" ".join(prefix.split())) for text in found)
    for text in search.suggest("wat"):
        assert search.find(Query(text)).total


def test_caches_change_nothing(search: SearchEngine, catalogue: Catalogue) -> None:
    queries = [Query(text, page=page) for text in (*WORDS, "cofee", "blak dress") for page in (1, 2)]
    expected = [search.find(query) for query in queries]
    fresh = SearchEngine(catalogue)
    assert [fresh.find(query) for query in reversed(queries)] == expected[::-1]


def test_many_threads_get_the_same_answers(catalogue: Catalogue) -> None:
    shared = SearchEngine(catalogue)
    queries = [Query(kind.name) for kind in catalogue.kinds[:60]] * 2
    alone = SearchEngine(catalogue)
    expected = [alone.find(query) for query in queries[:5]]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(shared.find, queries))
    assert found[:5] == expected
    assert found[:60] == found[60:]


def test_a_sqlite_without_fts5_is_named(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """This Python has FTS5; a connection that knows no such module stands for one that was built without."""

    class Without(sqlite3.Connection):
        def execute(self, sql: str, *rest: object) -> sqlite3.Cursor:
            return super().execute(sql.replace("fts5", "fts_missing"))

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda name, **options: connect(name, factory=Without, **options))
    with pytest.raises(ConfigError, match=r"FTS5.*no such module"):
        SearchEngine(catalogue)
