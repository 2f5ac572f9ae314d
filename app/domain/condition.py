"""A filter after translation: SQL text with bound parameters, ready to stand in a WHERE clause."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """An SQL condition over one row of ``records`` (alias ``r``), and its parameters; true where the row matches.

    ``sql`` uses named placeholders (``%(f0)s``) for every value; it never holds text of the client. Literal
    percent signs in it are doubled.
    """

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


EVERYTHING = Condition("true")
