"""Ranking by a combined distance: to several vectors, and with the agreement of tags."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from psycopg import sql
from psycopg.rows import class_row

from app.db import combined_distance
from app.db.database import Database
from app.db.scan_settings import EVERY_DISTANCE, LOOK_UPS_ONLY, index_scan
from app.db.statements import identity_fragments, product_path, statement_with
from app.domain.collection import Collection
from app.domain.combined_distance import Aggregation, WeightedQuery
from app.domain.condition import EVERYTHING, Condition


@dataclass(frozen=True, slots=True)
class RankedRecord:
    """A record of a ranking; ``proven`` when no record that was not looked at can come before it.

    ``identity`` is the record itself, or its product, in the database's words.
    """

    id: str
    identity: str
    distance: float
    proven: bool = True


@dataclass(frozen=True, slots=True)
class CombinedSearch:
    """What is ranked: the records that match ``where``, by their distance to ``queries`` (at least one).

    Of each ``product``, the dotted name of an attribute, the nearest; None: every record stands for itself.
    """

    collection: Collection
    queries: Sequence[WeightedQuery]
    aggregation: Aggregation
    where: Condition = EVERYTHING
    product: str | None = None

    @property
    def has_tags(self) -> bool:
        """Whether tags enter the distance."""
        return any(query.has_tags for query in self.queries)

    @property
    def is_plain(self) -> bool:
        """Neither filter nor tags nor products: the vectors are enough."""
        return self.where is EVERYTHING and not self.has_tags and self.product is None


def ranked_exact(
    database: Database,
    search: CombinedSearch,
    *,
    limit: int,
    excluded: Sequence[str] = (),
    farthest: float | None = None,
) -> list[RankedRecord]:
    """The nearest records by computing every distance, without those of the ``excluded`` identities.

    ``farthest`` is a distance within which records of ``limit`` other identities are known to lie.
    """
    name = "ranked_exact" if search.is_plain else "ranked_matching"
    return database.read(
        statement(search, name, bounded=farthest is not None),
        parameters(search, limit=limit, excluded=excluded, farthest=farthest or 0.0),
        row_factory=class_row(RankedRecord),
        settings=EVERY_DISTANCE,
        collection_id=search.collection.id,
    )


def ranked_candidates(
    database: Database,
    search: CombinedSearch,
    *,
    limit: int,
    excluded: Sequence[str] = (),
    candidates: int,
    listed: Iterable[str] = (),
) -> list[RankedRecord]:
    """The nearest of those that the index gives for each query and of all records with one of the ``listed`` tags.

    ``candidates``, at most 1,000, is how many the index is asked for. The first of the records are ``proven``, as
    far as the index overlooks nothing.
    """
    return database.read(
        statement(search, "ranked_candidates"),
        parameters(search, limit=limit, excluded=excluded, candidates=candidates, listed=listed),
        row_factory=class_row(RankedRecord),
        settings=candidate_settings(candidates),
        collection_id=search.collection.id,
    )


def candidate_settings(candidates: int) -> dict[str, str]:
    """The settings that ``ranked_candidates`` needs."""
    return {**index_scan(candidates), **LOOK_UPS_ONLY}


def statement(search: CombinedSearch, name: str, *, bounded: bool = False) -> sql.Composed:
    """The statement of a name in ``ranking.sql``, completed for a search; ``bounded`` by a farthest distance."""
    shape = (search.queries, search.aggregation)
    dimension = search.collection.model.dimension
    return statement_with(
        "ranking",
        name,
        {
            "distance": combined_distance.distance(*shape, dimension),
            "lower": combined_distance.lower(*shape, dimension) if bounded else sql.SQL("0"),
            "bound": combined_distance.bound(*shape),
        },
        where=search.where,
        dimension=dimension,
        tags="tags" if search.has_tags else "no_tags",
        own_tags="own_tags" if search.has_tags else "no_own_tags",
        each="each_record" if search.product is None else "each_product",
        in_order="any_order" if search.product is None else "nearest_of_product",
        **identity_fragments(search.product),
    )


def parameters(
    search: CombinedSearch,
    *,
    limit: int,
    excluded: Sequence[str] = (),
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
        "product_path": product_path(search.product),
        "farthest": farthest + combined_distance.TOLERANCE,
        "candidates": candidates,
        "sharing": sharing,
        **combined_distance.parameters(search.queries, tags),
        **search.where.parameters,
    }
