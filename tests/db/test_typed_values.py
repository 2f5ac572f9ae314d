"""What becomes of an attribute's value in a column with a type: never an error."""

import json
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import scalar_row

from app.domain.collection_view import COLUMN_TYPES
from tests.service import Service

UUID = "7f1c2b8e-5a6d-4e0f-9b1a-2c3d4e5f6a7b"

KEPT = [
    ("text", '"a"', "a"),
    ("text", '""', ""),
    ("text", "1.50", "1.50"),
    ("text", "true", "true"),
    ("numeric", "1.50", "1.50"),
    ("numeric", "1e400", "1" + "0" * 400),
    ("bigint", "9223372036854775807", "9223372036854775807"),
    ("bigint", "-9223372036854775808", "-9223372036854775808"),
    ("bigint", "2.0", "2"),
    ("double precision", "0.1", "0.1"),
    ("boolean", "false", "false"),
    ("date", '"2024-02-29"', "2024-02-29"),
    ("date", '"2024-02-29T23:59:59-08:00"', "2024-02-29"),
    ("timestamptz", '"2024-02-29"', "2024-02-29 09:00:00+09"),
    ("timestamptz", '"2024-02-29T12:30"', "2024-02-29 21:30:00+09"),
    ("timestamptz", '"2024-02-29 12:30:15.25Z"', "2024-02-29 21:30:15.25+09"),
    ("timestamptz", '"2024-02-29T12:30:15+02"', "2024-02-29 19:30:15+09"),
    ("timestamptz", '"2024-02-29T12:30:15+0530"', "2024-02-29 16:00:15+09"),
    ("uuid", f'"{UUID}"', UUID),
    ("jsonb", '{"a": [1, null]}', '{"a": [1, null]}'),
    ("jsonb", "false", "false"),
    ("text[]", '["a", 1, true, null, {"b": 1}, ["c"]]', "{a,1,true,NULL,NULL,NULL}"),
    ("text[]", '"a"', "{a}"),
    ("text[]", "[]", "{}"),
    ("numeric[]", '[1, 2.5, "3"]', "{1,2.5,NULL}"),
    ("bigint[]", "[1, 2.5, 1e30]", "{1,NULL,NULL}"),
    ("double precision[]", "[1, 1e999]", "{1,NULL}"),
    ("boolean[]", '[true, "false"]', "{t,NULL}"),
    ("date[]", '["2024-01-31", "2024-02-31"]', "{2024-01-31,NULL}"),
    ("timestamptz[]", '["2024-01-31", "soon"]', '{"2024-01-31 09:00:00+09",NULL}'),
    ("uuid[]", f'["{UUID}", 7]', f"{{{UUID},NULL}}"),
]

NOT_KEPT = [
    ("text", "[]"), ("text", "{}"),
    ("numeric", '"1"'), ("numeric", "true"), ("numeric", "[1]"),
    ("bigint", "1.5"), ("bigint", "9223372036854775808"), ("bigint", "1e4000"), ("bigint", '"1"'),
    ("double precision", "1e400"), ("double precision", "1e-4000"), ("double precision", '"1"'),
    ("boolean", '"true"'), ("boolean", "1"),
    ("date", '"2023-02-29"'), ("date", '"today"'), ("date", '"29/02/2024"'), ("date", '"0000-01-01"'),
    ("date", "20240229"), ("date", '"2024-02-29T25:00"'), ("date", '"2024-02-29\\n"'), ("date", '"infinity"'),
    ("timestamptz", '"now"'), ("timestamptz", '"2024-02-29T12:30:15+99"'), ("timestamptz", '"12:30"'),
    ("timestamptz", '"2024-02-29 12:30 Europe/Prague"'), ("timestamptz", "1709164800"),
    ("uuid", '"x"'), ("uuid", f'"{{{UUID}}}"'), ("uuid", "1"),
    ("text[]", "{}"), ("numeric[]", '"1"'), ("uuid[]", "{}"),
]  # fmt: skip


