"""What is kept for some seconds."""

from app.services.recent import Recent


def test_values_age_and_the_oldest_goes() -> None:
    cache: Recent[str, int] = Recent(seconds=30, size=2)
    for number, name in enumerate("abc"):
        cache.put(name, number)
    assert cache.get("a") is None
    assert cache.get("c") == 2
    cache.clear()
    assert cache.get("c") is None
    old: Recent[str, int] = Recent(seconds=0)
    old.put("a", 1)
    assert old.get("a") is None
