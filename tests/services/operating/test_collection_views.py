"""Views with typed columns over one collection, read as the reader role reads them."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from app.domain.errors import CollectionNotFound, InvalidRequest
from app.services.operating.collection_views import create_view, drop_view, list_views
from app.services.operating.collections import create_collection, delete_collection, find_named_collection
from app.services.operating.repairing import repair
from tests.login_roles import login_role, url_as
from tests.service import Service

Reader = psycopg.Connection[Any]

MIXED: list[dict[str, Any]] = [
    {"price": 1, "tags": ["a", "b"], "sold": "2024-02-29", "seller": {"city": "Brno"}},
    {"price": 2.5, "tags": "a", "sold": "2024-02-30", "seller": "nobody"},
    {"price": "3", "tags": [1, {"x": 1}], "sold": 20240229, "seller": [{"city": "Wien"}]},
    {"price": None, "tags": {"a": 1}, "seller": {"city": ["Graz"]}},
    {},
]


@pytest.fixture
def reader(database_url: str) -> Iterator[Reader]:
    with (
        login_role(database_url, "lookalike_reader") as role,
        psycopg.connect(url_as(database_url, role), autocommit=True) as connection,
    ):
        yield connection


def fill(service: Service, records: list[dict[str, Any]]) -> None:
    sent = [{"_id": f"r{n}", "_vector": [1.0, n], **record} for n, record in enumerate(records)]
    assert service.call("insert", records=sent)["status"]["code"] == 210


def described(connection: Reader, view: str) -> dict[str, tuple[str, str | None]]:
    """The columns of a view: type and comment."""
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) FROM pg_attribute"
        " WHERE attrelid = to_regclass(%s) AND attnum > 0 ORDER BY attnum",
        [f"lookalike_views.{view}"],
    )
    return {name: (type, comment) for name, type, comment in rows}


def test_values_of_other_types_are_null(service: Service, reader: Reader) -> None:
    collection = service.use("shop", model="vectors", dimension=2)
    fill(service, MIXED)
    columns = ["price:numeric", "tags:text[]", "sold:date", "seller.city:text", "all=seller:jsonb"]
    create_view(service.runtime, collection, columns)
    rows = reader.execute(
        'SELECT id, price::text, tags, sold::text, seller_city, "all" FROM lookalike_views.shop ORDER BY id'
    ).fetchall()
    assert rows == [
        ("r0", "1", ["a", "b"], "2024-02-29", "Brno", {"city": "Brno"}),
        ("r1", "2.5", ["a"], None, None, "nobody"),
        ("r2", None, ["1", None], None, None, [{"city": "Wien"}]),
        ("r3", None, None, None, None, {"city": ["Graz"]}),
        ("r4", None, None, None, None, None),
    ]
    there = described(reader, "shop")
    assert {name: type for name, (type, _) in there.items()} == {
        "id": "text", "price": "numeric", "tags": "text[]", "sold": "date", "seller_city": "text", "all": "jsonb",
        "url": "text", "file": "text", "created_at": "timestamp with time zone",
        "updated_at": "timestamp with time zone",
    }  # fmt: skip
    assert there["seller_city"][1] == "seller.city, where it is text; else NULL."
    # Conditions and aggregates of reports, in parallel workers and in sessions with paths of their own.
    reader.execute("SET search_path = ''; SET debug_parallel_query = on")
    assert reader.execute(
        "SELECT pg_catalog.sum(price)::text, pg_catalog.count(*) FROM lookalike_views.shop WHERE price > 1"
    ).fetchall() == [("2.5", 1)]


def test_a_sample_shows_the_columns(service: Service, reader: Reader) -> None:
    collection = service.use("Shop: Products", model="vectors", dimension=2)
    records: list[dict[str, Any]] = [
        {
            "price": n + n % 2 / 2, "stock": n,
            "added": f"2024-01-{n % 28 + 1:02}", "seen": f"2024-01-01T00:{n % 60:02}Z",
            "tags": ["x"] if n % 3 else [], "seller": {"name": f"s{n}", "rated": n % 2 == 0, "a.b": 1, "": 2},
            "id": n, "sometimes": "y" if n % 2 else None,
        }
        for n in range(200)
    ]  # fmt: skip
    records[7]["stock"] = "none"
    records[8]["once"] = True
    fill(service, records)
    made = create_view(service.runtime, collection)
    assert made.name == "shop__products"
    assert [(column.name, column.dotted_path, column.type) for column in made.columns] == [
        ("added", "added", "date"),
        ("attribute_id", "id", "bigint"),
        ("price", "price", "numeric"),
        ("seen", "seen", "timestamptz"),
        ("seller_name", "seller.name", "text"),
        ("seller_rated", "seller.rated", "boolean"),
        ("stock", "stock", "bigint"),
        ("tags", "tags", "text[]"),
        ("sometimes", "sometimes", "text"),
    ]
    assert list_views(service.runtime) == [made]
    row = reader.execute("SELECT * FROM lookalike_views.shop__products WHERE id = 'r7'").fetchone()
    assert row is not None
    assert row[5:8] == ("s7", False, None)


def test_hostile_names_are_names(service: Service, reader: Reader) -> None:
    hostile = ['"', "'; DROP TABLE x; --", "%s", "%(x)s", "{}", "\\", "x" * 200, "ключ", " ", "\n", "$1", "a}{b"]
    collection = service.use('Robert\'); DROP "TABLE" %s \\ {x}', model="vectors", dimension=2)
    members = {name: name for name in hostile}
    fill(service, [{**members, "deep": members}])
    made = create_view(service.runtime, collection)
    row = reader.execute(sql.SQL("SELECT * FROM lookalike_views.{}").format(sql.Identifier(made.name))).fetchone()
    assert row is not None
    assert [column.path[-1] for column in made.columns] == list(row[1:-4])
    assert len(made.columns) == 2 * len(hostile)
    comments = described(reader, made.name)
    assert [comments[column.name][1] for column in made.columns] == [
        f"{column.dotted_path}, where it is text; else NULL." for column in made.columns
    ]


def test_a_name_is_taken_once(service: Service, database_url: str) -> None:
    collection = service.use("shop", model="vectors", dimension=2)
    create_view(service.runtime, collection, ["price:numeric"])
    with pytest.raises(InvalidRequest, match="there is a view shop already"):
        create_view(service.runtime, collection, ["price:text"])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE lookalike_views.theirs (id text); CREATE TYPE lookalike_views.kind AS (x int)"
        )
    for name in ("theirs", "kind"):
        with pytest.raises(InvalidRequest, match="something else is called"):
            create_view(service.runtime, collection, ["price:text"], name)
    for name in ("Shop", "", "1x", "x" * 64, "a.b", 'a"b'):
        with pytest.raises(InvalidRequest, match="a-z"):
            create_view(service.runtime, collection, ["price:text"], name)
    assert [view.name for view in list_views(service.runtime)] == ["shop"]
    drop_view(service.runtime, "shop")
    with pytest.raises(InvalidRequest, match="no view shop"):
        drop_view(service.runtime, "shop")
    assert create_view(service.runtime, collection, ["price:text"]).columns[0].type == "text"


def test_a_collection_without_records_shows_no_columns(service: Service, reader: Reader) -> None:
    collection = service.use("shop", model="vectors", dimension=2)
    with pytest.raises(InvalidRequest, match="name them"):
        create_view(service.runtime, collection)
    fill(service, [{}])
    assert create_view(service.runtime, collection).columns == ()
    assert list(described(reader, "shop")) == ["id", "url", "file", "created_at", "updated_at"]


def test_one_partition_is_read(service: Service, reader: Reader) -> None:
    other = service.use("other", model="vectors", dimension=2)
    fill(service, [{"price": 1}])
    collection = service.use("shop", model="vectors", dimension=2)
    fill(service, [{"price": 2}, {"price": 3}])
    create_view(service.runtime, collection, ["price:numeric", "tags:text[]"])
    assert reader.execute("SELECT price::text FROM lookalike_views.shop ORDER BY 1").fetchall() == [("2",), ("3",)]
    with service.runtime.database.session() as connection:
        for query in (
            "SELECT * FROM lookalike_views.shop WHERE price > 1",
            "SELECT count(*) FROM lookalike_views.shop",
        ):
            lines = connection.execute("EXPLAIN (VERBOSE) " + query).fetchall()
            plan = "\n".join(line for (line,) in lines)
            assert f"records_{collection.id.hex}" in plan
            assert other.id.hex not in plan
            # The conversion of a number became part of the query: no function is called for each record.
            assert "as_numeric" not in plan


def test_views_go_with_their_collection(service: Service, reader: Reader) -> None:
    collection = service.use("shop", model="vectors", dimension=2)
    kept = create_collection(service.runtime, "kept", model="vectors", dimension=2)
    for name in ("one", "two"):
        create_view(service.runtime, collection, ["price:numeric"], name)
    create_view(service.runtime, kept, ["price:numeric"])
    delete_collection(service.runtime, collection.id)
    assert [view.name for view in list_views(service.runtime)] == ["kept"]
    assert described(reader, "one") == described(reader, "two") == {}
    with pytest.raises(CollectionNotFound):
        create_view(service.runtime, collection, ["price:numeric"], "three")


def test_a_marked_collection_shows_nothing_and_repair_drops_its_view(
    service: Service, reader: Reader, database_url: str
) -> None:
    collection = service.use("shop", model="vectors", dimension=2)
    fill(service, MIXED)
    create_view(service.runtime, collection, ["price:numeric"])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE lookalike_internal.collections SET deleted_at = now()")
    assert reader.execute("SELECT * FROM lookalike_views.shop").fetchall() == []
    with pytest.raises(CollectionNotFound):
        create_view(service.runtime, collection, ["price:numeric"], "late")
    with psycopg.connect(database_url, autocommit=True) as connection:
        # As if it had been interrupted here.
        connection.execute("DROP VIEW lookalike_views.shop")
    assert repair(service.runtime) == [f"dropped the deleted collection {collection.id}"]
    assert list_views(service.runtime) == []


def test_what_others_built_upon_a_view_is_not_dropped(service: Service, reader: Reader, database_url: str) -> None:
    collection = service.use("shop", model="vectors", dimension=2)
    fill(service, MIXED)
    create_view(service.runtime, collection, ["price:numeric"])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE VIEW public.report AS SELECT sum(price) FROM lookalike_views.shop")
        with pytest.raises(InvalidRequest, match="report"):
            drop_view(service.runtime, "shop")
        assert [view.name for view in list_views(service.runtime)] == ["shop"]
        delete_collection(service.runtime, collection.id)
        assert connection.execute("SELECT * FROM public.report").fetchall() == [(None,)]
        (left,) = list_views(service.runtime)
        assert (left.name, left.collection_id, left.collection) == ("shop", None, None)
        connection.execute("DROP VIEW public.report")
    drop_view(service.runtime, "shop")
    assert described(reader, "shop") == {}


def test_collections_are_found_by_name_or_id(service: Service) -> None:
    runtime = service.runtime
    mine = service.use("shop", model="vectors", dimension=2)
    assert find_named_collection(runtime, "shop") == find_named_collection(runtime, str(mine.id).upper()) == mine
    other = service.new_account("other@example.com")
    create_collection(runtime, "shop", account=other, model="vectors", dimension=2)
    with pytest.raises(CollectionNotFound, match=f"2 accounts .*{mine.id}"):
        find_named_collection(runtime, "shop")
    with pytest.raises(CollectionNotFound, match="no collection"):
        find_named_collection(runtime, "nope")


def test_hostile_operators_are_not_used(service: Service, database_url: str) -> None:
    collection = service.use("shop", model="vectors", dimension=2)
    fill(service, [{"price": 5}])
    with psycopg.connect(database_url, autocommit=True) as connection:
        for types in ("jsonb, text", "jsonb, jsonb", "jsonb, text[]"):
            left, right = types.split(", ")
            connection.execute(
                f"CREATE FUNCTION public.stolen({types}) RETURNS jsonb LANGUAGE sql IMMUTABLE RETURN '7'::jsonb;"
                f"CREATE OPERATOR public.-> (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = public.stolen);"
                f"CREATE OPERATOR public.#> (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = public.stolen)"
            )
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET search_path = public, pg_catalog").format(
                sql.Identifier(connection.info.dbname)
            )
        )
    create_view(service.runtime, collection, ["price:numeric", "price.x:text"])
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT price, price_x FROM lookalike_views.shop").fetchall() == [(5, None)]
