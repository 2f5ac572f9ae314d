"""From query records to what is searched for.

    query record → its _id, if the collection holds it → or else the vector, or the picture, that comes along

What is stored under a query's ``_id`` counts. All pictures of a request are embedded together and paid for
together, after the last of them turned out well. Whatever yields no vector is told here, as ``WrongQueryRecord``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.db import records
from app.domain.account import Access
from app.domain.combined_distance import WeightedQuery, texts_among, weight_of
from app.domain.errors import (
    InvalidRequest,
    ModelUnavailable,
    PictureRefused,
    TextNotSupported,
    WrongQueryRecord,
)
from app.domain.fields import Fields
from app.domain.record import IncomingRecord, StoredRecord, parse_query
from app.services.access import require_collection
from app.services.credits import reserved, spend_now
from app.services.embedding import Embedded, Outcome, costs_credit, embed_asked, embed_text
from app.services.runtime import Runtime

MAX_TEXT_LENGTH = 10_000
"""Characters of a text that is searched for; a model looks at its beginning only."""

_QUERY = "query_record"
_VECTOR = Fields(("_vector",))
_VECTOR_AND_TAGS = Fields(("_vector", "tags"))

Result = TypeVar("Result")


def find_by_query(
    runtime: Runtime, access: Access, document: object, find: Callable[[str | Embedded], Result | None]
) -> Result:
    """What ``find`` finds for a query record: by its ``_id``, or by what comes along where that is not known.

    ``find`` returns None for an unknown id, and only for that. Raises ``InvalidRequest`` for a malformed query
    record, ``WrongQueryRecord`` for one that yields no vector, and ``CreditsExceeded``.
    """
    query = parse_query(document, _QUERY, dimension=require_collection(access).model.dimension)
    if query.id is not None:
        found = find(query.id)
        if found is not None:
            return found
    found = find(embed_queries(runtime, access, {_QUERY: query})[_QUERY])
    assert found is not None
    return found


def vector_of_text(runtime: Runtime, access: Access, document: object) -> NDArray[np.float32]:
    """The embedding of the text ``_text_data`` of a query record, which is free.

    Raises ``InvalidRequest`` and ``WrongQueryRecord``, the latter also where the model embeds pictures only.
    """
    collection = require_collection(access)
    query = parse_query(document, _QUERY, dimension=collection.model.dimension)
    if query.text is None or not query.text.strip():
        raise WrongQueryRecord(f"{_QUERY}: it needs a text, _text_data")
    if len(query.text) > MAX_TEXT_LENGTH:
        raise InvalidRequest(f"a text has at most {MAX_TEXT_LENGTH} characters", path=f"{_QUERY}._text_data")
    try:
        return embed_text(runtime, collection, query.text)
    except (TextNotSupported, ModelUnavailable, PictureRefused) as error:
        raise WrongQueryRecord(f"{_QUERY}: {error}") from error


def resolve_queries(
    runtime: Runtime,
    access: Access,
    documents: Mapping[str, object],
    *,
    tags_weight: float | None = None,
    weighted: bool = False,
) -> list[WeightedQuery]:
    """The queries that query records stand for, given by their paths in the request.

    With ``tags_weight`` their tags count: those given with a query, or else those stored under its ``_id``.
    ``weighted`` ones may have a ``_weight``. Raises as ``find_by_query`` does.
    """
    dimension = require_collection(access).model.dimension
    weights: dict[str, float] = {}
    if weighted:
        weights = {path: weight_of(document, path) for path, document in documents.items()}
        documents = {path: _without_weight(document) for path, document in documents.items()}
    asked = {path: parse_query(document, path, dimension=dimension) for path, document in documents.items()}
    stored = stored_records(
        runtime, access, list(asked.values()), _VECTOR if tags_weight is None else _VECTOR_AND_TAGS
    )
    strangers = {path: record for path, record in asked.items() if record.id not in stored}
    embedded = embed_queries(runtime, access, strangers)
    queries = []
    for path, record in asked.items():
        own = stored.get(record.id or "")
        vector = embedded[path].vector if own is None else vector_of(own)
        tags = record.attributes.get("tags")
        if tags is None and own is not None:
            tags = own.attributes.get("tags")
        queries.append(WeightedQuery(vector, texts_among(tags), tags_weight or 0.0, weights.get(path, 1.0)))
    return queries


def _without_weight(document: object) -> object:
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if name != "_weight"}


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


def embed_queries(runtime: Runtime, access: Access, queries: Mapping[str, IncomingRecord]) -> dict[str, Embedded]:
    """The embeddings of queries that are no records of the collection, by path; each picture costs a credit."""
    for path, query in queries.items():
        require_vector_or_picture(query, path)
    price = sum(map(costs_credit, queries.values()))
    with (
        reserved(runtime, access.account_id, price, least=price) as reservation,
        embed_asked(runtime, access, queries.values()) as outcomes,
    ):
        embedded = {path: require_embedded(outcome, path) for path, outcome in zip(queries, outcomes, strict=True)}
        spend_now(runtime, reservation, price)
    return embedded


def require_vector_or_picture(query: IncomingRecord, path: str) -> None:
    """Raise ``WrongQueryRecord`` for a query that is no record of the collection and brings nothing of its own."""
    if query.vector_fault:
        raise WrongQueryRecord(query.vector_fault)
    if query.vector is not None or query.has_picture:
        return
    if query.id is not None:
        raise WrongQueryRecord(f"{path}: there is no record with the _id {query.id!r}")
    raise WrongQueryRecord(f"{path}: it needs an _id, a picture (_base64, _url, _file) or a _vector")


def require_embedded(outcome: Outcome, path: str) -> Embedded:
    """The embedding of a query; raises ``WrongQueryRecord`` when there is none."""
    if isinstance(outcome, Embedded):
        return outcome
    raise WrongQueryRecord(f"{path}: {outcome}") from outcome
