"""The whole document: the methods by families, what else there is beside them, and what is common to all."""

from functools import cache
from pathlib import Path
from typing import Any

import orjson
from apispec import APISpec

from app import __version__
from app.api.methods import FAMILIES
from app.api.openapi.beside import BESIDE, account_details, health, ping, readiness, thumbnail
from app.api.openapi.examples import collections, failures
from app.api.openapi.operations import Members, operation_of
from app.api.openapi.schemas import from_docstring, parameters_of, plugin
from app.filters.operators import OPERATORS

SECURITY: Members = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Token <token>`, as `lookalike token create` or `make run` printed it. `JWT` and "
        "`Bearer` do as well.",
    },
    "collection": {
        "type": "apiKey",
        "in": "header",
        "name": "collection-id",
        "description": "The id of the collection, as `lookalike collection create` or `make run` printed it. "
        "Deprecated: the header `collection` with its name.",
    },
}

_INTRODUCTION = Path(__file__).with_name("introduction.md")


@cache
def document(services: tuple[str, ...]) -> bytes:
    """The document as JSON. ``services``: their paths without slashes around them, the usual one first."""
    reader = plugin()
    spec = APISpec(
        "Lookalike",
        __version__,
        "3.1.0",
        plugins=[reader],
        info={
            "summary": "Visual-similarity search over REST, with everything in PostgreSQL.",
            "description": _introduction(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        servers=[_servers(services)],
        tags=[
            *({"name": title, "description": from_docstring(family)} for title, family in FAMILIES.items()),
            BESIDE,
        ],
    )
    for name, scheme in SECURITY.items():
        spec.components.security_scheme(name, scheme)
    for name, example in failures().items():
        spec.components.example(name, {"summary": example.summary, "value": example.answer})
    for title, family in FAMILIES.items():
        for name, method in family.METHODS.items():
            in_url = parameters_of(reader, method.parameters)
            verbs = ["post", "get"] if method.answers_get else ["post"]
            operations = {verb: operation_of(name, title, method, in_url, verb) for verb in verbs}
            spec.path(f"/{name}", operations=operations)
    spec.path("/ping", operations=ping())
    spec.path("/thumbnail/{_id}", operations=thumbnail())
    spec.path("/account/v2/details/", operations=account_details())
    spec.path("/healthz", operations=health())
    spec.path("/readyz", operations=readiness())
    return orjson.dumps(spec.to_dict())


def _introduction() -> str:
    lines = [f"- *{name}*: {each['description']}" for name, each in collections().items()]
    operators = ", ".join(f"`{operator}`" for operator in OPERATORS)
    text = _INTRODUCTION.read_text(encoding="utf-8")
    return text.replace("{collections}", "\n".join(lines)).replace("{operators}", operators)


def _servers(services: tuple[str, ...]) -> dict[str, Any]:
    described = "The service, which is a path. Each reaches every collection that the token may use."
    return {
        "url": "/{service}/v2",
        "variables": {"service": {"default": services[0], "enum": list(services), "description": described}},
    }
