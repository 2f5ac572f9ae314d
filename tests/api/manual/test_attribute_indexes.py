"""createIndex, dropIndex and listIndexes."""

import pytest

from tests.api.manual.conftest import NewCollection, Post


@pytest.fixture
def post(new_collection: NewCollection) -> Post:
    """To a collection without an index on any attribute."""
    return new_collection([{"_id": "bed", "_vector": [1, 0, 0, 0], "price": 300, "shop": {"city": "Brno"}}])


class TestCreateIndex:
    class TestOfAnAttribute:
        def test_makes_it(self, post: Post) -> None:
            assert post("createIndex", {"attribute": "shop.city"}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "attribute": "shop.city",
                "created": True,
            }

        def test_says_where_there_is_one_already(self, post: Post) -> None:
            post("createIndex", {"attribute": "price"})
            assert post("createIndex", {"attribute": "price"}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "attribute": "price",
                "created": False,
            }

    class TestOfTheServicesOwnField:
        def test_is_an_error(self, post: Post) -> None:
            assert post("createIndex", {"attribute": "_id"}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "attribute: _id has its own index or needs none",
            }


class TestDropIndex:
    class TestOfAnIndexedAttribute:
        def test_drops_it(self, post: Post) -> None:
            post("createIndex", {"attribute": "price"})
            assert post("dropIndex", {"attribute": "price"}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "attribute": "price",
                "dropped": True,
            }

    class TestOfAnAttributeWithoutIndex:
        def test_is_an_error(self, post: Post) -> None:
            assert post("dropIndex", {"attribute": "price"}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "attribute: there is no index on this attribute",
            }


class TestListIndexes:
    class TestOfACollectionWithIndexes:
        def test_answers_with_their_attributes(self, post: Post) -> None:
            post("createIndex", {"attribute": "shop.city"})
            post("createIndex", {"attribute": "price"})
            assert post("listIndexes") == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "indexes": [{"attribute": "price", "ready": True}, {"attribute": "shop.city", "ready": True}],
            }

    class TestOfACollectionWithoutIndexes:
        def test_answers_with_none(self, post: Post) -> None:
            assert post("listIndexes") == {"status": {"code": 200, "text": "OK"}, "statistics": {}, "indexes": []}
