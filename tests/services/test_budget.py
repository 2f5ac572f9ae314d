"""What one call may spend, who may embed at a time, and what becomes of work that nobody waits for."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.domain.collection import Collection
from app.domain.errors import BudgetExceeded, RequestAbandoned, TooBusy
from app.domain.record import IncomingRecord
from app.services.admission import Admission
from app.services.budget import current_call, within_budget
from app.services.embedding import CHUNK, Embedded, embed_records
from app.services.runtime import Runtime
from tests.service import Service, ids, picture_base64
from tests.silent_host import SilentHost, silent_host

GENEROUS = 30.0
"""Seconds, on a machine that has much else to do."""


@pytest.fixture
def silent() -> Iterator[SilentHost]:
    with silent_host() as host:
        yield host


def reasons_of(answer: dict[str, Any]) -> dict[str, str]:
    return {skip["_id"]: skip["_reason"]["error_description"] for skip in answer["skipped_records"]}


class TestOneSecond:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "LOOKALIKE_REQUEST_SECONDS": "1"}

    def test_what_is_not_reached_is_skipped_and_the_rest_goes_in(
        self, service: Service, silent: SilentHost
    ) -> None:
        service.use()
        service.runtime.models.get("efficientnet-lite0")
        good = {"_id": "good", "_base64": picture_base64()}
        slow = [{"_id": f"s{n}", "_url": silent.url(n)} for n in range(500)]
        late = {"_id": "late", "_base64": picture_base64("blue")}
        vector = {"_id": "vector", "_vector": [1.0] * 1280}
        begun = time.monotonic()
        answer = service.call("insert", records=[good, *slow, late, vector])
        assert time.monotonic() - begun < GENEROUS
        assert (answer["status"]["code"], ids(answer)) == (211, ["good", "vector"])
        skipped = reasons_of(answer)
        assert len(skipped) == 501
        assert "the 1 seconds of one request were over" in skipped["late"]
        assert "send it again" in skipped["s499"]
        silent.wait_for(open=0)
        assert 0 < silent.accepted <= 2 * CHUNK
        assert service.send("GET", "/account/v2/details/")["credits_counter"] == 1

    def test_a_query(self, service: Service, silent: SilentHost) -> None:
        service.use()
        answer = service.call("visualKNN", query_record={"_url": silent.url(1)})
        assert answer["status"] == {"code": 403, "text": "wrong query record"}
        assert "the time that was left" in answer["error_description"]


class TestLittle:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        little = {"URLS": "2", "BYTES": "2000", "PIXELS": "20000"}
        return {**environment, **{f"LOOKALIKE_REQUEST_{name}": most for name, most in little.items()}}

    def test_pixels(self, service: Service) -> None:
        """Which of them come first is the decoders' business."""
        service.use()
        records = [{"_id": str(n), "_base64": picture_base64((n, 0, 0), (80, 80))} for n in range(10)]
        answer = service.call("insert", records=records)
        assert len(ids(answer)) == 3
        assert all("20,000 pixels" in reason for reason in reasons_of(answer).values())

    def test_urls(self, service: Service) -> None:
        service.use()
        records = [{"_id": str(n), "_url": f"http://127.0.0.1:1/{n}"} for n in range(4)]
        skipped = reasons_of(service.call("insert", records=records))
        assert ["2 URLs" in skipped[str(n)] for n in range(4)] == [False, False, True, True]

    def test_bytes(self, runtime: Runtime, service: Service) -> None:
        with within_budget(runtime, service.use().account_id, lambda: False):
            budget = current_call().budget
            budget.take_bytes(1500)
            with pytest.raises(BudgetExceeded, match="2,000 bytes"):
                budget.take_bytes(501)
        # Outside of a call nothing is counted.
        current_call().budget.take_bytes(10**12)


