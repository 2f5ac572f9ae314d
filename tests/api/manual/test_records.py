"""get, update, delete, find, random, deleteByFilter, getRecordCount and allRecords."""

import pytest

from tests.api.manual.conftest import NewCollection, Post

RECORDS = [
    {"_id": "bed", "_vector": [1, 0, 0, 0], "price": 300, "shop": {"city": "Brno"}, "_url": "http://shop/bed.png"},
    {"_id": "desk", "_vector": [0, 1, 0, 0], "price": 200, "shop": {"city": "Oslo"}},
    {"_id": "lamp", "_vector": [0, 0, 1, 0], "price": 40, "shop": {"city": "Oslo"}},
]


@pytest.fixture(scope="module")
def post(new_collection: NewCollection) -> Post:
    """To a collection with RECORDS, which is only read."""
    return new_collection(RECORDS)


@pytest.fixture
def post_changes(new_collection: NewCollection) -> Post:
    """To a collection with RECORDS of the test's own."""
    return new_collection(RECORDS)


class TestGet:
    class TestOfRecordsThatAreThere:
        def test_answers_with_them_in_the_order_asked(self, post: Post) -> None:
            assert post("get", {"records": [{"_id": "lamp"}, {"_id": "bed"}]}) == {
                "status": {"code": 205, "text": "records found"},
                "statistics": {},
                "answer_count": 2,
                "answer_records": [
                    {"_id": "lamp", "price": 40, "shop": {"city": "Oslo"}},
                    {"_id": "bed", "price": 300, "shop": {"city": "Brno"}, "_url": "http://shop/bed.png"},
                ],
                "skipped_records": [],
            }

        def test_shows_the_fields_to_return(self, post: Post) -> None:
            body = {"records": [{"_id": "bed"}], "fields_to_return": ["shop.city", "_vector"]}
            assert post("get", body) == {
                "status": {"code": 205, "text": "records found"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "bed", "shop": {"city": "Brno"}, "_vector": [1.0, 0.0, 0.0, 0.0]}],
                "skipped_records": [],
            }

    class TestOfAnUnknownRecord:
        def test_skips_it_and_answers_with_the_others(self, post: Post) -> None:
            body = {"records": [{"_id": "sofa"}, {"_id": "bed"}], "fields_to_return": ["_id"]}
            assert post("get", body) == {
                "status": {"code": 206, "text": "some of the records not found"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "bed"}],
                "skipped_records": [
                    {
                        "_id": "sofa",
                        "_reason": {
                            "status": {"code": 404, "text": "records not found"},
                            "error_description": "there is no record with this _id",
                        },
                    }
                ],
            }

        def test_is_a_failure_where_no_other_is_found(self, post: Post) -> None:
            assert post("get", {"records": [{"_id": "sofa"}]}) == {
                "status": {"code": 404, "text": "records not found"},
                "statistics": {},
                "error_description": "there is no record with this _id",
                "answer_count": 0,
                "answer_records": [],
                "skipped_records": [
                    {
                        "_id": "sofa",
                        "_reason": {
                            "status": {"code": 404, "text": "records not found"},
                            "error_description": "there is no record with this _id",
                        },
                    }
                ],
            }

    class TestWithoutRecords:
        def test_is_an_error(self, post: Post) -> None:
            assert post("get", {}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "records: this field is missing",
            }


class TestUpdate:
    class TestOfAttributes:
        def test_replaces_them_and_keeps_all_others(self, post_changes: Post) -> None:
            body = {"records": [{"_id": "desk", "price": 180, "tags": ["oak"]}]}
            assert post_changes("update", body) == {
                "status": {"code": 205, "text": "records found"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "desk", "price": 180, "tags": ["oak"], "shop": {"city": "Oslo"}}],
                "skipped_records": [],
            }

    class TestOfAnUnknownRecord:
        def test_skips_it(self, post_changes: Post) -> None:
            body = {
                "records": [{"_id": "sofa", "price": 1}, {"_id": "lamp", "price": 1}],
                "fields_to_return": ["price"],
            }
            assert post_changes("update", body) == {
                "status": {"code": 206, "text": "some of the records not found"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "lamp", "price": 1}],
                "skipped_records": [
                    {
                        "_id": "sofa",
                        "_reason": {
                            "status": {"code": 404, "text": "records not found"},
                            "error_description": "there is no record with this _id",
                        },
                    }
                ],
            }

    class TestOfADottedName:
        def test_is_an_error(self, post_changes: Post) -> None:
            fault = (
                "records[0].shop.city: a name with a dot is a path, no attribute is stored under it; "
                'send {"shop": {"city": …}}'
            )
            assert post_changes("update", {"records": [{"_id": "desk", "shop.city": "Rome"}]}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": fault,
                "answer_count": 0,
                "answer_records": [],
                "skipped_records": [
                    {
                        "_id": "desk",
                        "_reason": {
                            "status": {"code": 402, "text": "aborted by error"},
                            "error_description": fault,
                        },
                    }
                ],
            }


