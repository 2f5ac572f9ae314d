"""The format of a picture, told from its first bytes and never from a name or a media type.

``detect_format`` is the gate in front of the decoders: a decoder runs only on bytes that this module has
recognised as its own format, and everything else is refused with a sentence that names what was found.
"""

from enum import StrEnum

from app.domain.errors import PictureRefused


class Format(StrEnum):
    """A format that is decoded; the value is how messages call it."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    HEIC = "HEIC"
    BMP = "BMP"
    TIFF = "TIFF"
    GIF = "GIF"
    NPY = "NumPy .npy"


ACCEPTED = "accepted are JPEG, PNG, WEBP, HEIC, BMP, TIFF, GIF and NumPy .npy"

_SIGNATURES: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"II*\0", Format.TIFF),
    (b"MM\0*", Format.TIFF),
    (b"II+\0", Format.TIFF),
    (b"MM\0+", Format.TIFF),
    (b"\x93NUMPY", Format.NPY),
)

_REFUSED_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\0\0\0\x0cjP  ", "JPEG 2000 (JP2)"),
    (b"\xff\x4f\xff\x51", "JPEG 2000 (JP2)"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "Photoshop (PSD)"),
    (b"%PDF-", "PDF"),
    (b"%!PS", "PostScript (EPS)"),
    (b"\0\0\1\0", "ICO"),
)

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset(
    {b"mif1", b"mif2", b"msf1", b"miaf", b"avci", b"avcs", b"jpeg", b"jpgs", b"j2ki", b"vvic"}
)

_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
LOOK_AHEAD = 1024
"""The first bytes of a file, from which its format can be told."""


def detect_format(data: bytes) -> Format:
    """Tell the format of ``data``, the bytes of one file.

    Raises ``PictureRefused`` for a format that is not accepted and for what is no picture at all.
    """
    if not data:
        raise PictureRefused("the picture is empty (0 bytes)")
    for signature, recognised in _SIGNATURES:
        if data.startswith(signature):
            return recognised
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Format.WEBP
    if data[4:8] == b"ftyp":
        return _iso_media_format(data)
    if _is_bmp(data):
        return Format.BMP
    for signature, name in _REFUSED_SIGNATURES:
        if data.startswith(signature):
            raise _refused(name)
    raise _textual_refusal(data)


def _refused(name: str) -> PictureRefused:
    return PictureRefused(f"{name} pictures are not accepted; {ACCEPTED}")


def _iso_media_format(data: bytes) -> Format:
    """HEIC, or a refusal, from the brands in the ``ftyp`` box (ISO/IEC 14496-12 §4.3, 23008-12 annex B)."""
    box_size = min(int.from_bytes(data[:4], "big"), LOOK_AHEAD)
    major = data[8:12]
    compatible = {data[at : at + 4] for at in range(16, box_size - 3, 4)}
    if major in _HEIC_BRANDS:
        return Format.HEIC
    if major in _AVIF_BRANDS:
        raise _refused("AVIF")
    if major in _HEIF_BRANDS:
        if compatible & _HEIC_BRANDS:
            return Format.HEIC
        raise _refused("AVIF" if compatible & _AVIF_BRANDS else "HEIF (other than HEIC)")
    raise PictureRefused(f"this is a video or another ISO media file, not a picture; {ACCEPTED}")


def _is_bmp(data: bytes) -> bool:
    # "BM" alone would also be the beginning of a text.
    return data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES


def _textual_refusal(data: bytes) -> PictureRefused:
    head = data[:LOOK_AHEAD].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith(b"<"):
        if b"<!doctype html" in head or b"<html" in head or head.startswith((b"<head", b"<body")):
            return PictureRefused(
                "this is an HTML page, not a picture: give the address of the picture itself, not of a page"
                f" that shows it; {ACCEPTED}"
            )
        if b"<svg" in head or b"<!doctype svg" in head:
            return _refused("SVG")
    if b"%pdf-" in head:
        return _refused("PDF")
    return PictureRefused(f"not a picture: the bytes are of no known picture format; {ACCEPTED}")
