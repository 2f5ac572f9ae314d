"""What the roles of the SQL interface may do and see, and that the service can run as its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, LiteralString

import numpy as np
import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from app.api.application import create_app
from app.db.migrations import migrate
from app.db.rate_limits import forget_full
from app.domain.action import Change, Edit, Judgement, Kind
from app.domain.verdict import Verdict
from app.services.access import resolve_access, token_digest
from app.services.acting.doing import act
from app.services.acting.undoing import undo
from app.services.operating.collection_views import create_view
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.login_roles import login_role, url_as
from tests.service import Service, ids, picture_base64

Rows = list[tuple[Any, ...]]


@pytest.fixture
def filled(service: Service) -> Service:
    """A collection with records, near duplicates, a verdict, a view and usage; statistics are collected."""
    collection = service.use("shop", model="vectors", dimension=2)
    angles = np.linspace(0, 3, 40)
    vectors = [[float(np.cos(angle)), float(np.sin(angle))] for angle in angles]
    service.call(
        "insert",
        records=[{"_id": f"r{n}", "_vector": vector, "price": n} for n, vector in enumerate(vectors)],
    )
    service.call("insert", records=[{"_id": "twin", "_vector": vectors[0]}])
    service.call("allNearDupPairs")
    service.call("nearDupVerdict", records=[{"_id": "r0"}, {"_id": "twin"}], verdict="different")
    service.runtime.usage.flush()
    create_view(service.runtime, collection)
    with service.runtime.database.session() as connection:
        connection.execute("ANALYZE")
    return service


@pytest.fixture
def reader(database_url: str, filled: Service) -> Iterator[psycopg.Connection[Any]]:
    with (
        login_role(database_url, "lookalike_reader") as role,
        psycopg.connect(url_as(database_url, role), autocommit=True) as connection,
    ):
        yield connection


def relations(connection: psycopg.Connection[Any]) -> Rows:
    return connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname ~ '^lookalike' AND c.relkind IN ('r', 'p', 'v', 'm', 'S') ORDER BY 1, 2"
    ).fetchall()


def secrets_of(service: Service, database_url: str) -> list[str]:
    with psycopg.connect(database_url) as connection:
        emails = [row[0] for row in connection.execute("SELECT email FROM lookalike_internal.accounts")]
    digest = token_digest(service.token)
    return [service.token, digest.hex(), repr(digest), *emails]


def test_the_reader_reads_the_views_and_nothing_else(reader: psycopg.Connection[Any]) -> None:
    for schema, name in relations(reader):
        query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, name))
        if schema in ("lookalike", "lookalike_views"):
            reader.execute(query)
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(query)


def test_no_token_no_hash_and_no_e_mail_by_any_path(
    reader: psycopg.Connection[Any], filled: Service, database_url: str
) -> None:
    seen = []
    catalogue = [("pg_catalog", name) for name in ("pg_stats", "pg_stats_ext", "pg_stats_ext_exprs")]
    for schema, name in [*relations(reader), *catalogue]:
        with_rows = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(schema, name))
        try:
            seen += [row[0] for row in reader.execute(with_rows)]
        except psycopg.errors.InsufficientPrivilege:
            continue
    everything = "\n".join(seen)
    assert "r17" in everything
    assert [secret for secret in secrets_of(filled, database_url) if secret in everything] == []


def test_every_function_answers_the_reader_or_refuses(
    reader: psycopg.Connection[Any], filled: Service, database_url: str
) -> None:
    functions = reader.execute(
        "SELECT n.nspname, p.proname, p.pronargs, p.oid::regprocedure::text FROM pg_proc p"
        " JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname ~ '^lookalike'"
    ).fetchall()
    assert {"similar", "similar_to", "near_duplicates_of"} <= {name for _, name, _, _ in functions}
    hostile = "shop'; SELECT sha256::text AS id FROM lookalike_internal.tokens; --"
    for schema, name, count, _ in functions:
        call = sql.SQL("SELECT f::text FROM {}({}) f").format(
            sql.Identifier(schema, name), sql.SQL(", ").join([sql.Literal(hostile)] * count)
        )
        try:
            answered = [row[0] for row in reader.execute(call)]
        except psycopg.Error as error:
            answered = [str(error)]
        assert [
            secret for secret in secrets_of(filled, database_url) if secret in "\n".join(map(str, answered))
        ] == []


def test_the_reader_writes_nothing(reader: psycopg.Connection[Any]) -> None:
    for statement in (
        "DELETE FROM lookalike.records",
        "UPDATE lookalike.records SET id = 'x'",
        "INSERT INTO lookalike.usage_by_month (month) VALUES ('2026-01-01')",
        "CREATE TABLE lookalike.mine (id text)",
        "CREATE VIEW lookalike_views.mine AS SELECT 1",
        "DROP VIEW lookalike.records",
        "TRUNCATE lookalike_internal.records",
        "SET ROLE lookalike_writer",
    ):
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
            reader.execute(statement)


def test_somebody_without_a_role_sees_nothing(database_url: str, filled: Service) -> None:
    with (
        login_role(database_url) as role,
        psycopg.connect(url_as(database_url, role), autocommit=True) as stranger,
    ):
        for query in (
            "SELECT * FROM lookalike.records",
            "SELECT * FROM lookalike.similar('shop', 'r1')",
            "SELECT * FROM lookalike.near_duplicates_of('shop', 'r1')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                stranger.execute(query)


def test_a_hostile_search_path_changes_nothing(reader: psycopg.Connection[Any], database_url: str) -> None:
    before = reader.execute("SELECT * FROM lookalike.similar('shop', 'r3', 5)").fetchall()
    pairs = reader.execute("SELECT * FROM lookalike.near_duplicate_groups").fetchall()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE SCHEMA hostile; GRANT USAGE ON SCHEMA hostile TO PUBLIC;"
            "CREATE FUNCTION hostile.distance(halfvec, halfvec) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN 0;"
            "CREATE OPERATOR hostile.<-> (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = hostile.distance);"
            "CREATE FUNCTION hostile.same(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN true;"
            "CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.same);"
            "CREATE FUNCTION hostile.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE"
            " RETURN 'SELECT 1';"
            "CREATE FUNCTION hostile.count() RETURNS bigint LANGUAGE sql IMMUTABLE RETURN 7"
        )
    reader.execute("SET search_path = hostile, pg_catalog, public")
    assert reader.execute("SELECT * FROM lookalike.similar('shop', 'r3', 5)").fetchall() == before
    assert reader.execute("SELECT * FROM lookalike.near_duplicate_groups").fetchall() == pairs


def as_writer(database_url: str, role: str, home: Path) -> Runtime:
    environment = {"LOOKALIKE_HOME": str(home), "LOOKALIKE_CALLS_PER_MINUTE": "6000"}
    return Runtime(load_settings(environment), url_as(database_url, role))


def test_the_service_runs_as_the_writer(service: Service, database_url: str, tmp_path: Path) -> None:
    service.use("photos")
    with (
        login_role(database_url, "lookalike_writer") as role,
        as_writer(database_url, role, tmp_path / "writer") as runtime,
    ):
        service.client = create_app(runtime).test_client()
        a, b = {"_id": "a", "_base64": picture_base64()}, {"_id": "b", "_vector": [1.0] * 1280, "price": 3}
        assert ids(service.call("insert", records=[a, b])) == ["a", "b"]
        assert service.call("nearDupsInsert", records=[{**a, "_id": "c"}])["status"]["code"] == 411
        assert ids(service.call("visualKNN", query_record={"_id": "a"}, filter={"price": {"$gt": 1}})) == ["b"]
        assert ids(service.call("nearDuplicates", query_record=a)) == ["a"]
        service.call("update", records=[{"_id": "b", "price": 4}])
        service.call("nearDupVerdict", records=[{"_id": "a"}, {"_id": "b"}], verdict="different")
        service.call("nearDupVerdict", records=[{"_id": "a"}, {"_id": "b"}], verdict=None)
        access = resolve_access(
            runtime, service.token, collection_id=str(service.collection.id), collection_name=None
        )
        judgement = Judgement(["a", "b"], Verdict.DIFFERENT)
        change = Change(removed=["b"], edits=[Edit("a", {"n": 1})], judgements=[judgement])
        action = act(runtime, access, Kind.MERGE, change).action_id
        assert undo(runtime, access, action).restored == ["b"]
        service.call("delete", records=[{"_id": "b"}])
        assert service.call("getRecordCount")["answer_count"] == 1
        runtime.usage.flush()
        forget_full(runtime.database)
        refused = service.call("createIndex", attribute="price")
        assert refused["status"] == {"code": 403, "text": "not permitted"}
        with psycopg.connect(database_url, autocommit=True) as connection:
            owner = connection.execute("SELECT current_user").fetchone()
            assert owner is not None
            connection.execute(
                sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE").format(
                    sql.Identifier(owner[0]), sql.Identifier(role)
                )
            )
        assert service.call("createIndex", attribute="price")["status"]["code"] == 200
        with psycopg.connect(database_url) as connection:
            owners = connection.execute(
                "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class"
                " WHERE relnamespace = 'lookalike_data'::regnamespace"
            ).fetchall()
        assert owners == [owner]


def test_the_writer_changes_no_table_and_no_token(database_url: str, filled: Service) -> None:
    with (
        login_role(database_url, "lookalike_writer") as role,
        psycopg.connect(url_as(database_url, role), autocommit=True) as writer,
    ):
        for statement in (
            "ALTER TABLE lookalike_internal.records ADD COLUMN mine text",
            "DROP TABLE lookalike_internal.records",
            "CREATE TABLE lookalike_data.mine (id text)",
            "INSERT INTO lookalike_internal.tokens (account_id, sha256, all_collections, read_only)"
            " SELECT id, sha256('x'), true, false FROM lookalike_internal.accounts",
            "UPDATE lookalike_internal.accounts SET credits_limit = 1",
            "DELETE FROM lookalike_internal.collections",
            "UPDATE lookalike_internal.alembic_version SET version_num = '1'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                writer.execute(statement)


def test_the_interface_works_where_functions_are_nobodys_by_default(
    new_database: Callable[..., str], tmp_path: Path
) -> None:
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC")  # pgvector's
    try:
        with login_role(url, "lookalike_writer") as writer, as_writer(url, writer, tmp_path / "writer") as runtime:
            with Runtime(load_settings({"LOOKALIKE_HOME": str(tmp_path)}), url) as owners:
                service = Service(owners)
                service.use("shop", model="vectors", dimension=2)
            service.client = create_app(runtime).test_client()
            service.insert_vectors({"a": [1.0, 0.0], "b": [1.0, 0.01]}, price=3)
            assert ids(service.call("nearDuplicates", query_record={"_id": "a"})) == ["a", "b"]
        with (
            login_role(url, "lookalike_reader") as role,
            psycopg.connect(url_as(url, role), autocommit=True) as reader,
        ):
            for query in (
                "SELECT * FROM lookalike.similar('shop', 'a', 5, '{\"price\": 3}')",
                'SELECT * FROM lookalike.records WHERE lookalike.record_matches(attributes, \'{"_id": "a"}\', id)',
                "SELECT * FROM lookalike.collections",
            ):
                assert reader.execute(query.encode()).fetchall() != [], query
            reader.execute("SELECT * FROM lookalike.near_duplicate_groups")
            allowed = (
                "SELECT has_function_privilege(%s, p.oid, 'EXECUTE') FROM pg_proc p WHERE p.proname = 'nearest'"
            )
            for name in ("lookalike_reader", "lookalike_writer", role):
                assert reader.execute(allowed, [name]).fetchall() == [(False,)]
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC")


def test_settings_of_the_session_change_no_answer(reader: psycopg.Connection[Any]) -> None:
    asked: tuple[tuple[LiteralString, dict[str, Any]], ...] = (
        ("SELECT id FROM lookalike.similar('shop', 'r3', 5, %s)", {"_id": {"$regex": "^r\\d$"}}),
        ("SELECT lookalike.filter_path(%s)", {"it's \\": {"$regex": "[^\\n]-\\."}}),
        (
            "SELECT id FROM lookalike.records WHERE lookalike.record_matches(attributes, %s)",
            {"price": {"$gt": 30}},
        ),
        ("SELECT collection, records FROM lookalike.collections WHERE %s <> '{}'", {"a": 1}),
    )
    before = [sorted(reader.execute(query, [Jsonb(document)])) for query, document in asked]
    assert all(before)
    # What is translated and planned once is not to hide anything.
    reader.execute("DISCARD ALL")
    reader.execute("SELECT FROM lookalike.similar('shop', 'r3', 1)")
    for name, value in {
        "standard_conforming_strings": "off", "backslash_quote": "off", "transform_null_equals": "on",
        "array_nulls": "off", "extra_float_digits": "-15", "plpgsql.extra_errors": "all",
        "enable_indexscan": "off", "hnsw.max_scan_tuples": "1", "debug_parallel_query": "on",
        "plan_cache_mode": "force_generic_plan", "hnsw.ef_search": "1", "TimeZone": "Asia/Tokyo",
        "DateStyle": "SQL, DMY", "default_transaction_read_only": "on",
    }.items():  # fmt: skip
        reader.execute("SELECT set_config(%s, %s, false)", [name, value])
    assert [sorted(reader.execute(query, [Jsonb(document)])) for query, document in asked] == before
    assert reader.execute("SHOW hnsw.ef_search").fetchone() == ("1",)
