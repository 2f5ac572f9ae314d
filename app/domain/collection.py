"""Collections: what a request works in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.model import ModelIdentity


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection and the model that its embeddings come from.

    ``capacity`` counts records; None: no limit. ``indexed`` are the paths of attributes that have an index.
    """

    id: UUID
    account_id: UUID
    name: str
    service: str
    capacity: int | None
    product_field: str | None
    created_at: datetime
    model_id: int
    model: ModelIdentity
    indexed: frozenset[tuple[str, ...]] = frozenset()
