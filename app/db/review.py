"""The review of duplicates: what groups depend on, what is known of their pictures, what persons decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow, class_row, scalar_row
from psycopg.types.json import Jsonb

from app.db.binary_copy import copied_rows, row_type
from app.db.database import Database
from app.db.queries import load_queries
from app.db.statements import statement
from app.domain.action import Keeping
from app.domain.collection import Collection
from app.domain.review_rule import PictureFacts

_QUERIES = load_queries("review")
_KEY_ROW = row_type({"key": (">i8", 0)})


@dataclass(frozen=True, slots=True)
class ReviewState:
    """What groups depend on: as long as it is equal, so are they, but for what others deleted meanwhile.

    Those of the run are None where there is none.
    """

    model_id: int | None
    radius: float | None
    rule: str | None
    started_at: datetime | None
    finished_at: datetime | None
    verdicts: int
    judged_at: datetime | None
    kept: int
    kept_at: datetime | None
    last_action: int | None
    undone_at: datetime | None
    undoable: int


@dataclass(frozen=True, slots=True)
class ActionBefore:
    """Whether an action was not forgotten, and when it or one before it was undone last."""

    is_there: bool
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeptGroup:
    """A group that a person kept whole: ``digest`` of its members and their pictures, and the first member."""

    digest: bytes
    least_key: int
    size: int


@dataclass(frozen=True, slots=True)
class PictureOf:
    """Which picture a record has."""

    key: int
    id: str
    picture: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """The group that somebody looked at last: its least id and its size; and the radius."""

    radius: float
    least_id: str
    size: int


def review_state(database: Database, collection: Collection) -> ReviewState:
    """What groups depend on now."""
    return database.read(
        _QUERIES["review_state"], {"collection_id": collection.id}, row_factory=class_row(ReviewState)
    )[0]


def action_before(database: Database, collection: Collection, id: int) -> ActionBefore:
    """What has become of an action and of those before it."""
    parameters = {"collection_id": collection.id, "id": id}
    return database.read(_QUERIES["action_before"], parameters, row_factory=class_row(ActionBefore))[0]


def removed_since(database: Database, collection: Collection, *, after: int) -> list[int]:
    """The keys of records that actions after one removed, and that were not put back."""
    parameters = {"collection_id": collection.id, "after": after}
    return database.read(_QUERIES["removed_since"], parameters, row_factory=scalar_row)


def ordered_keys(
    connection: Connection[TupleRow], collection: Collection, keys: Sequence[int]
) -> NDArray[np.int64]:
    """The keys of those of some records that still exist, in the order of their ids."""
    parameters = {"collection_id": collection.id, "keys": list(keys)}
    copied = copied_rows(connection, statement("review", "copy_ordered_keys"), parameters, _KEY_ROW)
    return np.concatenate([np.empty(0, np.int64), *(rows["key"] for rows in copied)]).astype(np.int64)


def key_of_id(database: Database, collection: Collection, id: str) -> int | None:
    """The key of a record; None where there is none."""
    parameters = {"collection_id": collection.id, "id": id}
    keys = database.read(_QUERIES["key_of_id"], parameters, row_factory=scalar_row)
    return int(keys[0]) if keys else None


def count_before(database: Database, collection: Collection, keys: Sequence[int], id: str) -> int:
    """How many of some records have an id that comes before one, whether or not that exists."""
    parameters = {"collection_id": collection.id, "keys": list(keys), "id": id}
    return int(database.read(_QUERIES["count_before"], parameters, row_factory=scalar_row)[0])


def facts_of_keys(
    database: Database, collection: Collection, keys: Sequence[int], names: Sequence[str] | None
) -> list[PictureFacts]:
    """What rules know of records, in the order of ids; of the attributes those of ``names`` or all (None)."""
    parameters: dict[str, Any] = {"collection_id": collection.id, "keys": list(keys)}
    parameters["names"] = None if names is None else list(names)
    return database.read(_QUERIES["facts_of_keys"], parameters, row_factory=class_row(PictureFacts))


def pictures_in_order(database: Database, collection: Collection, keys: Sequence[int]) -> list[PictureOf]:
    """Which pictures records have, in the order of their ids."""
    parameters = {"collection_id": collection.id, "model_id": collection.model_id, "keys": list(keys)}
    return database.read(_QUERIES["pictures_in_order"], parameters, row_factory=class_row(PictureOf))


def keep_group(
    connection: Connection[TupleRow], collection: Collection, keeping: Keeping, *, action_id: int | None
) -> None:
    """Note that a group was kept whole, by an action if it can be undone."""
    parameters = {
        "collection_id": collection.id,
        "digest": keeping.digest,
        "least_id": keeping.ids[0],
        "size": len(keeping.ids),
        "action_id": action_id,
    }
    connection.execute(_QUERIES["keep_group"], parameters)


def kept_groups(database: Database, collection: Collection) -> list[KeptGroup]:
    """The groups that were kept whole, as far as their first records exist."""
    return database.read(
        _QUERIES["kept_groups"], {"collection_id": collection.id}, row_factory=class_row(KeptGroup)
    )


def find_rules(database: Database, collection: Collection) -> Any:
    """The rules as they are stored; None where none were saved."""
    rows = database.read(_QUERIES["find_rules"], {"collection_id": collection.id}, row_factory=scalar_row)
    return rows[0] if rows else None


def save_rules(database: Database, collection: Collection, rules: Sequence[dict[str, str]]) -> None:
    """Keep the rules of a collection."""
    with database.transaction() as connection:
        parameters = {"collection_id": collection.id, "rules": Jsonb(list(rules))}
        connection.execute(_QUERIES["save_rules"], parameters)


def find_place(database: Database, account_id: UUID, collection: Collection) -> Place | None:
    """Where somebody was; None where nobody was."""
    parameters = {"account_id": account_id, "collection_id": collection.id}
    rows = database.read(_QUERIES["find_place"], parameters, row_factory=class_row(Place))
    return rows[0] if rows else None


def save_place(database: Database, account_id: UUID, collection: Collection, place: Place) -> None:
    """Note where somebody is."""
    parameters = {
        "account_id": account_id,
        "collection_id": collection.id,
        "radius": place.radius,
        "least_id": place.least_id,
        "size": place.size,
    }
    with database.transaction() as connection:
        connection.execute(_QUERIES["save_place"], parameters)
