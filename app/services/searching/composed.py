"""Searching by what somebody puts together in the console: records, a picture or a part of one, words.

    composition → one record: as visualKNN does
                → one vector: as visualKNN does
                → several, or tags: the average of the distances, weighted

"Less of that" weighs half as much as "more of this": what is wanted decides, what is not wanted turns it aside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.account import Access
from app.domain.combined_distance import WeightedQuery
from app.domain.query_picture import Box
from app.domain.ranking import Ranking
from app.services.access import require_collection
from app.services.query_records import resolve_queries, vector_of_text
from app.services.runtime import Runtime
from app.services.searching.combined import ranked_by
from app.services.searching.nearest import nearest
from app.services.searching.query_pictures import vector_of_part, vector_of_picture
from app.services.searching.visual import Wish, visual_knn

LESS = -0.5
"""The weight of a record of which less is wanted."""

_DIGITS = 5
"""Of a vector's elements that are written: more than half precision has."""


@dataclass(frozen=True, slots=True)
class Composition:
    """What is searched for: records, more and less like which the answer is to be, a kept picture and a text.

    ``box`` is the part that counts of the picture, or without one of the first record. ``tags_weight`` is the
    share of the records' tags.
    """

    more: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    picture: str = ""
    text: str = ""
    box: Box | None = None
    tags_weight: float = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is searched for."""
        return not (self.more or self.less or self.picture or self.text)

    @property
    def boxed_record(self) -> str | None:
        """The record of which a part counts."""
        return self.more[0] if self.box is not None and not self.picture and self.more else None

    @property
    def one_record(self) -> str | None:
        """The record that is all that is searched for."""
        alone = len(self.more) == 1 and not (self.less or self.picture or self.text)
        return self.more[0] if alone and self.boxed_record is None else None

    @property
    def is_text_alone(self) -> bool:
        """Whether a text is all that is searched for."""
        return bool(self.text) and not (self.more or self.less or self.picture)


def search(
    runtime: Runtime, access: Access, composition: Composition, wish: Wish, *, k: int, offset: int
) -> Ranking:
    """The ``k`` nearest records after the first ``offset``; at least one thing has to be searched for.

    Raises ``WrongQueryRecord`` and ``InvalidRequest`` for what yields no vector, and ``CreditsExceeded``.
    """
    if composition.one_record is not None and not composition.tags_weight:
        return visual_knn(runtime, access, {"_id": composition.one_record}, wish, k=k, offset=offset)
    queries = _queries(runtime, access, composition)
    (first, *others) = queries
    if others or first.weight < 0 or first.has_tags:
        return ranked_by(runtime, access, queries, wish, k=k, offset=offset)
    asked = replace(wish.search(access), query=np.asarray(first.vector, np.float32))
    found = nearest(runtime, asked, k=k, offset=offset, effort=wish.effort)
    assert found is not None
    return found


def query_records(runtime: Runtime, access: Access, composition: Composition) -> list[dict[str, Any]]:
    """The same as query records of the REST interface; of pictures, parts and texts the vectors."""
    boxed = composition.boxed_record
    vectors = _vectors(runtime, access, composition).values()
    records: list[dict[str, Any]] = [{"_vector": _written(vector)} for vector in vectors]
    records += [{"_id": id} for id in composition.more if id != boxed]
    return records + [{"_id": id, "_weight": LESS} for id in composition.less]


def _queries(runtime: Runtime, access: Access, composition: Composition) -> list[WeightedQuery]:
    boxed = composition.boxed_record
    wanted = [id for id in composition.more if id != boxed]
    documents: dict[str, Mapping[str, Any]] = {f"more {id!r}": {"_id": id} for id in wanted}
    documents |= {f"less {id!r}": {"_id": id, "_weight": LESS} for id in composition.less}
    queries = [WeightedQuery(vector) for vector in _vectors(runtime, access, composition).values()]
    return queries + resolve_queries(
        runtime, access, documents, tags_weight=composition.tags_weight or None, weighted=True
    )


def _vectors(runtime: Runtime, access: Access, composition: Composition) -> dict[str, NDArray[np.float32]]:
    vectors = {}
    if composition.picture:
        vectors["picture"] = vector_of_picture(runtime, access, composition.picture, composition.box)
    elif composition.boxed_record is not None and composition.box is not None:
        vectors["box"] = vector_of_part(runtime, access, composition.boxed_record, composition.box)
    if composition.text:
        vectors["text"] = _vector_of_text(runtime, access, composition.text)
    return vectors


def _vector_of_text(runtime: Runtime, access: Access, text: str) -> NDArray[np.float32]:
    remembered = (require_collection(access).model_id, text)
    vector = runtime.query_vectors.get(remembered)
    if vector is None:
        vector = vector_of_text(runtime, access, {"_text_data": text})
        runtime.query_vectors.put(remembered, vector)
    return vector


def _written(vector: NDArray[np.floating]) -> Sequence[float]:
    return [float(f"{element:.{_DIGITS}g}") for element in vector.tolist()]
