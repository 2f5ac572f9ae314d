"""Accounts, and what a token lets its bearer do."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.collection import Collection
from app.domain.rate_limit import RateLimit


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
    """A token without its secret. ``collection_ids`` is None where it reaches all collections of its account.

    ``used_at`` is when it was last used, to the minute; ``replaced_by`` the token that came in its place.
    """

    id: UUID
    email: str
    name: str
    read_only: bool
    rate_class: str | None
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    expired: bool
    used_at: datetime | None
    replaced_by: UUID | None
    collection_ids: list[UUID] | None

    @property
    def is_valid(self) -> bool:
        """Whether it lets its bearer in."""
        return self.revoked_at is None and not self.expired


@dataclass(frozen=True, slots=True)
class Replacement:
    """A token that another one came for: which, and until when it is valid."""

    replaced_id: UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class Access:
    """A request's bearer and its collection; None when there is no such collection for this token.

    ``limits`` are those of the token and of its account; ``expired`` tokens let nobody in.
    """

    account_id: UUID
    read_only: bool
    collection: Collection | None
    token_id: UUID | None = None
    limits: tuple[RateLimit, ...] = ()
    expired: bool = False
