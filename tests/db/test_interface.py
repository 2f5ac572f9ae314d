"""The SQL interface as a whole is what interface.txt says: views, columns, functions, and who may use them.

LOOKALIKE_WRITE_SNAPSHOT=1 writes down what it is now. What stands in the file is a promise: lines may be added.
"""

import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

SNAPSHOT = Path(__file__).with_name("interface.txt")

OBJECTS = """
SELECT 'view ' || c.oid::regclass || E'\\n' || string_agg(
           '    ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod), E'\\n' ORDER BY a.attnum)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'lookalike'::regnamespace
GROUP BY c.oid
UNION ALL
SELECT 'function ' || n.nspname || '.' || p.proname || '(' || pg_get_function_arguments(p.oid) || ')'
       || E'\\n    returns ' || pg_get_function_result(p.oid)
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'lookalike'
UNION ALL
SELECT 'grant ' || what.privilege_type || ' on ' || what.name || ' to ' || what.grantee::regrole
FROM (
    SELECT c.oid::regclass::text AS name, acl.* FROM pg_class c CROSS JOIN aclexplode(c.relacl) acl
    WHERE c.relnamespace::regnamespace::text ~ '^lookalike' AND c.relnamespace <> 'lookalike_data'::regnamespace
      AND c.relkind <> 'i'
    UNION ALL
    SELECT 'schema ' || n.nspname, acl.* FROM pg_namespace n CROSS JOIN aclexplode(n.nspacl) acl
    WHERE n.nspname ~ '^lookalike'
    UNION ALL
    SELECT 'function lookalike.' || p.proname, acl.* FROM pg_proc p CROSS JOIN aclexplode(p.proacl) acl
    WHERE p.pronamespace = 'lookalike'::regnamespace
    UNION ALL
    SELECT 'columns of ' || a.attrelid::regclass || ' (' || a.attname || ')', acl.*
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid CROSS JOIN aclexplode(a.attacl) acl
    WHERE c.relnamespace::regnamespace::text ~ '^lookalike'
) what
WHERE what.grantee = 0 OR what.grantee::regrole::text ~ '^lookalike'
ORDER BY 1
"""

UNDESCRIBED = """
SELECT c.oid::regclass || coalesce('.' || a.attname, '')
FROM pg_class c
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'lookalike'::regnamespace AND obj_description(c.oid, 'pg_class') IS NULL
UNION ALL
SELECT p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace::regnamespace::text IN ('lookalike', 'lookalike_internal')
  AND obj_description(p.oid, 'pg_proc') IS NULL
"""

UNSAFE = """
SELECT p.oid::regprocedure::text
FROM pg_proc p
WHERE p.pronamespace::regnamespace::text ~ '^lookalike' AND p.prosecdef
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting = 'search_path=pg_catalog, pg_temp')
"""


@pytest.fixture
def connection(database_url: str) -> Any:
    with psycopg.connect(database_url) as connection:
        yield connection


def test_it_is_what_was_promised(connection: psycopg.Connection[Any]) -> None:
    found = "".join(f"{line}\n" for (line,) in connection.execute(OBJECTS))
    if "LOOKALIKE_WRITE_SNAPSHOT" in os.environ:
        SNAPSHOT.write_text(found, encoding="utf-8")
    assert found == SNAPSHOT.read_text(encoding="utf-8")


def test_everything_is_described(connection: psycopg.Connection[Any]) -> None:
    assert connection.execute(UNDESCRIBED).fetchall() == []


def test_functions_with_their_owners_rights_look_names_up_nowhere_else(
    connection: psycopg.Connection[Any],
) -> None:
    assert connection.execute(UNSAFE).fetchall() == []
