"""Reading records from requests."""

import pytest

from app.domain.errors import InvalidRequest
from app.domain.record import parse_phash


def test_a_hash_is_64_hex_digits() -> None:
    bits = bytes(range(32))
    assert parse_phash(bits.hex(), "_phash") == parse_phash(bits.hex().upper(), "_phash") == bits


@pytest.mark.parametrize(
    "text",
    ["", "00", "0" * 63, "0" * 65, "0" * 62 + "zz", "0x" + "0" * 62, "0" * 63 + "\n", "٠" * 64, " " * 64, None, 5],
)
def test_other_texts_are_no_hash(text: object) -> None:
    with pytest.raises(InvalidRequest, match="64 hex digits"):
        parse_phash(text, "_phash")
