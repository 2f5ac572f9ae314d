"""visualKNN, range and textKNN."""

from collections.abc import Callable, Iterator

import pytest

from app.services.runtime import Runtime
from app.settings import load_settings
from tests.api.manual.conftest import NewCollection, Post, new_collections
from tests.embedding.checkpoints import save_clip
from tests.service import Service

RECORDS = [
    {"_id": "bed", "_vector": [1, 0, 0, 0], "price": 300, "model": "A"},
    {"_id": "bench", "_vector": [0.5, 0.5, 0.5, 0.5], "price": 90, "model": "A"},
    {"_id": "chair", "_vector": [0, 1, 0, 0], "price": 50, "model": "B"},
    {"_id": "desk", "_vector": [-0.5, 0.5, 0.5, 0.5], "price": 200},
    {"_id": "lamp", "_vector": [-1, 0, 0, 0], "price": 40, "model": "B"},
]


@pytest.fixture(scope="module")
def post(new_collection: NewCollection) -> Post:
    """To a collection with RECORDS."""
    return new_collection(RECORDS)


@pytest.fixture(scope="module")
def post_to_texts(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[..., str], template: str
) -> Iterator[Post]:
    """To a collection of a tiny CLIP, in which "lamp" has the vector of this word and "dark" the opposite one."""
    model = str(save_clip(tmp_path_factory.mktemp("models") / "tiny-clip"))
    home = str(tmp_path_factory.mktemp("home"))
    settings = load_settings({"LOOKALIKE_HOME": home, "LOOKALIKE_MODEL": model})
    with Runtime(settings, new_database(template)) as runtime:
        (vector,) = runtime.models.get(model).embed_texts(["lamp"])
        records = [
            {"_id": "dark", "_vector": (-vector).tolist(), "price": 0},
            {"_id": "lamp", "_vector": vector.tolist(), "price": 40},
        ]
        yield new_collections(Service(runtime))(records, model=None, dimension=None)


class TestVisualKNN:
    class TestByTheIdOfARecord:
        def test_answers_with_the_nearest_itself_first(self, post: Post) -> None:
            assert post("visualKNN", {"query_record": {"_id": "bed"}, "k": 3}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "index", "exact": False, "estimated": 5},
                "answer_count": 3,
                "answer_records": [{"_id": "bed"}, {"_id": "bench"}, {"_id": "chair"}],
                "answer_distances": [0.0, 100.0, 141.421356],
            }

        def test_answers_with_a_page(self, post: Post) -> None:
            assert post("visualKNN", {"query_record": {"_id": "bed"}, "from": 3, "k": 3}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "index, then exact", "exact": False, "estimated": None},
                "answer_count": 2,
                "answer_records": [{"_id": "desk"}, {"_id": "lamp"}],
                "answer_distances": [173.205081, 200.0],
            }

        def test_is_an_error_for_an_unknown_one(self, post: Post) -> None:
            assert post("visualKNN", {"query_record": {"_id": "sofa"}}) == {
                "status": {"code": 403, "text": "wrong query record"},
                "statistics": {},
                "error_description": "query_record: there is no record with the _id 'sofa'",
            }

    class TestByAVector:
        def test_shows_the_fields_to_return(self, post: Post) -> None:
            body = {"query_record": {"_vector": [0, 3, 0, 0]}, "k": 2, "fields_to_return": ["price", "model"]}
            assert post("visualKNN", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "index", "exact": False, "estimated": 5},
                "answer_count": 2,
                "answer_records": [
                    {"_id": "chair", "price": 50, "model": "B"},
                    {"_id": "bench", "price": 90, "model": "A"},
                ],
                "answer_distances": [0.0, 100.0],
            }

        def test_puts_equal_distances_in_the_order_of_ids(self, post: Post) -> None:
            assert post("visualKNN", {"query_record": {"_vector": [0, 0, 0, 1]}, "k": 4}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "index, then exact", "exact": True, "estimated": 5},
                "answer_count": 4,
                "answer_records": [{"_id": "bench"}, {"_id": "desk"}, {"_id": "bed"}, {"_id": "chair"}],
                "answer_distances": [100.0, 100.0, 141.421356, 141.421356],
            }

        def test_is_an_error_for_one_of_another_length(self, post: Post) -> None:
            assert post("visualKNN", {"query_record": {"_vector": [1, 0]}}) == {
                "status": {"code": 403, "text": "wrong query record"},
                "statistics": {},
                "error_description": "query_record._vector: the collection's vectors have dimension 4, not 2",
            }

    class TestWithAFilter:
        def test_answers_with_the_nearest_that_match(self, post: Post) -> None:
            body = {"query_record": {"_id": "bed"}, "filter": {"price": {"$lte": 90}}, "k": 2}
            assert post("visualKNN", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "exact", "exact": True, "estimated": 3},
                "answer_count": 2,
                "answer_records": [{"_id": "bench"}, {"_id": "chair"}],
                "answer_distances": [100.0, 141.421356],
            }

    class TestWithAProductField:
        def test_answers_with_one_record_of_each_product_and_all_without_one(self, post: Post) -> None:
            body = {"query_record": {"_id": "bed"}, "product_field": "model", "fields_to_return": ["model"]}
            assert post("visualKNN", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "index, then exact", "exact": True, "estimated": None},
                "answer_count": 3,
                "answer_records": [{"_id": "bed", "model": "A"}, {"_id": "chair", "model": "B"}, {"_id": "desk"}],
                "answer_distances": [0.0, 141.421356, 173.205081],
            }

        def test_falls_back_on_the_collection_s_own(self, new_collection: NewCollection) -> None:
            post = new_collection(RECORDS, product_field="model")
            assert post("visualKNN", {"query_record": {"_id": "lamp"}}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "index, then exact", "exact": True, "estimated": None},
                "answer_count": 3,
                "answer_records": [{"_id": "lamp"}, {"_id": "desk"}, {"_id": "bench"}],
                "answer_distances": [0.0, 100.0, 173.205081],
            }

    class TestOfAPageTooFarOut:
        def test_is_an_error(self, post: Post) -> None:
            assert post("visualKNN", {"query_record": {"_id": "bed"}, "from": 9990, "k": 11}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "k: from + k may be at most 10000",
            }


