"""Pictures that are searched with are kept for a month, and not without end."""

import pytest

from app.domain.account import Access
from app.domain.errors import PictureRefused
from app.services.searching import query_pictures
from app.services.searching.query_pictures import keep, kept, size_of_kept
from tests.service import Service, picture_bytes


def access(service: Service) -> Access:
    assert service.collection is not None
    return Access(service.collection.account_id, read_only=True, collection=service.collection)


def colours(count: int) -> list[bytes]:
    return [picture_bytes((n * 5, 0, 0)) for n in range(count)]


def age(service: Service, key: str, days: int) -> None:
    with service.runtime.database.session() as connection:
        connection.execute(
            "UPDATE lookalike_internal.query_pictures"
            " SET used_at = now() - %s * interval '1 day' WHERE sha256 = %s",
            (days, bytes.fromhex(key)),
        )


def test_a_picture_comes_back_under_its_key(service: Service) -> None:
    service.use_vectors()
    who = access(service)
    key = keep(service.runtime, who, picture_bytes("red", (200, 100)))
    assert keep(service.runtime, who, picture_bytes("red", (200, 100))) == key
    assert size_of_kept(service.runtime, who.account_id, key) == (200, 100)
    found = kept(service.runtime, who.account_id, key)
    assert found is not None
    assert found.image[8:12] == b"WEBP"
    for wrong in ("", "x", key[:-2], key.upper() + "0", "../" + key):
        assert kept(service.runtime, who.account_id, wrong) is None
    with pytest.raises(PictureRefused):
        keep(service.runtime, who, b"no picture")


def test_what_nobody_used_for_a_month_goes(service: Service) -> None:
    service.use_vectors()
    who = access(service)
    first, second, third = (keep(service.runtime, who, data) for data in colours(3))
    age(service, first, 31)
    age(service, second, 31)
    age(service, third, 29)
    # The one that is kept again is not among those that go.
    assert keep(service.runtime, who, colours(1)[0]) == first
    there = [kept(service.runtime, who.account_id, key) is not None for key in (first, second, third)]
    assert there == [True, False, True]


def test_of_an_account_the_latest_are_kept(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_pictures, "MOST_KEPT", 3)
    service.use_vectors()
    who = access(service)
    keys = []
    for days, data in enumerate(reversed(colours(5))):
        keys.append(keep(service.runtime, who, data))
        age(service, keys[-1], 10 - days)
    there = [kept(service.runtime, who.account_id, key) is not None for key in keys]
    assert there == [False, False, True, True, True]
