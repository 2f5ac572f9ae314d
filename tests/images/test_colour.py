"""One picture saved in several colour spaces is one picture; profiles that say nothing sensible are ignored."""

import random
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageCms

from app.images.bare_file import MAX_PROFILE_BYTES
from app.images.colour import in_srgb
from app.images.decode import decode_picture
from tests.images.profiles import (
    SRGB,
    WIDE,
    cmyk_profile,
    gamma_curve,
    grey_profile,
    printed,
    profile,
    rgb_profile,
    saved_in,
)
from tests.images.samples import encode, photograph, sixteen_bits, translucent

FORMATS: dict[str, dict[str, object]] = {
    "PNG": {},
    "TIFF": {},
    "JPEG": {"quality": 98, "subsampling": 0},
    "WEBP": {"lossless": True},
    "HEIF": {"quality": 98, "chroma": 444, "enc_params": {"preset": "ultrafast"}},
}


def saturated() -> Image.Image:
    """Every hue, from pale to full, as light as dark."""
    x, y = np.meshgrid(np.linspace(0, 255, 120), np.linspace(0, 255, 80))
    hsv = np.stack((x, 255 - np.abs(y - 128), 40 + (7 * y) % 215), axis=-1).astype(np.uint8)
    return Image.fromarray(hsv, "HSV").convert("RGB")


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "cat": photograph,
    "flower": lambda: photograph("flower.jpg"),
    "coffee": lambda: photograph("coffee.png"),
    "saturated": saturated,
}


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(decode_picture(data, max_pixels=1_000_000), dtype=float)


@cache
def plain_pixels(picture: str, format_: str) -> np.ndarray:
    return decoded(encode(PICTURES[picture](), format_, **FORMATS[format_]))


def mean_difference(a: object, b: object) -> float:
    return float(np.abs(np.asarray(a, dtype=float) - np.asarray(b, dtype=float)).mean())


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("space", WIDE)
@pytest.mark.parametrize("format_", FORMATS)
def test_a_picture_in_a_wide_space_comes_back_in_srgb(format_: str, space: str, picture: str) -> None:
    original = PICTURES[picture]()
    wide = saved_in(original, WIDE[space])
    plain = plain_pixels(picture, format_)
    tagged = decoded(encode(wide, format_, icc_profile=WIDE[space], **FORMATS[format_]))
    untagged = decoded(encode(wide, format_, **FORMATS[format_]))
    assert mean_difference(tagged, plain) < 3
    assert mean_difference(untagged, plain) > 2 * mean_difference(tagged, plain)


@pytest.mark.parametrize("space", WIDE)
def test_without_loss_the_difference_is_that_of_rounding(space: str) -> None:
    original = photograph("flower.jpg")
    data = encode(saved_in(original, WIDE[space]), "PNG", icc_profile=WIDE[space])
    assert mean_difference(decoded(data), original) < 1


def test_white_and_black_stay() -> None:
    for icc_profile in (*WIDE.values(), SRGB):
        for colour in ((255, 255, 255), (0, 0, 0)):
            data = encode(Image.new("RGB", (4, 4), colour), "PNG", icc_profile=icc_profile)
            assert decoded(data)[0, 0] == pytest.approx(colour, abs=1)


@pytest.mark.parametrize("icc_profile", [SRGB, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()])
def test_an_srgb_profile_changes_no_pixel(icc_profile: bytes) -> None:
    original = photograph()
    assert in_srgb(original, icc_profile) is original
    assert mean_difference(decoded(encode(original, "PNG", icc_profile=icc_profile)), original) == 0


def in_modes() -> dict[str, Image.Image]:
    wide = saved_in(photograph(), WIDE["Adobe RGB"])
    return {"RGB": wide, "RGBA": translucent(wide), "P": wide.quantize(256), "P transparent": wide.quantize(200)}


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "P transparent"])
def test_transparency_and_palettes_go_through_the_profile_too(mode: str) -> None:
    picture = in_modes()[mode]
    options = {"transparency": 3} if mode == "P transparent" else {}
    expected = in_srgb(picture.convert("RGB"), WIDE["Adobe RGB"])
    found = decoded(encode(picture, "PNG", icc_profile=WIDE["Adobe RGB"], **options))
    if mode == "RGBA":
        alpha = np.asarray(picture.getchannel("A"), dtype=float)[:, :, None] / 255
        assert mean_difference(found, np.asarray(expected, dtype=float) * alpha + 255 * (1 - alpha)) < 1
    elif mode == "P transparent":
        seen = np.asarray(picture) != 3
        assert mean_difference(found[seen], np.asarray(expected)[seen]) == 0
        assert (found[~seen] == 255).all()
    else:
        assert mean_difference(found, expected) == 0


