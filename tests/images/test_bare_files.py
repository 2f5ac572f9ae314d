"""Whatever stands beside the pixels of a file, the pixels are accepted; pixels that are missing are not."""

import random
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from app.domain.errors import PictureRefused
from app.images.decode import decode_picture
from app.images.jpeg_markers import bare_jpeg
from tests.images.profiles import WIDE, saved_in
from tests.images.samples import PLAIN, VARIANTS, encode, orientation_exif, photograph

NOISE = random.Random(5).randbytes(8_000_000)
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + struct.pack(">I", 7_000_008) + b"mdat" + NOISE[:7_000_000]
SHORT_FILM = FILM[:24] + b"".join(struct.pack(">I", 108) + box + NOISE[:100] for box in (b"moov", b"mdat"))

pytestmark = pytest.mark.filterwarnings("ignore")


def decode(data: bytes) -> Image.Image:
    return decode_picture(data, max_pixels=1_000_000)


def accepts(data: bytes, original: bytes) -> bool:
    """Whether ``data`` decodes to the pixels of ``original``."""
    return decode(data).tobytes() == _pixels(original)


@lru_cache(100)
def _pixels(original: bytes) -> bytes:
    return decode(original).tobytes()


TRAILERS = {
    "one byte": b"\0",
    "zeros": bytes(100_000),
    "noise": NOISE,
    "a film": FILM,
    "a short film": SHORT_FILM,
    "a film in a box": struct.pack(">I4s", len(SHORT_FILM) + 8, b"mpvd") + SHORT_FILM,
    "a text": b"Google Motion Photo" * 100,
    "scans": b"\xff\xda\0\x02" * 500_000,
    "end markers": b"\xff\xd9" * 500,
}


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("name", [name for name in VARIANTS if "npy" not in name])
def test_what_follows_the_end_of_a_file_is_another_file(name: str, trailer: str) -> None:
    original = VARIANTS[name](photograph())
    assert accepts(original + TRAILERS[trailer], original)


@pytest.mark.parametrize("name", PLAIN)
def test_a_second_picture_behind_the_first(name: str) -> None:
    if "npy" not in name:
        original = PLAIN[name](photograph())
        assert accepts(original + PLAIN[name](photograph("coffee.png")), original)


# JPEG


def segment(code: int, content: bytes) -> bytes:
    return bytes((0xFF, code)) + struct.pack(">H", len(content) + 2) + content


@lru_cache(100)
def encoded(format_: str, size: tuple[int, int] = (150, 100), **options: object) -> bytes:
    return encode(photograph(size=size), format_, **options)


def jpeg(*segments: bytes, **options: object) -> bytes:
    whole = encoded("JPEG", quality=90, **options)
    return whole[:2] + b"".join(segments) + whole[2:]


SIDE_CONTENTS = (
    b"",
    b"J",
    b"JFIF\0",
    b"JFIF\0\1\2",
    b"JFXX\0\x10",
    b"Adobe",
    b"Exif\0\0",
    b"Exif\0\0II*\0\xff\xff\xff\xff",
    b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
    b"http://ns.adobe.com/xap/1.0/\0<",
    b"ICC_PROFILE\0",
    b"ICC_PROFILE\0\1",
    b"ICC_PROFILE\0\0\0abc",
    b"ICC_PROFILE\0\2\1abc",
    b"MPF\0II*\0\x08\0\0\0\xff\xff",
    b"Photoshop 3.0\0",
    b"Photoshop 3.0\x008BIM\3\xed",
    b"Photoshop 3.0\x008BIM\3\xed\0\0\0\0\0\1",
    b"FPXR\0",
    NOISE[:65_533],
)


@pytest.mark.parametrize("code", [*range(0xE0, 0xF0), 0xFE])
def test_no_side_segment_costs_the_pixels_of_a_jpeg(code: int) -> None:
    for content in SIDE_CONTENTS:
        assert accepts(jpeg(segment(code, content)), jpeg())
        assert accepts(jpeg(segment(code, content), segment(code, content)), jpeg())


@pytest.mark.parametrize(
    ("code", "content"),
    [(0xE0, b""), (0xE1, b"Exif\0\0ab"), (0xE2, b"ICC_PROFILE\0\1\1a"), (0xEE, b""), (0xFE, b"")],
)
def test_any_number_of_side_segments(code: int, content: bytes) -> None:
    data = jpeg(segment(code, content) * 100_000)
    assert accepts(data, jpeg())
    assert len(bare_jpeg(data).data) < 10_000, "the decoder meets none of them"