def test_work_ends_with_its_client(runtime: Runtime, service: Service, silent: SilentHost) -> None:
    collection = service.use()
    gone = threading.Event()

    records = [IncomingRecord(str(n), {}, url=silent.url(n)) for n in range(2000)]

    def insert() -> None:
        with within_budget(runtime, collection.account_id, gone.is_set):
            list(embed_records(runtime, collection, records))

    with ThreadPoolExecutor(1) as threads:
        inserting = threads.submit(insert)
        silent.wait_for(open=12, accepted=12)
        gone.set()
        assert isinstance(inserting.exception(GENEROUS), RequestAbandoned)
        silent.wait_for(open=0)
    assert silent.accepted == 12
    ends = time.monotonic() + GENEROUS
    while runtime.fetch_turns.load:
        assert time.monotonic() < ends
    with within_budget(runtime, collection.account_id, lambda: False):
        (outcome,) = embed_records(runtime, collection, [IncomingRecord("a", {}, base64=picture_base64())])
    assert isinstance(outcome, Embedded)


def test_one_account_does_not_keep_another_waiting(runtime: Runtime, service: Service, silent: SilentHost) -> None:
    """Big inserts of slow URLs by one, a picture by another: the latter goes through at once."""
    attacked = service.use()
    other = service.use("other", account=service.new_account("other@example.com"))
    gone = threading.Event()

    def insert(collection: Collection, count: int) -> None:
        records = [IncomingRecord(str(n), {}, url=silent.url(n)) for n in range(count)]
        with within_budget(runtime, collection.account_id, gone.is_set), pytest.raises(RequestAbandoned):
            list(embed_records(runtime, collection, records))

    with ThreadPoolExecutor(5) as threads:
        calls = [threads.submit(insert, attacked, 500) for _ in range(4)]
        try:
            silent.wait_for(open=12, accepted=12)
            calls.append(threads.submit(insert, other, 1))
            # Its own turn came beside theirs.
            silent.wait_for(open=13, accepted=13)
        finally:
            gone.set()
        for each in calls:
            each.result(GENEROUS)


def test_calls_that_embed_leave_threads_to_the_others() -> None:
    admission = Admission(16)
    assert (admission.most, admission.most_each) == (14, 10)
    for _ in range(10):
        admission.enter("a")
    with pytest.raises(TooBusy, match="10 calls of this account"):
        admission.enter("a")
    for _ in range(4):
        admission.enter("b")
    with pytest.raises(TooBusy, match="as many calls"):
        admission.enter("c")
    admission.leave("a")
    admission.enter("c")
    assert [Admission(n).most for n in (1, 2, 3, 4)] == [1, 1, 1, 2]
    assert Admission(16, each=3).most_each == 3


class TestFewThreads:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "LOOKALIKE_THREADS": "3"}

    def test_who_comes_too_much_is_told_at_once_and_searches_go_on(
        self, service: Service, runtime: Runtime, silent: SilentHost
    ) -> None:
        collection = service.use()
        service.call("insert", records=[{"_id": "a", "_base64": picture_base64()}])
        with within_budget(runtime, collection.account_id, lambda: False):
            current_call().begin_embedding()
            for method, body in (
                ("insert", {"records": [{"_base64": picture_base64("blue")}]}),
                ("visualKNN", {"query_record": {"_base64": picture_base64("blue")}}),
            ):
                answer = service.call(method, **body)
                assert answer["status"] == {"code": 503, "text": "too busy"}
            response = service.client.post(
                "/similarity/photos/v2/insert",
                json={"records": [{"_base64": picture_base64("blue")}]},
                headers=service.headers(),
            )
            assert response.headers["Retry-After"] == "2"
            assert ids(service.call("visualKNN", query_record={"_id": "a"})) == ["a"]
            vector = {"_id": "b", "_vector": [1.0] * 1280}
            assert service.call("insert", records=[vector])["status"]["code"] == 210
        assert service.call("insert", records=[{"_base64": picture_base64("blue")}])["status"]["code"] == 210
        assert service.send("GET", "/account/v2/details/")["credits_counter"] == 2
