"""From query records to vectors and tags.

What is stored under a query's ``_id`` counts, or else the vector or picture that comes along. All pictures of a
request are embedded together and paid for together, after the last of them turned out well.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from app.db import records
from app.domain.account import Access
from app.domain.combined_distance import Query, texts_among
from app.domain.errors import WrongQueryRecord
from app.domain.fields import Fields
from app.domain.record import IncomingRecord, StoredRecord, parse_record
from app.services.access import charge, require_collection, require_credits
from app.services.embedding import Embedded, costs_credit, embed_records
from app.services.runtime import Runtime

_VECTOR = Fields(("_vector",))
_VECTOR_AND_TAGS = Fields(("_vector", "tags"))


def resolve_queries(
    runtime: Runtime, access: Access, documents: Mapping[str, object], *, tags_weight: float | None = None
) -> list[Query]:
    """The queries that the query records at some places of the request stand for.

    With ``tags_weight`` their tags count: those given with a query, or else those stored under its ``_id``. Raises
    ``InvalidRequest`` for a malformed record and ``WrongQueryRecord`` for one that yields no vector.
    """
    dimension = require_collection(access).model.dimension
    asked = {place: parse_record(document, place, dimension=dimension) for place, document in documents.items()}
    stored = stored_records(
        runtime, access, list(asked.values()), _VECTOR if tags_weight is None else _VECTOR_AND_TAGS
    )
    strangers = {place: record for place, record in asked.items() if record.id not in stored}
    for place, record in strangers.items():
        require_vector_or_picture(record, place)
    vectors = _embedded(runtime, access, strangers)
    queries = []
    for place, record in asked.items():
        known = stored.get(record.id or "")
        vector = vectors[place] if known is None else vector_of(known)
        tags = record.attributes.get("tags")
        if tags is None and known is not None:
            tags = known.attributes.get("tags")
        queries.append(Query(vector, texts_among(tags), tags_weight or 0.0))
    return queries


def stored_records(
    runtime: Runtime, access: Access, asked: Sequence[IncomingRecord], fields: Fields
) -> dict[str, StoredRecord]:
    """Those that the collection has under the ids of some records, with their vectors, by id."""
    ids = sorted({record.id for record in asked if record.id is not None})
    if not ids:
        return {}
    found = records.get_records(runtime.database, require_collection(access), ids, fields)
    return {id: record for id, record in found.items() if record.vector is not None}


def vector_of(record: StoredRecord) -> NDArray[np.float16]:
    """The vector of a record that was read with it."""
    assert record.vector is not None
    return record.vector


def require_vector_or_picture(record: IncomingRecord, place: str) -> None:
    """Raise ``WrongQueryRecord`` for a query that is no record of the collection and brings nothing of its own."""
    if record.vector is not None or record.has_picture:
        return
    if record.id is not None:
        raise WrongQueryRecord(f"{place}: there is no record with the _id {record.id!r}")
    raise WrongQueryRecord(f"{place}: it needs an _id, a picture (_base64, _url, _file) or a _vector")


def _embedded(
    runtime: Runtime, access: Access, asked: Mapping[str, IncomingRecord]
) -> dict[str, NDArray[np.float32]]:
    price = sum(map(costs_credit, asked.values()))
    require_credits(runtime, access.account_id, price)
    vectors = {}
    outcomes = embed_records(runtime, require_collection(access), asked.values())
    for place, outcome in zip(asked, outcomes, strict=True):
        if not isinstance(outcome, Embedded):
            raise WrongQueryRecord(f"{place}: {outcome}") from outcome
        vectors[place] = outcome.vector
    charge(runtime, access.account_id, price)
    return vectors
