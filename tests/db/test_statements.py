"""Statements: gaps are filled with what belongs there, once for all that need the same."""

import pytest

from app.db.hash_bits import from_digits, to_digits
from app.db.statements import LONGEST_REMEMBERED, statement
from app.domain.condition import Condition
from app.domain.fields import ALL, ONLY_ID, Fields


def test_an_answer_has_the_columns_it_needs() -> None:
    lean = statement("records", "get_records", fields=ONLY_ID).as_string()
    assert "attributes" not in lean
    assert "embedding" not in lean
    assert "r.attributes, r.url" in statement("records", "get_records", fields=ALL).as_string()
    assert (
        "shown.embedding AS vector" in statement("records", "get_records", fields=Fields(("_vector",))).as_string()
    )


def test_fragments_have_gaps_of_their_own() -> None:
    text = statement(
        "search",
        "nearest_exact",
        dimension=12,
        query="query_by_vector",
        size="size_of_embeddings",
    ).as_string()
    assert "%(vector)b::halfvec(12)" in text
    assert "pg_relation_size" in text
    assert "{" not in text


def test_conditions_are_enclosed() -> None:
    where = Condition("r.id = %(f0)s OR r.id = %(f1)s", {"f0": "a", "f1": "b"})
    assert f"AND ({where.sql})" in statement("records", "page_of_records", where=where).as_string()


def test_a_gap_that_nobody_fills() -> None:
    with pytest.raises(KeyError, match="size"):
        statement("search", "nearest_exact", dimension=12, query="query_by_vector")


def test_what_needs_the_same_is_made_once() -> None:
    one, other = Fields(("_id", "price")), Fields(("_id", "seller.city"))
    assert statement("records", "get_records", fields=one) is statement("records", "get_records", fields=other)
    assert statement("records", "get_records", fields=one) is not statement("records", "get_records")
    long = Condition("true OR " + "x" * LONGEST_REMEMBERED)
    assert statement("records", "page_of_records", where=long) is not statement(
        "records", "page_of_records", where=long
    )


@pytest.mark.parametrize("phash", [bytes(32), b"\xff" * 32, bytes(range(32)), b"\x80" + bytes(31)])
def test_digits_of_hashes(phash: bytes) -> None:
    digits = to_digits(phash)
    assert len(digits) == 256
    assert from_digits(digits) == phash
    assert digits[0] == ("1" if phash[0] & 0x80 else "0")