def test_scans_are_not_counted_in_thumbnails_and_comments() -> None:
    thumbnail = b"\xff\xd8" + b"\xff\xda\0\x02" * 10_000 + b"\xff\xd9"
    for options in ({}, {"progressive": True}):
        for code, prefix in ((0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0"), (0xFE, b"")):
            assert accepts(jpeg(segment(code, prefix + thumbnail), **options), jpeg(**options))


def test_a_profile_in_parts_in_any_order() -> None:
    icc_profile = WIDE["Adobe RGB"]
    third = len(icc_profile) // 3 + 1
    parts = [
        segment(
            0xE2, b"ICC_PROFILE\0" + bytes((number + 1, 3)) + icc_profile[third * number : third * (number + 1)]
        )
        for number in range(3)
    ]
    whole = jpeg(icc_profile=icc_profile)
    assert accepts(jpeg(parts[2], parts[0], parts[1]), whole)
    assert accepts(jpeg(parts[0], parts[2]), jpeg()), "a profile with a part missing is none"


JPEG_KINDS: dict[str, Callable[[Image.Image], bytes]] = {
    "baseline": lambda p: encode(p, "JPEG", quality=90),
    "best": lambda p: encode(p, "JPEG", quality=100, subsampling=0),
    "worst": lambda p: encode(p, "JPEG", quality=5),
    "progressive": lambda p: encode(p, "JPEG", progressive=True),
    "optimised": lambda p: encode(p, "JPEG", optimize=True),
    "grey": lambda p: encode(p.convert("L"), "JPEG"),
    "grey progressive": lambda p: encode(p.convert("L"), "JPEG", progressive=True),
    "inks": lambda p: encode(p.convert("CMYK"), "JPEG"),
    "restarts": lambda p: encode(p, "JPEG", restart_marker_rows=1),
    "one colour": lambda p: encode(Image.new("RGB", p.size, (90, 120, 40)), "JPEG"),
}


@pytest.mark.parametrize("kind", JPEG_KINDS)
def test_a_jpeg_that_lacks_only_its_end_marker(kind: str) -> None:
    chance = random.Random(3)
    for _ in range(8):
        size = chance.randrange(16, 200), chance.randrange(16, 200)
        whole = JPEG_KINDS[kind](photograph(size=size))
        assert whole.endswith(b"\xff\xd9")
        for data in (whole[:-2], whole[:-1], whole[:-2] + bytes(1000)):
            assert accepts(data, whole)


@pytest.mark.parametrize("kind", JPEG_KINDS)
def test_a_jpeg_that_lacks_coded_pixels_is_refused(kind: str) -> None:
    picture = photograph(size=(120, 90))
    whole = JPEG_KINDS[kind](picture)
    pixels = np.asarray(decode(whole), dtype=int)
    start = whole.index(b"\xff\xda")
    cuts = [*range(4, 40), *(len(whole) - (len(whole) - start) * part // 20 for part in range(1, 20))]
    for data in (whole[:-missing] if missing < 40 else whole[:missing] for missing in cuts):
        try:
            found = np.asarray(decode(data), dtype=int)
        except PictureRefused:
            continue
        # Where the bits that are missing can change no pixel that anybody would see, none is missing.
        assert np.abs(found - pixels).max() <= 2


def test_a_progressive_jpeg_that_lacks_whole_scans_is_refused() -> None:
    whole = encode(photograph(), "JPEG", progressive=True)
    at = whole.index(b"\xff\xda")
    while (at := whole.find(b"\xff\xda", at + 2)) > 0:
        before = whole.rindex(b"\xff\xc4", 0, at) if b"\xff\xc4" in whole[at - 60 : at] else at
        with pytest.raises(PictureRefused, match="truncated"):
            decode(whole[:before])


# PNG


def chunk(kind: bytes, content: bytes, *, checksum: int = 0) -> bytes:
    """``checksum``: what is added to the right one."""
    right = (zlib.crc32(kind + content) + checksum) & 0xFFFFFFFF
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", right)


def png_with(*chunks: bytes, behind: bool = False, **options: object) -> bytes:
    whole = encoded("PNG", **options)
    at = whole.index(b"IEND" if behind else b"IDAT") - 4
    return whole[:at] + b"".join(chunks) + whole[at:]


BOMB = zlib.compress(bytes(80_000_000), 9)
PNG_CHUNKS = {
    "long compressed text": chunk(b"zTXt", b"Comment\0\0" + BOMB),
    "long compressed international text": chunk(b"iTXt", b"Comment\0\1\0\0\0" + BOMB),
    "long XMP": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + BOMB),
    "long Exif as text": chunk(b"zTXt", b"Raw profile type exif\0\0" + BOMB),
    "long text": chunk(b"tEXt", b"Comment\0" + b"x" * 5_000_000),
    "many texts": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(900_000))) * 200,
    "many XMP packets": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(900_000))) * 5_000,
    "many chunks": chunk(b"tEXt", b"a\0b") * 200_000,
    "a large profile": chunk(b"iCCP", b"large\0\0" + zlib.compress(NOISE[:3_000_000])),
    "a huge profile": chunk(b"iCCP", b"huge\0\0" + BOMB),
    "a profile that is none": chunk(b"iCCP", b"none"),
    "a profile of an unknown compression": chunk(b"iCCP", b"other\0\7abc"),
    "an unknown compression": chunk(b"zTXt", b"Comment\0\7abc"),
    "a text without keyword": chunk(b"tEXt", b""),
    "frames out of order": chunk(b"acTL", bytes(8)) + chunk(b"fcTL", b"\0\0\0\7" + bytes(22)),
    **{
        f"empty {kind.decode()}": chunk(kind, b"")
        for kind in (
            *(b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"bKGD", b"hIST", b"tRNS", b"pHYs", b"sPLT", b"tIME"),
            *(b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"acTL", b"fcTL", b"cICP", b"mDCV", b"cLLI", b"prVt"),
        )
    },
    **{
        f"{kind.decode()} with a wrong checksum": chunk(kind, content, checksum=1)
        for kind, content in (
            (b"gAMA", struct.pack(">I", 45_455)),
            (b"cHRM", bytes(32)),
            (b"sRGB", b"\0"),
            (b"pHYs", bytes(9)),
            (b"tIME", bytes(7)),
            (b"bKGD", bytes(6)),
            (b"tRNS", bytes(6)),
            (b"tEXt", b"Comment\0abc"),
            (b"zTXt", b"Comment\0\0" + zlib.compress(b"abc")),
            (b"iTXt", b"Comment\0\0\0\0\0abc"),
            (b"iCCP", b"Adobe\0\0" + zlib.compress(WIDE["Adobe RGB"])),
            (b"eXIf", orientation_exif(6)[6:]),
            (b"prVt", b"abc"),
        )
    },
}


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("name", PNG_CHUNKS)
def test_no_side_chunk_costs_the_pixels_of_a_png(name: str, behind: bool) -> None:
    assert accepts(png_with(PNG_CHUNKS[name], behind=behind), png_with())


