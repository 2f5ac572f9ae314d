"""Ranking given records, which the client names or sends, whatever else the collection holds.

query record, records → those stored → the others embedded, and paid for → distances
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.domain.account import Access
from app.domain.errors import InvalidRequest
from app.domain.fields import Fields
from app.domain.ranking import Neighbour
from app.domain.record import IncomingRecord, StoredRecord, new_ids, parse_query
from app.domain.skip import Skip, SkipReason, fault, missing
from app.domain.vector import DISTANCE_SCALE
from app.services.access import require_collection
from app.services.credits import credits_exceeded, reserved, spend_now
from app.services.embedding import Embedded, costs_credit, embed_asked, new_record
from app.services.query_records import require_embedded, require_vector_or_picture, stored_records, vector_of
from app.services.runtime import Runtime

_QUERY = -1
"""The position of the query among the records."""


@dataclass(frozen=True, slots=True)
class GivenRanking:
    """Records of a request, nearest first, with their positions in the request, and the skipped."""

    neighbours: list[Neighbour]
    positions: list[int]
    skipped: list[Skip]


def rank_records(
    runtime: Runtime, access: Access, query_record: object, documents: Sequence[object], fields: Fields
) -> GivenRanking:
    """The given records, nearest to the query first, equal distances by id; one that comes twice is shown twice.

    A record is one of the collection, named by its ``_id``, or brings a vector or picture of its own; one that
    yields no vector is skipped, one without ``_id`` gets a new one. Raises ``InvalidRequest`` for a malformed
    query, ``WrongQueryRecord`` for one that yields no vector, and ``CreditsExceeded``; then nothing is charged.
    """
    dimension = require_collection(access).model.dimension
    query = parse_query(query_record, "query_record", dimension=dimension)
    incoming, skips = _parse(documents, dimension)
    # The vector is needed whatever the answer shows.
    wanted = replace(fields, names=(*fields.names, "_vector"))
    stored = stored_records(runtime, access, [query, *incoming.values()], wanted)
    if query.id not in stored:
        require_vector_or_picture(query, "query_record")
    asked = {_QUERY: query, **incoming}
    usable: dict[int, StoredRecord] = {
        position: stored[record.id] for position, record in asked.items() if record.id in stored
    }
    strangers: dict[int, IncomingRecord] = {}
    for position, record in asked.items():
        if position not in usable and record.vector_fault:
            skips[position] = Skip(record.id, SkipReason.FAULT, record.vector_fault)
        elif position not in usable:
            strangers[position] = record
    _embed(runtime, access, strangers, usable, skips)
    vector = vector_of(usable.pop(_QUERY))
    ranked = sorted((_distance(vector, record), record.id, position) for position, record in usable.items())
    return GivenRanking(
        [Neighbour(usable[position], distance) for distance, _, position in ranked],
        [position for _, _, position in ranked],
        [skip for _, skip in sorted(skips.items())],
    )


def _parse(documents: Sequence[object], dimension: int) -> tuple[dict[int, IncomingRecord], dict[int, Skip]]:
    incoming: dict[int, IncomingRecord] = {}
    skips: dict[int, Skip] = {}
    for position, document in enumerate(documents):
        try:
            incoming[position] = parse_query(document, f"records[{position}]", dimension=dimension)
        except InvalidRequest as error:
            skips[position] = fault(document, error)
    return incoming, skips


def _embed(
    runtime: Runtime,
    access: Access,
    strangers: Mapping[int, IncomingRecord],
    usable: dict[int, StoredRecord],
    skips: dict[int, Skip],
) -> None:
    """Add the records that are not stored to ``usable``, or reasons to ``skips``."""
    price = 0
    with (
        # How many credits it will be shows after embedding.
        reserved(runtime, access.account_id, sum(map(costs_credit, strangers.values()))) as reservation,
        embed_asked(runtime, access, strangers.values()) as outcomes,
    ):
        for (position, record), outcome in zip(strangers.items(), outcomes, strict=True):
            if isinstance(outcome, Embedded):
                named = record if record.id is not None else replace(record, id=new_ids(1)[0])
                usable[position] = new_record(named, outcome).as_stored()
                price += costs_credit(record)
                if price > reservation.credits:
                    raise credits_exceeded(price)
            elif position == _QUERY:
                require_embedded(outcome, "query_record")
            elif record.id is not None and not record.has_picture:
                skips[position] = missing(record.id)
            else:
                skips[position] = Skip(record.id, SkipReason.FAULT, f"records[{position}]: {outcome}")
        spend_now(runtime, reservation, price)


def _distance(one: NDArray[np.float16], other: StoredRecord) -> float:
    difference = one.astype(np.float64) - vector_of(other).astype(np.float64)
    return DISTANCE_SCALE * float(np.linalg.norm(difference))
