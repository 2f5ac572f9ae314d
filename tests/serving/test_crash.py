"""kill -9 of the master in the middle of inserts.

Its workers end with it; what was acknowledged is there afterwards, and the next start works.
"""

import threading
from collections.abc import Callable

import psutil
import requests

from tests.serving.clients import workers_of
from tests.serving.conftest import Server


def test_no_acknowledged_record_is_lost(new_server: Callable[..., Server]) -> None:
    server = new_server(model="vectors", dimension=16)
    acknowledged: list[str] = []
    enough = threading.Event()

    def insert(writer: int) -> None:
        number = 0
        while True:
            batch = [
                {"_id": f"{writer}-{number}-{n}", "_vector": [1.0, n, writer, *[0.5] * 13]} for n in range(20)
            ]
            try:
                answer = server.post("insert", records=batch)
            except requests.RequestException:
                return
            acknowledged.extend(record["_id"] for record in answer["answer_records"])  # type: ignore[attr-defined]
            number += 1
            if number == 5:
                enough.set()

    writers = [threading.Thread(target=insert, args=[writer]) for writer in range(4)]
    for writer in writers:
        writer.start()
    assert enough.wait(120)
    workers = workers_of(server)
    assert len(workers) == 1
    server.kill()
    # In no time; a machine may be busy.
    assert psutil.wait_procs(workers, timeout=5)[1] == []
    for writer in writers:
        writer.join()

    server.start()
    asked = [{"_id": id} for id in acknowledged]
    assert server.post("get", records=asked, fields_to_return=["_id"])["status"] == {
        "code": 205,
        "text": "records found",
    }
    count = server.post("getRecordCount")["answer_count"]
    assert isinstance(count, int)
    # Batches are all or nothing: besides the acknowledged ones at most one batch of each writer had got through.
    assert count % 20 == 0
    assert len(acknowledged) <= count <= len(acknowledged) + 4 * 20
    found = server.post("visualKNN", query_record={"_id": acknowledged[0]}, k=count)
    assert found["answer_count"] == count
