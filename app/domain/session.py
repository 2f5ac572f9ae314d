"""Somebody who is signed in to the console, and what there is to see for them."""

from dataclasses import dataclass
from uuid import UUID

from app.domain.rate_limit import RateLimit


@dataclass(frozen=True, slots=True)
class Session:
    """A session of the console: whatever its token may, and nothing else. ``all_collections`` means those to come,
    too, and the account itself: its tokens and its usage. ``limits`` are those of the token and of its account.
    """

    token_id: UUID
    token_sha256: bytes
    account_id: UUID
    email: str
    read_only: bool
    all_collections: bool
    rate_class: str | None
    limits: tuple[RateLimit, ...]


@dataclass(frozen=True, slots=True)
class ReachedCollection:
    """A collection in a list to choose from."""

    id: UUID
    name: str
    service: str
    model_name: str
