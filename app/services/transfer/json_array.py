"""The members of a JSON array, one by one, without the whole of it in memory.

Only brackets and quotation marks are looked at, which tells where an object ends; whether it is well formed is for
its parser to say. So one broken member leaves the others alone, as one broken line does.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

_CHUNK = 1 << 18
_OUTSIDE_TEXT = re.compile(rb'["{}\[\]]')
_INSIDE_TEXT = re.compile(rb'"|\\.?', re.DOTALL)
_BEFORE_MEMBER = re.compile(rb"\s*(,?)\s*([][{]|\Z)")


class BrokenArray(Exception):
    """The array cannot be told apart any further; the message says where and why."""


class ArrayMembers:
    """Iterates over the texts of the objects in an array; ``file`` stands before its opening bracket.

    Raises ``BrokenArray``, also for an object of more than ``longest`` bytes.
    """

    def __init__(self, file: BinaryIO, longest: int) -> None:
        self._file = file
        self._longest = longest
        self._buffer = bytearray()

    def __iter__(self) -> Iterator[bytes]:
        while b"[" not in self._buffer and self._read_on():
            pass
        del self._buffer[: self._buffer.index(b"[") + 1]
        number = 0
        while self._next_member(number):
            number += 1
            end = self._end_of_member(number)
            yield bytes(self._buffer[:end])
            del self._buffer[:end]
        del self._buffer[:1]
        while not self._buffer.strip():
            self._buffer.clear()
            if not self._read_on():
                return
        raise BrokenArray(f"something follows after the end of the array, which has {number} records")

    def _next_member(self, number: int) -> bool:
        """Go to the beginning of the next member, or behind the array: then it is False."""
        while True:
            found = _BEFORE_MEMBER.match(self._buffer)
            if found is None or found[2] == b"[" or (found[2] == b"{" and bool(found[1]) != bool(number)):
                raise BrokenArray(f"after {number} records follows something else than a comma and a JSON object")
            if found[2]:
                del self._buffer[: found.start(2)]
                return self._buffer[:1] == b"{"
            # White space without end would be read without end.
            if len(self._buffer) > self._longest or not self._read_on():
                raise BrokenArray(f"the array is cut off after {number} records")

    def _end_of_member(self, number: int) -> int:
        depth, within_text, at = 0, False, 0
        while True:
            found = (_INSIDE_TEXT if within_text else _OUTSIDE_TEXT).search(self._buffer, at)
            mark = found[0] if found else b""
            if found is None or mark == b"\\":
                at = len(self._buffer) if found is None else found.start()
                self._require_length(number, at)
                if not self._read_on():
                    raise BrokenArray(f"the file is cut off within record {number}")
                continue
            at = found.end()
            if mark == b'"':
                within_text = not within_text
            elif not within_text:
                depth += 1 if mark in b"{[" else -1
                if depth == 0:
                    self._require_length(number, at)
                    return at

    def _require_length(self, number: int, length: int) -> None:
        if length > self._longest:
            raise BrokenArray(f"record {number} has more than {self._longest:,} bytes")

    def _read_on(self) -> bool:
        chunk = self._file.read(_CHUNK)
        self._buffer += chunk
        return bool(chunk)
