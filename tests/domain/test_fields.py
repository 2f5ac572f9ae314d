"""``fields_to_return``: known names, and dotted ones as paths."""

from typing import Any

import pytest

from app.domain.fields import parse_fields
from app.domain.record import StoredRecord

RECORD = StoredRecord(
    "r",
    {
        "nested": {"a": 1, "b": {"c": 2}, "d.e": 3},
        "nested.a": "own name",
        "list": [{"a": 1, "b": 2}, 5, {"b": 3}],
        "": {"": 4},
    },
    url="http://x/",
)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["nested.a"], {"nested": {"a": 1}}),
        (["nested.a", "nested.b.c"], {"nested": {"a": 1, "b": {"c": 2}}}),
        (["nested.d.e"], {"nested": {}}),
        (["nested", "nested.a"], {"nested": {"a": 1, "b": {"c": 2}, "d.e": 3}}),
        (["list.a"], {"list": [{"a": 1}, {}]}),
        (["list.0"], {"list": [{}, {}]}),
        (["nothing.a", "url.x"], {}),
        (["."], {"": {"": 4}}),
        (["_url", "_file"], {"_url": "http://x/"}),
        (["_base64", "_text_data", "_color_space", "_img_data"], {}),
        ("*", {"_url": "http://x/", **RECORD.attributes}),
    ],
)
def test_a_dotted_name_is_a_path(names: Any, shown: dict[str, Any]) -> None:
    assert parse_fields(names).show(RECORD) == {"_id": "r", **shown}


@pytest.mark.parametrize("name", ["_nope", "_", "_urls", "_ID", "_id.x", "_url.", "__id", "_distance", "_" * 5000])
def test_other_names_of_the_service_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="_id, _url, _file, _vector, _phash") as caught:
        parse_fields(["price", name])
    assert repr(name[:100]) in str(caught.value)
