"""Filters that the database reads itself, and what the service makes of the same text."""

import json
from typing import Any

import orjson
import psycopg
from psycopg import sql

from app.domain.errors import InvalidRequest
from app.filters import Filter, parse_filter


def as_the_service_reads(query: Any) -> Filter:
    """The filter from its JSON text, with whole numbers beyond 64 bits as doubles."""
    return parse_filter(orjson.loads(json.dumps(query)))


def fault_of(document: object) -> str | None:
    try:
        parse_filter(document)
    except InvalidRequest as fault:
        return str(fault)
    return None


def asks_for_other_columns(query: Any) -> bool:
    """``_url`` and ``_file`` are not at hand where there are attributes and an id."""
    text = json.dumps(query)
    return '"_url"' in text or '"_file"' in text


def constant(query: Any) -> sql.Composable:
    """The filter as a literal of ``jsonb``, which the planner can translate."""
    return sql.SQL("{}::jsonb").format(sql.Literal(json.dumps(query)))


def matching(connection: psycopg.Connection, query: Any) -> set[str]:
    """The ids that ``record_matches`` admits, as a WHERE clause on the table ``records``."""
    statement = sql.SQL("SELECT r.id FROM records r WHERE lookalike.record_matches(r.attributes, {}, r.id)")
    return {key for (key,) in connection.execute(statement.format(constant(query)))}


def matching_rows(connection: psycopg.Connection, query: Any) -> set[str]:
    """The same with ``_url`` and ``_file`` at hand."""
    statement = sql.SQL(
        "SELECT r.id FROM records r WHERE lookalike_filter.row_matches(r.attributes, {}, r.id, r.url, r.file)"
    )
    return {key for (key,) in connection.execute(statement.format(constant(query)))}


def translated(connection: psycopg.Connection, query: Any) -> set[str]:
    """The same by the service's own translation."""
    condition = as_the_service_reads(query).condition()
    rows = connection.execute(f"SELECT r.id FROM records r WHERE {condition.sql}", condition.parameters)
    return {key for (key,) in rows}
