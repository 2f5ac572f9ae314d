"""visualKNNMulti, visualTagsKNN, visualTagsKNNMulti and visualRankRecords."""

import pytest

from tests.api.manual.conftest import UUID, NewCollection, Post

RECORDS = [
    {"_id": "bed", "_vector": [1, 0, 0, 0], "price": 300, "tags": ["oak", "white"]},
    {"_id": "bench", "_vector": [0.5, 0.5, 0.5, 0.5], "price": 90, "tags": ["oak"]},
    {"_id": "chair", "_vector": [0, 1, 0, 0], "price": 50, "tags": ["white", "oak"]},
    {"_id": "lamp", "_vector": [-1, 0, 0, 0], "price": 40},
]


@pytest.fixture(scope="module")
def post(new_collection: NewCollection) -> Post:
    """To a collection with RECORDS."""
    return new_collection(RECORDS)


class TestVisualKNNMulti:
    class TestOfSeveralRecords:
        def test_answers_in_the_order_of_the_average_distance(self, post: Post) -> None:
            assert post("visualKNNMulti", {"query_records": [{"_id": "bed"}, {"_id": "lamp"}]}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "exact", "exact": True, "estimated": 4},
                "answer_count": 4,
                "answer_records": [{"_id": "bed"}, {"_id": "lamp"}, {"_id": "bench"}, {"_id": "chair"}],
                "answer_distances": [100.0, 100.0, 136.60254, 141.421356],
            }

        def test_takes_a_page_a_filter_and_fields_to_return(self, post: Post) -> None:
            body = {
                "query_records": [{"_id": "bed"}, {"_vector": [0, 1, 0, 0]}],
                "aggregation": "max",
                "from": 1,
                "k": 2,
                "filter": {"price": {"$gte": 50}},
                "fields_to_return": ["price"],
            }
            assert post("visualKNNMulti", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "exact", "exact": True, "estimated": 3},
                "answer_count": 2,
                "answer_records": [{"_id": "bed", "price": 300}, {"_id": "chair", "price": 50}],
                "answer_distances": [141.421356, 141.421356],
            }

    class TestWithWeights:
        def test_answers_with_what_is_like_the_one_and_unlike_the_other(self, post: Post) -> None:
            # (distance to the chair − distance to the bed / 2) / 1.5, which may be negative
            body = {"query_records": [{"_id": "chair"}, {"_id": "bed", "_weight": -0.5}]}
            assert post("visualKNNMulti", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "exact", "exact": True, "estimated": 4},
                "answer_count": 4,
                "answer_records": [{"_id": "chair"}, {"_id": "lamp"}, {"_id": "bench"}, {"_id": "bed"}],
                "answer_distances": [-47.140452, 27.614237, 33.333333, 94.280904],
            }

        def test_refuses_them_with_another_aggregation(self, post: Post) -> None:
            body = {"query_records": [{"_id": "bed"}, {"_id": "lamp", "_weight": 2}], "aggregation": "min"}
            assert post("visualKNNMulti", body) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "aggregation: weights belong to the average: with 'min' each has to be 1",
            }

    class TestWithTheLeastDistance:
        def test_answers_first_with_what_resembles_any_of_them(self, post: Post) -> None:
            body = {"query_records": [{"_id": "bed"}, {"_id": "lamp"}], "aggregation": "min"}
            assert post("visualKNNMulti", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "exact", "exact": True, "estimated": 4},
                "answer_count": 4,
                "answer_records": [{"_id": "bed"}, {"_id": "lamp"}, {"_id": "bench"}, {"_id": "chair"}],
                "answer_distances": [0.0, 0.0, 100.0, 141.421356],
            }

    class TestWithAnUnknownRecordAmongThem:
        def test_is_an_error(self, post: Post) -> None:
            assert post("visualKNNMulti", {"query_records": [{"_id": "bed"}, {"_id": "sofa"}]}) == {
                "status": {"code": 403, "text": "wrong query record"},
                "statistics": {},
                "error_description": "query_records[1]: there is no record with the _id 'sofa'",
            }


