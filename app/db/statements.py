"""Statements: the named queries of ``sql/queries/`` with their gaps filled.

A gap is a name in braces. Everywhere the same ones mean the same: ``{columns}`` and ``{join}`` what an answer
shows (app/db/columns.py), ``{where}`` a filter, ``{dimension}`` that of the collection's model, ``{identity}`` and
``{excluded}`` what tells results apart (identities.sql). The others of a topic are filled with fragments, which
are queries of the same topic and may have such gaps, or with expressions.

All text is the project's own or that of the filter's translator, none is a client's.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypedDict

from psycopg import sql

from app.db.columns import columns, join, same_columns
from app.db.queries import load_queries
from app.domain.condition import EVERYTHING, Condition
from app.domain.fields import ONLY_ID, Fields

LONGEST_REMEMBERED = 10_000
"""Statements of longer filters are made anew each time: remembering them would cost memory."""

NO_EXPRESSIONS: Mapping[str, sql.Composable] = {}


def statement(
    topic: str,
    name: str,
    *,
    fields: Fields = ONLY_ID,
    where: Condition = EVERYTHING,
    dimension: int = 0,
    **fragments: str,
) -> sql.SQL:
    """A query of ``sql/queries/<topic>.sql``; ``fragments`` names for each other gap the query that fills it.

    Statements are remembered, as filling gaps takes as long as a small query.
    """
    fill = _remembered if len(where.sql) <= LONGEST_REMEMBERED else _remembered.__wrapped__
    return fill(topic, name, same_columns(fields), where.sql, dimension, tuple(fragments.items()))


def statement_with(
    topic: str,
    name: str,
    expressions: Mapping[str, sql.Composable],
    *,
    fields: Fields = ONLY_ID,
    where: Condition = EVERYTHING,
    dimension: int = 0,
    **fragments: str,
) -> sql.Composed:
    """The same with ``expressions`` for some of the gaps; made anew each time."""
    queries = {**load_queries("identities"), **load_queries(topic)}
    common: dict[str, sql.Composable] = {
        "columns": columns(fields),
        "join": join(fields),
        "where": _condition(where.sql),
        "dimension": sql.Literal(dimension),
        **expressions,
    }
    filled = {gap: sql.SQL(queries[fragment]).format(**common) for gap, fragment in fragments.items()}
    return sql.SQL(queries[name]).format(**common, **filled)


class IdentityFragments(TypedDict):
    """Names of the fragments that fill the gaps of the same names."""

    identity: str
    excluded: str


def identity_fragments(product: str | None) -> IdentityFragments:
    """What fills ``{identity}`` and ``{excluded}``, with the parameter ``product_path``.

    ``product`` is the dotted name of an attribute; None: every record stands for itself.
    """
    if product is None:
        return {"identity": "of_record", "excluded": "excluded_records"}
    return {"identity": "of_product", "excluded": "excluded_products"}


def product_path(product: str | None) -> list[str]:
    """The parameter of that name: the steps of a dotted name."""
    return [] if product is None else product.split(".")


@lru_cache(maxsize=1024)
def _remembered(
    topic: str, name: str, fields: Fields, where: str, dimension: int, fragments: tuple[tuple[str, str], ...]
) -> sql.SQL:
    condition = Condition(where)
    filled = statement_with(
        topic, name, NO_EXPRESSIONS, fields=fields, where=condition, dimension=dimension, **dict(fragments)
    )
    text: Any = filled.as_string()
    return sql.SQL(text)


def _condition(where: str) -> sql.SQL:
    text: Any = f"({where})"
    return sql.SQL(text)
