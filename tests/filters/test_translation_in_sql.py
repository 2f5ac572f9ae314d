"""The filter language in SQL reads as the service does: faults, patterns, numbers, and nobody else's schema."""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import orjson
import psycopg
import pytest

from app.db.migrations import migrate
from app.filters import characters
from app.filters.parts import PatternRefused
from app.filters.pattern import translate
from tests.filters.conftest import TABLE
from tests.filters.differential import store
from tests.filters.generate import Generator
from tests.filters.in_sql import asks_for_other_columns, fault_of, matching, translated
from tests.filters.test_fuzz import damage
from tests.filters.test_pattern import EXAMPLES, REFUSED, TOKENS
from tests.filters.test_refusals import FAULTS

MUTANTS = 4_000

FAULT = """
CREATE FUNCTION pg_temp.fault(filter jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lookalike.filter_path(filter);
    RETURN NULL;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN SQLERRM;
END
$$
"""

PATTERN = """
CREATE FUNCTION pg_temp.pattern(pattern text, options text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN lookalike_filter.translated(pattern, options, 'place');
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN SQLERRM;
END
$$
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(TABLE.format(name="records"))
        yield connection


@pytest.fixture
def random_() -> random.Random:
    seed = int(os.environ.get("LOOKALIKE_FILTER_SEED", time.time_ns() % 1_000_000_000))
    print(f"LOOKALIKE_FILTER_SEED={seed}")
    return random.Random(seed)


def as_json(query: Any) -> str | None:
    """The filter's text if it is JSON that ``jsonb`` can hold."""
    try:
        text = orjson.dumps(query, option=orjson.OPT_NON_STR_KEYS) if _is_plain(query) else b""
    except (TypeError, RecursionError):
        return None
    return None if not text or b"\\u0000" in text else text.decode()


def _is_plain(value: Any) -> bool:
    """Not what ``orjson`` would write as something else: bytes, tuples, NaN, names that are no text."""
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_plain(item) for name, item in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return (
        value is None or isinstance(value, bool | str | int) or (isinstance(value, float) and value - value == 0)
    )


def assert_faults(connection: psycopg.Connection, queries: list[Any]) -> int:
    """The database finds the faults that the service finds, with place and words. Returns how many there were."""
    connection.execute(FAULT)
    texts = [text for text in map(as_json, queries) if text is not None]
    rows = connection.execute(
        # jsonb has an order of names of its own: the first of several faults is looked for in the same one.
        "SELECT filter::text, pg_temp.fault(filter) FROM unnest(%s::text[]::jsonb[]) AS given (filter)",
        (texts,),
    ).fetchall()
    assert len(rows) == len(texts)
    faults = 0
    for text, fault in rows:
        expected = fault_of(orjson.loads(text))
        if fault is not None and ": in SQL a filter knows" in fault:
            continue
        assert fault == expected, text
        faults += expected is not None
    return faults


def test_each_fault_is_told_with_its_place_and_reason(connection: psycopg.Connection) -> None:
    shallow = [query for query, _, _ in FAULTS if as_json(query) is not None]
    assert assert_faults(connection, shallow) > 0.9 * len(shallow) > 70


def test_damaged_filters_are_refused_alike(connection: psycopg.Connection, random_: random.Random) -> None:
    generator = Generator(random_.randrange(10**9))
    generator.make_records(10)
    queries = []
    for _ in range(MUTANTS):
        mutant = damage(random_, generator.query())
        for _ in range(random_.randrange(3)):
            mutant = damage(random_, mutant)
        queries.append(mutant)
    assert assert_faults(connection, queries) > 0.3 * MUTANTS


