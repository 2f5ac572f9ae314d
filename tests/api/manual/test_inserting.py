"""insert and nearDupsInsert."""

import pytest

from tests.api.manual.conftest import UUID, NewCollection, Post

HASH = "0123456789abcdef" * 4
HASH_4_BITS_OFF = "0123456789abcdef" * 3 + "0123456789abcde0"


@pytest.fixture
def post(new_collection: NewCollection) -> Post:
    """To a collection without records."""
    return new_collection()


@pytest.fixture
def post_to_lamps(new_collection: NewCollection) -> Post:
    return new_collection([{"_id": "lamp", "_vector": [1, 0, 0, 0], "_phash": HASH, "name": "lamp"}])


class TestInsert:
    class TestOfRecordsWithVectors:
        def test_goes_in_and_answers_with_the_ids(self, post: Post) -> None:
            body = {
                "records": [
                    {"_id": "a", "_vector": [1, 0, 0, 0], "price": 5},
                    {"_id": "b", "_vector": [0, 1, 0, 0]},
                ]
            }
            assert post("insert", body) == {
                "status": {"code": 210, "text": "records inserted"},
                "statistics": {},
                "answer_count": 2,
                "answer_records": [{"_id": "a"}, {"_id": "b"}],
                "skipped_records": [],
            }

        def test_makes_up_the_id_that_is_not_given(self, post: Post) -> None:
            assert post("insert", {"records": [{"_vector": [1, 0, 0, 0]}]}) == {
                "status": {"code": 210, "text": "records inserted"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": UUID}],
                "skipped_records": [],
            }

        def test_keeps_the_direction_of_a_vector_not_its_length(self, post: Post) -> None:
            body = {
                "records": [{"_id": "a", "_vector": [7, 7, 7, 7], "price": 5}],
                "fields_to_return": ["*", "_vector"],
            }
            assert post("insert", body) == {
                "status": {"code": 210, "text": "records inserted"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "a", "price": 5, "_vector": [0.5, 0.5, 0.5, 0.5]}],
                "skipped_records": [],
            }

    class TestOfAnIdThatIsTaken:
        def test_skips_it_and_inserts_the_others(self, post_to_lamps: Post) -> None:
            body = {
                "records": [{"_id": "lamp", "_vector": [0, 1, 0, 0]}, {"_id": "vase", "_vector": [0, 1, 0, 0]}]
            }
            assert post_to_lamps("insert", body) == {
                "status": {"code": 211, "text": "some records inserted"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "vase"}],
                "skipped_records": [
                    {
                        "_id": "lamp",
                        "_reason": {
                            "status": {"code": 211, "text": "record(s) duplicate"},
                            "error_description": "a record with this _id exists already",
                        },
                    }
                ],
            }

        def test_is_a_failure_where_no_other_goes_in(self, post_to_lamps: Post) -> None:
            assert post_to_lamps("insert", {"records": [{"_id": "lamp", "_vector": [0, 1, 0, 0]}]}) == {
                "status": {"code": 411, "text": "record duplicate"},
                "statistics": {},
                "error_description": "a record with this _id exists already",
                "answer_count": 0,
                "answer_records": [],
                "skipped_records": [
                    {
                        "_id": "lamp",
                        "_reason": {
                            "status": {"code": 211, "text": "record(s) duplicate"},
                            "error_description": "a record with this _id exists already",
                        },
                    }
                ],
            }

    class TestOfAFaultyRecord:
        def test_skips_it_and_says_where_the_fault_is(self, post: Post) -> None:
            fault = "records[0]._vector: the collection's vectors have dimension 4, not 2"
            body = {"records": [{"_id": "a", "_vector": [1, 0]}, {"_id": "b", "_vector": [1, 0, 0, 0]}]}
            assert post("insert", body) == {
                "status": {"code": 211, "text": "some records inserted"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "b"}],
                "skipped_records": [
                    {
                        "_id": "a",
                        "_reason": {
                            "status": {"code": 402, "text": "aborted by error"},
                            "error_description": fault,
                        },
                    }
                ],
            }

    class TestOfNoRecords:
        def test_is_an_error(self, post: Post) -> None:
            assert post("insert", {"records": []}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "records: it has to hold at least one record",
            }

    class TestBeyondTheCapacity:
        def test_inserts_nothing(self, new_collection: NewCollection) -> None:
            post = new_collection(capacity=1)
            body = {"records": [{"_id": "a", "_vector": [1, 0, 0, 0]}, {"_id": "b", "_vector": [0, 1, 0, 0]}]}
            assert post("insert", body) == {
                "status": {"code": 412, "text": "hard capacity exceeded"},
                "statistics": {},
                "error_description": "the collection holds 0 of at most 1 records, 2 more do not fit in",
            }


