"""Methods that find near duplicates, and the one that keeps what persons say of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from app.api.answer_schemas import NearDuplicatesAnswer, PairsAnswer, VerdictAnswer
from app.api.answers import listing, processing
from app.api.methods.base import Method
from app.api.presenters import present_near, present_pairs, present_records
from app.api.request_fields import (
    Boolean,
    FieldsToReturn,
    FilterField,
    Number,
    Object,
    Records,
    Signals,
    VerdictField,
    WholeNumber,
)
from app.api.requests import MAX_DISTANCE, MAX_PAGE, RequestSchema, WithEffort
from app.api.status import RECORDS_FOUND, status_of_selection
from app.domain.account import Access
from app.domain.fields import ALL, ONLY_ID, Fields
from app.domain.near_duplicate import DEFAULT_RADIUS, Signal
from app.domain.picture import Wanted
from app.domain.verdict import Verdict
from app.filters import Filter
from app.services.duplicates import near, pairs, verdicts
from app.services.runtime import Runtime

MAX_PAIR_OFFSET = 1_000_000
"""How far ``from`` may reach among pairs: a page of those computed on the spot needs all before it in memory."""


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """The near duplicates of one picture."""

    query_record: dict[str, Any]
    radius: float
    fields_to_return: Fields
    filter: Filter | None
    signals: frozenset[Signal] | None
    include_dismissed: bool
    effort: int | None


class NearDuplicatesSchema(WithEffort):
    query_record = Object(required=True)
    radius = Number(0, MAX_DISTANCE, load_default=DEFAULT_RADIUS)
    fields_to_return = FieldsToReturn(load_default=ALL)
    filter = FilterField(load_default=None)
    signals = Signals(load_default=None)
    include_dismissed = Boolean(load_default=False)


def near_duplicates(runtime: Runtime, access: Access, asked: NearDuplicates) -> Response:
    """nearDuplicates"""
    found = near.near_duplicates_of(
        runtime,
        access,
        asked.query_record,
        asked.fields_to_return,
        wanted=Wanted(asked.radius, asked.signals),
        effort=asked.effort,
        where=asked.filter,
        include_dismissed=asked.include_dismissed,
    )
    return listing(**present_near(found.near, asked.fields_to_return), truncated=found.truncated or None)


@dataclass(frozen=True, slots=True)
class AllNearDupPairs:
    """All pairs of near duplicates, a page of them."""

    radius: float
    fields_to_return: Fields
    filter: Filter | None
    include_dismissed: bool
    offset: int
    k: int


class AllNearDupPairsSchema(RequestSchema):
    radius = Number(0, MAX_DISTANCE, load_default=DEFAULT_RADIUS)
    fields_to_return = FieldsToReturn(load_default=ONLY_ID)
    filter = FilterField(load_default=None)
    include_dismissed = Boolean(load_default=False)
    offset = WholeNumber(0, MAX_PAIR_OFFSET, load_default=0, data_key="from")
    k = WholeNumber(0, MAX_PAGE, load_default=MAX_PAGE)


def all_near_dup_pairs(runtime: Runtime, access: Access, asked: AllNearDupPairs) -> Response:
    """allNearDupPairs"""
    page = pairs.all_near_duplicate_pairs(
        runtime,
        access,
        asked.fields_to_return,
        radius=asked.radius,
        where=asked.filter,
        limit=asked.k,
        offset=asked.offset,
        include_dismissed=asked.include_dismissed,
    )
    statistics = {} if page.stored_at is None else {"PairsStoredAt": page.stored_at}
    return listing(**present_pairs(page.pairs, asked.fields_to_return), statistics=statistics)


@dataclass(frozen=True, slots=True)
class NearDupVerdict:
    """What a person says of some records, each with each; None takes it back."""

    records: list[object]
    verdict: Verdict | None


class NearDupVerdictSchema(RequestSchema):
    telling_nulls = frozenset({"verdict"})

    records = Records(required=True)
    verdict = VerdictField(required=True, allow_none=True)


def near_dup_verdict(runtime: Runtime, access: Access, asked: NearDupVerdict) -> Response:
    """nearDupVerdict"""
    done = verdicts.judge(runtime, access, asked.records, asked.verdict)
    status = status_of_selection(len(done.records), done.skipped, all_found=RECORDS_FOUND)
    shown = present_records(done.records, ONLY_ID)
    return processing(status, done.skipped, ONLY_ID, answer_records=shown, pair_count=done.pair_count)


METHODS: Mapping[str, Method[Any]] = {
    "nearDuplicates": Method(near_duplicates, NearDuplicates, NearDuplicatesSchema, NearDuplicatesAnswer),
    "allNearDupPairs": Method(all_near_dup_pairs, AllNearDupPairs, AllNearDupPairsSchema, PairsAnswer),
    "nearDupVerdict": Method(near_dup_verdict, NearDupVerdict, NearDupVerdictSchema, VerdictAnswer, writes=True),
}
