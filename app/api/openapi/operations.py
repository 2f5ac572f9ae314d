"""What is told of each call: parameters, body, answers by HTTP code, and examples that share a name in all."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from marshmallow import Schema

from app.api.answer_schemas import FailureAnswer, ProcessingAnswer
from app.api.methods.base import Method
from app.api.openapi.examples import USUAL, Example, collections, examples_of, failures
from app.api.status import RETRIED, Status

Members = dict[str, Any]

Security = list[dict[str, list[str]]]

COLLECTION: Security = [{"token": [], "collection": []}]
TOKEN: Security = [{"token": []}]
NOBODY: Security = []

_RETRY_AFTER: Members = {
    "Retry-After": {
        "description": "Seconds after which it is worth another try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
_HEADERS: Mapping[int, Members] = {
    405: {"Allow": {"description": "The verbs that are allowed.", "schema": {"type": "string"}}},
    **dict.fromkeys(RETRIED, _RETRY_AFTER),
}


def operation(
    name: str,
    tag: str,
    *,
    summary: str,
    description: str,
    security: Security,
    statuses: Iterable[Status],
    answer: type[Schema],
    examples: Mapping[str, Example],
    impossible: Collection[str] = (),
) -> Members:
    """A call without a body; ``impossible`` are common failures that it cannot have."""
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "description": description,
        "security": security,
        "responses": responses(statuses, answer, examples, impossible),
    }


def operation_of(name: str, tag: str, method: Method[Any], parameters: list[Members], verb: str) -> Members:
    """A method called by POST, or by GET where it answers that; ``parameters`` are those in its URL."""
    from_examples = examples_of(name)
    told = operation(
        name if verb == "post" else f"{name}By{verb.capitalize()}",
        tag,
        summary=method.summary,
        description=method.description,
        security=COLLECTION,
        statuses=method.statuses,
        answer=method.answer,
        examples=from_examples,
    )
    if parameters:
        told["parameters"] = [with_examples(parameter, from_examples) for parameter in parameters]
    if verb == "post":
        told["requestBody"] = request_body(method.schema, from_examples)
    return told


def with_examples(parameter: Members, examples: Mapping[str, Example]) -> Members:
    """A parameter with what it is in the examples that have it."""
    name = parameter["name"]
    values = {
        each: {"summary": example.summary, "value": example.parameters[name]}
        for each, example in examples.items()
        if name in example.parameters
    }
    return {**parameter, "examples": values} if values else parameter


def request_body(schema: type[Schema], examples: Mapping[str, Example]) -> Members:
    """The JSON object of a request."""
    shown = {
        name: {**_head(example), "value": example.request}
        for name, example in examples.items()
        if example.request is not None
    }
    return {
        "required": any(field.required for field in schema().fields.values()),
        "content": {"application/json": {"schema": schema, "examples": shown}},
    }


def responses(
    statuses: Iterable[Status],
    answer: type[Schema],
    examples: Mapping[str, Example],
    impossible: Collection[str] = (),
) -> Members:
    """The answers by their HTTP codes: which statuses each may have, and how that looks."""
    by_code: dict[int, list[Status]] = defaultdict(list)
    for status in statuses:
        by_code[status.http_code].append(status)
    common = {name: example for name, example in failures().items() if name not in impossible}
    return {str(code): _response(code, by_code[code], answer, examples, common) for code in sorted(by_code)}


def _response(
    code: int,
    statuses: list[Status],
    answer: type[Schema],
    examples: Mapping[str, Example],
    common: Mapping[str, Example],
) -> Members:
    possible = {(status.code, status.text) for status in statuses}
    own = {
        name: {**_head(example), "value": example.answer}
        for name, example in examples.items()
        if example.answer is not None and example.status in possible
    }
    referred = {
        name: {"$ref": f"#/components/examples/{name}"}
        for name, example in common.items()
        if example.status in possible
    }
    told = "\n".join(f"- `{status.code} {status.text}`: {status.meaning}" for status in statuses)
    return {
        "description": told,
        **({"headers": _HEADERS[code]} if code in _HEADERS else {}),
        "content": {"application/json": {"schema": _shape(code, answer), "examples": {**own, **referred}}},
    }


def _shape(code: int, answer: type[Schema]) -> Any:
    if code == 200:
        return answer
    # None of the records could be processed: what became of each stands in the answer.
    return {"anyOf": [FailureAnswer, answer]} if issubclass(answer, ProcessingAnswer) else FailureAnswer


def _head(example: Example) -> Members:
    if example.collection == USUAL:
        return {"summary": example.summary}
    return {
        "summary": example.summary,
        "description": collections()[example.collection]["description"],
        "x-collection": example.collection,
    }
