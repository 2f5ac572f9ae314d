"""What is described although it is no method in the table: ping, the state of the process, an account's details,
and thumbnails.
"""

from app.api.answer_schemas import AccountAnswer, FailureAnswer, InfoAnswer, ReadyAnswer
from app.api.methods.base import WHATEVER_IS_CALLED
from app.api.openapi.examples import examples_of
from app.api.openapi.operations import COLLECTION, NOBODY, TOKEN, Members, operation, responses, with_examples
from app.api.status import (
    ABORTED,
    COLLECTION_NOT_FOUND,
    NOT_FOUND,
    NOT_READY,
    OK,
    TOO_BUSY,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
    UNAVAILABLE,
    UNKNOWN_ERROR,
    WRONG_VERB,
)

BESIDE: Members = {
    "name": "Beside the methods",
    "description": "What needs no collection, and the pictures themselves.",
}

_TITLE = BESIDE["name"]
_WHATEVER_FAILS = (TOO_MANY_REQUESTS, UNKNOWN_ERROR, UNAVAILABLE, TOO_BUSY)
_ROOT = [{"url": "/", "description": "Whatever the service."}]


def ping() -> Members:
    """``ping``, by either verb."""
    return {
        verb: operation(
            name,
            _TITLE,
            summary="Whether the service and its database answer.",
            description="Needs neither token nor collection.",
            security=NOBODY,
            statuses=(OK, *WHATEVER_IS_CALLED),
            answer=InfoAnswer,
            examples=examples_of("ping"),
            impossible=("no_collection_named",),
        )
        for verb, name in (("post", "ping"), ("get", "pingByGet"))
    }


def health() -> Members:
    """Whether the process lives."""
    return {
        "get": {
            **operation(
                "healthz",
                _TITLE,
                summary="Whether the process answers.",
                description="Asks nothing of the database and needs no token: who gets no answer may restart it.",
                security=NOBODY,
                statuses=(OK, WRONG_VERB, UNKNOWN_ERROR),
                answer=InfoAnswer,
                examples=examples_of("healthz"),
            ),
            "servers": _ROOT,
        }
    }


def readiness() -> Members:
    """Whether the process can do its work."""
    told = operation(
        "readyz",
        _TITLE,
        summary="Whether the process can do its work.",
        description="Whether the database answers, its schema is the right one and the models of existing "
        "collections are loaded. Needs no token; who gets another answer than 200 sends requests elsewhere.",
        security=NOBODY,
        statuses=(OK, NOT_READY, WRONG_VERB, UNKNOWN_ERROR),
        answer=ReadyAnswer,
        examples=examples_of("readyz"),
    )
    # What is missing stands in the answer.
    told["responses"]["503"]["content"]["application/json"]["schema"] = ReadyAnswer
    return {"get": {**told, "servers": _ROOT}}


def account_details() -> Members:
    """The account of a token, by either verb."""
    return {
        verb: {
            **operation(
                name,
                _TITLE,
                summary="The account that the token belongs to.",
                description="Needs no collection. Credits that were spent, and how many may be, are told here.",
                security=TOKEN,
                statuses=(OK, UNAUTHORIZED, WRONG_VERB, *_WHATEVER_FAILS),
                answer=AccountAnswer,
                examples=examples_of("accountDetails"),
            ),
            "servers": _ROOT,
        }
        for verb, name in (("get", "accountDetails"), ("post", "accountDetailsByPost"))
    }


def thumbnail() -> Members:
    """The thumbnail of a record: a picture where there is one, else the envelope of failures."""
    examples = examples_of("thumbnail")
    id = {
        "name": "_id",
        "in": "path",
        "required": True,
        "description": "The record's own. Slashes in it may be written as they are, or as `%2F`.",
        "schema": {"type": "string"},
    }
    failing = responses(
        (UNAUTHORIZED, ABORTED, NOT_FOUND, COLLECTION_NOT_FOUND, WRONG_VERB, *_WHATEVER_FAILS),
        FailureAnswer,
        examples,
    )
    served = {
        "200": {
            "description": "The thumbnail. It never changes as long as there is the record.",
            "headers": {"ETag": {"description": "For `If-None-Match`.", "schema": {"type": "string"}}},
            "content": {"image/webp": {"schema": {"type": "string", "contentMediaType": "image/webp"}}},
        },
        "304": {"description": "What the client has is the thumbnail still."},
    }
    return {
        "get": {
            "operationId": "thumbnail",
            "tags": [_TITLE],
            "summary": "The thumbnail of a record, a WebP file.",
            "description": "A small picture of the record's picture, by which near duplicates are told.",
            "security": COLLECTION,
            "parameters": [with_examples(id, examples)],
            "responses": {**served, **failing},
        }
    }
