"""Methods that find near duplicates, and the one that keeps what persons say of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from app.api.answer_schemas import NearDuplicatesAnswer, PairsAnswer, VerdictAnswer
from app.api.answers import listing, processing
from app.api.methods.base import Method
from app.api.presenters import present_near, present_pairs, present_records
from app.api.record_shapes import NamedRecord, QueryRecord
from app.api.request_fields import (
    Boolean,
    FieldsToReturn,
    FilterField,
    Number,
    Record,
    Records,
    Signals,
    VerdictField,
    WholeNumber,
)
from app.api.requests import MAX_DISTANCE, MAX_PAGE, RequestSchema, WithEffort
from app.api.status import (
    CREDITS_EXCEEDED,
    NOT_FOUND,
    OK,
    RECORDS_FOUND,
    SOME_NOT_FOUND,
    WRONG_QUERY,
    status_of_selection,
)
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
    query_record = Record(QueryRecord, required=True, description="The picture whose near duplicates are wanted.")
    radius = Number(
        0,
        MAX_DISTANCE,
        load_default=DEFAULT_RADIUS,
        description="How far near duplicates may be: up to 5 copies only, above it what merely looks alike, too.",
    )
    fields_to_return = FieldsToReturn(load_default=ALL)
    filter = FilterField(load_default=None)
    signals = Signals(
        load_default=None,
        description="What near duplicates are to be. Without it, whatever lies within `radius`; variants that "
        "are asked for by name come up to their own distance of 20.",
    )
    include_dismissed = Boolean(
        load_default=False, description="Whether pairs that a person judged different are shown as well."
    )


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
    radius = Number(
        0,
        MAX_DISTANCE,
        load_default=DEFAULT_RADIUS,
        description="How far the two of a pair may be from each other.",
    )
    fields_to_return = FieldsToReturn(load_default=ONLY_ID)
    filter = FilterField(load_default=None)
    include_dismissed = Boolean(
        load_default=False, description="Whether pairs that a person judged different are shown as well."
    )
    offset = WholeNumber(
        0, MAX_PAIR_OFFSET, load_default=0, data_key="from", description="How many pairs come before the answer."
    )
    k = WholeNumber(0, MAX_PAGE, load_default=MAX_PAGE, description="How many pairs the answer holds at most.")


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

    records = Records(NamedRecord, required=True, description="The records judged, each with each of the others.")
    verdict = VerdictField(
        required=True,
        allow_none=True,
        description="`different`: no near duplicates, whatever they look like. `same`: kept for reports. `null` "
        "takes a verdict back.",
    )


def near_dup_verdict(runtime: Runtime, access: Access, asked: NearDupVerdict) -> Response:
    """nearDupVerdict"""
    done = verdicts.judge(runtime, access, asked.records, asked.verdict)
    status = status_of_selection(len(done.records), done.skipped, all_found=RECORDS_FOUND)
    shown = present_records(done.records, ONLY_ID)
    return processing(status, done.skipped, ONLY_ID, answer_records=shown, pair_count=done.pair_count)


METHODS: Mapping[str, Method[Any]] = {
    "nearDuplicates": Method(
        near_duplicates,
        NearDuplicates,
        NearDuplicatesSchema,
        NearDuplicatesAnswer,
        summary="The copies of one picture.",
        description="By ascending near-duplicate distance: 0 for equal files and pixels, at most 5 for copies "
        "and crops, at most 20 for variants, more for everything else. `answer_signals` says what each is. A "
        "record that is searched by its `_id` is part of the answer.",
        outcomes=(OK, WRONG_QUERY, CREDITS_EXCEEDED),
    ),
    "allNearDupPairs": Method(
        all_near_dup_pairs,
        AllNearDupPairs,
        AllNearDupPairsSchema,
        PairsAnswer,
        summary="All pairs of near duplicates of the collection.",
        description="Nearest first. Computed on the spot up to 20,000 records; beyond that as the command "
        "`lookalike duplicates` stored them, and an error until it was run.",
        outcomes=(OK,),
    ),
    "nearDupVerdict": Method(
        near_dup_verdict,
        NearDupVerdict,
        NearDupVerdictSchema,
        VerdictAnswer,
        summary="Keep what a person says of near duplicates.",
        description="Pairs judged different no longer show in `nearDuplicates` and `allNearDupPairs`, until one "
        "of the two pictures is another one.",
        outcomes=(RECORDS_FOUND, SOME_NOT_FOUND, NOT_FOUND),
        writes=True,
    ),
}
