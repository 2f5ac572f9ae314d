"""Who may do what: tokens in, account and collection out."""

import hashlib
import secrets
import uuid
from uuid import UUID

from app.db import accounts
from app.domain.account import Access, Account
from app.domain.collection import Collection
from app.domain.errors import CollectionMissing, CollectionNotFound, Unauthorized
from app.services.runtime import Runtime

TOKEN_BYTES = 20


def new_token() -> str:
    """A fresh token: 40 hex digits. (At 70 characters and more the original's client changes its header.)"""
    return secrets.token_hex(TOKEN_BYTES)


def token_digest(token: str) -> bytes:
    """What the database knows of a token. Tokens are random, so a plain SHA-256 is as good as a slow hash."""
    return hashlib.sha256(token.encode()).digest()


def resolve_access(
    runtime: Runtime, token: str, *, collection_id: str | None, collection_name: str | None, writes: bool = True
) -> Access:
    """The bearer of a token and the collection of the request.

    For a call that only reads, both may be known from some seconds ago: so much later a revoked token is refused.
    Raises ``Unauthorized``, ``CollectionMissing`` when neither id nor name is given, and ``CollectionNotFound``.
    """
    return access_of_digest(
        runtime,
        token_digest(token),
        collection_id=collection_id,
        collection_name=collection_name,
        writes=writes,
    )


def access_of_digest(
    runtime: Runtime, sha256: bytes, *, collection_id: str | None, collection_name: str | None, writes: bool
) -> Access:
    """The same for a token of which only the digest is known."""
    access = _bearer(runtime, sha256, collection_id, collection_name, writes=writes)
    if not collection_id and not collection_name:
        raise CollectionMissing("the header collection-id is missing")
    if access.collection is None:
        raise CollectionNotFound("there is no such collection, or the token may not use it")
    return access


def bearer_of(runtime: Runtime, token: str) -> Access:
    """The bearer of a token, for calls about no collection; raises ``Unauthorized``."""
    return _bearer(runtime, token_digest(token), None, None, writes=False)


def _bearer(
    runtime: Runtime, sha256: bytes, collection_id: str | None, collection_name: str | None, *, writes: bool
) -> Access:
    key = (sha256, collection_id, collection_name)
    if not writes and (remembered := runtime.accesses.get(key)) is not None:
        return remembered
    access = accounts.resolve_access(
        runtime.database,
        sha256,
        collection_id=_parse_uuid(collection_id),
        collection_name=collection_name if collection_id is None else None,
        default_rates=runtime.default_rates,
    )
    if access is None:
        raise Unauthorized("the token is not valid")
    if access.expired:
        # Whoever is told so has the whole secret: nothing is learned by guessing.
        raise Unauthorized("the token has expired")
    if access.collection is not None or (collection_id, collection_name) == (None, None):
        runtime.accesses.put(key, access)
    return access


def forget_accesses(runtime: Runtime) -> None:
    """After a token was revoked: who is who is looked up anew by this process."""
    runtime.accesses.clear()


def require_collection(access: Access) -> Collection:
    """The collection that ``resolve_access`` found."""
    assert access.collection is not None
    return access.collection


def account_of(runtime: Runtime, access: Access) -> Account:
    """The account that somebody belongs to; raises ``Unauthorized``."""
    account = accounts.find_account_by_id(runtime.database, access.account_id)
    if account is None:
        raise Unauthorized("the token is not valid")
    return account


def _parse_uuid(text: str | None) -> UUID | None:
    if text is None:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        # No collection has such an id; the nil UUID is never given to one.
        return uuid.UUID(int=0)
