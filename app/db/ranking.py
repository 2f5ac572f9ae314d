"""Ranking by a combined distance: to several vectors, and with the agreement of tags."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from psycopg import sql
from psycopg.rows import class_row, tuple_row

from app.db import combined_distance
from app.db.columns import condition
from app.db.database import Database
from app.db.queries import load_queries
from app.db.search import PAGES_SAMPLED
from app.domain.collection import Collection
from app.domain.combined_distance import Aggregation, Query
from app.domain.condition import EVERYTHING, Condition

_QUERIES = load_queries("ranking")
_SETTINGS = {"jit": "off"}


@dataclass(frozen=True, slots=True)
class Ranked:
    """A record's place in a ranking; ``proven`` when no record that was not looked at can come before it."""

    key: int
    id: str
    distance: float
    proven: bool = True


@dataclass(frozen=True, slots=True)
class CombinedSearch:
    """What is ranked: the records that match ``where``, by their distance to ``queries`` (at least one)."""

    collection: Collection
    queries: Sequence[Query]
    aggregation: Aggregation
    where: Condition = EVERYTHING

    @property
    def has_tags(self) -> bool:
        """Whether tags enter the distance."""
        return any(query.has_tags for query in self.queries)

    @property
    def is_plain(self) -> bool:
        """Neither filter nor tags: the vectors are enough."""
        return self.where is EVERYTHING and not self.has_tags


def ranked_exact(
    database: Database,
    search: CombinedSearch,
    *,
    limit: int,
    excluded: Sequence[int] = (),
    farthest: float | None = None,
) -> list[Ranked]:
    """The nearest records by computing every distance, without those of the ``excluded`` keys.

    ``farthest`` is a distance within which ``limit`` records are known to lie.
    """
    name = "ranked_exact" if search.is_plain else "ranked_matching"
    return database.read(
        statement(search, name, bounded=farthest is not None),
        parameters(search, limit=limit, excluded=excluded, farthest=farthest or 0.0),
        row_factory=class_row(Ranked),
        settings=_SETTINGS,
    )


def ranked_candidates(
    database: Database,
    search: CombinedSearch,
    *,
    limit: int,
    excluded: Sequence[int] = (),
    candidates: int,
    listed: Iterable[str] = (),
) -> list[Ranked]:
    """The nearest of those that the index gives for each query and of all records with one of the ``listed`` tags.

    ``candidates``, at most 1,000, is how many the index is asked for. The first of the records are ``proven``, as
    far as the index overlooks nothing.
    """
    return database.read(
        statement(search, "ranked_candidates"),
        parameters(search, limit=limit, excluded=excluded, candidates=candidates, listed=listed),
        row_factory=class_row(Ranked),
        settings=candidate_settings(candidates),
    )


def candidate_settings(candidates: int) -> dict[str, str]:
    """The settings that ``ranked_candidates`` needs."""
    return {
        **_SETTINGS,
        "hnsw.ef_search": str(candidates),
        "hnsw.iterative_scan": "relaxed_order",
        # Everything there is looked up by an index, however many records the planner believes to have the tags.
        "enable_seqscan": "off",
    }


def sample_tags(database: Database, collection: Collection, tags: Sequence[str]) -> dict[str, tuple[int, int]]:
    """For each tag the number of records in a sample and of those that have it; empty where the collection is."""
    rows = database.read(
        _QUERIES["sample_tags"],
        {
            "collection_id": collection.id,
            "records": f"lookalike_data.records_{collection.id.hex}",
            "pages": PAGES_SAMPLED,
            "wanted_tags": list(tags),
        },
        row_factory=tuple_row,
        settings=_SETTINGS,
    )
    return {tag: (sampled, matching) for tag, sampled, matching in rows}


def statement(search: CombinedSearch, name: str, *, bounded: bool = False) -> sql.Composed:
    """The statement of a name in ``ranking.sql``, completed for a search; ``bounded`` by a farthest distance."""
    shape = (search.queries, search.aggregation)
    dimension = search.collection.model.dimension
    return sql.SQL(_QUERIES[name]).format(
        where=condition(search.where),
        dimension=sql.Literal(dimension),
        tags=sql.SQL(_QUERIES["tags" if search.has_tags else "no_tags"]),
        own_tags=sql.SQL(_QUERIES["own_tags" if search.has_tags else "no_own_tags"]).format(),
        distance=combined_distance.distance(*shape, dimension),
        lower=combined_distance.lower(*shape, dimension) if bounded else sql.SQL("0"),
        bound=combined_distance.bound(*shape),
    )


def parameters(
    search: CombinedSearch,
    *,
    limit: int,
    excluded: Sequence[int] = (),
    farthest: float = 0.0,
    candidates: int = 0,
    listed: Iterable[str] = (),
) -> dict[str, Any]:
    """The parameters that go with ``statement``."""
    tags = frozenset(listed)
    # A record contains one of these documents if it has the tag in an array, or as its only one.
    sharing = [orjson.dumps({"tags": form}).decode() for tag in sorted(tags) for form in (tag, [tag])]
    return {
        "collection_id": search.collection.id,
        "model_id": search.collection.model_id,
        "limit": limit,
        "excluded": list(excluded),
        "farthest": farthest + combined_distance.TOLERANCE,
        "candidates": candidates,
        "sharing": sharing,
        **combined_distance.parameters(search.queries, tags),
        **search.where.parameters,
    }
