"""Methods that insert records."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from app.api.answer_schemas import ProcessingAnswer
from app.api.answers import processing
from app.api.methods.base import Method
from app.api.presenters import present_records
from app.api.record_shapes import SentRecord
from app.api.request_fields import FieldsToReturn, Number, Records
from app.api.requests import MAX_DISTANCE, RequestSchema, WithEffort
from app.api.status import (
    ALL_DUPLICATE,
    CAPACITY_EXCEEDED,
    CREDITS_EXCEEDED,
    INSERTED,
    SOME_INSERTED,
    status_of_insertion,
)
from app.domain.account import Access
from app.domain.fields import ALL, ONLY_ID, Fields
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.services.inserting import guarded, plain
from app.services.inserting.batches import Insertion
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Insert:
    """Records to go in."""

    records: list[object]
    fields_to_return: Fields


class InsertSchema(RequestSchema):
    records = Records(SentRecord, required=True, description="The records to go in, in their order.")
    fields_to_return = FieldsToReturn(load_default=ONLY_ID)


def insert(runtime: Runtime, access: Access, asked: Insert) -> Response:
    """insert"""
    return _inserted(plain.insert(runtime, access, asked.records), asked.fields_to_return)


@dataclass(frozen=True, slots=True)
class NearDupsInsert:
    """Records to go in unless the collection, or the batch before them, holds a near duplicate."""

    records: list[object]
    radius: float
    fields_to_return: Fields
    effort: int | None


class NearDupsInsertSchema(WithEffort):
    records = Records(SentRecord, required=True, description="The records to go in, in their order.")
    radius = Number(
        0,
        MAX_DISTANCE,
        load_default=DEFAULT_RADIUS,
        description="How far near duplicates may be: up to 5 copies only, above it what merely looks alike, too.",
    )
    fields_to_return = FieldsToReturn(load_default=ALL)


def near_dups_insert(runtime: Runtime, access: Access, asked: NearDupsInsert) -> Response:
    """nearDupsInsert"""
    done = guarded.insert_guarded(
        runtime, access, asked.records, asked.fields_to_return, radius=asked.radius, effort=asked.effort
    )
    return _inserted(done, asked.fields_to_return)


def _inserted(done: Insertion, fields: Fields) -> Response:
    status = status_of_insertion(len(done.inserted), done.skipped)
    return processing(status, done.skipped, fields, answer_records=present_records(done.inserted, fields))


_OUTCOMES = (INSERTED, SOME_INSERTED, ALL_DUPLICATE, CAPACITY_EXCEEDED, CREDITS_EXCEEDED)

METHODS: Mapping[str, Method[Any]] = {
    "insert": Method(
        insert,
        Insert,
        InsertSchema,
        ProcessingAnswer,
        summary="Insert records with pictures or vectors.",
        description="Good records go in, the others are skipped, each with its reason. A record whose `_id` is "
        "taken is a duplicate, also where an earlier one of the batch has it. A picture that is embedded costs "
        "one credit. What one request has no time for is skipped, and its reason says so: send it again.",
        outcomes=_OUTCOMES,
        writes=True,
    ),
    "nearDupsInsert": Method(
        near_dups_insert,
        NearDupsInsert,
        NearDupsInsertSchema,
        ProcessingAnswer,
        summary="Insert only records that have no near duplicate yet.",
        description="A record with a near duplicate in the collection, or earlier in the batch, is skipped; the "
        "reason names the duplicates. Of many simultaneous inserts of one picture exactly one goes in.",
        outcomes=_OUTCOMES,
        writes=True,
    ),
}