def test_a_png_cut_off_in_a_side_chunk_behind_its_pixels() -> None:
    data = png_with(PNG_CHUNKS["long text"], behind=True)
    assert accepts(data[:-1_000_000], png_with())


def test_a_png_with_a_wrong_checksum_in_a_critical_chunk_is_refused() -> None:
    whole = bytearray(encode(photograph(), "PNG"))
    whole[29] ^= 1
    with pytest.raises(PictureRefused):
        decode(bytes(whole))


def test_a_png_without_a_part_of_its_pixels_is_refused() -> None:
    whole = encode(photograph(), "PNG")
    begin = whole.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", whole, begin)
    compressed = whole[begin + 8 : begin + 8 + length]
    for missing in (10, 100, length // 2, length - 10):
        with pytest.raises(PictureRefused):
            decode(whole[:begin] + chunk(b"IDAT", compressed[:-missing]) + chunk(b"IEND", b""))


@pytest.mark.parametrize("behind", [False, True])
def test_the_orientation_of_a_png_is_found_wherever_it_stands(behind: bool) -> None:
    exif = orientation_exif(6)[6:]
    digits = b"\n".join((b"", b"exif", str(len(exif)).encode(), exif.hex().encode()))
    xmp = b'<rdf:Description tiff:Orientation="6"/>'
    for side in (
        chunk(b"eXIf", exif),
        chunk(b"tEXt", b"Raw profile type exif\0" + digits),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(digits)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)),
    ):
        found = decode(png_with(side, behind=behind))
        assert found.tobytes() == photograph().transpose(Image.Transpose.ROTATE_270).tobytes()


# WebP, GIF, TIFF


def webp(*chunks: bytes, length: int | None = None, flags: int = 0) -> bytes:
    extended = struct.pack("<4sIIHBHB", b"VP8X", 10, flags, 149, 0, 99, 0)
    body = b"WEBP" + extended + encoded("WEBP", quality=90)[12:] + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if length is None else length) + body


