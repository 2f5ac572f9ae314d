"""mongomock as a second opinion on the reference matcher, where mongomock is right.

Left out is what it answers unlike MongoDB: null, ``[]`` and ``{}`` (it takes a missing field for them in other
cases), booleans and the numbers 0 and 1 (it takes them for each other), numbers that floats cannot hold,
numbers in paths, empty names, ``$exists`` of what is no boolean, ``$elemMatch`` with operators (it looks into
elements that are arrays), ``$size`` (of documents too) and ``$not`` (through what is no document). ``$mod``,
bits, ``$comment``, most of ``$type``, ``$all`` with nothing, and the two forms that go beyond MongoDB it does
not know; its patterns are Python's.
"""

from collections.abc import Iterator
from typing import Any

from mongomock.filtering import filter_applies

from tests.filters.generate import BITS, Generator
from tests.filters.reference import matches

UNLIKE = {"$mod", "$type", "$all", "$regex", "$options", "$size", "$not", "$comment", *BITS}
DOCUMENTS_OF_CONDITIONS = {"$and", "$or", "$nor"}


def test_mongomock_agrees_with_the_reference() -> None:
    compared = agreed_on_a_match = 0
    for seed in range(25):
        generator = Generator(seed)
        records = generator.make_records(30)
        for query in filter(_is_answered_alike, (generator.query() for _ in range(150))):
            for record in records:
                expected = matches(query, record)
                assert bool(filter_applies(query, record)) == expected, (query, record)
                compared += 1
                agreed_on_a_match += expected
    assert compared > 3000
    assert agreed_on_a_match > 300


def _is_answered_alike(query: dict[str, Any]) -> bool:
    return _is_plain_document(query) and all(map(_is_alike, _parts(query)))


def _is_plain_document(query: dict[str, Any]) -> bool:
    """No operator stands before its field."""
    return all(
        all(map(_is_plain_document, operand)) if name in DOCUMENTS_OF_CONDITIONS else not name.startswith("$")
        for name, operand in query.items()
    )


def _is_alike(part: Any) -> bool:
    if isinstance(part, dict):
        return bool(part) and not any(_is_unlike(name, operand) for name, operand in part.items())
    if isinstance(part, list):
        return bool(part)
    return isinstance(part, str) or (part is not None and part not in (0, 1) and abs(part) < 2**53)


def _is_unlike(name: str, operand: Any) -> bool:
    is_range_of_array = name in {"$lt", "$lte", "$gt", "$gte"} and isinstance(operand, list)
    is_on_elements = name == "$elemMatch" and any(inner.startswith("$") for inner in operand)
    is_odd = name == "$exists" and not isinstance(operand, bool)
    has_odd_names = any(part == "" or part.isdigit() for part in name.split("."))
    return name in UNLIKE or is_odd or is_range_of_array or is_on_elements or has_odd_names


def _parts(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(inner)
