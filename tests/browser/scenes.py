"""A small shop with copies of some of its pictures, and every page and state of the console that is worth a look.

``make screenshots`` takes pictures of them, the tests look for what keeps people out.
"""

import base64
import io
from urllib.parse import quote, urlencode

from PIL import Image

from app.domain.collection import Collection
from app.samples.catalogue import sample_products
from app.services.duplicates.runs import find_duplicates
from tests.service import Service

POLYGLOT = "\"><script>alert(1)</script><img src=x onerror=alert(1)>javascript:alert(1)//'\u202e&lt;"
"""A text that is markup, script, address and a mark that turns the direction of writing, all at once."""


def as_file(picture: Image.Image, format: str = "PNG", **options: int) -> str:
    """A picture as base64 of a file."""
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return base64.b64encode(stream.getvalue()).decode()


def furnish(service: Service, *, every: int = 5) -> Collection:
    """A collection of the sample products, each ``every``-th of them, with copies, its duplicates found."""
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
    return collection


def scenes(collection: Collection) -> dict[str, str]:
    """The path of each page and state by its name."""

    def of(page: str, **query: str) -> str:
        return f"/console/{collection.id}/{page}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")

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
        "collection": of("collection"),
        "not-found": of("record", id="there is none"),
    }
