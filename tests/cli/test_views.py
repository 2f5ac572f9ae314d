"""view: what an operator types to give BI tools columns with types."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import Run

RunJson = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def shop(run: Run, run_json: RunJson, tmp_path: Path) -> str:
    """The id of a collection of two records."""
    (made,) = run_json("collection", "create", "Shop Products", "--model", "vectors", "--dim", 2)
    records = tmp_path / "shop.jsonl"
    records.write_text(
        '{"_id": "mug", "_vector": [1, 0], "price": 7.5, "tags": ["blue"], "seller": {"city": "Brno"}}\n'
        '{"_id": "cup", "_vector": [0, 1], "price": "on request", "tags": ["red"]}\n'
    )
    run("import", made["id"], records)
    return str(made["id"])


def test_views_are_made_listed_and_dropped(run: Run, run_json: RunJson, shop: str, database_url: str) -> None:
    (made,) = run_json("view", "create", "Shop Products", "--column", "price:numeric", "--column", "tags:text[]")
    assert made == {
        "name": "shop_products",
        "collection_id": shop,
        "collection": "Shop Products",
        "columns": [
            {"name": "price", "path": "price", "type": "numeric"},
            {"name": "tags", "path": "tags", "type": "text[]"},
        ],
        "created_at": made["created_at"],
    }
    assert run("view", "create", shop, "--name", "sampled").stdout == (
        f"lookalike_views.sampled  {shop}  Shop Products  price text, tags text[], seller_city text\n"
    )
    assert "already" in run("view", "create", shop, "--name", "sampled", code=1).stderr
    assert [view["name"] for view in run_json("view", "list")] == ["sampled", "shop_products"]
    assert run("view", "list").stdout.splitlines()[1] == (
        f"lookalike_views.shop_products  {shop}  Shop Products  price numeric, tags text[]"
    )
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT id, price, tags FROM lookalike_views.shop_products ORDER BY id"
        ).fetchall()
    assert [(id, price and float(price), tags) for id, price, tags in rows] == [
        ("cup", None, ["red"]),
        ("mug", 7.5, ["blue"]),
    ]
    assert run("view", "drop", "sampled").stdout == "dropped\n"
    assert "no view sampled" in run("view", "drop", "sampled", code=1).stderr
    run("collection", "delete", shop, "--yes")
    assert run_json("view", "list") == []


def test_a_view_that_outlives_its_collection_is_told(run: Run, shop: str, database_url: str) -> None:
    run("view", "create", shop, "--column", "price:numeric")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE VIEW public.report AS SELECT sum(price) FROM lookalike_views.shop_products")
    assert "report" in run("view", "drop", "shop_products", code=1).stderr
    run("collection", "delete", shop, "--yes")
    assert run("view", "list").stdout == "lookalike_views.shop_products  (deleted)  price numeric\n"


def test_mistakes_are_told(run: Run, shop: str) -> None:
    assert "double precision" in run("view", "create", shop, "--column", "price:money", code=1).stderr
    assert "no collection" in run("view", "create", "nope", "--column", "price:numeric", code=1).stderr
    assert "a-z" in run("view", "create", shop, "--name", "A b", code=1).stderr
    assert "is not UTF-8" in run("view", "create", shop, "--column", "\udcff:text", code=2).stderr
    assert run("view", "list").stdout == ""
