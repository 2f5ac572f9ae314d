"""Methods on records that are named, or found by a filter."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from app.api.addresses import own_address
from app.api.answer_schemas import AllRecordsAnswer, CountAnswer, ListingAnswer, ProcessingAnswer
from app.api.answers import SpooledListing, answer, listing, processing, streamed_listing
from app.api.methods.base import Method, NoFields
from app.api.presenters import Members, present_records
from app.api.record_shapes import ChangedRecord, NamedRecord
from app.api.request_fields import (
    Boolean,
    FieldsToReturn,
    FilterField,
    NumberInUrl,
    Records,
    Text,
    WholeNumber,
)
from app.api.requests import MAX_PAGE, RequestSchema, load_request
from app.api.status import DELETED, NOT_FOUND, OK, READ_ONLY, RECORDS_FOUND, SOME_NOT_FOUND, status_of_selection
from app.domain.account import Access
from app.domain.errors import InvalidRequest
from app.domain.fields import ALL, ONLY_ID, Fields
from app.filters import Filter
from app.services.access import require_collection
from app.services.records import changing, reading
from app.services.runtime import Runtime
from app.services.transfer.exporting import written_to_file


@dataclass(frozen=True, slots=True)
class NamedRecords:
    """Records, and which of their fields the answer shows."""

    records: list[object]
    fields_to_return: Fields


class NamedRecordsSchema(RequestSchema):
    records = Records(NamedRecord, required=True, description="The records that are wanted.")
    fields_to_return = FieldsToReturn(load_default=ALL)


class UpdateSchema(NamedRecordsSchema):
    records = Records(
        ChangedRecord, required=True, description="The records to be changed, with what is new of them."
    )


def get(runtime: Runtime, access: Access, asked: NamedRecords) -> Response:
    """get"""
    done = reading.get(runtime, access, asked.records, asked.fields_to_return)
    status = status_of_selection(len(done.records), done.skipped, all_found=RECORDS_FOUND)
    shown = present_records(done.records, asked.fields_to_return)
    return processing(status, done.skipped, asked.fields_to_return, answer_records=shown)


def update(runtime: Runtime, access: Access, asked: NamedRecords) -> Response:
    """update"""
    done = changing.update(runtime, access, asked.records, asked.fields_to_return)
    status = status_of_selection(len(done.records), done.skipped, all_found=RECORDS_FOUND)
    shown = present_records(done.records, asked.fields_to_return)
    return processing(status, done.skipped, asked.fields_to_return, answer_records=shown)


@dataclass(frozen=True, slots=True)
class Delete:
    """Records to be deleted."""

    records: list[object]


class DeleteSchema(RequestSchema):
    records = Records(NamedRecord, required=True, description="The records that are to go.")


def delete(runtime: Runtime, access: Access, asked: Delete) -> Response:
    """delete"""
    done = changing.delete(runtime, access, asked.records)
    status = status_of_selection(len(done.records), done.skipped, all_found=DELETED)
    return processing(status, done.skipped, ONLY_ID, answer_records=present_records(done.records, ONLY_ID))


@dataclass(frozen=True, slots=True)
class Find:
    """A page of the records that match."""

    filter: Filter
    limit: int
    offset: int
    fields_to_return: Fields


class FindSchema(RequestSchema):
    filter = FilterField(required=True)
    limit = WholeNumber(0, MAX_PAGE, load_default=10, description="How many records the answer holds at most.")
    offset = WholeNumber(
        0,
        2**31,
        load_default=0,
        data_key="from",
        description="How many records that match come before the answer.",
    )
    fields_to_return = FieldsToReturn(load_default=ALL)


def find(runtime: Runtime, access: Access, asked: Find) -> Response:
    """find"""
    found = reading.find(
        runtime, access, asked.fields_to_return, where=asked.filter, limit=asked.limit, offset=asked.offset
    )
    return listing(answer_records=present_records(found, asked.fields_to_return))


@dataclass(frozen=True, slots=True)
class Random:
    """Some of the records that match."""

    count: int
    filter: Filter | None
    fields_to_return: Fields


class RandomSchema(RequestSchema):
    count = WholeNumber(0, MAX_PAGE, load_default=1, description="How many records the answer holds at most.")
    filter = FilterField(load_default=None)
    fields_to_return = FieldsToReturn(load_default=ALL)


def random(runtime: Runtime, access: Access, asked: Random) -> Response:
    """random"""
    found = reading.random(runtime, access, asked.fields_to_return, where=asked.filter, count=asked.count)
    return listing(answer_records=present_records(found, asked.fields_to_return))


@dataclass(frozen=True, slots=True)
class DeleteByFilter:
    """The records that match are to be deleted."""

    filter: Filter
    fields_to_return: Fields


class DeleteByFilterSchema(RequestSchema):
    filter = FilterField(
        required=True, description="Which records are to go; one that every record matches is refused."
    )
    fields_to_return = FieldsToReturn(load_default=ONLY_ID)


def delete_by_filter(runtime: Runtime, access: Access, asked: DeleteByFilter) -> Response:
    """deleteByFilter"""
    deleted, shown = SpooledListing(), asked.fields_to_return
    changing.delete_matching(
        runtime,
        access,
        shown,
        where=asked.filter,
        take=lambda batch: deleted.add(present_records(batch, shown)),
    )
    return deleted.answer(DELETED)


def get_record_count(runtime: Runtime, access: Access, asked: NoFields) -> Response:
    """getRecordCount"""
    return answer(answer_count=reading.count(runtime, require_collection(access)))


@dataclass(frozen=True, slots=True)
class AllRecords:
    """All records that match, as a whole or by pages."""

    fields_to_return: Fields
    filter: Filter | None
    output_file_name: str | None
    delete_file_after: bool


class AllRecordsSchema(RequestSchema):
    fields_to_return = FieldsToReturn(load_default=ONLY_ID)
    filter = FilterField(load_default=None)
    output_file_name = Text(
        load_default=None,
        description="A plain name: the records are written to a file of this name, too, one a line, in the "
        "export folder of the server.",
    )
    delete_file_after = Boolean(
        load_default=True, description="Whether that file goes again after the answer; `false` keeps it."
    )


@dataclass(frozen=True, slots=True)
class PageOfRecords:
    """The parameters of allRecords in the URL."""

    size: int
    page: int


class PageOfRecordsSchema(RequestSchema):
    size = NumberInUrl(1, MAX_PAGE, load_default=1000, description="How many records a page holds.")
    page = NumberInUrl(1, 2**31, load_default=1, description="Which page, from 1.")


def all_records(runtime: Runtime, access: Access, asked: AllRecords) -> Response:
    """allRecords"""
    if {"size", "page"} & request.args.keys():
        if asked.output_file_name is not None:
            raise InvalidRequest(
                "a page is not written to a file: leave it or size and page out", path="output_file_name"
            )
        return _one_page(runtime, access, asked, load_request(PageOfRecordsSchema, PageOfRecords, request.args))
    batches = _batches(runtime, access, asked)
    if asked.output_file_name is None:
        return streamed_listing(batches)
    # The file may come to nothing, and an answer that has begun could not say so any more.
    written = SpooledListing()
    for batch in batches:
        written.add(batch)
    return written.answer(output_file_name=asked.output_file_name)


def _one_page(runtime: Runtime, access: Access, asked: AllRecords, wanted: PageOfRecords) -> Response:
    page = reading.page(
        runtime, access, asked.fields_to_return, where=asked.filter, size=wanted.size, number=wanted.page
    )
    following = f"{own_address(request)}?size={wanted.size}&page={wanted.page + 1}" if page.more else None
    return listing(answer_records=present_records(page.records, asked.fields_to_return), next=following)


def _batches(runtime: Runtime, access: Access, asked: AllRecords) -> Iterator[list[Members]]:
    shown, name = asked.fields_to_return, asked.output_file_name
    batches = reading.everything(runtime, access, shown, where=asked.filter)
    if name is not None:
        batches = written_to_file(runtime, access, name, batches, shown, keep=not asked.delete_file_after)
    return (present_records(batch, shown) for batch in batches)


METHODS: Mapping[str, Method[Any]] = {
    "get": Method(
        get,
        NamedRecords,
        NamedRecordsSchema,
        ProcessingAnswer,
        summary="Records by their ids.",
        description="In the order asked. Those that the collection does not hold are among `skipped_records`.",
        outcomes=(RECORDS_FOUND, SOME_NOT_FOUND, NOT_FOUND),
    ),
    "update": Method(
        update,
        NamedRecords,
        UpdateSchema,
        ProcessingAnswer,
        summary="Change attributes of records.",
        description="The attributes that are given replace those of the same name, all others stay; null is a "
        "value. A repeated `_id` is changed in the order of the request. Pictures never change: to replace one, "
        "delete and insert.",
        outcomes=(RECORDS_FOUND, SOME_NOT_FOUND, NOT_FOUND),
        writes=True,
    ),
    "delete": Method(
        delete,
        Delete,
        DeleteSchema,
        ProcessingAnswer,
        summary="Delete records by their ids.",
        description="Those that the collection does not hold are among `skipped_records`. An `_id` that comes "
        "again counts once.",
        outcomes=(DELETED, SOME_NOT_FOUND, NOT_FOUND),
        writes=True,
    ),
    "find": Method(
        find,
        Find,
        FindSchema,
        ListingAnswer,
        summary="Records that match a filter.",
        description="In the order of their ids, so that pages join.",
        outcomes=(OK,),
    ),
    "random": Method(
        random,
        Random,
        RandomSchema,
        ListingAnswer,
        summary="Some records, drawn at random.",
        description="No record comes twice in an answer.",
        outcomes=(OK,),
    ),
    "deleteByFilter": Method(
        delete_by_filter,
        DeleteByFilter,
        DeleteByFilterSchema,
        ListingAnswer,
        summary="Delete the records that match a filter.",
        description="All of them in one transaction, however many; the answer has them all.",
        outcomes=(DELETED,),
        writes=True,
    ),
    "getRecordCount": Method(
        get_record_count,
        NoFields,
        RequestSchema,
        CountAnswer,
        summary="How many records the collection holds.",
        description="Counted, not estimated.",
        outcomes=(OK,),
        answers_get=True,
    ),
    "allRecords": Method(
        all_records,
        AllRecords,
        AllRecordsSchema,
        AllRecordsAnswer,
        summary="All records of the collection, or all that match a filter.",
        description="In the order of their ids, as one answer of any length, or by pages with `size` and `page` "
        "in the URL; `next` is the address of the next page: without scheme and host where the service does not "
        "know under which it is reached.",
        outcomes=(OK, READ_ONLY),
        parameters=PageOfRecordsSchema,
    ),
}