WEBP_CHUNKS = {
    "senseless Exif": b"EXIF\7\0\0\0garbage\0",
    "Exif that claims more than there is": b"EXIF\xff\0\0\0garbage",
    "Exif that claims four gigabytes": b"EXIF\xff\xff\xff\xffgarbage",
    "XMP that claims more than there is": b"XMP \xff\0\0\0<x:xmpmeta",
    "a profile that claims more than there is": b"ICCP\xff\0\0\0abc",
    "an unknown chunk": b"ABCD\3\0\0\0abc\0",
    "half a chunk": b"EXI",
    "a chunk without padding": b"EXIF\3\0\0\0abc",
    "many chunks": b"EXIF\2\0\0\0ab" * 100_000,
    "noise": NOISE[:10_000],
}


@pytest.mark.parametrize("name", WEBP_CHUNKS)
def test_no_side_chunk_costs_the_pixels_of_a_webp(name: str) -> None:
    for flags in (0, 0x2C):
        assert accepts(webp(WEBP_CHUNKS[name], flags=flags), webp())


@pytest.mark.parametrize("length", [0, 4, 30, 1_000, 0x7FFFFFF0, 0xFFFFFFFE, 0xFFFFFFFF])
def test_a_webp_that_announces_another_length(length: int) -> None:
    assert accepts(webp(length=length), webp())


def gif_with(extension: bytes) -> bytes:
    whole = encoded("GIF")
    at = 13 + 3 * 2 ** ((whole[10] & 7) + 1)
    return whole[:at] + extension + whole[at:]


@pytest.mark.parametrize("kind", [0x01, 0xF9, 0xFE, 0xFF, 0x77])
@pytest.mark.parametrize(
    "blocks",
    [b"\0", b"\1a\0", b"\3abc\0", b"\x0bNETSCAPE2.0\0", b"\x0bNETSCAPE2.0\1\1\0", b"\1x" * 20_000 + b"\0"],
)
def test_no_extension_costs_the_pixels_of_a_gif(kind: int, blocks: bytes) -> None:
    assert accepts(gif_with(b"\x21" + bytes([kind]) + blocks), gif_with(b""))


DESCRIPTIVE_TAGS = (254, 255, 269, 270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 318, 330, 333, 700)
DESCRIPTIVE_TAGS += (32934, 33432, 33723, 34377, 34665, 34675, 34853, 37724, 40965, 50838, 65000)


def tiff_with(big: bool, tag: int, kind: int, count: int, value: int) -> bytes:
    """A TIFF whose directory has one more tag, which may lie."""
    whole = encoded("TIFF", (30, 20), big_tiff=big)
    first, counted, layout, offset = (8, "<Q", "<HHQQ", "<Q") if big else (4, "<H", "<HHII", "<I")
    (at,) = struct.unpack_from(offset, whole, first)
    (entries,) = struct.unpack_from(counted, whole, at)
    begin, size = at + struct.calcsize(counted), struct.calcsize(layout)
    tags = [whole[begin + size * n : begin + size * (n + 1)] for n in range(entries)]
    tags = [entry for entry in tags if struct.unpack_from("<H", entry)[0] != tag]
    tags.append(struct.pack(layout, tag, kind, count, value))
    directory = struct.pack(counted, len(tags)) + b"".join(sorted(tags, key=lambda e: struct.unpack_from("<H", e)))
    return (
        whole[:first] + struct.pack(offset, len(whole)) + whole[first + struct.calcsize(offset) :] + directory
    ) + bytes(struct.calcsize(offset))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("tag", [*DESCRIPTIVE_TAGS, 274])
def test_no_descriptive_tag_costs_the_pixels_of_a_tiff(tag: int, big: bool) -> None:
    original = photograph(size=(30, 20)).tobytes()
    for kind in (0, 1, 2, 3, 4, 5, 7, 9, 12, 13, 16, 99):
        for count, value in ((0, 0), (1, 0xFFFFFFFF), (3, 8), (5_000, 8), (0xFFFFFFFF, 0xFFFFFFFF)):
            assert decode(tiff_with(big, tag, kind, count, value)).tobytes() == original


# All


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"])
def test_profile_and_orientation_count_together(format_: str) -> None:
    upright = photograph()
    stored = saved_in(upright, WIDE["Display P3"]).transpose(Image.Transpose.ROTATE_90)
    options: dict[str, object] = {} if format_ in {"PNG", "TIFF"} else {"quality": 95}
    data = encode(stored, format_, icc_profile=WIDE["Display P3"], exif=orientation_exif(6), **options)
    found = decode(data)
    assert found.size == upright.size
    assert np.abs(np.asarray(found, dtype=float) - np.asarray(upright, dtype=float)).mean() < 4


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_there_is_not(orientation: int) -> None:
    data = encode(photograph(), "JPEG", exif=orientation_exif(orientation))
    assert Image.open(BytesIO(data)).getexif()[274] == orientation
    assert accepts(data, encode(photograph(), "JPEG"))
