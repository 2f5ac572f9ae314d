"""The combined distance as SQL: expressions whose text depends on the shape of the queries alone.

The shape: how many queries there are, whether their weights differ, and which of them have how many tags.
Vectors, tags and weights are parameters.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pgvector import HalfVector
from psycopg import sql

from app.domain.combined_distance import Aggregation, WeightedQuery, all_tags, shares

STEP = 1e-6
"""What distances are rounded to: equal ones would differ in their last bits otherwise, and not go by id."""

TOLERANCE = 0.01
"""More than single precision moves a distance."""

_MOST_COUNTED_TAGS = 20

Part = Callable[[int, WeightedQuery], sql.Composable]


def distance(queries: Sequence[WeightedQuery], aggregation: Aggregation, dimension: int) -> sql.Composable:
    """The combined distance of ``e.embedding``, ``e.tags`` (jsonb) and ``e.own_tags`` (the texts in it)."""
    combined = _combined(queries, aggregation, _visual("e", dimension), _tags_distance)
    # Of several weights the sum may be a negative zero, which an answer would show.
    rounded = "round({} / {step}) * {step}" if shares(queries) is None else "round({} / {step}) * {step} + 0"
    return sql.SQL(rounded).format(combined, step=sql.Literal(STEP))


def bound(queries: Sequence[WeightedQuery], aggregation: Aggregation) -> sql.Composable:
    """What the distance is at least where those to the single queries are at least ``reaches.reach``.

    The combined distance grows with each of them, so that it is the threshold of R. Fagin, A. Lotem and M. Naor,
    Optimal aggregation algorithms for middleware (2001). That is not so where a query has a negative weight.
    """

    def reach(number: int, query: WeightedQuery) -> sql.Composable:
        return sql.SQL("reaches.reach[{}]").format(sql.Literal(number + 1))

    def tags_floor(number: int, query: WeightedQuery) -> sql.Composable:
        return sql.SQL("{}::float8").format(sql.Placeholder(f"tags_floor_{number}"))

    combined = _combined(queries, aggregation, reach, tags_floor)
    return sql.SQL("{} - {}").format(combined, sql.Literal(STEP))


def lower(queries: Sequence[WeightedQuery], aggregation: Aggregation, dimension: int) -> sql.Composable:
    """Something quicker to compute from ``g.embedding`` and ``g.tags`` (jsonb), no greater than the distance.

    Without tags: the average distance to several points is no less than the distance to their centre, and the
    greatest no less than the average. With tags: of a record's tags only those count that the query has, too.
    No weight may be negative.
    """
    if any(query.has_tags for query in queries):
        return _combined(queries, aggregation, _visual("g", dimension), _least_tags_distance)
    if len(queries) == 1 or aggregation is Aggregation.LEAST:
        return sql.SQL("0")
    return sql.SQL(
        "(100 * (g.embedding::halfvec({dimension}) <-> {centre}::halfvec({dimension})) - {rounding}::float8)"
    ).format(
        dimension=sql.Literal(dimension),
        centre=sql.Placeholder("centre", format="b"),
        rounding=sql.Placeholder("centre_rounding"),
    )


def parameters(queries: Sequence[WeightedQuery], listed: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The parameters of all these expressions; all records with one of the ``listed`` tags are looked at."""
    vectors = [HalfVector(query.vector) for query in queries]
    weights = shares(queries)
    # Where one is negative there is no bound by the centre.
    pulls = weights if weights is not None and min(weights) > 0 else None
    centre = np.average([vector.to_numpy().astype(np.float64) for vector in vectors], axis=0, weights=pulls)
    rounded = HalfVector(centre)
    named: dict[str, Any] = {
        "vectors": vectors,
        "centre": rounded,
        "centre_rounding": 100 * float(np.linalg.norm(rounded.to_numpy().astype(np.float64) - centre)),
        "wanted_tags": all_tags(queries),
    }
    for number, query in enumerate(queries):
        named[f"vector_{number}"] = vectors[number]
        if weights is not None:
            named[f"share_{number}"] = weights[number]
        if query.has_tags:
            named[f"tags_{number}"] = list(query.tags)
            named[f"visual_share_{number}"] = query.visual_share
            named[f"tags_share_{number}"] = query.tags_share
            named[f"tags_floor_{number}"] = len(listed.intersection(query.tags)) / len(query.tags)
            named |= {f"tag_{number}_{n}": tag for n, tag in enumerate(query.tags[:_MOST_COUNTED_TAGS])}
    return named


