"""Sessions replayed in a browser, what models predicted beside what the person did."""
