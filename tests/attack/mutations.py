"""Picture files that were damaged on purpose, of every format: what a decoder may meet.

A mutation takes one or two sound files and leaves something that mostly still begins like a picture. Some are
blind (bits, cuts, splices), some know where the format keeps what decoders trust: sizes, lengths, chunks.
"""

import random
import struct
import zlib
from collections.abc import Callable, Sequence
from functools import cache

from tests.images.samples import VARIANTS, photograph

SIDES = ((24, 18), (150, 100))
_LARGE = (0, 1, 255, 4_000, 9_000, 16_383, 65_535, 0x7FFFFFFF, 0xFFFFFFFF)
_REPEATED = (1, 30, 3_000, 30_000)
_MOST_BYTES = 4 << 20


@cache
def originals() -> Sequence[tuple[tuple[int, int], bytes]]:
    """Sound files of all kinds, each with the size of its picture."""
    return [(size, encoded(photograph(size=size))) for size in SIDES for encoded in VARIANTS.values()]


def mutated(chance: random.Random) -> bytes:
    """A file with one to three mutations."""
    size, data = chance.choice(originals())
    for _ in range(chance.choice((1, 1, 2, 3))):
        data = chance.choice(_MUTATIONS)(data, size, chance)[:_MOST_BYTES] or b"\0"
    return data


def _bits(data: bytes, size: tuple[int, int], chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 8, 64))):
        changed[_place(changed, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _bytes(data: bytes, size: tuple[int, int], chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 8))):
        at = _place(changed, chance)
        changed[at : at + chance.randrange(5)] = chance.choice(
            (chance.randbytes(4), b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff")
        )
    return bytes(changed) or b"\0"


def _cut(data: bytes, size: tuple[int, int], chance: random.Random) -> bytes:
    return data[: _place(data, chance)]


def _hole(data: bytes, size: tuple[int, int], chance: random.Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + data[at + chance.randrange(1, 2 + len(data) // 2) :]


def _splice(data: bytes, size: tuple[int, int], chance: random.Random) -> bytes:
    _, other = chance.choice(originals())
    return data[: _place(data, chance)] + other[_place(other, chance) :]


def _repeat(data: bytes, size: tuple[int, int], chance: random.Random) -> bytes:
    begin = _place(data, chance)
    end = begin + chance.randrange(1, 80)
    return data[:end] + data[begin:end] * chance.choice(_REPEATED) + data[end:]


def _resize(data: bytes, size: tuple[int, int], chance: random.Random) -> bytes:
    """Another width or height, wherever something stands that looks like it."""
    side = chance.choice(size)
    layout = chance.choice((">H", "<H", ">I", "<I"))
    most = 0xFFFF if layout[1] == "H" else 0xFFFFFFFF
    other = min(chance.choice((*_LARGE, side + 1, side * 3, chance.randrange(most))), most)
    return data.replace(struct.pack(layout, side), struct.pack(layout, other), chance.choice((1, 2, -1)))


def _resize_webp(data: bytes, size: tuple[int, int], chance: random.Random) -> bytes:
    """Of the canvas, which is kept less one in 24 bits, and of VP8L in 14."""
    other = chance.choice((1, 9_000, 16_383)) - 1
    at = data.find(b"VP8L")
    if at >= 0:
        packed = struct.pack("<I", other | other << 14)
        return data[: at + 9] + packed + data[at + 13 :]
    three = other.to_bytes(3, "little")
    return data.replace((size[0] - 1).to_bytes(3, "little"), three).replace(
        (size[1] - 1).to_bytes(3, "little"), three
    )


def _flood(data: bytes, size: tuple[int, int], chance: random.Random) -> bytes:
    """Many tiny segments, chunks or blocks, where the format has a place for them."""
    count = chance.choice(_REPEATED)
    if data.startswith(b"\xff\xd8"):
        segment = chance.choice(
            (b"\xff\xe5\0\2", b"\xff\xfe\0\3a", b"\xff", b"\xff\xdb\0\2", b"\xff\0", b"\xff\xe0\0\0")
        )
        at = chance.choice((2, max(2, data.find(b"\xff\xda")), len(data) - 2))
        return data[:at] + segment * count + data[at:]
    if data.startswith(b"\x89PNG"):
        kind = chance.choice((b"tEXt", b"IDAT", b"iTXt", b"tRNS", b"fdAT"))
        chunk = struct.pack(">I", 0) + kind + struct.pack(">I", zlib.crc32(kind))
        at = chance.choice((33, len(data) - 12))
        return data[:at] + chunk * count + data[at:]
    if data.startswith(b"RIFF"):
        chunks = chance.choice((b"EXIF\0\0\0\0", b"ANMF\0\0\0\0", b"ALPH\0\0\0\0", b"abcd\1\0\0\0x\0")) * count
        whole = data[8:] + chunks
        return b"RIFF" + struct.pack("<I", len(whole)) + whole
    if data.startswith(b"GIF") and len(data) > 10:
        at = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
        return data[:at] + chance.choice((b"!\xfe\1a\0", b"!\xfe\0", b"!\xf9\4\0\0\0\0\0")) * count + data[at:]
    return data + b"\0\0\0\x08free" * count


def _place(data: bytes | bytearray, chance: random.Random) -> int:
    # Half of the mutations hit the headers, where most of the decoders' branches are.
    reach = min(len(data), 600) if chance.random() < 0.5 else len(data)
    return chance.randrange(max(reach, 1))


_MUTATIONS: Sequence[Callable[[bytes, tuple[int, int], random.Random], bytes]] = (
    _bits, _bits, _bytes, _bytes, _cut, _hole, _splice, _repeat, _resize, _resize, _resize_webp, _flood
)  # fmt: skip