class TestDelete:
    class TestOfRecordsThatAreThere:
        def test_answers_with_their_ids(self, post_changes: Post) -> None:
            assert post_changes("delete", {"records": [{"_id": "lamp"}, {"_id": "bed"}]}) == {
                "status": {"code": 220, "text": "records deleted"},
                "statistics": {},
                "answer_count": 2,
                "answer_records": [{"_id": "lamp"}, {"_id": "bed"}],
                "skipped_records": [],
            }

    class TestOfAnUnknownRecord:
        def test_skips_it(self, post_changes: Post) -> None:
            assert post_changes("delete", {"records": [{"_id": "lamp"}, {"_id": "sofa"}]}) == {
                "status": {"code": 206, "text": "some of the records not found"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "lamp"}],
                "skipped_records": [
                    {
                        "_id": "sofa",
                        "_reason": {
                            "status": {"code": 404, "text": "records not found"},
                            "error_description": "there is no record with this _id",
                        },
                    }
                ],
            }

    class TestOfARecordWithoutId:
        def test_is_an_error(self, post_changes: Post) -> None:
            assert post_changes("delete", {"records": [{"price": 40}]}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "records[0]._id: an _id has to be a non-empty string",
                "answer_count": 0,
                "answer_records": [],
                "skipped_records": [
                    {
                        "_id": None,
                        "_reason": {
                            "status": {"code": 402, "text": "aborted by error"},
                            "error_description": "records[0]._id: an _id has to be a non-empty string",
                        },
                    }
                ],
            }


class TestFind:
    class TestWithAFilter:
        def test_answers_with_the_records_that_match_by_id(self, post: Post) -> None:
            assert post("find", {"filter": {"shop.city": "Oslo"}}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 2,
                "answer_records": [
                    {"_id": "desk", "price": 200, "shop": {"city": "Oslo"}},
                    {"_id": "lamp", "price": 40, "shop": {"city": "Oslo"}},
                ],
            }

        def test_answers_with_a_page_of_them(self, post: Post) -> None:
            body = {"filter": {"price": {"$gt": 0}}, "from": 1, "limit": 1, "fields_to_return": ["price"]}
            assert post("find", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "desk", "price": 200}],
            }

        def test_answers_with_nothing_where_none_matches(self, post: Post) -> None:
            assert post("find", {"filter": {"price": {"$lt": 0}}}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 0,
                "answer_records": [],
            }

    class TestWithAWrongFilter:
        def test_is_an_error_that_says_where(self, post: Post) -> None:
            assert post("find", {"filter": {"price": {"$in": 40}}}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "filter.price.$in: wants an array, not number",
            }


class TestRandom:
    class TestWithACount:
        def test_answers_with_no_more_records_than_there_are(self, post: Post) -> None:
            answer = post("random", {"count": 5, "fields_to_return": ["price"]})
            answer["answer_records"].sort(key=lambda record: record["_id"])
            assert answer == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 3,
                "answer_records": [
                    {"_id": "bed", "price": 300},
                    {"_id": "desk", "price": 200},
                    {"_id": "lamp", "price": 40},
                ],
            }

        def test_is_an_error_below_0(self, post: Post) -> None:
            assert post("random", {"count": -1}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "count: it has to be between 0 and 10000",
            }

    class TestWithAFilter:
        def test_answers_with_one_record_that_matches(self, post: Post) -> None:
            assert post("random", {"filter": {"price": {"$lt": 100}}}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "lamp", "price": 40, "shop": {"city": "Oslo"}}],
            }


class TestDeleteByFilter:
    class TestWithAFilter:
        def test_deletes_what_matches_and_answers_with_it(self, post_changes: Post) -> None:
            body = {"filter": {"shop.city": "Oslo"}, "fields_to_return": ["price"]}
            answer = post_changes("deleteByFilter", body)
            answer["answer_records"].sort(key=lambda record: record["_id"])
            assert answer == {
                "status": {"code": 220, "text": "records deleted"},
                "statistics": {},
                "answer_count": 2,
                "answer_records": [{"_id": "desk", "price": 200}, {"_id": "lamp", "price": 40}],
            }
            assert post_changes("getRecordCount")["answer_count"] == 1

    class TestWithAnEmptyFilter:
        def test_is_an_error_for_it_would_delete_everything(self, post_changes: Post) -> None:
            assert post_changes("deleteByFilter", {"filter": {}}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "filter: a filter that every record matches is refused here",
            }


class TestGetRecordCount:
    class TestOfACollection:
        def test_answers_with_the_number_of_its_records(self, post: Post) -> None:
            assert post("getRecordCount") == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 3,
            }

    class TestOfAnEmptyCollection:
        def test_is_0(self, new_collection: NewCollection) -> None:
            assert new_collection()("getRecordCount") == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 0,
            }


class TestAllRecords:
    class TestWithoutAPage:
        def test_answers_with_all_ids(self, post: Post) -> None:
            assert post("allRecords") == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 3,
                "answer_records": [{"_id": "bed"}, {"_id": "desk"}, {"_id": "lamp"}],
            }

        def test_shows_the_fields_to_return_of_what_matches(self, post: Post) -> None:
            body = {"filter": {"price": {"$gte": 200}}, "fields_to_return": ["_url", "price"]}
            assert post("allRecords", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 2,
                "answer_records": [
                    {"_id": "bed", "price": 300, "_url": "http://shop/bed.png"},
                    {"_id": "desk", "price": 200},
                ],
            }

    class TestByPages:
        def test_answers_with_the_address_of_the_next_one(self, post: Post) -> None:
            assert post("allRecords?size=2&page=1") == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 2,
                "answer_records": [{"_id": "bed"}, {"_id": "desk"}],
                "next": "/similarity/photos/v2/allRecords?size=2&page=2",
            }

        def test_ends_with_a_page_that_has_none(self, post: Post) -> None:
            assert post("allRecords?size=2&page=2") == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "lamp"}],
            }

        def test_is_an_error_with_a_file_to_be_written(self, post: Post) -> None:
            fault = "output_file_name: a page is not written to a file: leave it or size and page out"
            assert post("allRecords?size=2&page=1", {"output_file_name": "all.json"}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": fault,
            }
