"""The blocks of a GIF file (GIF89a §§12–27) before its first picture, without comments and applications' own.

Pillow expects that an extension is as long as its kind should be, and refuses the picture otherwise.
"""

import struct

from app.images.bare_file import BareFile, require_few

_HEADER_BYTES = 13
_EXTENSION = 0x21
_GRAPHIC_CONTROL = 0xF9
_GRAPHIC_CONTROL_BYTES = 4


def gif_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of the screen, which the first picture may lie beyond."""
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def bare_gif(data: bytes) -> BareFile:
    """``data`` without extensions before its first picture but those that tell the transparent colour."""
    if len(data) < _HEADER_BYTES:
        return BareFile(data)
    packed = data[10]
    start = at = _HEADER_BYTES + (3 * 2 ** ((packed & 7) + 1) if packed & 0x80 else 0)
    control, blocks = b"", 0
    while data[at : at + 1] == bytes([_EXTENSION]) and at + 2 < len(data):
        kind, end = data[at + 1], at + 2
        while end < len(data) and data[end]:
            end += 1 + data[end]
            blocks += 1
            require_few(blocks)
        blocks += 1
        require_few(blocks)
        if kind == _GRAPHIC_CONTROL and data[at + 2] >= _GRAPHIC_CONTROL_BYTES:
            control = data[at : end + 1]
        at = end + 1
    if at == start + len(control):
        return BareFile(data)
    view = memoryview(data)
    return BareFile(b"".join((view[:start], control, view[at:])))
