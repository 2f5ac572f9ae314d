"""What goes between a process and its decoders: a head in JSON, and bytes behind it.

    length of the head (4 bytes) | head, an object with the lengths of the parts | parts

A receiver says how much it takes: nothing is allocated on the other side's word.
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_LENGTH = struct.Struct("<I")
_MOST_HEAD = 1 << 16
_PARTS = "parts"

Head = dict[str, Any]
ReadInto = Callable[[memoryview], int]
"""Fills the beginning of a buffer and says how many bytes those are; 0 at the end."""


def written(head: Mapping[str, Any], parts: Sequence[bytes | memoryview] = ()) -> list[bytes | memoryview]:
    """The bytes of a message, in pieces."""
    text = json.dumps({**head, _PARTS: [len(part) for part in parts]}).encode()
    return [_LENGTH.pack(len(text)) + text, *parts]


def read(read_into: ReadInto, *, most: int) -> tuple[Head, list[memoryview]] | None:
    """The next message, whose parts have at most ``most`` bytes altogether; None where there is no other.

    Raises ``EOFError`` where one breaks off, ``ValueError`` where it is none.
    """
    beginning = bytearray(_LENGTH.size)
    got = read_into(memoryview(beginning))
    if not got:
        return None
    _fill(read_into, memoryview(beginning)[got:])
    (length,) = _LENGTH.unpack(beginning)
    if length > _MOST_HEAD:
        raise ValueError("the head of the message is too long")
    head = json.loads(_filled(read_into, length))
    lengths = head.pop(_PARTS) if isinstance(head, dict) else None
    if not isinstance(lengths, list) or not all(type(each) is int and each >= 0 for each in lengths):
        raise ValueError("the message has no head")
    if sum(lengths) > most:
        raise ValueError("the message is too long")
    return head, [memoryview(_filled(read_into, each)) for each in lengths]


def _filled(read_into: ReadInto, length: int) -> bytearray:
    buffer = bytearray(length)
    _fill(read_into, memoryview(buffer))
    return buffer


def _fill(read_into: ReadInto, rest: memoryview) -> None:
    while rest:
        got = read_into(rest)
        if not got:
            raise EOFError("the message breaks off")
        rest = rest[got:]
