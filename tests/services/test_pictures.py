"""Pictures of records: remembered, but not that there is none."""

from app.db.thumbnails import records_without_thumbnail, store_thumbnails
from app.images.thumbnail import make_thumbnail, pixel_hash
from app.services.pictures import pictures_of
from tests.images.samples import photograph
from tests.service import Service


def test_a_record_that_gets_its_thumbnail_later_is_looked_at(service: Service) -> None:
    collection, database = service.use_vectors(2), service.runtime.database
    service.call("insert", records=[{"_id": "a", "_vector": [1, 0], "_file": "a.png"}])
    (source,) = records_without_thumbnail(database, collection, after="", limit=10)
    (before,) = pictures_of(service.runtime, collection, [source.key]).values()
    assert before.portrait is None
    picture = photograph()
    with database.transaction() as connection:
        made = [(source.key, make_thumbnail(picture), pixel_hash(picture))]
        assert store_thumbnails(connection, collection, made) == 1
    (after,) = pictures_of(service.runtime, collection, [source.key]).values()
    assert after.portrait is not None
    assert after.pixel_hash == pixel_hash(picture)
    assert pictures_of(service.runtime, collection, [source.key])[source.key] is after, "remembered"


def test_one_that_has_a_thumbnail_keeps_it(service: Service) -> None:
    collection, database = service.use_vectors(2), service.runtime.database
    service.call("insert", records=[{"_id": "a", "_vector": [1, 0], "_file": "a.png"}])
    (source,) = records_without_thumbnail(database, collection, after="", limit=10)
    for name, stored in (("chelsea.png", 1), ("coffee.png", 0)):
        picture = photograph(name)
        with database.transaction() as connection:
            made = [(source.key, make_thumbnail(picture), pixel_hash(picture))]
            assert store_thumbnails(connection, collection, made) == stored
    (kept,) = pictures_of(service.runtime, collection, [source.key]).values()
    assert kept.pixel_hash == pixel_hash(photograph("chelsea.png")), "of the picture whose thumbnail is kept"
