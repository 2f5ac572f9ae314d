"""Formats are told from the bytes; what is not accepted is refused by its name."""

import struct

import pytest
from PIL import features

from app.domain.errors import PictureRefused
from app.images.formats import Format, detect_format
from tests.images.samples import PLAIN, VARIANTS, encode, photograph


def iso_file(major: bytes, *compatible: bytes) -> bytes:
    brands = b"".join(compatible)
    return struct.pack(">I", 16 + len(brands)) + b"ftyp" + major + b"\0\0\0\0" + brands + b"\0\0\0\x08mdat"


@pytest.mark.parametrize("name", PLAIN)
def test_real_files_are_recognised(name: str) -> None:
    assert detect_format(PLAIN[name](photograph())) == name


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_are_recognised(name: str) -> None:
    assert name.startswith(detect_format(VARIANTS[name](photograph())))


@pytest.mark.parametrize(
    "data",
    [
        iso_file(b"heic", b"mif1"),
        iso_file(b"heix"),
        iso_file(b"hevc"),
        iso_file(b"mif1", b"mif1", b"heic"),
        iso_file(b"msf1", b"hevc"),
    ],
)
def test_heic_brands(data: bytes) -> None:
    assert detect_format(data) is Format.HEIC


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (iso_file(b"avif", b"mif1"), "AVIF"),
        (iso_file(b"avis", b"msf1"), "AVIF"),
        (iso_file(b"mif1", b"mif1", b"avif"), "AVIF"),
        (iso_file(b"mif1", b"mif1", b"miaf"), "HEIF"),
        (iso_file(b"avci", b"mif1"), "HEIF"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 20, "JP2"),
        (b"\xff\x4f\xff\x51" + b"\0" * 20, "JP2"),
        (b"8BPS\0\1" + b"\0" * 20, "PSD"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n<svg width="1"></svg>', "SVG"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
        (b"\n\n%PDF-1.4\n", "PDF"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
    ],
)
def test_refused_formats_are_named_together_with_the_accepted_ones(data: bytes, found: str) -> None:
    with pytest.raises(PictureRefused, match=found) as refused:
        detect_format(data)
    for accepted in Format:
        assert accepted in str(refused.value)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow writes no AVIF")
def test_a_real_avif_is_refused() -> None:
    with pytest.raises(PictureRefused, match="AVIF"):
        detect_format(encode(photograph(), "AVIF"))


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"", "empty"),
        (b"hello, world", "not a picture"),
        (b"\0" * 100, "not a picture"),
        (b"BMW builds cars, and this is a text about them", "not a picture"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "not a picture"),
        (iso_file(b"isom", b"mp41"), "video"),
        (b"  <!DOCTYPE html>\n<html><body><svg></svg></body></html>", "HTML page"),
        (b"<HTML><head><title>404</title>", "HTML page"),
        (b"\xff\xd8", "not a picture"),
    ],
)
def test_what_is_no_picture(data: bytes, hint: str) -> None:
    with pytest.raises(PictureRefused, match=hint):
        detect_format(data)