class TestNearDupsInsert:
    class TestOfWhatLooksLikeNothingYet:
        def test_goes_in_and_answers_with_the_whole_record(self, post_to_lamps: Post) -> None:
            body = {"records": [{"_id": "vase", "_vector": [0, 1, 0, 0], "name": "vase"}]}
            assert post_to_lamps("nearDupsInsert", body) == {
                "status": {"code": 210, "text": "records inserted"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "vase", "name": "vase"}],
                "skipped_records": [],
            }

    class TestOfACopy:
        def test_skips_it_and_names_its_original(self, post_to_lamps: Post) -> None:
            body = {
                "records": [
                    {"_id": "copy", "_vector": [0, 1, 0, 0], "_phash": HASH_4_BITS_OFF},
                    {"_id": "vase", "_vector": [0, 0, 1, 0]},
                ],
                "fields_to_return": ["name"],
            }
            assert post_to_lamps("nearDupsInsert", body) == {
                "status": {"code": 211, "text": "some records inserted"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "vase"}],
                "skipped_records": [
                    {
                        "_id": "copy",
                        "_reason": {
                            "status": {"code": 211, "text": "record(s) duplicate"},
                            "error_description": "a near duplicate of this record exists already",
                            "answer_records": [{"_id": "lamp", "name": "lamp"}],
                            "answer_distances": [0.645161],  # 5 · 4 / 31
                            "answer_signals": ["hash"],
                        },
                    }
                ],
            }

        def test_in_one_batch_is_one_of_the_earlier_record(self, post: Post) -> None:
            body = {"records": [{"_id": "a", "_vector": [1, 0, 0, 0]}, {"_id": "b", "_vector": [1, 0, 0, 0]}]}
            assert post("nearDupsInsert", body) == {
                "status": {"code": 211, "text": "some records inserted"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "a"}],
                "skipped_records": [
                    {
                        "_id": "b",
                        "_reason": {
                            "status": {"code": 211, "text": "record(s) duplicate"},
                            "error_description": "a near duplicate of this record comes earlier in this batch",
                            "answer_records": [{"_id": "a"}],
                            "answer_distances": [0.0],
                            "answer_signals": ["visual"],
                        },
                    }
                ],
            }

    class TestWithARadius:
        def test_skips_all_that_lies_within_it(self, post_to_lamps: Post) -> None:
            body = {"records": [{"_id": "shade", "_vector": [0.5, 0.5, 0.5, 0.5]}], "radius": 100}
            assert post_to_lamps("nearDupsInsert", body) == {
                "status": {"code": 411, "text": "record duplicate"},
                "statistics": {},
                "error_description": "a near duplicate of this record exists already",
                "answer_count": 0,
                "answer_records": [],
                "skipped_records": [
                    {
                        "_id": "shade",
                        "_reason": {
                            "status": {"code": 211, "text": "record(s) duplicate"},
                            "error_description": "a near duplicate of this record exists already",
                            "answer_records": [{"_id": "lamp", "name": "lamp"}],
                            "answer_distances": [100.0],
                            "answer_signals": ["visual"],
                        },
                    }
                ],
            }

        def test_refuses_one_that_no_two_vectors_have_between_them(self, post: Post) -> None:
            assert post("nearDupsInsert", {"records": [{"_vector": [1, 0, 0, 0]}], "radius": 201}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "radius: it has to be between 0 and 200",
            }
