"""Services' values as the JSON of answers: the one place where fields are chosen and distances are rounded."""

from collections.abc import Iterable, Sequence
from typing import Any

from app.api.status import Status, status_of_skip
from app.domain.account import Account
from app.domain.fields import Fields
from app.domain.near_duplicate import NearDuplicate
from app.domain.ranking import Neighbour, Ranking
from app.domain.readiness import Readiness
from app.domain.record import StoredRecord
from app.domain.skip import Skip
from app.services.duplicates.pairs import RecordPair

_DIGITS = 6
"""Of a distance, behind the point: single precision has no more to say."""

Members = dict[str, Any]
"""Members of an answer by their names."""


def present_status(status: Status) -> Members:
    """The ``status`` of an answer or of a reason."""
    return {"code": status.code, "text": status.text}


def present_records(records: Iterable[StoredRecord], fields: Fields) -> list[Members]:
    """Records with the fields that were asked for."""
    return [fields.show(record) for record in records]


def present_neighbours(neighbours: Sequence[Neighbour], fields: Fields) -> Members:
    """Records in the order of their distances, and these."""
    return {
        "answer_records": [fields.show(neighbour.record) for neighbour in neighbours],
        "answer_distances": [_distance(neighbour.distance) for neighbour in neighbours],
    }


def present_manner(ranking: Ranking) -> Members:
    """How a search was done, for ``statistics``."""
    return {"strategy": ranking.strategy, "exact": ranking.exact, "estimated": ranking.estimated}


def present_near(near: Sequence[NearDuplicate], fields: Fields) -> Members:
    """Near duplicates with their distances, and what decided about each."""
    return {
        "answer_records": [fields.show(one.record) for one in near],
        "answer_distances": [_distance(one.distance) for one in near],
        "answer_signals": [one.signal.value for one in near],
    }


def present_pairs(pairs: Sequence[RecordPair], fields: Fields) -> Members:
    """Pairs of records with their distances, and what decided about each."""
    return {
        "answer_records": [[fields.show(pair.a), fields.show(pair.b)] for pair in pairs],
        "answer_distances": [_distance(pair.distance) for pair in pairs],
        "answer_signals": [pair.signal.value for pair in pairs],
    }


def present_skip(skip: Skip, fields: Fields) -> Members:
    """A skipped record with its reason; near duplicates that are the reason show ``fields``."""
    reason: Members = {"status": present_status(status_of_skip(skip))}
    if skip.description:
        reason["error_description"] = skip.description
    if skip.near:
        reason |= present_near(skip.near, fields)
    return {"_id": skip.id, "_reason": reason}


def present_account(account: Account) -> Members:
    """An account as its details are answered."""
    return {
        "id": str(account.id),
        "email": account.email,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "phone": account.phone,
        "organization": account.organization,
        "verified": account.verified,
        "credits_counter": account.credits_counter,
        "credits_limit": account.credits_limit,
        "default_workspace": str(account.default_workspace),
    }


def present_readiness(found: Readiness) -> Members:
    """What requests need, part by part."""
    states = {True: "ready", False: "missing", None: "unknown"}
    return {
        "database": states[found.database],
        "schema": states[found.schema],
        "models": states[found.models],
    }


def present_time(seconds: float) -> Members:
    """The time that a request took, for ``statistics``: in whole milliseconds, as in the original, and finer."""
    microseconds = round(seconds * 1_000_000)
    return {"OperationTime": round(microseconds / 1000), "OperationMicroseconds": microseconds}


def _distance(distance: float) -> float:
    return round(distance, _DIGITS)
