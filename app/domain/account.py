"""Accounts, and what a token lets its bearer do."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.collection import Collection


@dataclass(frozen=True, slots=True)
class Account:
    """An account. One embedded image costs one credit; ``credits_counter`` counts those spent."""

    id: UUID
    email: str
    first_name: str
    last_name: str
    phone: str | None
    organization: str
    verified: bool
    credits_counter: int
    credits_limit: int
    default_workspace: UUID


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret. ``collection_ids`` is None where it reaches all collections of its account."""

    id: UUID
    email: str
    read_only: bool
    created_at: datetime
    revoked_at: datetime | None
    collection_ids: list[UUID] | None


@dataclass(frozen=True, slots=True)
class Access:
    """A request's bearer and its collection; None when there is no such collection for this token."""

    account_id: UUID
    read_only: bool
    collection: Collection | None
