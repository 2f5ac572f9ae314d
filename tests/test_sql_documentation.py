"""Every example of docs/sql.md, run by psql as a reader over a small shop: what it prints is what stands there.

LOOKALIKE_WRITE_DOCS=1 writes down what they print now.
"""

import base64
import io
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from PIL import Image
from psycopg import sql

from app.db.usage import add_usage
from app.domain.collection import Collection
from app.domain.usage import Usage, UsageKey
from app.images.thumbnail import make_thumbnail
from app.postgres.embedded import EmbeddedPostgres
from app.services.duplicates.runs import find_duplicates
from app.services.operating.collection_views import create_view
from tests.domain.drawn_groups import cups, shirt
from tests.images.samples import photograph
from tests.login_roles import login_role, url_as
from tests.service import Service

DOCUMENT = Path(__file__).resolve().parent.parent / "docs/sql.md"
_EXAMPLE = re.compile(r"```sql\n(?P<query>.*?)```\n(?:\n```text\n(?P<printed>.*?)```\n)?", re.DOTALL)


def thumbnail(picture: Image.Image) -> str:
    return base64.b64encode(make_thumbnail(picture).image).decode()


def as_jpeg(picture: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=60)
    return Image.open(stream).convert("RGB")


def products() -> list[dict[str, Any]]:
    """Mugs, shirts and a few other things; pictures are drawn and sent as thumbnails beside their vectors."""
    blue, green, red, *_ = cups()

    def product(id: str, vector: tuple[float, ...], picture: Image.Image, **attributes: Any) -> dict[str, Any]:
        return {"_id": id, "_vector": list(vector), "_thumbnail": thumbnail(picture), **attributes}

    mug = {"kind": "mug", "in_stock": True}
    worn = {"kind": "shirt", "in_stock": True}
    return [
        product("mug-blue", (1, 0, 0.02), blue, price=11, colour="blue", **mug),
        product("mug-blue-again", (1, 0.02, 0), as_jpeg(blue), price=13, colour="blue", **mug),
        product("mug-green", (1, 0.15, 0), green, price=9, colour="green", **mug),
        product("mug-red", (1, -0.2, 0), red, price=14, colour="red", **mug),
        product("shirt-red", (0, 1, 0), shirt((180, 20, 60)), price=20, colour="red", **worn),
        product("shirt-blue", (0.05, 1, 0), shirt((20, 90, 160)), price=22, colour="blue", **worn),
        product("shirt-green", (0, 1, 0.12), shirt((60, 150, 50)), price=21, colour="green", **worn),
        product("shirt-new", (0.16, 1, 0), shirt((230, 200, 40)), price=23, colour="yellow", in_stock=True),
        product("lamp", (0, 0, 1), photograph("rocket.jpg", (300, 200)), kind="lamp", price=60, in_stock=True),
        product(
            "lamp-used", (0, 0, 1), as_jpeg(photograph("rocket.jpg", (300, 200))), kind="lamp", in_stock=False
        ),
        product(
            "poster", (-1, -1, 0), photograph("coffee.png", (300, 200)), kind="poster", price=12, in_stock=True
        ),
        product(
            "card", (-1, -0.8, -1), photograph("chelsea.png", (300, 200)), kind="card", price=3, in_stock=True
        ),
    ]


def use(service: Service, collection: Collection) -> None:
    """Usage of two months."""
    counted = {}
    for month, calls in ((1, 40), (2, 90)):
        for method, seconds in (("insert", 0.25), ("visualKNN", 0.004)):
            key = UsageKey(collection.account_id, date(2026, month, 1), "photos", method)
            counted[key] = Usage(calls, 2 * calls, calls, month, calls * seconds, 8 * seconds)
    add_usage(service.runtime.database, counted)


@pytest.fixture(scope="module")
def reader_url(shared_service: Service) -> Iterator[str]:
    service = shared_service
    collection = service.use("shop", model="vectors", dimension=3, capacity=1000)
    assert service.call("insert", records=products())["status"]["code"] == 210
    pair = [{"_id": "lamp"}, {"_id": "lamp-used"}]
    service.call("nearDupVerdict", records=pair, verdict="different")
    find_duplicates(service.runtime, collection, radius=20, report=lambda *_: None)
    use(service, collection)
    create_view(service.runtime, collection)
    url = service.runtime.database.url
    with login_role(url, "lookalike_reader") as role, psycopg.connect(url, autocommit=True) as connection:
        names = {"role": sql.Identifier(role), "database": sql.Identifier(urlsplit(url).path[1:])}
        connection.execute(
            sql.SQL(
                "CREATE SCHEMA reports AUTHORIZATION {role};"
                "ALTER ROLE {role} IN DATABASE {database} SET search_path = reports, public"
            ).format(**names)
        )
        yield url_as(url, role)


def printed_by(url: str, query: str) -> str:
    psql = EmbeddedPostgres(Path("/nonexistent")).binary("psql")
    done = subprocess.run(
        [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-P", "null=NULL", "-P", "footer=off", url],
        input=query, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{query}\n{done.stderr}"
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.strip("\n").splitlines())


def test_the_examples_print_what_stands_there(reader_url: str) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    examples = list(_EXAMPLE.finditer(document))
    assert len(examples) >= 12
    found = [printed_by(reader_url, example["query"]) for example in examples]
    if "LOOKALIKE_WRITE_DOCS" in os.environ:
        for example, printed in reversed(list(zip(examples, found, strict=True))):
            told = f"\n```text\n{printed}```\n" if printed else ""
            block = f"```sql\n{example['query']}```\n{told}"
            document = document[: example.start()] + block + document[example.end() :]
        DOCUMENT.write_text(document, encoding="utf-8")
    for example, printed in zip(examples, found, strict=True):
        assert printed == (example["printed"] or ""), example["query"]


def test_every_object_of_the_interface_is_told_of(reader_url: str) -> None:
    with psycopg.connect(reader_url) as connection:
        names = connection.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'lookalike'::regnamespace AND c.relkind = 'v'"
            " UNION SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'lookalike'::regnamespace"
        ).fetchall()
    told = DOCUMENT.read_text(encoding="utf-8").partition("## What there is")[2].partition("## Examples")[0]
    assert [name for (name,) in names if not re.search(rf"\| `{name}[`(]", told)] == []
