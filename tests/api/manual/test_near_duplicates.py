"""nearDuplicates and allNearDupPairs."""

import pytest

from tests.api.manual.conftest import NewCollection, Post

HASH = "0123456789abcdef" * 4
HASH_31_BITS_OFF = "fedcba9" + "789abcdef" + "0123456789abcdef" * 2 + "0123456789abcde8"

RECORDS = [
    {"_id": "bed", "_vector": [1, 0, 0, 0], "_phash": HASH, "shop": 1},
    {"_id": "bench", "_vector": [0.5, 0.5, 0.5, 0.5], "shop": 1},
    {"_id": "copy", "_vector": [0, 1, 0, 0], "_phash": HASH_31_BITS_OFF, "shop": 2},
    {"_id": "twin", "_vector": [1, 0, 0, 0], "shop": 2},
]


@pytest.fixture(scope="module")
def post(new_collection: NewCollection) -> Post:
    """To a collection with RECORDS."""
    return new_collection(RECORDS)


class TestNearDuplicates:
    class TestByTheIdOfARecord:
        def test_answers_with_its_copies_by_looks_and_by_hash_itself_included(self, post: Post) -> None:
            assert post("nearDuplicates", {"query_record": {"_id": "bed"}}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 3,
                "answer_records": [
                    {"_id": "bed", "shop": 1},
                    {"_id": "twin", "shop": 2},
                    {"_id": "copy", "shop": 2},
                ],
                "answer_distances": [0.0, 0.0, 5.0],  # 5 · 31 / 31
                "answer_signals": ["both", "visual", "hash"],
            }

        def test_is_an_error_for_an_unknown_one(self, post: Post) -> None:
            assert post("nearDuplicates", {"query_record": {"_id": "sofa"}}) == {
                "status": {"code": 403, "text": "wrong query record"},
                "statistics": {},
                "error_description": "query_record: there is no record with the _id 'sofa'",
            }

    class TestWithARadius:
        def test_answers_with_what_lies_within_it(self, post: Post) -> None:
            body = {"query_record": {"_vector": [1, 0, 0, 0]}, "radius": 100, "fields_to_return": ["_id"]}
            assert post("nearDuplicates", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 3,
                "answer_records": [{"_id": "bed"}, {"_id": "twin"}, {"_id": "bench"}],
                "answer_distances": [0.0, 0.0, 100.0],
                "answer_signals": ["visual", "visual", "visual"],
            }

    class TestWithAFilter:
        def test_answers_with_those_that_match(self, post: Post) -> None:
            body = {"query_record": {"_id": "bed"}, "filter": {"shop": 2}, "fields_to_return": ["_id"]}
            assert post("nearDuplicates", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 2,
                "answer_records": [{"_id": "twin"}, {"_id": "copy"}],
                "answer_distances": [0.0, 5.0],
                "answer_signals": ["visual", "hash"],
            }


class TestAllNearDupPairs:
    class TestOfACollection:
        def test_answers_with_each_pair_once_nearest_first(self, post: Post) -> None:
            assert post("allNearDupPairs") == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 2,
                "answer_records": [[{"_id": "bed"}, {"_id": "twin"}], [{"_id": "bed"}, {"_id": "copy"}]],
                "answer_distances": [0.0, 5.0],
                "answer_signals": ["visual", "hash"],
            }

        def test_answers_with_a_page(self, post: Post) -> None:
            body = {"radius": 100, "from": 2, "k": 1, "fields_to_return": ["shop"]}
            assert post("allNearDupPairs", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [[{"_id": "bed", "shop": 1}, {"_id": "bench", "shop": 1}]],
                "answer_distances": [100.0],
                "answer_signals": ["visual"],
            }

    class TestWithAFilter:
        def test_answers_with_the_pairs_of_which_both_match(self, post: Post) -> None:
            assert post("allNearDupPairs", {"radius": 100, "filter": {"shop": 1}}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [[{"_id": "bed"}, {"_id": "bench"}]],
                "answer_distances": [100.0],
                "answer_signals": ["visual"],
            }

    class TestOfAPageTooLong:
        def test_is_an_error(self, post: Post) -> None:
            assert post("allNearDupPairs", {"k": 10001}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "k: it has to be between 0 and 10000",
            }


class TestNearDupVerdict:
    @pytest.fixture
    def post(self, new_collection: NewCollection) -> Post:
        """To a collection of one's own, as verdicts stay."""
        return new_collection(RECORDS)

    class TestDifferent:
        def test_takes_the_pair_out_of_the_answers(self, post: Post) -> None:
            body = {"records": [{"_id": "bed"}, {"_id": "copy"}], "verdict": "different"}
            assert post("nearDupVerdict", body) == {
                "status": {"code": 205, "text": "records found"},
                "statistics": {},
                "answer_count": 2,
                "answer_records": [{"_id": "bed"}, {"_id": "copy"}],
                "skipped_records": [],
                "pair_count": 1,
            }
            assert post("nearDuplicates", {"query_record": {"_id": "copy"}, "fields_to_return": ["_id"]}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "copy"}],
                "answer_distances": [0.0],
                "answer_signals": ["both"],
            }

    class TestNull:
        def test_takes_a_verdict_back(self, post: Post) -> None:
            pair = [{"_id": "bed"}, {"_id": "copy"}]
            post("nearDupVerdict", {"records": pair, "verdict": "different"})
            assert post("nearDupVerdict", {"records": pair, "verdict": None}) == {
                "status": {"code": 205, "text": "records found"},
                "statistics": {},
                "answer_count": 2,
                "answer_records": [{"_id": "bed"}, {"_id": "copy"}],
                "skipped_records": [],
                "pair_count": 1,
            }

    class TestWithoutAVerdict:
        def test_is_an_error(self, post: Post) -> None:
            assert post("nearDupVerdict", {"records": [{"_id": "bed"}, {"_id": "copy"}]}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "verdict: this field is missing",
            }
