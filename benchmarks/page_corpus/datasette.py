"""Datasette: tables with facets, filters, sorting and pagination over a made-up catalogue."""

from __future__ import annotations

import random
import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from app import App, Visitor, once, pip_install, server

VERSION = "0.65.5"


def install(home: Path) -> None:
    """Packages, settings and content."""
    once(home, "packages", lambda: pip_install(home, f"datasette=={VERSION}"))
    once(home, "content", lambda: _fill(home))


def _fill(home: Path) -> None:
    draw = random.Random(7)
    path = home / "shop.db"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("create table makers (id integer primary key, name text)")
        database.execute(
            "create table products (id integer primary key, title text, maker integer references makers(id), "
            "category text, price real, in_stock integer)"
        )
        makers = ["Kärcher", "Norwood", "Ardent", "Brightwell", "Møller"]
        database.executemany("insert into makers (name) values (?)", [(name,) for name in makers])
        rows = [
            (
                f"{draw.choice(['Kettle', 'Tent', 'Desk Lamp', 'Planter'])} {number}",
                draw.randint(1, len(makers)),
                draw.choice(["kitchen", "outdoor", "office", "garden"]),
                draw.randint(300, 30000) / 100,
                draw.randint(0, 1),
            )
            for number in range(400)
        ]
        insert = "insert into products (title, maker, category, price, in_stock) values (?, ?, ?, ?, ?)"
        database.executemany(insert, rows)


def serve(home: Path, port: int) -> AbstractContextManager[str]:
    """Run it; yields its address."""
    return server(["venv/bin/datasette", "shop.db", "--host", "127.0.0.1", "--port", str(port)], home, port)


def visit(visitor: Visitor) -> None:
    """The way through its pages."""
    visitor.see("/", "home")
    visitor.see("/shop", "database")
    visitor.see("/shop/products", "table")
    visitor.see("/shop/products?_facet=category&_facet=maker&_facet=in_stock", "table_facets")
    visitor.see("/shop/products?category=outdoor&_sort_desc=price&_facet=maker", "table_filtered")
    visitor.see("/shop/products/7", "row")


DATASETTE = App("datasette", f"datasette {VERSION} (PyPI)", install, serve, visit)
