"""Names of attributes: a dotted name is a path, everywhere.

``seller.city`` means the field ``city`` in the document ``seller``: in filters, ``fields_to_return``,
``product_field`` and the names of indexes. It never means an attribute whose own name holds a dot, as MongoDB
has it. So that nothing is stored under a name that would mean something else, a record to be inserted or updated
must not bring such an attribute: beside a document ``seller`` it would look like a part of it, and nothing could
ask for it. Deeper inside, where a document is stored as a whole, any name may stand; one with a dot comes back and
is compared with its document, and no path leads to it.

Names that begin with ``_`` are the service's own.
"""

import re
from collections.abc import Iterable

from app.domain.errors import InvalidRequest

SHOWN_FIELDS = ("_id", "_url", "_file", "_vector", "_phash", "_thumbnail")
"""The service's own fields of a stored record."""

_SENT_FIELDS = ("_base64", "_color_space", "_img_data", "_text_data")
_SHOWN_NAME = 100
_ODD_POSITION = re.compile(r"(?!0$|[1-9])\s*[+-]?[0-9]+")

SINGLE_DOTS = "it has to be names with single dots between them"
"""What is wrong with ``''`` and ``a..b`` where an attribute is meant."""


def refuse_dotted(names: Iterable[str], path: str) -> None:
    """Raise ``InvalidRequest`` if one of the attributes to be stored has a dot in its name."""
    for name in names:
        if "." in name:
            shown = name[:_SHOWN_NAME]
            nested = "…"
            for part in reversed(shown.split(".")):
                nested = f'{{"{part}": {nested}}}'
            raise InvalidRequest(
                f"a name with a dot is a path, no attribute is stored under it; send {nested}",
                path=f"{path}.{shown}",
            )


def refuse_unknown(names: Iterable[str]) -> None:
    """Raise ``ValueError`` if a name begins with ``_`` and no record has such a field.

    Fields that come with a record and are not kept are known too: there is nothing to show of them.
    """
    for name in names:
        if name.startswith("_") and name not in SHOWN_FIELDS + _SENT_FIELDS:
            known = ", ".join(SHOWN_FIELDS)
            raise ValueError(f"there is no field {name[:_SHOWN_NAME]!r}; those that begin with '_' are {known}")


def check_attribute(name: str) -> None:
    """Raise ``ValueError`` if the name is not the path of an attribute by which products may be told apart."""
    if "\0" in name:
        raise ValueError("it has to be the name of an attribute")
    if name.startswith("_"):
        raise ValueError("names that begin with '_' are the service's own, not those of attributes")
    first, *others = name.split(".")
    if not all([first, *others]):
        raise ValueError(SINGLE_DOTS)
    # PostgreSQL would count these from an array's end, or take them for 0.
    if any(_ODD_POSITION.fullmatch(each) for each in others):
        raise ValueError("a number in a path is a position in an array, written as 0, 1, 2, …")