def test_patterns_are_translated_alike(connection: psycopg.Connection, random_: random.Random) -> None:
    connection.execute(PATTERN)
    cases = [(pattern, options) for pattern, options, _, _ in EXAMPLES]
    cases += [(pattern, options) for pattern in REFUSED for options in ("", "imsx", "q")]
    cases += [(" \t\n\r\f\v v#v\nv", "x"), ("[ v]\v", "xi")]
    for _ in range(2_000):
        pattern = "".join(random_.choice(TOKENS) for _ in range(random_.randrange(1, 9)))
        if random_.random() < 0.8:
            pattern += ")" * (pattern.count("(") - pattern.count(")"))
        cases.append((pattern, "".join(option for option in "imsxu" if random_.random() < 0.2)))
    rows = connection.execute(
        "SELECT pg_temp.pattern(pattern, options) FROM unnest(%s::text[], %s::text[])"
        " WITH ORDINALITY AS cases (pattern, options, n) ORDER BY n",
        ([pattern for pattern, _ in cases], [options for _, options in cases]),
    ).fetchall()
    for (pattern, options), (found,) in zip(cases, rows, strict=True):
        assert found == expected_pattern(pattern, options), (pattern, options)


def expected_pattern(pattern: str, options: str) -> str:
    try:
        return translate(pattern, options)
    except PatternRefused as reason:
        return f"place: {reason}"


def test_case_is_folded_by_the_same_unicode(connection: psycopg.Connection) -> None:
    (found,) = connection.execute("SELECT lookalike_filter.case_classes()").fetchone() or ((),)
    twins = {class_ for class_ in found if class_}
    for class_ in twins:
        expected = characters.union(*map(characters.one, class_))
        assert all(characters.with_other_case(characters.one(letter)) == expected for letter in class_), class_
    folded = {letter for class_ in twins for letter in class_}
    every = map(chr, range(1, characters.LAST + 1))
    cased = {each for each in every if {each.lower(), each.upper(), each.casefold()} != {each}}
    assert folded <= cased
    alone = [each for each in cased - folded if len(characters.with_other_case(characters.one(each))) > 1]
    assert alone == []


def test_numbers_are_read_as_doubles_where_the_service_does(
    connection: psycopg.Connection, random_: random.Random
) -> None:
    texts = ["1e23", "100000000000000000000000", "99999999999999991611393", "5e-324", "1e-400", "-0.0", "1.0"]
    texts += ["1.7976931348623157e308", "18446744073709551615", "18446744073709551616", "-9223372036854775809"]
    texts += ["0.1000000000000000055511151231257827", "9007199254740993", "9007199254740993.0"]
    texts += [str(random_.getrandbits(random_.randrange(60, 300))) for _ in range(2_000)]
    texts += [repr(random_.random() * 10.0 ** random_.randrange(-300, 300)) for _ in range(2_000)]
    texts += [f"{random_.random():.17f}{random_.getrandbits(40)}" for _ in range(500)]
    expected = [Decimal(repr(orjson.loads(text))) for text in texts]
    rows = connection.execute(
        "SELECT lookalike_filter.number(text::jsonb, 'place')::numeric = expected, text"
        " FROM unnest(%s::text[], %s::numeric[]) AS numbers (text, expected)",
        (texts, expected),
    ).fetchall()
    assert [text for is_equal, text in rows if not is_equal] == []
    assert assert_faults(connection, [{"a": {"$in": [1, 2]}}]) == 0
    with pytest.raises(
        psycopg.errors.InvalidParameterValue, match=r"filter\.a\[1\]: NaN and Infinity are not JSON"
    ):
        connection.execute("""SELECT lookalike.filter_path('{"a": [1, 1e400]}')""")


