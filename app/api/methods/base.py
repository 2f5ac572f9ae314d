"""What a method of a service is, and what is told of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import Response
from marshmallow import Schema

from app.api.requests import RequestSchema, load_request
from app.api.status import (
    ABORTED,
    COLLECTION_NOT_FOUND,
    READ_ONLY,
    TOO_BUSY,
    TOO_LARGE,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
    UNAVAILABLE,
    UNKNOWN_ERROR,
    WRONG_MEDIA_TYPE,
    WRONG_VERB,
    Status,
)
from app.domain.account import Access
from app.services.runtime import Runtime

Request = TypeVar("Request")

WHATEVER_IS_CALLED = (
    ABORTED,
    WRONG_VERB,
    TOO_LARGE,
    WRONG_MEDIA_TYPE,
    TOO_MANY_REQUESTS,
    UNKNOWN_ERROR,
    UNAVAILABLE,
    TOO_BUSY,
)
"""How every call may end that has a body."""

WHATEVER_IS_ASKED = (UNAUTHORIZED, COLLECTION_NOT_FOUND)
"""How every call may end that is about a collection."""


@dataclass(frozen=True, slots=True)
class Method(Generic[Request]):
    """A method: ``call`` takes the runtime, the access and the checked ``request``, and gives an ``answer``.

    ``schema`` describes the request's fields, ``parameters`` those in the URL. Methods that write need a token
    that may. What is told of the method: a ``summary`` in one line, a ``description`` in a few (Markdown), and its
    ``outcomes``, the statuses that are its own.
    """

    call: Callable[[Runtime, Access, Request], Response]
    request: type[Request]
    schema: type[RequestSchema]
    answer: type[Schema]
    summary: str
    description: str
    outcomes: tuple[Status, ...]
    parameters: type[RequestSchema] = RequestSchema
    writes: bool = False
    answers_get: bool = False

    @property
    def statuses(self) -> tuple[Status, ...]:
        """All that an answer's status may be."""
        refused = (READ_ONLY,) if self.writes else ()
        return (*self.outcomes, *refused, *WHATEVER_IS_ASKED, *WHATEVER_IS_CALLED)

    def load(self, document: Mapping[str, Any]) -> Request:
        """The request that a body stands for; raises ``InvalidRequest``."""
        return load_request(self.schema, self.request, document)


@dataclass(frozen=True, slots=True)
class NoFields:
    """The request of a method that takes nothing."""
