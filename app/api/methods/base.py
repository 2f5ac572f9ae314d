"""What a method of a service is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import Response
from marshmallow import Schema

from app.api.requests import RequestSchema, load_request
from app.domain.account import Access
from app.services.runtime import Runtime

Request = TypeVar("Request")


@dataclass(frozen=True, slots=True)
class Method(Generic[Request]):
    """A method: ``call`` takes the runtime, the access and the checked ``request``, and gives an ``answer``.

    ``schema`` describes the request's fields. Methods that write need a token that may.
    """

    call: Callable[[Runtime, Access, Request], Response]
    request: type[Request]
    schema: type[RequestSchema]
    answer: type[Schema]
    writes: bool = False
    answers_get: bool = False

    def load(self, document: Mapping[str, Any]) -> Request:
        """The request that a body stands for; raises ``InvalidRequest``."""
        return load_request(self.schema, self.request, document)


@dataclass(frozen=True, slots=True)
class NoFields:
    """The request of a method that takes nothing."""
