"""The columns of views: named by an operator, or shown by a sample."""

import pytest

from app.domain.collection_view import AttributeKind, ViewColumn, identifier
from app.domain.errors import InvalidRequest
from app.services.operating.view_columns import named_columns, sampled_columns


def sampled(kinds: dict[str, dict[str, int]], of: int = 100) -> dict[str, str]:
    """Names and types of the columns, in order."""
    found = [
        AttributeKind(tuple(path.split(".")), kind, count)
        for path, counts in kinds.items()
        for kind, count in counts.items()
    ]
    return {column.name: column.type for column in sampled_columns(of, found)}


@pytest.mark.parametrize(
    ("specification", "expected"),
    [
        ("price:numeric", ViewColumn("price", ("price",), "numeric")),
        ("seller.city:text", ViewColumn("seller_city", ("seller", "city"), "text")),
        ("city=seller.city: TEXT", ViewColumn("city", ("seller", "city"), "text")),
        ("tags:text[]", ViewColumn("tags", ("tags",), "text[]")),
        ("price:double  precision", ViewColumn("price", ("price",), "double precision")),
        ("Preis in €:numeric", ViewColumn("preis_in__", ("Preis in €",), "numeric")),
        ("a:b:bigint", ViewColumn("a_b", ("a:b",), "bigint")),
        ("x=a=b:bigint", ViewColumn("x", ("a=b",), "bigint")),
        ("3d:boolean", ViewColumn("_3d", ("3d",), "boolean")),
        ("sizes.0:text", ViewColumn("sizes_0", ("sizes", "0"), "text")),
        ("url:text", ViewColumn("attribute_url", ("url",), "text")),
        ("created.at:date", ViewColumn("attribute_created_at", ("created", "at"), "date")),
        ('"; DROP TABLE x; --:text', ViewColumn("___drop_table_x____", ('"; DROP TABLE x; --',), "text")),
        ("x" * 200 + ":text", ViewColumn("x" * 63, ("x" * 200,), "text")),
    ],
)
def test_named(specification: str, expected: ViewColumn) -> None:
    assert named_columns([specification]) == (expected,)


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("price", "path:type"),
        ("price:money", "one of text, numeric"),
        ("price:numeric; DROP TABLE x", "one of text, numeric"),
        ("price:jsonb[]", "one of text, numeric"),
        (":text", "dots"),
        ("a..b:text", "dots"),
        ("a.-1:text", "position"),
        ("_id:text", "the service's own"),
        ("a\0b:text", "name of an attribute"),
        ("Price=price:numeric", "a-z"),
        ("=price:numeric", "a-z"),
        ("x" * 64 + "=price:numeric", "a-z"),
        ("id=price:numeric", "a column id of its own"),
    ],
)
def test_what_names_no_column(specification: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        named_columns([specification])


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="2 columns would be called a_b"):
        named_columns(["a.b:text", "a_b:text"])
    assert [column.name for column in named_columns(["a.b:text", "other=a_b:text"])] == ["a_b", "other"]


@pytest.mark.parametrize(
    ("kinds", "type"),
    [
        ({"bigint": 100}, "bigint"),
        ({"bigint": 99, "numeric": 1}, "numeric"),
        ({"bigint": 95, "text": 5}, "bigint"),
        ({"bigint": 94, "text": 6}, "text"),
        ({"boolean": 100}, "boolean"),
        ({"date": 100}, "date"),
        ({"date": 99, "timestamptz": 1}, "timestamptz"),
        ({"date": 99, "text": 1}, "text"),
        ({"date": 99, "bigint": 1}, "date"),
        ({"text[]": 40, "[]": 60}, "text[]"),
        ({"[]": 100}, "text[]"),
        ({"bigint[]": 50, "bigint": 50}, "bigint[]"),
        ({"bigint[]": 50, "numeric[]": 1}, "numeric[]"),
        ({"boolean[]": 50, "[]": 1}, "boolean[]"),
        ({"text": 50, "text[]": 50}, "text[]"),
        ({"object": 50, "text": 50}, "jsonb"),
        ({"jsonb": 100}, "jsonb"),
    ],
)
def test_a_type_keeps_nearly_all_values(kinds: dict[str, int], type: str) -> None:
    assert sampled({"x": kinds}) == {"x": type}


def test_the_frequent_come_first_and_the_rare_not_at_all() -> None:
    records = {"b": 50, "a": 50, "often": 60, "rare": 9, "barely": 10}
    found = sampled({name: {"text": count} for name, count in records.items()}, of=1000)
    assert list(found) == ["often", "a", "b", "barely"]


def test_documents_are_opened_one_level() -> None:
    kinds = {
        "seller": {"object": 100}, "seller.city": {"text": 90}, "seller.place": {"object": 50},
        "map": {"object": 100},
        "mixed": {"object": 50, "text": 50}, "mixed.member": {"text": 50},
    }  # fmt: skip
    assert sampled(kinds) == {"map": "jsonb", "mixed": "jsonb", "seller_city": "text", "seller_place": "jsonb"}


def test_names_that_meet_get_numbers() -> None:
    kinds = {name: {"text": 100} for name in ("颜色", "尺寸", "__", "id", "attribute_id", "X", "x", "x_2")}
    names = list(sampled(kinds))
    assert len(set(names)) == len(names)
    assert set(names) == {"__", "___2", "___3", "attribute_id", "attribute_id_2", "x", "x_2", "x_2_2"}


def test_long_names_that_meet_are_cut_for_their_numbers() -> None:
    names = list(sampled({"y" * 100 + end: {"text": 100} for end in "abc"}))
    assert names == ["y" * 63, "y" * 61 + "_2", "y" * 61 + "_3"]


def test_a_hundred_at_most() -> None:
    assert len(sampled({f"a{n}": {"text": 100} for n in range(300)})) == 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Shop Products!", "shop_products_"), ("2024", "_2024"), ("", "_"), ("Größe", "gr__e"), ("x" * 99, "x" * 63)],
)
def test_identifiers(text: str, expected: str) -> None:
    assert identifier(text) == expected
