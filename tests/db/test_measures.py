"""What an operator measures of the database."""

from app.db.database import Database
from app.db.measures import Measure, measures, schema_version
from app.db.migrations import newest_version
from app.domain.near_duplicate import DEFAULT_RADIUS
from app.services.duplicates.runs import find_duplicates
from tests.login_roles import login_role, url_as
from tests.service import Service


def of(found: list[Measure]) -> dict[tuple[str, str], float]:
    return {(one.measure, one.part): one.value for one in found}


def test_sizes_and_counts(service: Service) -> None:
    collection = service.use_vectors()
    service.insert_vectors({f"x{n}": [1.0, n, 0, 0] for n in range(50)})
    database = service.runtime.database
    with database.session() as connection:
        connection.execute("ANALYZE lookalike_internal.records")
    found = of(measures(database))
    assert found["records", ""] == 50
    assert found["collections", ""] == 1
    assert found["stale_pairs_collections", ""] == 0
    assert ("pairs_age_seconds", "") not in found
    assert {part for measure, part in found if measure == "table_bytes"} >= {"records", "embeddings", "thumbnails"}
    assert found["table_bytes", "embeddings"] > 0
    assert {kind for measure, kind in found if measure == "index_bytes"} == {"btree", "gin", "hnsw"}
    find_duplicates(service.runtime, collection, radius=DEFAULT_RADIUS, report=lambda *_: None)
    found = of(measures(database))
    assert found["stale_pairs_collections", ""] == 0
    assert found["table_bytes", "pairs"] > 0
    assert 0 <= found["pairs_age_seconds", ""] < 600
    with database.session() as connection:
        connection.execute("UPDATE lookalike_internal.near_duplicate_runs SET rule = ''")
    assert of(measures(database))["stale_pairs_collections", ""] == 1


def test_a_role_that_writes_may_ask(database_url: str) -> None:
    with login_role(database_url, "lookalike_writer") as role:
        database = Database(url_as(database_url, role), pool_size=1, statement_timeout=30)
        database.open()
        try:
            assert measures(database)
            assert schema_version(database) == newest_version()
        finally:
            database.close()
