"""The first three minutes: a collection with pictures, a token that stays the same, and a line to paste.

The token is the only secret that is kept, in ``quickstart-token`` under LOOKALIKE_HOME, readable by its owner
alone; it reaches all collections of the default account.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.db import records
from app.domain.collection import Collection
from app.domain.errors import CollectionExists, Unauthorized
from app.domain.fields import ONLY_ID
from app.domain.record import IncomingRecord
from app.samples.catalogue import sample_products
from app.services.access import bearer_of
from app.services.operating.accounts import create_token
from app.services.operating.collections import create_collection, find_collection_by_name
from app.services.runtime import Runtime
from app.services.sessions import new_sign_in_key
from app.services.transfer.sources import Item

SAMPLES = "quickstart"


@dataclass(frozen=True, slots=True)
class Start:
    """What there is to begin with; ``complete`` when all sample pictures are in."""

    collection: Collection
    token: str
    complete: bool


def prepare(runtime: Runtime, photos: Path | None) -> Start:
    """Make what is missing: the token, and the collection of the samples or of the folder ``photos``."""
    name = SAMPLES if photos is None else f"photos of {photos.resolve()}"[-200:]
    collection = find_collection_by_name(runtime, name)
    if collection is None:
        # Another quickstart may make it at the same moment.
        with suppress(CollectionExists):
            create_collection(runtime, name, model=runtime.settings.services["photos"].model)
        collection = find_collection_by_name(runtime, name)
        assert collection is not None
    complete = photos is None and records.count_records(runtime.database, collection.id) >= len(sample_products())
    return Start(collection, _token(runtime), complete)


def sample_items(runtime: Runtime) -> tuple[Iterator[Item], int]:
    """The sample catalogue as records to load, and their number. The pictures are drawn into files on the way."""
    products = sample_products()
    folder = runtime.settings.home / "samples"
    folder.mkdir(parents=True, exist_ok=True)

    def items() -> Iterator[Item]:
        for product in products:
            file = folder / f"{product.id}.png"
            if not file.exists():
                unfinished = file.with_suffix(".unfinished")
                product.draw().save(unfinished, format="PNG", compress_level=1)
                unfinished.replace(file)
            yield Item(product.id, IncomingRecord(product.id, dict(product.attributes), file=str(file)))

    return items(), len(products)


def greeting(runtime: Runtime, start: Start, address: str) -> str:
    """What to print once the server listens: token, collection, and a curl line that works."""
    first = records.page_of_records(runtime.database, start.collection, ONLY_ID, limit=1, offset=0)
    count = records.count_records(runtime.database, start.collection.id)
    query = {"query_record": {"_id": first[0].id if first else "…"}, "k": 5, "fields_to_return": ["*"]}
    body = json.dumps(query, ensure_ascii=False).replace("'", "'\\''")
    key = new_sign_in_key(runtime, start.token)
    look = f"Look at them in a browser (signs in once):\n\n  {address}/console/sign-in?key={key}\n\n"
    return (
        f"\nLookalike serves {count} pictures on {address}\n\n"
        + (look if runtime.settings.console else "")
        + f"  token          {start.token}\n"
        f"  collection-id  {start.collection.id}\n\n"
        "The five most similar pictures to one of them:\n\n"
        f"curl -s {address}/similarity/photos/v2/visualKNN -H 'Content-Type: application/json'"
        f" -H 'Authorization: Token {start.token}' -H 'collection-id: {start.collection.id}' -d '{body}'\n\n"
        "Ctrl-C stops it; the database goes on until `lookalike db stop`.\n"
    )


def _token(runtime: Runtime) -> str:
    file = runtime.settings.home / "quickstart-token"
    if file.exists():
        token = file.read_text().strip()
        try:
            bearer_of(runtime, token)
        except Unauthorized:
            pass  # another database, or revoked: a new one takes its place
        else:
            return token
    token = create_token(runtime, account=None, collection_ids=[], read_only=False).secret
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(token + "\n")
    return token
