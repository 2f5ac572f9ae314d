"""Signing in to the console.

    token, or an address that signs in once → session → the token's own access, at every request

A session is a secret in a cookie, kept in the database as its SHA-256 beside the token it came from. It is over
after a week, at the sign-out, or when its token is revoked or expires; what it may is looked up as for the token
itself. It is asked for at every request, since whoever is signed out has to be so in all processes at once:
nothing of a session is remembered by any. Attempts that fail are limited by the address they come from.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from app.db import console_sessions as sessions
from app.domain.account import Access
from app.domain.errors import Unauthorized
from app.domain.rate_limit import Unit
from app.domain.session import ReachedCollection, Session
from app.services.access import access_of_digest, token_digest
from app.services.rate_limits import sign_in_limit
from app.services.runtime import Runtime

SESSION_SECONDS = 7 * 24 * 3600
_KEY_SECONDS = 24 * 3600
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Secret:
    """What a browser keeps: the secret of a session, and what its forms have to send along."""

    text: str

    @property
    def csrf(self) -> str:
        """Known to pages of the session alone: it cannot be told from the cookie without reading that."""
        return hashlib.sha256(b"lookalike csrf " + self.text.encode()).hexdigest()

    @property
    def digest(self) -> bytes:
        """What the database knows of it."""
        return hashlib.sha256(self.text.encode()).digest()


def sign_in(runtime: Runtime, token: str, *, address: str) -> Secret:
    """A session of a token, for somebody at an address; raises ``Unauthorized`` and ``RateLimited``."""
    secret = _new_secret()
    with _limited_attempt(runtime, address):
        if not sessions.add_session(
            runtime.database, secret.digest, token_sha256=token_digest(token), seconds=SESSION_SECONDS
        ):
            raise Unauthorized("the token is not valid, or not any more")
    return secret


def new_sign_in_key(runtime: Runtime, token: str) -> str:
    """A key that signs in once, within a day; raises ``Unauthorized``."""
    key = _new_secret()
    if not sessions.add_sign_in_key(
        runtime.database, key.digest, token_sha256=token_digest(token), seconds=_KEY_SECONDS
    ):
        raise Unauthorized("the token is not valid")
    return key.text


def sign_in_by_key(runtime: Runtime, key: str, *, address: str) -> Secret:
    """A session for whoever has a key that was not used yet; raises ``Unauthorized`` and ``RateLimited``."""
    secret = _new_secret()
    with _limited_attempt(runtime, address):
        if not sessions.use_sign_in_key(
            runtime.database, secret.digest, key_sha256=Secret(key).digest, seconds=SESSION_SECONDS
        ):
            raise Unauthorized("this address has been used, or is too old: sign in with the token")
    return secret


def session_of(runtime: Runtime, secret: Secret) -> Session:
    """The session of a secret, if it is one at this moment; raises ``Unauthorized``."""
    session = sessions.find_session(runtime.database, secret.digest, runtime.default_rates)
    if session is None:
        raise Unauthorized("you are not signed in, or your token is no longer valid")
    return session


def access_of(runtime: Runtime, session: Session, collection_id: UUID, *, writes: bool) -> Access:
    """What the session's token may do with a collection; raises ``CollectionNotFound`` and ``Unauthorized``."""
    return access_of_digest(
        runtime, session.token_sha256, collection_id=str(collection_id), collection_name=None, writes=writes
    )


def collections_of(runtime: Runtime, session: Session) -> list[ReachedCollection]:
    """The collections that a session may use, by name."""
    return sessions.collections_in_reach(runtime.database, session.token_id)


def sign_out(runtime: Runtime, secret: Secret) -> None:
    """End a session."""
    sessions.end_session(runtime.database, secret.digest)


@contextmanager
def _limited_attempt(runtime: Runtime, address: str) -> Iterator[None]:
    """Count an attempt to sign in, unless it succeeds; raises ``RateLimited``."""
    per_minute = runtime.settings.sign_ins_per_minute
    limits = [sign_in_limit(address, per_minute)] if per_minute else []
    runtime.rates.take(limits, {Unit.SIGN_INS: 1})
    yield
    runtime.rates.charge(limits, Unit.SIGN_INS, -1)


def _new_secret() -> Secret:
    return Secret(secrets.token_urlsafe(_SECRET_BYTES))
