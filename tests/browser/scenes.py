"""A small shop with copies of some of its pictures, an empty collection, and every page and state of the console.

``make screenshots`` takes pictures of them, the tests look for what keeps people out.
"""

import base64
import io
from urllib.parse import quote, urlencode

from PIL import Image

from app.domain.account import Access
from app.domain.collection import Collection
from app.samples.catalogue import sample_products
from app.services.acting.doing import remove
from app.services.duplicates.runs import find_duplicates
from tests.service import Service

POLYGLOT = "\"><script>alert(1)</script><img src=x onerror=alert(1)>javascript:alert(1)//'\u202e&lt;"
"""A text that is markup, script, address and a mark that turns the direction of writing, all at once."""


def as_file(picture: Image.Image, format: str = "PNG", **options: int) -> str:
    """A picture as base64 of a file."""
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return base64.b64encode(stream.getvalue()).decode()


def furnish(service: Service, *, every: int = 5) -> tuple[Collection, Collection]:
    """Each ``every``-th sample product, with copies, duplicates found, one deleted; and an empty collection."""
    empty = service.use("empty", model="efficientnet-lite0")
    collection = service.use("shop", model="efficientnet-lite0", product_field="product_id")
    records = []
    for number, product in enumerate(sample_products()[::every]):
        picture = product.draw().convert("RGB")
        records.append({"_id": product.id, "_base64": as_file(picture), **product.attributes})
        if number % 4 == 0:
            small = picture.resize((picture.width // 2, picture.height // 2))
            records.append(
                {
                    "_id": f"incoming/{product.id} (1).jpg",
                    "_base64": as_file(small, "JPEG", quality=70),
                    "tags": ["new"],
                }
            )
        if number % 8 == 0:
            cropped = picture.crop((8, 8, picture.width - 8, picture.height - 8))
            records.append({"_id": f"scans/{product.id}.webp", "_base64": as_file(cropped, "WEBP", quality=80)})
    assert service.call("insert", records=records)["status"]["code"] == 210
    find_duplicates(service.runtime, collection, radius=20.0, report=lambda done, total: None)
    access = Access(collection.account_id, read_only=False, collection=collection)
    remove(service.runtime, access, [records[-1]["_id"]])
    return collection, empty


def scenes(collection: Collection, empty: Collection) -> dict[str, str]:
    """The path of each page and state by its name."""

    def of(page: str, **query: str) -> str:
        return f"/console/{collection.id}/{page}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")

    def without_records(page: str) -> str:
        return f"/console/{empty.id}/{page}"

    product = sample_products()[0].id
    return {
        "sign-in": "/console/sign-in",
        "collections": "/console/",
        "search": of("search"),
        "similar": of("search", more=product),
        "filtered": of("search", more=product, filter='{"price": {"$lt": 40}}'),
        "nothing": of("search", filter='{"price": {"$lt": 0}}'),
        "fault": of("search", filter='{"price": {"$lo": 0}}'),
        "record": of("record", id=product),
        "duplicates": of("duplicates"),
        "rules": of("duplicates", rules="open") + "#rules",
        "all-groups": of("duplicates/everywhere", merges="1"),
        "collection": of("collection"),
        "history": of("actions"),
        "import": of("import"),
        "account": "/console/account",
        "not-found": of("record", id="there is none"),
        "empty-search": without_records("search"),
        "empty-duplicates": without_records("duplicates"),
        "empty-collection": without_records("collection"),
        "empty-history": without_records("actions"),
    }
