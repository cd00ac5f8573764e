"""CPU time of building the shop's catalogue and of its search.

    python benchmarks/bench_catalogue.py

Queries are a realistic mix: product kinds, synonyms, brands, features, uses, some filters, one in seven
misspelt. Each query is new to the search cache, but some of their words are not.
"""

from __future__ import annotations

import random
import resource
import time

from facsim.shop.catalogue import Catalogue, Query, SearchEngine

QUERIES = 1500


def queries(catalogue: Catalogue) -> list[Query]:
    """The distinct queries."""
    rng = random.Random(1)
    made = []
    for _ in range(QUERIES):
        product = rng.choice(catalogue.products)
        kind = product.kind
        texts = [
            kind.name,
            rng.choice(kind.words),
            f"{product.brand} {kind.name}",
            f"{kind.name} for {rng.choice(kind.uses)}",
        ]
        texts += [f"{feature} {kind.name}" for feature in rng.sample(product.features, 2)]
        text = rng.choice(texts).lower()
        if rng.random() < 1 / 7:
            place = rng.randrange(len(text))
            text = text[:place] + text[place + 1 :]
        rating = "4" if rng.random() < 0.1 else ""
        made.append(Query(text, rating=rating, page=rng.choice((1, 1, 1, 2))))
    return list(dict.fromkeys(made))


def main() -> None:
    """Measure, and print the result."""
    start = time.process_time()
    catalogue = Catalogue(0)
    made = time.process_time()
    search = SearchEngine(catalogue)
    indexed = time.process_time()
    asked = queries(catalogue)
    spent = []
    for query in asked:
        before = time.process_time()
        search.find(query)
        spent.append(1000 * (time.process_time() - before))
    spent.sort()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"RESULT products={len(catalogue.products)} "
        f"catalogue_s={made - start:.2f} index_s={indexed - made:.2f} "
        f"query_ms={sum(spent) / len(spent):.2f} p95_ms={spent[int(0.95 * len(spent))]:.2f} peak_mb={peak}"
    )


if __name__ == "__main__":
    main()
