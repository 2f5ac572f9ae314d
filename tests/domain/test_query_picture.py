"""Parts of pictures."""

import pytest

from app.domain.errors import InvalidRequest
from app.domain.query_picture import Box


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0.1,0.2,0.5,0.25", "0.1,0.2,0.5,0.25"),
        (" 0 , 0 ,1,1", "0,0,1,1"),
        ("-0.5,0,1,2", "0,0,0.5,1"),
        ("0.123456,0,0.5,1e0", "0.1235,0,0.5,1"),
    ],
)
def test_a_box_is_read_cut_off_at_the_edges_and_written(text: str, written: str) -> None:
    box = Box.parse(text)
    assert str(box) == written
    assert Box.parse(str(box)) == box


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "0,0,1,1,1", "a,0,1,1", "nan,0,1,1", "0,0,inf,1", "1,0,1,1", "0,0,0.001,1", "0.5,0,-0.2,1"],
)
def test_what_is_no_part_of_a_picture(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^box: "):
        Box.parse(text)


def test_pixels() -> None:
    assert Box(0, 0, 1, 1).pixels(640, 480) == (0, 0, 640, 480)
    assert Box(0.25, 0.5, 0.5, 0.25).pixels(640, 480) == (160, 240, 480, 360)
    assert Box(0.99, 0.99, 0.01, 0.01).pixels(3, 3) == (2, 2, 3, 3)
