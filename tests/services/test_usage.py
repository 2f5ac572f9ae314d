"""Calls are counted by month; neither failures nor the end of a process lose any."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from app.db.usage import add_usage
from app.domain.errors import DatabaseUnavailable
from app.domain.usage import Usage, UsageKey
from app.services import usage as counting
from app.services.runtime import Runtime
from tests.service import Service, picture_base64


def stored(url: str) -> dict[str, dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        rows = connection.execute("SELECT * FROM lookalike.usage_by_month").fetchall()
    return {row["method"]: row for row in rows}


def test_calls_pictures_credits_errors_and_times(service: Service, database_url: str) -> None:
    service.use()
    service.call("insert", records=[{"_id": "a", "_base64": picture_base64()}, {"_id": "b"}])
    service.call("visualKNN", query_record={"_base64": picture_base64()})
    service.call("visualKNN", query_record={"_id": "a"})
    service.call("visualKNN", query_record={"_id": "nobody"})
    service.call("visualKNN", k="many")
    service.runtime.usage.flush()
    found = stored(database_url)
    counts = {
        method: (row["calls"], row["pictures"], row["credits"], row["errors"]) for method, row in found.items()
    }
    assert counts == {"insert": (1, 1, 1, 0), "visualKNN": (4, 1, 1, 2)}
    for row in found.values():
        assert 0 < row["worst_seconds"] <= row["seconds"]
        assert row["month"] == datetime.now(UTC).date().replace(day=1)
        assert row["service"] == "similarity/photos"


def test_counts_add_up_over_processes(runtime: Runtime, service: Service, database_url: str) -> None:
    account = service.use_vectors(2).account_id
    key = UsageKey(account, datetime(2026, 3, 1, tzinfo=UTC).date(), "photos", "insert")
    add_usage(runtime.database, {key: Usage(2, 5, 4, 1, 1.5, 1.25)})
    add_usage(runtime.database, {key: Usage(3, 1, 1, 0, 1.0, 0.5)})
    (row,) = stored(database_url).values()
    assert (row["calls"], row["pictures"], row["credits"], row["errors"]) == (5, 6, 5, 1)
    assert (row["seconds"], row["worst_seconds"]) == (2.5, 1.25)


def test_what_cannot_be_added_waits(
    runtime: Runtime, service: Service, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.use_vectors(2)
    service.call("getRecordCount")

    def unreachable(*_: object) -> None:
        raise DatabaseUnavailable("the database cannot be reached")

    with monkeypatch.context() as patch:
        patch.setattr(counting, "add_usage", unreachable)
        runtime.usage.flush()
    service.call("getRecordCount")
    runtime.usage.flush()
    assert stored(database_url)["getRecordCount"]["calls"] == 2


def test_a_process_that_ends_adds_its_last_counts(service: Service, database_url: str) -> None:
    service.use_vectors(2)
    service.call("getRecordCount")
    service.runtime.close()
    assert stored(database_url)["getRecordCount"]["calls"] == 1
