"""A dotted name is a path: what may be stored under which name, and what names an attribute."""

from typing import Any

import pytest

from app.domain.errors import InvalidRequest
from app.domain.names import check_attribute
from app.domain.record import parse_new_record, parse_patch, parse_record

NAMES = ["nested.a", ".", "a.", ".a", "a..b", "1.5", "x" * 5000 + ".y", "näme.ключ"]


@pytest.mark.parametrize("parse", [parse_new_record, parse_patch])
@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:20])
def test_no_attribute_is_stored_under_a_dotted_name(parse: Any, name: str) -> None:
    with pytest.raises(InvalidRequest, match="a name with a dot is a path") as caught:
        parse({"_id": "a", "price": 1, name: 7}, "records[3]")
    assert caught.value.path == f"records[3].{name[:100]}"
    assert len(str(caught.value)) < 500


def test_the_fault_says_what_to_send_instead() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_patch({"_id": "a", "nested.a.b": 7}, "records[0]")
    assert '{"nested": {"a": {"b": …}}}' in str(caught.value)


@pytest.mark.parametrize("parse", [parse_new_record, parse_patch])
def test_inside_a_document_any_name_may_stand(parse: Any) -> None:
    parse({"_id": "a", "prices": {"1.5 l": 3, "deeper": [{"a.b": 1}]}}, "records[0]")


def test_a_query_record_is_not_stored() -> None:
    assert parse_record({"_id": "a", "nested.a": 7}, "query_record").id == "a"


@pytest.mark.parametrize("name", ["price", "seller.city", "a.0", "a.10", "$x", "a._b", "00", "a b.c"])
def test_names_of_attributes(name: str) -> None:
    check_attribute(name)


@pytest.mark.parametrize(
    "name", ["", ".", "a.", ".a", "a..b", "_id", "_x.y", "a\0", "a.-1", "a.00", "a.+1", "a. 1"]
)
def test_other_names_name_no_attribute(name: str) -> None:
    with pytest.raises(ValueError, match=r"^(it has to be|names that begin|a number)"):
        check_attribute(name)
