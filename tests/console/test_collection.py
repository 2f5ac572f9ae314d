"""A collection at a glance, its indexes, and the search for its duplicates."""

import math
import time

import orjson
import pytest

from app.db.database import advisory_lock
from app.db.near_duplicate_runs import lock_name
from app.services.access import resolve_access
from app.services.duplicates.background_runs import run_progress
from app.services.duplicates.runs import find_duplicates
from tests.console.test_record import UGLY
from tests.console.visitor import Visitor
from tests.service import Service, ids, picture_base64


@pytest.fixture
def shop(service: Service) -> Visitor:
    """A collection with a pair of copies among thirty records, and prices."""
    service.use_vectors(2)
    vectors = [[math.cos(n / 10), math.sin(n / 10)] for n in range(30)]
    records = [
        {"_id": f"r{n}", "_vector": vector, "price": n / 2, "name": f"N{n}"} for n, vector in enumerate(vectors)
    ]
    service.call("insert", records=[*records, {"_id": "twin", "_vector": vectors[1]}])
    return Visitor(service)


def settled(visitor: Visitor) -> str:
    """The page's part about runs once none is at work."""
    for _ in range(300):
        part = visitor.get("collection/run", partial=True).text
        if "hx-trigger" not in part:
            return part
        time.sleep(0.1)
    raise AssertionError(part)


def test_it_tells_how_large_it_is_and_how_its_indexes_stand(shop: Visitor) -> None:
    page = shop.get("collection").text
    assert "<strong>31</strong> records" in page
    assert "about" not in page.partition("<strong>31")[0][-200:]
    assert '<span class="good">built</span>' in page
    assert "30 different numbers" in page
    assert "30 different texts" in page


def test_an_empty_collection(service: Service) -> None:
    service.use_vectors()
    page = Visitor(service).get("collection").text
    assert "<strong>0</strong> records" in page
    assert "have not been compared" in page
    assert "Suggested" not in page


def test_an_index_is_made_and_dropped(shop: Visitor) -> None:
    shop.post("collection/index", attribute="price", code=303)
    for _ in range(100):
        page = shop.get("collection").text
        if '<span class="good">ready</span>' in page:
            break
        time.sleep(0.1)
    else:
        raise AssertionError(page)
    assert 'value="price"><button class="quiet" aria-label="Make' not in page
    shop.post("collection/index/drop", attribute="price", code=303)
    assert "ready" not in shop.get("collection").text
    assert "no index on this" in shop.post("collection/index/drop", attribute="price", code=400).text
    assert shop.post("collection/index", attribute="", code=400)


def test_a_run_finds_the_pairs_and_says_so(shop: Visitor) -> None:
    shop.post("collection/run", radius="1", code=303)
    part = settled(shop)
    assert "<strong>1</strong> pair of" in part
    assert "Within 1," in part
    assert "Compare what is new" in shop.get("collection").text
    assert "a number from" in shop.post("collection/run", radius="1000", code=400).text.lower()


def test_a_second_run_is_refused_wherever_the_first_is(shop: Visitor) -> None:
    collection = shop.service.collection
    assert collection is not None
    with advisory_lock(shop.service.runtime.database, lock_name(collection)):
        assert "being compared already" in shop.post("collection/run", radius="5", code=409).text
        assert "Comparing all records" in shop.get("collection").text
    assert "Comparing all records" not in settled(shop)


def test_how_far_a_run_has_come_is_seen_while_it_is_at_work(shop: Visitor) -> None:
    service, seen = shop.service, []
    assert service.collection is not None
    access = resolve_access(
        service.runtime, service.token, collection_id=str(service.collection.id), collection_name=None
    )
    find_duplicates(
        service.runtime,
        service.collection,
        radius=5,
        report=lambda done, total: seen.append((run_progress(service.runtime, access), done, total)),
    )
    assert [(progress.at_work, progress.done, progress.total) for progress, _, _ in seen][:1] == [
        (True, seen[0][1], seen[0][2])
    ]
    assert "<strong>1</strong> pair of" in settled(shop)


def test_a_run_that_failed_says_why(shop: Visitor, monkeypatch) -> None:
    monkeypatch.setattr("app.services.duplicates.runs.MAX_PAIRS", 0)
    shop.post("collection/run", radius="5", code=303)
    assert "has more than 0 pairs" in settled(shop)
    monkeypatch.setattr("app.services.duplicates.runs.MAX_PAIRS", 10)
    shop.post("collection/run", radius="5", code=303)
    assert "failed" not in settled(shop)


def test_the_service_ends_while_a_run_is_at_work(shop: Visitor) -> None:
    """The run stops, and is taken up by the next one."""
    runtime = shop.service.runtime
    shop.post("collection/run", radius="5", code=303)
    runtime.background.close()
    assert "failed" not in settled(shop)


def test_an_export_can_be_imported(shop: Visitor) -> None:
    answer = shop.get("export")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    lines = [orjson.loads(line) for line in answer.data.splitlines()]
    assert len(lines) == 31
    assert lines[0]["_id"] == "r0"
    shop.service.use_vectors(2)
    assert shop.service.call("insert", records=lines)["status"]["code"] == 210


def test_names_from_outside_are_shown_as_text(service: Service) -> None:
    name = UGLY.replace("\u202e", "")
    service.use(name, model="vectors", dimension=2)
    service.call(
        "insert",
        records=[{"_id": str(n), "_vector": [1, n], name.replace(".", ""): n} for n in range(30)],
    )
    page = Visitor(service).get("collection").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert page.count("&lt;script&gt;alert(1)") > 2


def test_a_read_only_token_sees_nothing_that_writes(shop: Visitor) -> None:
    reader = Visitor(shop.service, token=shop.service.new_token(read_only=True))
    page = reader.get("collection").text
    assert page.count('method="post"') == 1  # signing out
    assert "Export" in page
    assert "read-only" in reader.get("import").text
    assert 'type="file"' not in reader.get("import").text
    assert len(reader.get("export").data.splitlines()) == 31


def test_copies_of_pictures_are_found_from_the_page(service: Service) -> None:
    service.use(model="efficientnet-lite0")
    pictures = {"a": "red", "b": "red", "c": "blue"}
    service.call(
        "insert", records=[{"_id": id, "_base64": picture_base64(colour)} for id, colour in pictures.items()]
    )
    visitor = Visitor(service)
    visitor.post("collection/run", radius="5", partial=True)
    assert "<strong>1</strong> pair of" in settled(visitor)
    assert ids(service.call("get", records=[{"_id": "a"}])) == ["a"]
