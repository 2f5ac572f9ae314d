"""Reading the rows of ``COPY … TO STDOUT (FORMAT binary)`` as an array, where all fields have one width.

Format: PostgreSQL's documentation of COPY, "Binary Format": a header of 19 bytes; rows of a 16-bit count of
fields, each a 32-bit length and its bytes, in network byte order; −1 as the last row's count.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql
from psycopg.rows import TupleRow

_HEADER = 19
_PART = 4 << 20

Part = NDArray[np.void]


def row_type(fields: Mapping[str, tuple[str, int]]) -> np.dtype[np.void]:
    """The type of a row. ``fields``: name → NumPy type, and the bytes of PostgreSQL's own before the value."""
    members: list[tuple[str, str]] = [("#fields", ">i2")]
    for name, (kind, preceding) in fields.items():
        members += [(f"#{name}", ">i4"), (f"#{name} head", f"V{preceding}"), (name, kind)]
    return np.dtype(members)


def copied_rows(
    connection: Connection[TupleRow],
    statement: sql.SQL,
    parameters: Mapping[str, Any],
    row: np.dtype[np.void],
) -> Iterator[Part]:
    """The rows in parts, as arrays of type ``row``; raises ``ValueError`` when they are not of that width."""
    with connection.cursor() as cursor, cursor.copy(statement, parameters) as copy:
        buffer = bytearray()
        to_skip = _HEADER
        for data in copy:
            buffer += data
            if to_skip and len(buffer) >= to_skip:
                del buffer[:to_skip]
                to_skip = 0
            if len(buffer) >= max(_PART, 2 * row.itemsize):
                yield _take(buffer, row)
        yield _take(buffer, row)
        if bytes(buffer) != b"\xff\xff":
            raise ValueError("the rows of the copy differ in width")


def _take(buffer: bytearray, row: np.dtype[np.void]) -> Part:
    """The whole rows at the beginning of the buffer, which are removed from it."""
    whole = len(buffer) // row.itemsize * row.itemsize
    rows = np.frombuffer(bytes(buffer[:whole]), row)
    del buffer[:whole]
    if len(rows) and (rows["#fields"] != rows["#fields"][0]).any():
        raise ValueError("the rows of the copy differ in width")
    return rows
