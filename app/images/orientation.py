"""Which way up a picture is shown: the orientation of Exif (2.32, tag 274) or, without one, of XMP."""

import re
import struct

from PIL import Image

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture of each orientation is turned upright."""

_TAG = 274
_BYTE_ORDERS = {b"II": "<", b"MM": ">"}
_INTEGERS = {3: "H", 4: "I"}
_XMP = re.compile(rb"""tiff:Orientation(?:\s*=\s*["']|>)\s*([1-8])""")


def upright(picture: Image.Image, exif: bytes | None, xmp: bytes | None) -> Image.Image:
    """``picture`` turned as its metadata says; as it is where they say nothing or cannot be read."""
    orientation = _of_exif(exif) if exif else None
    if orientation is None and xmp and (found := _XMP.search(xmp)):
        orientation = int(found[1])
    turn = _UPRIGHT.get(orientation or 1)
    return picture if turn is None else picture.transpose(turn)


def _of_exif(exif: bytes) -> int | None:
    """The value of the tag in the first directory of a TIFF structure; only the entries are looked at."""
    order = _BYTE_ORDERS.get(exif[:2])
    if order is None:
        return None
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, at)
        for entry in range(at + 2, at + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(order + "HHI", exif, entry)
            if tag == _TAG and kind in _INTEGERS and count == 1:
                (value,) = struct.unpack_from(order + _INTEGERS[kind], exif, entry + 8)
                return int(value)
    except struct.error:
        pass
    return None
