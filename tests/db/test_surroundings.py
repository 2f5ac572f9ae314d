"""A database that is not ours alone: pgvector in another schema, a poor owner, and other people's things."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psycopg
import pytest
from psycopg import sql

from app.db.migrations import downgrade, migrate
from app.domain.errors import NotPermitted
from app.services.operating.collection_views import create_view
from app.services.runtime import Runtime
from app.settings import load_settings
from tests.login_roles import login_role, url_as
from tests.seeding import load, records_of
from tests.service import Service, ids

NewDatabase = Callable[..., str]


@pytest.fixture
def owned(new_database: NewDatabase, server_url: str) -> Iterator[tuple[str, str]]:
    """The URLs of a database for its owner, who may create schemas in it and nothing else, and for a superuser."""
    url = new_database()
    name = urlsplit(url).path.removeprefix("/")
    with login_role(url) as role, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions")
        connection.execute("CREATE TABLE public.records (id text); INSERT INTO public.records VALUES ('theirs')")
        # Operators that anybody could make, of the name that matters.
        connection.execute(
            "CREATE FUNCTION public.wrong(extensions.halfvec, extensions.halfvec) RETURNS float8"
            " LANGUAGE sql IMMUTABLE RETURN 0;"
            "CREATE OPERATOR public.<-> (LEFTARG = extensions.halfvec, RIGHTARG = extensions.halfvec,"
            " FUNCTION = public.wrong)"
        )
        connection.execute(
            sql.SQL("GRANT CREATE ON DATABASE {} TO {}; GRANT USAGE ON SCHEMA extensions TO PUBLIC").format(
                sql.Identifier(name), sql.Identifier(role)
            )
        )
        yield url_as(url, role), url


def test_pgvector_elsewhere_and_an_owner_without_privileges(owned: tuple[str, str], tmp_path: Path) -> None:
    url, as_superuser = owned
    migrate(url)
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(300, 8))
    with Runtime(load_settings({"LOOKALIKE_HOME": str(tmp_path)}), url) as runtime:
        service = Service(runtime)
        collection = service.use("shop", model="vectors", dimension=8)
        new = records_of([f"r{n}" for n in range(300)], vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
        load(runtime.database, collection, new)
        service.call("insert", records=[{"_id": "new", "_vector": vectors[5].tolist()}])
        found = service.call("visualKNN", query_record={"_id": "r5"}, k=5)
        assert ids(found)[:2] == ["new", "r5"]
        near = service.call("nearDuplicates", query_record={"_id": "r5"})
        assert ids(near) == ["new", "r5"]
        service.call("allNearDupPairs")
        with psycopg.connect(url) as connection:
            rows = connection.execute("SELECT id, distance FROM lookalike.similar('shop', 'r5', 5)").fetchall()
            assert [row[0] for row in rows] == ids(found)
            assert [row[1] for row in rows] == pytest.approx(found["answer_distances"], abs=1e-4)
            rows = connection.execute(
                "SELECT id FROM lookalike.similar_to('shop', %s::float8[]::extensions.vector, 5)",
                [vectors[5].tolist()],
            ).fetchall()
            assert [row[0] for row in rows] == ids(found)
        create_view(runtime, collection, ["price:numeric"])
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM lookalike_views.shop").fetchone() == (301,)
    downgrade(url, "base")
    with psycopg.connect(as_superuser) as connection:
        assert connection.execute("SELECT id FROM public.records").fetchall() == [("theirs",)]


@pytest.mark.parametrize("schema", ["lookalike", "lookalike_views", "lookalike_filter"])
def test_nothing_is_put_into_a_schema_of_somebody_elses(owned: tuple[str, str], schema: str) -> None:
    url, as_superuser = owned
    with psycopg.connect(url, autocommit=True) as somebody:
        somebody.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    with pytest.raises(NotPermitted):
        migrate(as_superuser)
