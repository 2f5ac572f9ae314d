"""``lookalike.record_matches`` answers as the service's translation does, and the planner sees through it."""

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.filters import parse_filter
from app.filters.limits import MAX_CONDITIONS, MAX_DEPTH, MAX_PATH_NAMES
from tests.filters.conftest import TABLE
from tests.filters.differential import store
from tests.filters.generate import Generator
from tests.filters.in_sql import asks_for_other_columns, constant, matching, matching_rows, translated
from tests.filters.test_refusals import nested
from tests.filters.test_semantics import EDGES, EXAMPLES, SHOP

PAIRS = 51_000
RECORDS = 60
FILTERS = 100


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """Autocommit, in a database of the newest version; ``records`` is a temporary table of its own."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(TABLE.format(name="records"))
        yield connection


@pytest.fixture
def seed() -> int:
    seed = int(os.environ.get("LOOKALIKE_FILTER_SEED", time.time_ns() % 1_000_000_000))
    print(f"LOOKALIKE_FILTER_SEED={seed}")
    return seed


def test_it_answers_as_the_translation_does(connection: psycopg.Connection, seed: int) -> None:
    connection.execute("CREATE INDEX ON records USING gin (attributes jsonb_path_ops)")
    pairs = matches = 0
    while pairs < PAIRS:
        generator = Generator(seed)
        store(connection, generator.make_records(RECORDS))
        # Half of them by the index, the other half record by record.
        connection.execute(f"SET enable_seqscan = {'on' if pairs % 2_000 < 1_000 else 'off'}")
        for query in (generator.query() for _ in range(FILTERS)):
            expected = translated(connection, query)
            assert matching_rows(connection, query) == expected, (seed, query)
            if not asks_for_other_columns(query):
                assert matching(connection, query) == expected, (seed, query)
                pairs += RECORDS
                matches += len(expected)
        seed += 1
    assert matches > 0.05 * pairs


def test_it_is_never_null_and_filters_may_come_from_a_table(connection: psycopg.Connection, seed: int) -> None:
    generator = Generator(seed)
    store(connection, generator.make_records(20))
    filters = [query for query in (generator.query() for _ in range(40)) if not asks_for_other_columns(query)]
    connection.execute("CREATE TEMPORARY TABLE segments (number integer, filter jsonb)")
    with connection.cursor().copy("COPY segments FROM STDIN") as copy:
        for number, query in enumerate(filters):
            copy.write_row((number, json.dumps(query)))
    rows = connection.execute(
        "SELECT s.number, r.id, lookalike.record_matches(r.attributes, s.filter, r.id) FROM segments s, records r"
    ).fetchall()
    assert {verdict for _, _, verdict in rows} <= {True, False}
    beforehand = connection.execute("""
        WITH paths AS MATERIALIZED (SELECT number, lookalike.filter_path(filter) AS path FROM segments)
        SELECT number, id FROM paths, records
        WHERE jsonb_path_exists(attributes, path, jsonb_build_object('id', id), true)
    """).fetchall()
    for number, query in enumerate(filters):
        expected = translated(connection, query)
        assert {key for row, key, verdict in rows if row == number and verdict} == expected, (seed, query)
        assert {key for row, key in beforehand if row == number} == expected, (seed, query)


def test_the_examples(connection: psycopg.Connection) -> None:
    store(connection, SHOP)
    for query, expected in EXAMPLES:
        assert matching_rows(connection, query) == expected, query
        if not asks_for_other_columns(query):
            assert matching(connection, query) == expected, query


def test_the_edges(connection: psycopg.Connection) -> None:
    for value, query, expected in EDGES:
        store(connection, [{"_id": "1", "v": value}])
        assert matching(connection, query) == translated(connection, query), (value, query)
        if "99999999999999991611393" not in repr((value, query)):  # which the service would read as 1e23
            assert matching(connection, query) == ({"1"} if expected else set()), (value, query)


LARGE: list[dict[str, Any]] = [
    nested(MAX_DEPTH - 2, core={"f7": 1}),
    nested((MAX_DEPTH - 2) // 2, lambda inner: {"f7": {"$elemMatch": inner}}, {"0": [1]}),
    {"f7": nested(MAX_DEPTH - 2, lambda inner: {"$elemMatch": inner}, {"$eq": 1})},
    {"f7": nested(MAX_DEPTH - 2, lambda inner: [inner], 1)},
    {".".join("a" * MAX_PATH_NAMES): None},
    {"$or": [{f"f{number}": number} for number in range(MAX_CONDITIONS)]},
    {"$and": [{f"f{number}": {"$ne": 5}} for number in range(MAX_CONDITIONS)]},
    {"f7": {"$in": [number * 7 for number in range(20_000)]}},
    {"f7": {"$nin": [[number] for number in range(600)]}},
    {"f7": list(range(3_000))},
    {"f7": {"$gte": list(range(100))}},
]


@pytest.mark.parametrize("query", LARGE, ids=lambda query: json.dumps(query)[:50])
def test_large_filters(connection: psycopg.Connection, query: dict[str, Any]) -> None:
    store(connection, [{"_id": "1", "f7": 7}, {"_id": "2"}, {"_id": "3", "f7": list(range(3_000))}])
    assert matching(connection, query) == translated(connection, query)


def test_too_many_readings_of_a_path_are_refused_before_they_fill_the_memory(
    connection: psycopg.Connection,
) -> None:
    query = nested(40, lambda inner: {"a.0": {"$elemMatch": inner}}, {"b": 1})
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="too many numbers in paths"):
        connection.execute("SELECT lookalike.filter_path(%s)", (Jsonb(query),))


def answer(connection: psycopg.Connection, arguments: str) -> bool | None:
    row = connection.execute(f"SELECT lookalike.record_matches({arguments})").fetchone()
    assert row is not None
    verdict = row[0]
    assert verdict is None or isinstance(verdict, bool)
    return verdict


def test_without_a_filter_every_record_matches_and_without_attributes_nothing_is_known(
    connection: psycopg.Connection,
) -> None:
    assert answer(connection, """'{"a": 1}', NULL""") is True
    assert answer(connection, """'{"a": 1}', '{}'""") is True
    assert answer(connection, """NULL, '{"a": 1}'""") is None
    assert answer(connection, "NULL, NULL") is None
    assert answer(connection, """NULL, '{"_id": "x"}', NULL""") is None


def test_the_id_is_needed_where_it_is_asked_for(connection: psycopg.Connection) -> None:
    assert answer(connection, """'{"a": 1}', '{"_id": {"$ne": "x"}, "a": 1}', 'y'""") is True
    assert answer(connection, """'{"a": [{"_id": 1}]}', '{"a": {"$elemMatch": {"_id": 1}}}'""") is True
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"^filter\.\$or\[1\]\._id: .* third argument"):
        answer(connection, """'{"a": 1}', '{"$or": [{"b": 1}, {"_id": "x"}]}'""")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="third argument"):
        connection.execute("""
            SELECT lookalike.record_matches(attributes, '{"_id": "x"}', id)
            FROM (VALUES (NULL::text, '{}'::jsonb)) AS found (id, attributes)
        """)


def test_other_columns_are_refused_by_name(connection: psycopg.Connection) -> None:
    for column in ("_url", "_file"):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=rf"^filter\.{column}: in SQL"):
            answer(connection, f"""'{{}}', '{{"{column}": "x"}}', 'y'""")


def plan(connection: psycopg.Connection, where: str, table: str = "lookalike_internal.records") -> str:
    rows = connection.execute(f"EXPLAIN (COSTS OFF) SELECT id FROM {table} WHERE {where}").fetchall()
    return "\n".join(line for (line,) in rows)


@pytest.fixture
def shop(connection: psycopg.Connection) -> psycopg.Connection:
    connection.execute("""
        INSERT INTO records
        SELECT 'r' || n, jsonb_build_object('sku', 's' || n, 'price', n) FROM generate_series(1, 5000) n
    """)
    connection.execute("CREATE INDEX records_gin ON records USING gin (attributes jsonb_path_ops)")
    connection.execute("ANALYZE records")
    return connection


def test_a_constant_filter_is_a_condition_that_the_index_serves(shop: psycopg.Connection) -> None:
    for filter_ in (
        '{"sku": "s7"}',
        '{"sku": {"$in": ["s7", "s8"]}, "price": {"$lt": 9}}',
        '{"sku": {"a": {"b": 7}}}',
    ):
        found = plan(shop, f"lookalike.record_matches(attributes, '{filter_}', id)", "records")
        assert "Bitmap Index Scan on records_gin" in found, filter_
        assert "record_matches" not in found
        assert "lookalike_filter" not in found


@pytest.mark.parametrize(
    "operand", ['"r7"', '{"$eq": "r7"}', '{"$in": ["r7", 5, null]}', '{"$gte": "r4990", "$lt": "r4991"}']
)
def test_ids_use_the_primary_key(shop: psycopg.Connection, operand: str) -> None:
    found = plan(
        shop, f"""lookalike.record_matches(attributes, '{{"_id": {operand}, "price": 7}}', id)""", "records"
    )
    assert "records_pkey" in found
    query = {"_id": json.loads(operand)}
    assert matching(shop, query) == translated(shop, query) != set()


def test_a_prepared_statement_keeps_to_the_plan_with_the_filter_in_place(shop: psycopg.Connection) -> None:
    shop.execute(
        "PREPARE found (jsonb) AS SELECT id FROM records WHERE lookalike.record_matches(attributes, $1, id)"
    )
    for number in range(8):
        rows = shop.execute(f"""EXPLAIN EXECUTE found ('{{"sku": "s{number}"}}')""").fetchall()
        assert any("records_gin" in line for (line,) in rows)


def test_parallel_workers_answer_alike(shop: psycopg.Connection) -> None:
    shop.execute("CREATE TABLE public.shop AS SELECT * FROM records")
    shop.execute("SET debug_parallel_query = on")
    statement = "SELECT count(*) FROM public.shop s WHERE lookalike.record_matches(s.attributes, {}, s.id)"
    assert shop.execute(statement.format("""'{"price": {"$lte": 50}, "_id": {"$regex": "7"}}'""")).fetchone() == (
        5,
    )
    # The filter of each row's own: translated by the workers.
    own = "jsonb_build_object('price', s.attributes -> 'sku')"
    assert shop.execute(statement.format(own) + " AND s.id LIKE 'r1_'").fetchone() == (0,)


def test_a_table_may_refuse_faulty_filters_and_keep_their_paths(shop: psycopg.Connection) -> None:
    shop.execute("""
        CREATE TABLE public.segments (
            name text, filter jsonb, path jsonpath GENERATED ALWAYS AS (lookalike.filter_path(filter)) STORED
        )
    """)
    shop.execute("""INSERT INTO public.segments VALUES ('cheap', '{"price": {"$lte": 3}}')""")
    found = shop.execute(
        "SELECT count(*) FROM public.segments s JOIN records r ON r.attributes @? s.path"
    ).fetchone()
    assert found == (3,)
    with pytest.raises(
        psycopg.errors.InvalidParameterValue, match=r"^filter\.price\.\$foo: \$foo is not supported"
    ):
        shop.execute("""INSERT INTO public.segments VALUES ('odd', '{"price": {"$foo": 3}}')""")


def test_the_condition_that_the_command_prints_admits_the_same(connection: psycopg.Connection) -> None:
    generator = Generator(7)
    found = generator.make_records(RECORDS)
    store(connection, found)
    texts = ["it's", "100 % of it", "%(f0)s", "back\\slash", "'; DROP TABLE records; --", "$$", ":name"]
    for text in texts:
        connection.execute("INSERT INTO records VALUES (%s, %s)", (text, Jsonb({"a": text, "b": [text]})))
    queries = [generator.query() for _ in range(150)]
    queries += [{"a": text} for text in texts] + [{"_id": {"$in": [text]}, "b": [text]} for text in texts]
    for conforming in ("on", "off"):
        connection.execute(f"SET standard_conforming_strings = {conforming}")
        for query in queries:
            checked = parse_filter(query)
            rows = connection.execute(b"SELECT r.id FROM records r WHERE " + checked.written().encode()).fetchall()
            condition = checked.condition()
            expected = connection.execute(
                f"SELECT r.id FROM records r WHERE {condition.sql}", condition.parameters
            ).fetchall()
            assert set(rows) == set(expected), (query, checked.written())


def test_it_is_asked_as_a_constant(connection: psycopg.Connection) -> None:
    """What the tests above compare is the planner's translation, not one for each row."""
    connection.execute("INSERT INTO records VALUES ('x', '{}')")
    lines = plan(
        connection,
        f"lookalike.record_matches(attributes, {constant({'a': 1}).as_string(connection)}, id)",
        "records",
    )
    assert """(attributes @? '$?(@."a" == 1)'::jsonpath)""" in lines