@pytest.mark.parametrize("kind", ["L", "LA", "sixteen bits", "a transparent value"])
def test_grey_profiles(kind: str) -> None:
    grey = photograph().convert("L")
    icc_profile = grey_profile(1.0)
    pictures = {
        "L": encode(grey, "PNG", icc_profile=icc_profile),
        "LA": encode(Image.merge("LA", (grey, Image.new("L", grey.size, 255))), "PNG", icc_profile=icc_profile),
        "sixteen bits": encode(sixteen_bits(grey), "PNG", icc_profile=icc_profile),
        "a transparent value": encode(grey, "PNG", icc_profile=icc_profile, transparency=255),
    }
    linear = np.asarray(grey, dtype=float) / 255
    expected = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    assert mean_difference(decoded(pictures[kind])[:, :, 0], expected) < 2


@pytest.mark.parametrize(("format_", "options"), [("TIFF", {}), ("JPEG", {"quality": 97})])
def test_inks_look_as_their_profile_says(format_: str, options: dict[str, object]) -> None:
    inks = photograph("flower.jpg").convert("CMYK")
    looks = printed(np.asarray(inks) / 255) * 255
    assert mean_difference(decoded(encode(inks, format_, icc_profile=cmyk_profile(), **options)), looks) < 2
    assert mean_difference(decoded(encode(inks, format_, **options)), looks) > 5


def damaged_profiles() -> dict[str, bytes]:
    """Profiles that are none, are cut off, lie, or map everything to one colour."""
    whole = WIDE["Adobe RGB"]
    chance = random.Random(7)
    level = b"curv\0\0\0\0" + struct.pack(">I2H", 2, 9, 9)
    flat = rgb_profile((0.64, 0.33, 0.21, 0.71, 0.15, 0.06), (0.3127, 0.329), level)
    return {
        "empty": b"",
        "a text": b"sRGB" * 100,
        "noise": chance.randbytes(3000),
        "without a signature": whole[:36] + b"xxxx" + whole[40:],
        "tags beyond the end": whole[:128] + struct.pack(">I", 0xFFFF) + whole[132:],
        "no tags": whole[:128] + bytes(4),
        "no curves": profile(b"RGB ", {}),
        "one colour for all": flat,
        "nothing but black": profile(b"GRAY", {b"kTRC": level}),
        "too large": whole + bytes(MAX_PROFILE_BYTES),
        "for inks": cmyk_profile(),
        "for greys": grey_profile(1.4),
        "of a named colour": profile(b"RGB ", {b"kTRC": gamma_curve(1.0)}, kind=b"nmcl"),
        "of a link": profile(b"RGB ", {}, kind=b"link"),
        "abstract": profile(b"Lab ", {}, kind=b"abst"),
        **{f"cut at {cut}": whole[:cut] for cut in (1, 127, 128, 131, 140, 200, len(whole) - 20)},
    }


@pytest.mark.parametrize("name", damaged_profiles())
@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "WEBP", "HEIF"])
def test_a_senseless_profile_is_ignored(format_: str, name: str) -> None:
    original = photograph()
    data = encode(original, format_, icc_profile=damaged_profiles()[name] or None)
    assert mean_difference(decoded(data), decoded(encode(original, format_))) == 0


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F"])
def test_any_mode_with_any_profile_decodes(mode: str) -> None:
    rgb = photograph()
    picture = sixteen_bits(rgb) if mode == "I;16" else rgb.convert(mode)
    for icc_profile in (*WIDE.values(), grey_profile(1.0), cmyk_profile()):
        assert decoded(encode(picture, "TIFF", icc_profile=icc_profile)).shape == (100, 150, 3)


def test_mutated_profiles_decode() -> None:
    chance = random.Random(11)
    original = photograph(size=(30, 20))
    for whole in (*WIDE.values(), SRGB, cmyk_profile()):
        for _ in range(40):
            mutated = bytearray(whole)
            for _ in range(chance.choice((1, 3, 30))):
                mutated[chance.randrange(min(len(mutated), 600))] = chance.randrange(256)
            assert decoded(encode(original, "PNG", icc_profile=bytes(mutated))).shape == (20, 30, 3)


def test_threads_share_transforms() -> None:
    files = [
        encode(saved_in(photograph(), icc_profile), "PNG", icc_profile=icc_profile)
        for icc_profile in WIDE.values()
    ] * 6
    alone = [decoded(data).tobytes() for data in files]
    with ThreadPoolExecutor(8) as executor:
        assert [found.tobytes() for found in executor.map(decoded, files)] == alone