PLANTED = """
CREATE SCHEMA IF NOT EXISTS planted;
CREATE FUNCTION {0}.jsonb_typeof(jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'planted' $$;
CREATE FUNCTION {0}.jsonb_path_exists(jsonb, jsonpath, jsonb, boolean) RETURNS boolean LANGUAGE sql
    AS 'SELECT true';
CREATE FUNCTION {0}.starts_with(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE FUNCTION {0}.fault(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'planted' $$;
CREATE FUNCTION {0}.record_matches(jsonb, jsonb, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION {0}.conditions(jsonb, text, integer, text, integer[]) RETURNS text LANGUAGE sql
    AS $$ SELECT 'planted' $$;
CREATE FUNCTION {0}.anything(jsonb, jsonpath) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR {0}.@? (LEFTARG = jsonb, RIGHTARG = jsonpath, FUNCTION = {0}.anything);
CREATE FUNCTION {0}.nothing(jsonb, text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS 'SELECT NULL::jsonb';
CREATE OPERATOR {0}.-> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = {0}.nothing);
CREATE FUNCTION {0}.different(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS 'SELECT NOT $1 OPERATOR(pg_catalog.=) $2';
CREATE OPERATOR {0}.= (LEFTARG = text, RIGHTARG = text, FUNCTION = {0}.different);
-- Fits better than PostgreSQL's own, which take anything: these win wherever the schema is looked into at all.
CREATE FUNCTION {0}.joined(text, integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'planted' $$;
CREATE OPERATOR {0}.|| (LEFTARG = text, RIGHTARG = integer, FUNCTION = {0}.joined);
CREATE FUNCTION {0}.joined(text, bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'planted' $$;
CREATE OPERATOR {0}.|| (LEFTARG = text, RIGHTARG = bigint, FUNCTION = {0}.joined);
CREATE FUNCTION {0}.array_append(text[], text) RETURNS text[] LANGUAGE sql IMMUTABLE AS 'SELECT NULL::text[]';
CREATE OPERATOR {0}.|| (LEFTARG = text[], RIGHTARG = text, FUNCTION = {0}.array_append);
CREATE FUNCTION {0}.cardinality(text[]) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE FUNCTION {0}.array_to_string(text[], text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '1 == 1' $$;
"""


def assert_untouched(connection: psycopg.Connection) -> None:
    generator = Generator(11)
    store(connection, generator.make_records(30))
    queries = [query for query in (generator.query() for _ in range(150)) if not asks_for_other_columns(query)]
    expected = []
    for path in ("pg_catalog, public", "planted, public, pg_catalog", "public, pg_catalog"):
        connection.execute(f"SET search_path = {path}")
        found = []
        for query in queries:
            found.append(matching(connection, query))
            paths = connection.execute(
                "SELECT lookalike.filter_path(%s::text::pg_catalog.jsonb)", (json.dumps(query),)
            )
            found.append(paths.fetchall())
        for arguments in ("""'{"a": 1}', '{"$or": [{"_id": {"$in": ["x"]}}, {"a": 2}]}', 'y'""", "'{}', '{}'"):
            found.append(connection.execute(f"SELECT lookalike.record_matches({arguments})").fetchall())
        with pytest.raises(
            psycopg.errors.InvalidParameterValue, match=r"^filter\.\$or\[1\]\.a\.\$in\[1\]: of the"
        ):
            connection.execute(
                """SELECT lookalike.filter_path('{"$or": [{}, {"a": {"$in": [1, {"$gt": 2}]}}]}')"""
            )
        expected = expected or found
        assert found == expected
    connection.execute("RESET search_path")
    for query in queries:
        assert matching(connection, query) == translated(connection, query)


def test_a_search_path_changes_nothing(connection: psycopg.Connection) -> None:
    connection.execute(PLANTED.format("planted").encode())
    assert_untouched(connection)


def test_what_stood_in_public_before_changes_nothing(new_database: Callable[..., str]) -> None:
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(PLANTED.format("public").encode())
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE.format(name="records"))
        assert_untouched(connection)


def test_the_reader_needs_nothing_else(connection: psycopg.Connection) -> None:
    role = f"reader_{os.getpid()}"
    connection.execute(f"CREATE ROLE {role}")
    connection.execute(f"GRANT lookalike_reader TO {role}")
    connection.execute(f"SET ROLE {role}")
    try:
        found = connection.execute("""
            SELECT lookalike.record_matches(attributes, filter, id)
            FROM (VALUES (
                '{"a": "Ab"}'::jsonb, '{"a": {"$regex": "^a.?", "$options": "i"}, "_id": "x"}'::jsonb, 'x'
            )) AS given (attributes, filter, id)
        """).fetchall()
    finally:
        connection.execute("RESET ROLE")
        connection.execute(f"DROP OWNED BY {role}")
        connection.execute(f"DROP ROLE {role}")
    assert found == [(True,)]
