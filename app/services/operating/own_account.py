"""The account of somebody who is signed in: its tokens and its usage.

For sessions whose token reaches all collections of the account, those to come included; and to change anything,
may write. What such a token could not do itself it cannot hand on either.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.db import accounts, usage
from app.domain.account import Token
from app.domain.errors import InvalidRequest, NotPermitted
from app.domain.session import Session
from app.domain.usage import MonthOfUsage
from app.services.operating.accounts import NO_CLASS, NewToken, create_token, revoke_token, rotate_token
from app.services.runtime import Runtime

MONTHS = 12


def may_manage(session: Session) -> bool:
    """Whether a session may make and revoke tokens of its account."""
    return session.all_collections and not session.read_only


def tokens_of(runtime: Runtime, session: Session) -> list[Token]:
    """The tokens of the session's account that are valid, oldest first; raises ``NotPermitted``."""
    _require(session.all_collections)
    return [token for token in accounts.list_tokens(runtime.database, session.email) if token.is_valid]


def add_token(
    runtime: Runtime,
    session: Session,
    *,
    collection_ids: Sequence[UUID],
    read_only: bool,
    name: str = "",
    expires_at: datetime | None = None,
) -> NewToken:
    """A token for all collections of the account, or for those listed if any are; of the session's rate class.

    Raises ``NotPermitted``, ``CollectionNotFound`` and ``InvalidRequest``.
    """
    _require(may_manage(session))
    return create_token(
        runtime,
        account=session.email,
        collection_ids=collection_ids,
        read_only=read_only,
        name=name,
        rate_class=session.rate_class or NO_CLASS,
        expires_at=expires_at,
    )


def rotate_own_token(runtime: Runtime, session: Session, id: UUID, *, keep: timedelta) -> NewToken:
    """Another token in the place of one of the account; raises ``NotPermitted`` and ``InvalidRequest``."""
    _require(may_manage(session))
    return rotate_token(runtime, str(id), keep=keep, account_id=session.account_id)


def revoke_own_token(runtime: Runtime, session: Session, id: UUID) -> None:
    """Revoke a token of the account; raises ``NotPermitted``, and ``InvalidRequest`` where there is none."""
    _require(may_manage(session))
    if not revoke_token(runtime, str(id), account_id=session.account_id):
        raise InvalidRequest("the account has no such token")


def usage_of(runtime: Runtime, session: Session) -> list[MonthOfUsage]:
    """What the account used the service for in the last months, the newest first; raises ``NotPermitted``."""
    _require(session.all_collections)
    return usage.usage_by_month(runtime.database, session.account_id, limit=MONTHS)


def _require(permitted: bool) -> None:
    if not permitted:
        raise NotPermitted("your token is not for the account as a whole")
