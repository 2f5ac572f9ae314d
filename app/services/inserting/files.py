"""Picture files as a browser sends them, a few at a time: each becomes a record named by its path."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.account import Access
from app.domain.fields import ONLY_ID
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.domain.record import MAX_ID_LENGTH
from app.domain.skip import Skip
from app.services.inserting.batches import Insertion
from app.services.inserting.guarded import insert_guarded
from app.services.inserting.plain import insert
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A file: its path within the chosen folder, or its name, and its bytes."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class InsertedFiles:
    """What became of files: the ids of those that went in, and the skipped ones with their reasons."""

    inserted: list[str]
    skipped: list[Skip]


def insert_files(
    runtime: Runtime, access: Access, files: Sequence[PictureFile], *, guarded: bool
) -> InsertedFiles:
    """Insert pictures; ``guarded``: only those without a near duplicate. Of the same path the first one goes in.

    Raises as the inserts do: ``CapacityExceeded`` and ``CreditsExceeded``, after which nothing went in.
    """
    documents = [{"_id": _id_of(file.path), "_base64": b64encode(file.data).decode()} for file in files]
    done: Insertion
    if guarded:
        done = insert_guarded(runtime, access, documents, ONLY_ID, radius=DEFAULT_RADIUS, effort=None)
    else:
        done = insert(runtime, access, documents)
    return InsertedFiles([record.id for record in done.inserted], done.skipped)


def _id_of(path: str) -> str:
    """The end of a path that is longer than an ``_id`` may be tells more than its beginning."""
    return path.replace("\\", "/").lstrip("/")[-MAX_ID_LENGTH:]
