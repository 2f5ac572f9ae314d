"""What became of records that a request names one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.errors import InvalidRequest
from app.domain.record import StoredRecord, parse_reference
from app.domain.skip import Skip, fault, missing


@dataclass(frozen=True, slots=True)
class Selection:
    """The named records that were found, in the order of the request, and the skipped ones."""

    records: list[StoredRecord]
    skipped: list[Skip]


def parse_references(documents: Sequence[object]) -> tuple[dict[int, str], dict[int, Skip]]:
    """The ids that a request names, and reasons for what names none, by their positions."""
    ids: dict[int, str] = {}
    faults: dict[int, Skip] = {}
    for position, document in enumerate(documents):
        try:
            ids[position] = parse_reference(document, f"records[{position}]")
        except InvalidRequest as error:
            faults[position] = fault(document, error)
    return ids, faults


def select(ids: Mapping[int, str], faults: Mapping[int, Skip], found: Mapping[str, StoredRecord]) -> Selection:
    """Sort what was found of some ids, by position, into those records and the skipped ones."""
    skips = dict(faults)
    selected = []
    for position, id in ids.items():
        if id in found:
            selected.append(found[id])
        else:
            skips[position] = missing(id)
    return Selection(selected, [skip for _, skip in sorted(skips.items())])
