"""Arrays are taken apart at every place where a read may end."""

import io
import json
import random
from typing import Any, BinaryIO, cast

import pytest

from app.services.transfer.json_array import ArrayMembers, BrokenArray


class Dripping(io.BytesIO):
    """Hands out ``step`` bytes at most."""

    def __init__(self, content: bytes, step: int) -> None:
        super().__init__(content)
        self._step = step

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._step)


def members(text: bytes, step: int, longest: int = 1000) -> list[bytes]:
    return list(ArrayMembers(cast(BinaryIO, Dripping(text, step)), longest))


RECORDS = [
    {"_id": "a", "text": 'a "quoted" \\ text }]', "nested": {"list": [1, [2], {"x": "]}"}]}},
    {},
    {"_id": "é", "end": "\\", "empty": [], "_vector": [0.1, -2e5]},
]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("layout", [{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}])
def test_members_come_as_they_are(step: int, layout: dict[str, Any]) -> None:
    text = json.dumps(RECORDS, **layout).encode()
    assert [json.loads(member) for member in members(b" \n" + text + b"\r\n ", step)] == RECORDS
    assert members(b"[ ]", step) == []


def test_any_members_come_as_they_are() -> None:
    draw = random.Random(1)
    for _ in range(200):
        records = [
            {"".join(draw.choices('"\\{}[],é a', k=4)): ["".join(draw.choices('"\\{}[],é a', k=9)), [{}]]}
            for _ in range(draw.randrange(5))
        ]
        text = json.dumps(records, indent=draw.choice([None, 1])).encode()
        assert [json.loads(member) for member in members(text, draw.randrange(1, 20))] == records


@pytest.mark.parametrize("step", [1, 1000])
@pytest.mark.parametrize(
    ("text", "whole", "complaint"),
    [
        (b'[{"a": 1}', 1, "the array is cut off after 1 records"),
        (b'[{"a": 1},', 1, "the array is cut off after 1 records"),
        (b'[{"a": 1}, {"a": "', 1, "the file is cut off within record 2"),
        (b'[{"a": "\\', 0, "the file is cut off within record 1"),
        (b"[1, 2]", 0, "after 0 records follows something else than a comma and a JSON object"),
        (b"[[1, 2]]", 0, "after 0 records follows something else than a comma and a JSON object"),
        (b'[{"a": 1} {"a": 2}]', 1, "after 1 records follows something else than a comma and a JSON object"),
        (b'[{"a": 1}]{"a": 2}', 1, "something follows after the end of the array, which has 1 records"),
        (b"[{" + b" " * 2000, 0, "record 1 has more than 1,000 bytes"),
        (b"[" + b" " * 2000, 0, "the array is cut off after 0 records"),
    ],
)
def test_where_it_breaks_is_told(text: bytes, whole: int, complaint: str, step: int) -> None:
    array = iter(ArrayMembers(cast(BinaryIO, Dripping(text, step)), 1000))
    for _ in range(whole):
        next(array)
    with pytest.raises(BrokenArray) as raised:
        next(array)
    assert str(raised.value) == complaint