def _combined(
    queries: Sequence[WeightedQuery], aggregation: Aggregation, visual: Part, tags: Part
) -> sql.Composable:
    single = [_single(number, query, visual, tags) for number, query in enumerate(queries)]
    if shares(queries) is not None:
        parts = (
            sql.SQL("{}::float8 * ({})").format(sql.Placeholder(f"share_{number}"), distance)
            for number, distance in enumerate(single)
        )
        return sql.SQL("({})").format(sql.SQL(" + ").join(parts))
    if len(single) == 1:
        return single[0]
    if aggregation is Aggregation.AVERAGE:
        return sql.SQL("(({}) / {})").format(sql.SQL(" + ").join(single), sql.Literal(len(single)))
    function = "LEAST({})" if aggregation is Aggregation.LEAST else "GREATEST({})"
    return sql.SQL(function).format(sql.SQL(", ").join(single))


def _single(number: int, query: WeightedQuery, visual: Part, tags: Part) -> sql.Composable:
    if not query.has_tags:
        return visual(number, query)
    return sql.SQL("({}::float8 * {} + {}::float8 * {})").format(
        sql.Placeholder(f"visual_share_{number}"),
        visual(number, query),
        sql.Placeholder(f"tags_share_{number}"),
        tags(number, query),
    )


def _visual(table: str, dimension: int) -> Part:
    def visual(number: int, query: WeightedQuery) -> sql.Composable:
        return sql.SQL(
            "100 * ({table}.embedding::halfvec({dimension}) <-> {vector}::halfvec({dimension}))"
        ).format(
            table=sql.Identifier(table),
            dimension=sql.Literal(dimension),
            vector=sql.Placeholder(f"vector_{number}", format="b"),
        )

    return visual


def _tags_distance(number: int, query: WeightedQuery) -> sql.Composable:
    """1 − Jaccard(tags), 0 to 1; with c tags in common out of o and q ones, Jaccard is 1 / ((o + q) / c − 1)."""
    return sql.SQL(
        "CASE WHEN e.own_tags IS NULL THEN 1 ELSE "
        "coalesce(1 - 1 / ((cardinality(e.own_tags) + {})::float8 / nullif({}, 0) - 1), 1) END"
    ).format(sql.Literal(len(query.tags)), _common("e", number, query) or _common_of_many(number))


def _least_tags_distance(number: int, query: WeightedQuery) -> sql.Composable:
    """The same for a record that has no tags but those of the query."""
    common = _common("g", number, query)
    least = sql.SQL("0" if common is None else "1 - ({})::float8 / {}").format(
        *(() if common is None else (common, sql.Literal(len(query.tags))))
    )
    return sql.SQL("CASE WHEN g.tags ?| {}::text[] THEN {} ELSE 1 END").format(
        sql.Placeholder(f"tags_{number}"), least
    )


def _common(table: str, number: int, query: WeightedQuery) -> sql.Composable | None:
    """How many tags of the query a record has, asked for one by one; None where there are too many for that."""
    if len(query.tags) > _MOST_COUNTED_TAGS:
        return None
    counted = sql.SQL(" + ").join(
        sql.SQL("({}.tags ? {}::text)::integer").format(
            sql.Identifier(table), sql.Placeholder(f"tag_{number}_{n}")
        )
        for n in range(len(query.tags))
    )
    return sql.SQL("({})").format(counted)


def _common_of_many(number: int) -> sql.Composable:
    return sql.SQL("(SELECT count(*) FROM unnest(e.own_tags) AS tag WHERE tag = ANY ({}::text[]))").format(
        sql.Placeholder(f"tags_{number}")
    )