class TestRange:
    class TestWithARadius:
        def test_answers_with_all_within_it_the_bound_included(self, post: Post) -> None:
            assert post("range", {"query_record": {"_id": "bed"}, "radius": 100}) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "index, then exact", "exact": True, "estimated": None},
                "answer_count": 2,
                "answer_records": [{"_id": "bed"}, {"_id": "bench"}],
                "answer_distances": [0.0, 100.0],
            }

        def test_answers_with_what_matches_a_filter(self, post: Post) -> None:
            body = {
                "query_record": {"_vector": [1, 0, 0, 0]},
                "radius": 180,
                "filter": {"price": {"$lt": 300}},
                "product_field": "model",
                "fields_to_return": ["price"],
            }
            assert post("range", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "exact", "exact": True, "estimated": 4},
                "answer_count": 3,
                "answer_records": [
                    {"_id": "bench", "price": 90},
                    {"_id": "chair", "price": 50},
                    {"_id": "desk", "price": 200},
                ],
                "answer_distances": [100.0, 141.421356, 173.205081],
            }

    class TestWithoutARadius:
        def test_is_an_error(self, post: Post) -> None:
            assert post("range", {"query_record": {"_id": "bed"}}) == {
                "status": {"code": 402, "text": "aborted by error"},
                "statistics": {},
                "error_description": "radius: this field is missing",
            }


class TestTextKNN:
    class TestWithAModelThatEmbedsTexts:
        def test_answers_with_what_is_nearest_to_the_text(self, post_to_texts: Post) -> None:
            assert post_to_texts(
                "textKNN", {"query_record": {"_text_data": "lamp"}, "fields_to_return": ["price"]}
            ) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "index, then exact", "exact": True, "estimated": 2},
                "answer_count": 2,
                "answer_records": [{"_id": "lamp", "price": 40}, {"_id": "dark", "price": 0}],
                "answer_distances": pytest.approx([0, 200], abs=0.05),
            }

        def test_takes_a_page_and_a_filter(self, post_to_texts: Post) -> None:
            body = {"query_record": {"_text_data": "lamp"}, "k": 1, "filter": {"price": {"$lt": 40}}}
            assert post_to_texts("textKNN", body) == {
                "status": {"code": 200, "text": "OK"},
                "statistics": {"strategy": "exact", "exact": True, "estimated": 1},
                "answer_count": 1,
                "answer_records": [{"_id": "dark"}],
                "answer_distances": pytest.approx([200], abs=0.05),
            }

        def test_is_an_error_without_a_text(self, post_to_texts: Post) -> None:
            assert post_to_texts("textKNN", {"query_record": {"_id": "lamp"}}) == {
                "status": {"code": 403, "text": "wrong query record"},
                "statistics": {},
                "error_description": "query_record: it needs a text, _text_data",
            }

    class TestOfVectorsFromOutside:
        def test_is_an_error(self, post: Post) -> None:
            fault = "query_record: this collection takes vectors from outside: only a _vector can be sent"
            assert post("textKNN", {"query_record": {"_text_data": "lamp"}}) == {
                "status": {"code": 403, "text": "wrong query record"},
                "statistics": {},
                "error_description": fault,
            }
