"""Attributes as a shop has them, with filters of known selectivity over them."""

from typing import Any

FILTERS: dict[str, dict[str, Any]] = {
    "50 %": {"active": True},
    "20 %": {"fifth": 3},
    "10 %": {"price": {"$gte": 900}},
    "4 % (two conditions)": {"fifth": 3, "price": {"$lt": 200}},
    "1 %": {"hundredth": 17},
    "0.1 %": {"thousandth": 17},
    "0.01 %": {"ten_thousandth": 17},
}
"""Filters by the share of records that they admit."""


def attributes(number: int) -> dict[str, Any]:
    """The attributes of record ``number``; the values are spread independently of each other."""
    mixed = (number * 2654435761) % 2**32
    return {
        "price": (mixed >> 3) % 1000,
        "active": (mixed >> 7) % 2 == 0,
        "fifth": (mixed >> 9) % 5,
        "hundredth": (mixed >> 5) % 100,
        "thousandth": (mixed >> 11) % 1000,
        "ten_thousandth": (mixed >> 4) % 10_000,
        "category": f"category {(mixed >> 13) % 40}",
        "tags": [f"tag {(mixed >> shift) % 50}" for shift in (2, 6, 10)],
        "seller": {"name": f"shop {mixed % 300}", "city": f"city {(mixed >> 8) % 90}"},
    }
