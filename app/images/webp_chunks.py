"""The chunks of a WebP file (RFC 9649): those that pixels are made of, and three others.

libwebp refuses a file whose last chunk is cut off or whose RIFF header announces another length, even where that
concerns only an Exif block behind the pixels. So the size is told anew. One refusal stays: where the end of a file
is missing and the Exif block with it, nobody knows which way up the picture is.
"""

import struct

from app.images.bare_file import BareFile, require_few

_CHUNK = struct.Struct("<4sI")
_RIFF_BYTES = 12
_EXTENDED = b"VP8X"
_FRAMES = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
_PIXELS = _FRAMES | {b"ALPH", b"ANIM"}
_SIDE = {b"ICCP": "icc_profile", b"EXIF": "exif", b"XMP ": "xmp"}
_ALPHA_AND_ANIMATION = 0x12
"""Of the flags of a VP8X chunk those that announce no side chunk."""

_EXIF_FOLLOWS = 0x08
_START_CODE = b"\x9d\x01\x2a"
_LOSSLESS_SIGNATURE = b"\x2f"


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of the canvas, which the first chunk tells; None where it is none that does."""
    kind, begin = data[12:16], _RIFF_BYTES + _CHUNK.size
    if kind == b"VP8 " and data[begin + 3 : begin + 6] == _START_CODE:
        width, height = struct.unpack_from("<HH", data, begin + 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and data[begin : begin + 1] == _LOSSLESS_SIGNATURE:
        (bits,) = struct.unpack_from("<I", data, begin + 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == _EXTENDED and len(data) >= begin + 10:
        width, height = (int.from_bytes(data[at : at + 3], "little") for at in (begin + 4, begin + 7))
        return width + 1, height + 1
    return None


def bare_webp(data: bytes) -> BareFile:
    """``data`` with its pixels alone; as it is where these are cut off, for the decoder to refuse."""
    parts: list[bytes] = []
    side: dict[str, bytes] = {}
    has_pixels = exif_follows = False
    is_cut_off = len(data) < 8 + int.from_bytes(data[4:8], "little")
    at, chunks = _RIFF_BYTES, 0
    while at + _CHUNK.size <= len(data):
        chunks += 1
        require_few(chunks)
        kind, length = _CHUNK.unpack_from(data, at)
        begin, end = at + _CHUNK.size, at + _CHUNK.size + length
        if end > len(data):
            if kind in _SIDE and not is_cut_off:
                side.setdefault(_SIDE[kind], data[begin:])
            break
        if kind in _PIXELS:
            parts.append(data[at : end + length % 2])
            has_pixels |= kind in _FRAMES
        elif kind == _EXTENDED and not parts and length:
            exif_follows = bool(data[begin] & _EXIF_FOLLOWS)
            flags = bytes([data[begin] & _ALPHA_AND_ANIMATION])
            parts.append(data[at:begin] + flags + data[begin + 1 : end + length % 2])
        elif kind in _SIDE:
            side.setdefault(_SIDE[kind], data[begin:end])
        elif not all(0x20 <= byte < 0x7F for byte in kind):
            break
        at = end + length % 2
    if not has_pixels or (is_cut_off and exif_follows and "exif" not in side):
        return BareFile(data)
    body = b"WEBP" + b"".join(parts)
    exif = side.get("exif")
    return BareFile(
        _CHUNK.pack(b"RIFF", len(body)) + body,
        icc_profile=side.get("icc_profile"),
        exif=exif.removeprefix(b"Exif\0\0") if exif else None,
        xmp=side.get("xmp"),
    )