class TestVisualTagsKNN:
    class TestByARecordWithTags:
        def test_weighs_looks_and_tags_alike(self, post: Post) -> None:
            # (visual + 141.4 · (1 − common tags / all tags)) / 2
            assert post("visualTagsKNN", {"query_record": {"_id": "bed"}}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "exact", "exact": True, "estimated": 4},
                "answer_count": 4,
                "answer_records": [{"_id": "bed"}, {"_id": "chair"}, {"_id": "bench"}, {"_id": "lamp"}],
                "answer_distances": [0.0, 70.710678, 85.35, 170.7],
            }

        def test_goes_by_the_tags_alone_at_weight_1(self, post: Post) -> None:
            body = {"query_record": {"_id": "bed"}, "tags_weight": 1, "k": 3, "fields_to_return": ["tags"]}
            assert post("visualTagsKNN", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "exact", "exact": True, "estimated": 4},
                "answer_count": 3,
                "answer_records": [
                    {"_id": "bed", "tags": ["oak", "white"]},
                    {"_id": "chair", "tags": ["white", "oak"]},
                    {"_id": "bench", "tags": ["oak"]},
                ],
                "answer_distances": [0.0, 0.0, 70.7],
            }

    class TestByAVectorAndTags:
        def test_answers_with_a_page_of_what_matches_the_filter(self, post: Post) -> None:
            body = {
                "query_record": {"_vector": [0, 1, 0, 0], "tags": ["oak"]},
                "filter": {"price": {"$lt": 300}},
                "from": 1,
                "k": 1,
            }
            assert post("visualTagsKNN", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "exact", "exact": True, "estimated": 3},
                "answer_count": 1,
                "answer_records": [{"_id": "bench"}],
                "answer_distances": [50.0],
            }

    class TestWithAWeightBeyond1:
        def test_is_an_error(self, post: Post) -> None:
            assert post("visualTagsKNN", {"query_record": {"_id": "bed"}, "tags_weight": 1.5}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "tags_weight: it has to be between 0 and 1",
            }


class TestVisualTagsKNNMulti:
    class TestOfSeveralRecords:
        def test_gives_each_its_own_tags(self, post: Post) -> None:
            # The chair: as far from the bed as above, 70.710678; from the bench (100 + 70.7) / 2.
            body = {"query_records": [{"_id": "bed"}, {"_id": "bench"}], "k": 3}
            assert post("visualTagsKNNMulti", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "exact", "exact": True, "estimated": 4},
                "answer_count": 3,
                "answer_records": [{"_id": "bed"}, {"_id": "bench"}, {"_id": "chair"}],
                "answer_distances": [42.675, 42.675, 78.030339],
            }

        def test_takes_an_aggregation_a_weight_a_filter_and_fields(self, post: Post) -> None:
            body = {
                "query_records": [{"_id": "bed"}, {"_id": "lamp"}],
                "aggregation": "min",
                "tags_weight": 1,
                "filter": {"tags": "oak"},
                "fields_to_return": ["price"],
                "k": 1,
            }
            assert post("visualTagsKNNMulti", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "exact", "exact": True, "estimated": 3},
                "answer_count": 1,
                "answer_records": [{"_id": "bed", "price": 300}],
                "answer_distances": [0.0],
            }

    class TestWithAnUnknownAggregation:
        def test_is_an_error(self, post: Post) -> None:
            assert post("visualTagsKNNMulti", {"query_records": [{"_id": "bed"}], "aggregation": "median"}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "aggregation: it has to be one of 'avg', 'min', 'max'",
            }


class TestVisualRankRecords:
    class TestOfRecordsOfTheCollection:
        def test_answers_with_them_nearest_first_and_where_they_stood(self, post: Post) -> None:
            body = {
                "query_record": {"_id": "bed"},
                "records": [{"_id": "lamp"}, {"_id": "bench"}, {"_id": "chair"}],
                "fields_to_return": ["price"],
            }
            assert post("visualRankRecords", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 3,
                "answer_records": [
                    {"_id": "bench", "price": 90},
                    {"_id": "chair", "price": 50},
                    {"_id": "lamp", "price": 40},
                ],
                "answer_distances": [100.0, 141.421356, 200.0],
                "answer_positions": [1, 2, 0],
                "skipped_records": [],
            }

    class TestOfRecordsFromOutside:
        def test_ranks_them_too_and_makes_up_their_ids(self, post: Post) -> None:
            body = {
                "query_record": {"_vector": [1, 0, 0, 0]},
                "records": [{"_vector": [0, 0, 1, 0]}, {"_id": "bench"}],
            }
            assert post("visualRankRecords", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 2,
                "answer_records": [{"_id": "bench"}, {"_id": UUID}],
                "answer_distances": [100.0, 141.421356],
                "answer_positions": [1, 0],
                "skipped_records": [],
            }

    class TestOfAnUnknownRecord:
        def test_skips_it(self, post: Post) -> None:
            body = {"query_record": {"_id": "bed"}, "records": [{"_id": "sofa"}, {"_id": "bench"}]}
            assert post("visualRankRecords", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {},
                "answer_count": 1,
                "answer_records": [{"_id": "bench"}],
                "answer_distances": [100.0],
                "answer_positions": [1],
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

    class TestByAnUnknownRecord:
        def test_is_an_error(self, post: Post) -> None:
            assert post("visualRankRecords", {"query_record": {"_id": "sofa"}, "records": [{"_id": "bed"}]}) == {
                "status": {"code": 403, "text": "wrong query record"},
                "statistics": {},
                "error_description": "query_record: there is no record with the _id 'sofa'",
            }