def converted(service: Service, type: str, value: str | None) -> Any:
    """The value as text, in a session far from UTC."""
    function = "as_" + type.replace(" ", "_").replace("[]", "_array")
    call = sql.SQL("SELECT {}(%(value)s::jsonb)::text").format(sql.Identifier("lookalike_internal", function))
    parameters, settings = {"value": value}, {"TimeZone": "Asia/Tokyo"}
    (found,) = service.runtime.database.read(call, parameters, row_factory=scalar_row, settings=settings)
    return found


@pytest.mark.parametrize(("type", "value", "expected"), KEPT)
def test_a_value_of_the_type_is_kept(shared_service: Service, type: str, value: str, expected: str) -> None:
    assert converted(shared_service, type, value) == expected


@pytest.mark.parametrize(("type", "value"), NOT_KEPT)
def test_a_value_of_another_type_is_null(shared_service: Service, type: str, value: str) -> None:
    assert converted(shared_service, type, value) is None


@pytest.mark.parametrize("type", COLUMN_TYPES)
def test_nothing_makes_a_column_fail(shared_service: Service, type: str) -> None:
    assert converted(shared_service, type, None) is None
    assert converted(shared_service, type, "null") is None
    texts = ["", " ", "NaN", "Infinity", "-1", "1e5", "{", "'", "\\", "é" * 5000, "2024-13-01", "2024-01-01T24:01"]
    values: list[Any] = [*texts, 0, -0.0, 10**40, 1e-300, 1.5, True, [], {}, [[]], [None], [{"a": "b"}], texts]
    for value in values:
        converted(shared_service, type, json.dumps(value))


@pytest.mark.parametrize("style", ["SQL, DMY", "German", "Postgres, MDY"])
def test_dates_mean_the_same_in_every_session(shared_service: Service, style: str) -> None:
    with shared_service.runtime.database.session() as connection:
        connection.execute("SELECT set_config('DateStyle', %s, false)", [style])
        rows = connection.execute(
            "SELECT lookalike_internal.as_date('\"2024-03-04\"') = make_date(2024, 3, 4),"
            " lookalike_internal.as_timestamptz('\"2024-03-04T05:06\"')"
            " = make_timestamptz(2024, 3, 4, 5, 6, 0, 'UTC')"
        ).fetchall()
    assert rows == [(True, True)]


def test_a_type_of_the_same_name_changes_nothing(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE SCHEMA hostile; CREATE DOMAIN hostile.uuid AS text CHECK (false)")
        connection.execute("CREATE DOMAIN hostile.timestamptz AS text CHECK (false)")
        connection.execute("SET search_path = hostile, pg_catalog")
        rows = connection.execute(
            "SELECT lookalike_internal.as_uuid(to_jsonb(%s::text))::text,"
            " lookalike_internal.as_date('\"2024-03-04\"')::text",
            [UUID],
        ).fetchall()
    assert rows == [(UUID, "2024-03-04")]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("null", None), ("true", "boolean"), ("1", "bigint"), ("1.0", "numeric"), ("1e30", "numeric"),
        ('"x"', "text"), ('"2024-01-01"', "date"), ('"2024-01-01T00:00Z"', "timestamptz"), ('"2024-13"', "text"),
        ("{}", "object"), ("[]", "[]"), ("[true]", "boolean[]"), ("[1, 2]", "bigint[]"), ("[1, 2.5]", "numeric[]"),
        ('[1, "x", null]', "text[]"), ("[[1]]", "jsonb"), ('["x", {}]', "jsonb"),
    ],
)  # fmt: skip
def test_kinds(shared_service: Service, value: str, kind: str | None) -> None:
    call = "SELECT lookalike_internal.kind_of_value(%(value)s::jsonb)"
    assert shared_service.runtime.database.read(call, {"value": value}, row_factory=scalar_row) == [kind]
