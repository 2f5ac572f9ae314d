"""A search of the console as it is written elsewhere: as a call of the REST interface, and its filter as SQL.

What is copied works as it is: texts are escaped for where they go, whatever characters they hold, and the token is
a variable. Escapes keep them in ASCII, so that nothing in a name can pass for something else in a terminal.
"""

import json
import pprint
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.account import Access
from app.domain.collection import Collection
from app.filters import Filter
from app.services.access import require_collection
from app.services.runtime import Runtime
from app.services.searching.composed import Composition, query_records

_LINE = 100


@dataclass(frozen=True, slots=True)
class Call:
    """A request of the REST interface: a method's name and its body."""

    method: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A search as a line for a shell, as a program in Python, and as SQL."""

    curl: str
    python: str
    sql: str


def call_of(
    runtime: Runtime,
    access: Access,
    composition: Composition,
    document: Mapping[str, Any],
    *,
    product: str | None,
    k: int,
    offset: int,
) -> Call:
    """The call that answers as the console does; without anything to search for, ``find``."""
    page = {"from": offset} if offset else {}
    shown = {"fields_to_return": ["*"]}
    if composition.is_empty:
        return Call("find", {"filter": dict(document), "limit": k, **page, **shown})
    rest: dict[str, Any] = {"k": k, **page}
    if document:
        rest["filter"] = dict(document)
    if product is not None:
        rest["product_field"] = product
    rest |= shown
    if composition.is_text_alone:
        return Call("textKNN", {"query_record": {"_text_data": composition.text}, **rest})
    queries = query_records(runtime, access, composition)
    tags = {"tags_weight": composition.tags_weight} if composition.tags_weight else {}
    if len(queries) == 1 and "_weight" not in queries[0]:
        return Call("visualTagsKNN" if tags else "visualKNN", {"query_record": queries[0], **tags, **rest})
    return Call("visualTagsKNNMulti" if tags else "visualKNNMulti", {"query_records": queries, **tags, **rest})


def written(runtime: Runtime, access: Access, call: Call, where: Filter | None, base: str) -> Written:
    """The call as text. ``base`` is the address of the service, as in ``https://pictures.example.org``."""
    collection = require_collection(access)
    address = f"{base.rstrip('/')}/{_path(runtime, collection)}/v2/{call.method}"
    return Written(_curl(address, collection, call), _python(address, collection, call), _sql(collection, where))


def _path(runtime: Runtime, collection: Collection) -> str:
    services = runtime.settings.services
    # Where its service is no longer configured, every other one leads to the collection as well.
    service = services.get(collection.service) or next(iter(services.values()))
    return service.paths[0]


def _curl(address: str, collection: Collection, call: Call) -> str:
    return (
        f"curl -sS {shlex.quote(address)} \\\n"
        f'  -H "Authorization: Token $TOKEN" -H "collection-id: {collection.id}" \\\n'
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(json.dumps(call.body))}\n"
    )


def _python(address: str, collection: Collection, call: Call) -> str:
    body = pprint.pformat(json.loads(json.dumps(call.body)), width=_LINE, compact=True, sort_dicts=False)
    # What is not ASCII is escaped in Python as it is in a text of JSON, one character at a time.
    body = "".join(each if each.isascii() else ascii(each)[1:-1] for each in body)
    return (
        "import os\n\nimport requests\n\n"
        f"body = {body}\n"
        "answer = requests.post(\n"
        f"    {address!a},\n"
        '    headers={"Authorization": f"Token {os.environ[\'TOKEN\']}", '
        f'"collection-id": "{collection.id}"}},\n'
        "    json=body,\n"
        "    timeout=60,\n"
        ").json()\n"
        'for record in answer["answer_records"]:\n'
        '    print(record["_id"])\n'
    )


def _sql(collection: Collection, where: Filter | None) -> str:
    condition = "" if where is None or where.admits_everything else f"\n  AND {where.written()}"
    return (
        "SELECT r.id, r.attributes\n"
        "FROM lookalike.records r\n"
        f"WHERE r.collection_id = '{collection.id}'{condition}\n"
        "ORDER BY r.id;\n"
    )
