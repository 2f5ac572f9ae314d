"""Verdicts: persons say of records that their pictures are the same, or that they are not.

A verdict counts for every pair of the records, and for the pictures that they have now: of a record that is
deleted and comes again with another picture nothing was said yet, with the same picture what was said still holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db import records, verdicts
from app.domain.account import Access
from app.domain.errors import InvalidRequest
from app.domain.fields import ONLY_ID
from app.domain.record import StoredRecord
from app.domain.skip import Skip
from app.domain.verdict import Verdict
from app.services.access import require_collection
from app.services.records.selection import parse_references, select
from app.services.runtime import Runtime

MOST = 100
"""The most records of one verdict, which has a row for each of their pairs."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The records judged, in the order of the request, and those skipped.

    ``pair_count``: the pairs whose verdict was kept or taken back.
    """

    records: list[StoredRecord]
    skipped: list[Skip]
    pair_count: int


def judge(runtime: Runtime, access: Access, documents: Sequence[object], verdict: Verdict | None) -> Judged:
    """Keep a verdict for all pairs of the named records, or take theirs back (None).

    Of fewer than two that exist none is judged. Raises ``InvalidRequest`` unless two to ``MOST`` are named.
    """
    collection = require_collection(access)
    ids, faults = parse_references(documents)
    named = sorted(set(ids.values()))
    if len(named) > MOST or (len(named) < 2 and not faults):
        raise InvalidRequest(f"it has to name 2 to {MOST} different records", path="records")
    found = records.get_records(runtime.database, collection, named, ONLY_ID)
    chosen = select(ids, faults, found)
    if len(found) < 2:
        return Judged([], chosen.skipped, 0)
    with runtime.database.transaction() as connection:
        pair_count = verdicts.judge_pairs(connection, collection, sorted(found), verdict)
    return Judged(chosen.records, chosen.skipped, pair_count)
