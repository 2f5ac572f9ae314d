"""The thumbnail: small enough, deterministic, and near to the picture."""

from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image

from app.images.decode import decode_picture
from app.images.thumbnail import LONGEST_SIDE, given_thumbnail, make_thumbnail, read_thumbnail
from tests.images.samples import photograph


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 480), (192, 144)),
        ((480, 640), (144, 192)),
        ((193, 100), (192, 99)),
        ((192, 192), (192, 192)),
        ((90, 60), (90, 60)),
        ((1, 1), (1, 1)),
        ((1000, 1), (192, 1)),
        ((1, 1000), (1, 192)),
    ],
)
def test_the_longest_side_has_at_most_192_pixels_and_small_pictures_keep_their_size(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    pixels = read_thumbnail(make_thumbnail(Image.new("RGB", size, (200, 30, 60))).image)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (expected[1], expected[0], 3)
    assert max(pixels.shape[:2]) <= LONGEST_SIDE


def test_equal_pixels_make_equal_bytes() -> None:
    assert make_thumbnail(photograph("coffee.png", None)) == make_thumbnail(photograph("coffee.png", None).copy())


def test_metadata_is_not_kept() -> None:
    picture = photograph("coffee.png", (100, 80))
    plain = make_thumbnail(picture)
    picture.info["icc_profile"] = b"a profile"
    picture.info["exif"] = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00"
    assert make_thumbnail(picture) == plain


@pytest.mark.parametrize("name", ["coffee.png", "chelsea.png", "astronaut.png"])
def test_it_shows_the_picture_in_a_few_kilobytes(name: str) -> None:
    picture = photograph(name, None)
    data = make_thumbnail(picture).image
    assert len(data) < 10_000
    pixels = read_thumbnail(data)
    exact = picture.resize((pixels.shape[1], pixels.shape[0]), Image.Resampling.BOX)
    assert np.abs(pixels.astype(float) - np.asarray(exact, float)).mean() < 6


@pytest.mark.parametrize("size", [(640, 480), (193, 100), (1, 1000), (192, 192), (90, 60)])
def test_what_was_exported_comes_back_with_the_size_of_its_picture(size: tuple[int, int]) -> None:
    made = make_thumbnail(photograph("coffee.png", size))
    assert (made.width, made.height) == size
    assert given_thumbnail(made.image) == made


@pytest.mark.parametrize("named", [(100, 900), (0, 0), (1 << 31, 1 << 31), (3, 2), (-640, -480), ("640", "480")])
def test_a_size_that_is_none_of_its_picture_does_not_count(named: tuple[object, object]) -> None:
    exif, stream = Image.Exif(), BytesIO()
    exif.get_ifd(ExifTags.IFD.Exif).update({0xA002: named[0], 0xA003: named[1]})
    photograph("coffee.png", (192, 144)).save(stream, "WEBP", exif=exif.tobytes())
    given = given_thumbnail(stream.getvalue())
    assert (given.width, given.height) == (192, 144)


def test_the_format_and_size_of_the_file_are_noted() -> None:
    stream = BytesIO()
    photograph("coffee.png", (300, 200)).save(stream, "JPEG")
    file = stream.getvalue()
    made = make_thumbnail(decode_picture(file, max_pixels=1_000_000), file)
    assert (made.format, made.file_bytes) == ("JPEG", len(file))
    assert given_thumbnail(made.image).format is None, "what came as a thumbnail alone"
