"""Metrics of a running server, over all of its workers."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from flask import Response
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

from app.db.measures import Measure
from app.domain.errors import ConfigurationError, DatabaseUnavailable
from app.services.operating.measures import measure_database
from app.services.runtime import Runtime
from app.serving.metrics import METRICS, Kind
from app.serving.metrics_folder import MetricsFolder
from app.serving.metrics_page import SECONDS as SECONDS_KEPT
from app.serving.metrics_page import MetricsPage
from app.serving.server import _measured_at
from app.serving.site import create_site
from app.settings import load_settings
from tests.service import PHOTOS, Service
from tests.serving.conftest import Server, free_port

PORT = free_port()
SECONDS = 60


@pytest.fixture(scope="module")
def server(new_server: Callable[..., Server]) -> Server:
    return new_server(
        model="vectors",
        dimension=3,
        LOOKALIKE_METRICS=f"127.0.0.1:{PORT}",
        LOOKALIKE_WORKERS="2",
        LOOKALIKE_LOG="json",
        LOOKALIKE_LOG_LEVEL="warning",
    )


def scrape() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = requests.get(f"http://127.0.0.1:{PORT}/metrics", timeout=SECONDS).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return found.get((name, frozenset(labels.items())), 0.0)


def searches() -> float:
    return value(scrape(), "lookalike_request_seconds_count", method="visualKNN", status="200")


def search(server: Server, times: int) -> None:
    for _ in range(times):
        # A connection of its own each time, so that both workers get some.
        assert server.post("visualKNN", query_record={"_vector": [1, 0, 0]}, k=1)["status"] == OK


OK = {"code": 200, "text": "OK"}

LATE = {"lookalike_pairs_age_seconds", "lookalike_index_recall_ratio"}
"""Without labels, and yet only there once something was done."""


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def workers(server: Server) -> set[int]:
    assert server.process is not None
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    # The process that repairs has a command of its own.
    return {int(child) for child in children if b"repair" not in Path(f"/proc/{child}/cmdline").read_bytes()}


def test_they_are_those_that_are_documented_and_count_all_workers(server: Server) -> None:
    server.post("insert", records=[{"_id": f"x{n}", "_vector": [1, n, 0]} for n in range(9)])
    before = searches()
    search(server, 12)
    found = scrape()
    assert value(found, "lookalike_request_seconds_count", method="visualKNN", status="200") == before + 12
    requests.get(server.url + "/nothing/v2/at/all", timeout=SECONDS)
    requests.post(server.url + PHOTOS + "noSuchMethod", headers=server.headers, timeout=SECONDS)
    found = scrape()
    assert value(found, "lookalike_request_seconds_count", method="unknown", status="404") == 2
    assert value(found, "lookalike_requests_refused_total", reason="NotFound") == 2
    assert sum(number for (name, _), number in found.items() if name == "lookalike_searches_total") == before + 12
    assert value(found, "lookalike_workers") == 2
    assert value(found, "lookalike_database_up") == 1
    assert value(found, "lookalike_collections") == 1
    names = {name for name, _ in found}
    known = {name for metric in METRICS for name in exposed(metric.name, metric.kind)}
    assert names <= known
    # What has labels shows once there is one of it.
    missing = {metric.name for metric in METRICS if not exposed(metric.name, metric.kind) & names}
    assert missing <= {metric.name for metric in METRICS if metric.labels} | LATE


def exposed(name: str, kind: Kind) -> set[str]:
    return {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind is Kind.HISTOGRAM else {name}


def test_their_address_has_nothing_else_and_the_service_has_no_metrics(server: Server) -> None:
    own = f"http://127.0.0.1:{PORT}"
    assert requests.get(f"{own}/readyz", timeout=SECONDS).json()["parts"]["database"] == "ready"
    assert requests.get(f"{own}/healthz", timeout=SECONDS).ok
    for path in ("/", "/console/", PHOTOS + "ping", "/docs", "/openapi.json"):
        assert requests.get(own + path, timeout=SECONDS).status_code == 404
    assert requests.post(f"{own}/metrics", timeout=SECONDS).status_code == 405
    assert requests.get(f"{server.url}/metrics", timeout=SECONDS).status_code == 404


def test_what_is_no_http_has_an_id_and_is_counted(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        answer = connection.recv(4096)
    assert b"\r\nX-Request-Id: " in answer
    assert value(scrape(), "lookalike_request_seconds_count", method="unknown", status="400") == 1


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system does not list children")
def test_a_dead_worker_takes_nothing_along_and_leaves_nothing(server: Server) -> None:
    search(server, 6)
    before = searches()
    assert before >= 6
    files = folder_of(server)
    names = set(files.iterdir())
    for _ in range(3):
        old = workers(server)
        os.kill(min(old), signal.SIGKILL)
        eventually(lambda old=old: len(workers(server) - {min(old)}) == 2)
    eventually(lambda: value(scrape(), "lookalike_workers") == 2)
    assert searches() == before
    search(server, 4)
    assert searches() == before + 4
    assert set(files.iterdir()) <= names


def folder_of(server: Server) -> Path:
    assert server.process is not None
    links = (link.readlink() for link in Path(f"/proc/{server.process.pid}/fd").iterdir())
    (lock,) = [link for link in links if "lookalike-metrics-" in str(link)]
    return lock.parent


def test_a_folder_is_private_and_goes_with_its_server_or_with_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("app.serving.metrics_folder._MEMORY", tmp_path)
    first, second = MetricsFolder(), MetricsFolder()
    assert first.path.parent == tmp_path
    assert first.path.stat().st_mode & 0o777 == 0o700
    # A server that was killed: the system lets go of its lock.
    first._lock.close()
    third = MetricsFolder()
    assert set(tmp_path.iterdir()) == {second.path, third.path}
    second.remove()
    third.remove()
    assert list(tmp_path.iterdir()) == []
    assert third.number_for(set()) == 0
    assert third.number_for({0, 1, 3}) == 2


def test_beside_the_rest_the_database_is_asked_seldom_and_its_last_word_kept(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def ask(runtime: Runtime) -> list[Measure]:
        asked.append(1)
        if len(asked) > 1:
            raise DatabaseUnavailable("the database cannot be reached")
        return measure_database(runtime)

    monkeypatch.setattr("app.serving.metrics_page.measure_database", ask)
    client = Client(MetricsPage(create_site(service.runtime), service.runtime, tmp_path, None), Response)
    first = client.get("/metrics").text
    assert "lookalike_build_info{" in first
    assert "lookalike_collections 0.0" in first
    assert client.get("/metrics").text == first
    assert len(asked) == 1
    kept = tmp_path / "database.json"
    for age, told in ((SECONDS_KEPT + 1, first), (601, "")):
        _, rows = json.loads(kept.read_text())
        kept.write_text(json.dumps([time.time() - age, rows]))
        assert client.get("/metrics").text == told
    assert len(asked) == 3
    assert client.get("/healthz").status_code == 200


def test_a_port_that_is_taken_is_told_at_the_start(server: Server) -> None:
    for metrics, told in ((f"127.0.0.1:{server.port}", "cannot listen on"), ("127.0.0.1:1234", "at this port")):
        with pytest.raises(ConfigurationError, match=told):
            _measured_at(load_settings({"LOOKALIKE_METRICS": metrics}), 1234)
    assert _measured_at(load_settings({"LOOKALIKE_METRICS": "/metrics"}), 1234) is None
