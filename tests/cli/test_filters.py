"""``lookalike filter``: what a filter means, as text."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from app.cli import main
from tests.cli.conftest import Run


def test_a_filter_is_printed_in_its_canonical_form_and_as_sql(run: Run) -> None:
    output = run("filter", '{"price": {"$lt": 20.0}, "$and": [{"brand": {"$eq": "it\'s"}}]}').stdout
    assert output == (
        '{"brand":"it\'s","price":{"$lt":20}}\n\n'
        """r.attributes @? '$ ? ((@."price" < 20.0 && @."brand" == "it''s"))'::jsonpath\n"""
    )


def test_as_json(run_json: Callable[..., list[dict[str, Any]]]) -> None:
    assert run_json("filter", '{"_id": {"$in": ["x"]}}') == [
        {"canonical": {"_id": {"$in": ["x"]}}, "sql": "(r.id = ANY(ARRAY['x']::text[]))"}
    ]


def test_the_sql_may_be_pasted_into_a_query(run: Run, database_url: str) -> None:
    query = {"_id": {"$gte": "a"}, "tags": ["a\\b", "%"], "n": {"$mod": [5, 1]}, "name": {"$regex": "^'\\d+ %s$"}}
    condition = run("filter", json.dumps(query)).stdout.split("\n\n")[1]
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(b"SELECT r.id FROM lookalike.records r WHERE " + condition.encode()).fetchall()
    assert rows == []


def test_a_filter_may_come_from_standard_input(cli_environment: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(main, ["filter", "-"], input='\ufeff{"a": "ключ"}\n')
    assert result.exit_code == 0
    assert result.stdout.startswith('{"a":"ключ"}\n')


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"$and": [{"a": 1}, {"price": {"$gte": {}}}]}', "filter.$and[1].price.$gte: documents have no order"),
        ('{"price": ', "filter: not valid JSON: "),
        ('{"a": NaN}', "filter: not valid JSON: "),
        ("[]", "filter: wants an object, not array"),
    ],
)
def test_a_fault_is_told_with_its_path(run: Run, text: str, told: str) -> None:
    result = run("filter", text, code=2)
    assert result.stderr.startswith(f"Error: {told}")
    assert result.stdout == ""


def test_no_database_is_needed(cli_environment: pytest.MonkeyPatch, run: Run) -> None:
    cli_environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    assert run("filter", "{}").stdout == "{}\n\ntrue\n"
