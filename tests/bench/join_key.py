"""Which key should join records to their embeddings: an internal bigint, or the client's text ``_id``?

    python -m tests.bench.join_key postgresql://… [--rows 100000] [--rounds 5]
    python -m tests.bench 100000 join_key

Needs a PostgreSQL with pgvector, a role that may create a schema, and some 6 kB of disk a row; at 100,000 rows and
two cores it takes about five minutes, mostly for two HNSW indexes. The schema ``bench_join_key`` is made anew, and
dropped at the end unless ``--keep`` is given (to look at plans).

Two complete layouts with the same contents lie side by side, each partitioned by collection:

* bigint: records (key, id, attributes) with a unique index on either key, embeddings (key, embedding)
* text: records (id, attributes), embeddings (id, embedding)

Every measurement alternates between the layouts, statement by statement, so that whatever else the machine does
falls on both alike; parallel queries are off, so that no plan has more cores than its counterpart. The table shows
medians, the median ratio text/bigint of neighbouring statements, and the lowest and highest of that by round.
The embeddings are clusters in 24 latent dimensions: independent random vectors lie equally far from each other,
unlike those of any pictures.
"""

import argparse
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Any

import numpy as np
import psycopg
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg.types.json import Jsonb

from tests.bench.table import Table

SCHEMA = "bench_join_key"
SETTINGS = """
    SET plan_cache_mode = force_custom_plan; SET jit = off; SET max_parallel_workers_per_gather = 0;
    SET maintenance_work_mem = '512MB'; SET hnsw.ef_search = 100
"""
COLLECTION = uuid.UUID(int=1)
DIMENSIONS, LATENT, CLUSTERS = 512, 24, 500
BATCH, INSERTS, QUERIES = 1000, 2, 40
ROUNDS = 5
COLOURS = ("red", "blue", "green", "black", "white", "beige", "grey", "yellow")
VARIANTS = ("black", "white", "blue-medium", "midnight-blue-l", "graphite-grey-xl", "sand-beige-2-pack-xxl")

Row = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Layout:
    """One of the two: its tables carry its name, and ``key`` is the column that joins them."""

    name: str
    key: str

    @property
    def records(self) -> str:
        return f"records_{self.name}"

    @property
    def embeddings(self) -> str:
        return f"embeddings_{self.name}"


BIGINT, TEXT = LAYOUTS = (Layout("bigint", "key"), Layout("text", "id"))


# --- data


def draw_embeddings(count: int) -> np.ndarray:
    """``count`` × ``DIMENSIONS`` float16, rows of unit length: clusters seen through a random network."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(CLUSTERS, LATENT))
    inner, outer = random.normal(size=(LATENT, 128)) / LATENT**0.5, random.normal(size=(128, DIMENSIONS))
    latent = centres[random.integers(CLUSTERS, size=count)] + 0.5 * random.normal(size=(count, LATENT))
    points = (np.tanh(latent @ inner) @ outer).astype(np.float32)
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float16)


def record_id(number: int) -> str:
    """20 to 36 characters such as ``sku-0007368787-white``, unique, in no order."""
    return f"sku-{number * 7_368_787 % 10**10:010d}-{VARIANTS[number % len(VARIANTS)]}"


def attributes(number: int) -> dict[str, Any]:
    """Some 250 bytes; ``shelf`` selects one record in a hundred, ``department`` one in ten."""
    scattered = number * 2_654_435_761 % 2**32
    return {
        "shelf": scattered % 100,
        "department": scattered // 100 % 10,
        "title": f"Article {number}, {COLOURS[scattered % 8]}",
        "brand": f"brand-{scattered % 311}",
        "price": scattered % 50_000 / 100,
        "in_stock": scattered % 3 > 0,
        "tags": [COLOURS[scattered % 7], f"season-{scattered % 12}", f"style-{scattered % 41}"],
        "size": {"width": scattered % 190, "height": scattered % 230, "unit": "cm"},
    }


# --- tables


def create(connection: psycopg.Connection, layout: Layout) -> None:
    key, unique = "", ""
    if layout is BIGINT:
        key, unique = "key bigint DEFAULT nextval('keys'),", ", UNIQUE (collection_id, id)"
    connection.execute(f"""
        CREATE TABLE {layout.records} (
            collection_id uuid, {key} id text COLLATE "C" NOT NULL, attributes jsonb NOT NULL,
            PRIMARY KEY (collection_id, {layout.key}) {unique}
        ) PARTITION BY LIST (collection_id);
        CREATE TABLE {layout.embeddings} (
            collection_id uuid, {"key bigint" if key else 'id text COLLATE "C"'}, model_id int,
            embedding halfvec STORAGE PLAIN NOT NULL, PRIMARY KEY (collection_id, model_id, {layout.key})
        ) PARTITION BY LIST (collection_id);
        CREATE TABLE {layout.records}_1 PARTITION OF {layout.records} FOR VALUES IN ('{COLLECTION}');
        CREATE TABLE {layout.embeddings}_1 PARTITION OF {layout.embeddings} FOR VALUES IN ('{COLLECTION}');
    """)


def load(connection: psycopg.Connection, layout: Layout, embeddings: np.ndarray) -> None:
    """Rows 0 … len(embeddings) − 1 by binary COPY; the keys of the bigint layout are the row numbers."""
    keyed = layout is BIGINT
    columns = "collection_id, key, id, attributes" if keyed else "collection_id, id, attributes"
    with connection.cursor().copy(f"COPY {layout.records} ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["uuid", "int8", "text", "jsonb"] if keyed else ["uuid", "text", "jsonb"])
        for number in range(len(embeddings)):
            keys = (number, record_id(number)) if keyed else (record_id(number),)
            copy.write_row((COLLECTION, *keys, Jsonb(attributes(number))))
    columns = f"collection_id, {layout.key}, model_id, embedding"
    with connection.cursor().copy(f"COPY {layout.embeddings} ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["uuid", "int8" if keyed else "text", "int4", "halfvec"])
        for number, embedding in enumerate(embeddings):
            copy.write_row((COLLECTION, number if keyed else record_id(number), 1, HalfVector(embedding)))


def index(connection: psycopg.Connection, layout: Layout) -> None:
    connection.execute(f"CREATE INDEX ON {layout.records}_1 USING gin (attributes jsonb_path_ops)")
    connection.execute(
        f"CREATE INDEX {layout.embeddings}_hnsw ON {layout.embeddings}_1"
        f" USING hnsw ((embedding::halfvec({DIMENSIONS})) halfvec_l2_ops) WHERE model_id = 1"
    )


def sizes(connection: psycopg.Connection) -> Iterator[Row]:
    """Before the GIN and HNSW indexes are made: they do not hold the key and are the same in both layouts."""
    for table in ("records", "embeddings"):
        for part, function in (("heap", "pg_table_size"), ("B-trees", "pg_indexes_size")):
            query = f"SELECT {function}('{table}_bigint_1'), {function}('{table}_text_1')"
            bigint, text = (size / 2**20 for size in connection.execute(query).fetchone())
            yield f"size of {table}, {part}", f"{bigint:.1f} MB", f"{text:.1f} MB", f"{text / bigint:.2f}", ""


# --- statements

DISTANCE = f"e.embedding::halfvec({DIMENSIONS}) <-> %(query)s::halfvec({DIMENSIONS})"


def candidates(layout: Layout, k: int) -> str:
    return f"""
        SELECT e.{layout.key}, {DISTANCE} AS distance FROM {layout.embeddings} e
        WHERE e.collection_id = %(collection)s AND e.model_id = %(model)s ORDER BY {DISTANCE} LIMIT {k}"""


def nearest(layout: Layout, k: int, columns: str = "r.id, r.attributes") -> str:
    """The k nearest by index, then their records."""
    return f"""
        SELECT {columns}, n.distance FROM ({candidates(layout, k)}) n
        JOIN {layout.records} r ON r.collection_id = %(collection)s AND r.{layout.key} = n.{layout.key}
        ORDER BY n.distance, r.id"""


def nearest_ids(layout: Layout, k: int) -> str:
    """The ids alone: the one answer for which the text layout needs no join."""
    return candidates(layout, k) if layout is TEXT else nearest(layout, k, columns="r.id")


def filtered(layout: Layout, k: int) -> str:
    """Exact: the distance of every record that the filter admits. OFFSET 0 keeps the HNSW index out."""
    return f"""
        SELECT id, distance FROM (
            SELECT r.id, {DISTANCE} AS distance
            FROM {layout.records} r JOIN {layout.embeddings} e USING (collection_id, {layout.key})
            WHERE r.collection_id = %(collection)s AND e.model_id = %(model)s AND r.attributes @> %(filter)s
            OFFSET 0
        ) m ORDER BY distance, id LIMIT {k}"""


def by_id(layout: Layout) -> str:
    key = f"(SELECT r.key FROM {layout.records} r WHERE r.collection_id = %(collection)s AND r.id = %(id)s)"
    return f"""
        SELECT e.embedding FROM {layout.embeddings} e WHERE e.collection_id = %(collection)s
        AND e.model_id = %(model)s AND e.{layout.key} = {key if layout is BIGINT else "%(id)s"}"""


def insert(layout: Layout) -> str:
    """One statement for a batch; the bigint layout learns its keys from the rows that went in."""
    return f"""
        WITH batch AS (
            SELECT * FROM unnest(%(ids)s::text[], %(attributes)s::jsonb[], %(embeddings)b::halfvec[])
                AS b (id, attributes, embedding)
        ), inserted AS (
            INSERT INTO {layout.records} (collection_id, id, attributes)
            SELECT %(collection)s, id, attributes FROM batch
            ON CONFLICT DO NOTHING RETURNING id, {layout.key} AS key
        )
        INSERT INTO {layout.embeddings} (collection_id, {layout.key}, model_id, embedding)
        SELECT %(collection)s, i.key, %(model)s, b.embedding FROM inserted i JOIN batch b USING (id)"""


# --- measuring


class Bench:
    """Times statements; ``spare`` holds embeddings for queries and batches.

    They are drawn beforehand because the threads of a matrix product go on spinning for a while, and would slow
    down whichever layout comes next.
    """

    def __init__(
        self, connection: psycopg.Connection, spare: Iterator[np.ndarray], rows: int, rounds: int
    ) -> None:
        self.connection, self.spare, self.rows, self.rounds = connection, spare, rows, rounds
        self.random, self.next_record = np.random.default_rng(1), rows

    def alternate(
        self, name: str, statement: Callable[[Layout], str], parameters: Callable[[], dict[str, Any]], repeats: int
    ) -> Row:
        """Time the statement of either layout with the same parameters, ``repeats`` times a round."""
        rounds: list[dict[Layout, list[float]]] = []
        for _ in range(self.rounds + 1):
            rounds.append({layout: [] for layout in LAYOUTS})
            for repeat in range(repeats):
                values, found = {"collection": COLLECTION, "model": 1, **parameters()}, {}
                for layout in LAYOUTS if (len(rounds) + repeat) % 2 else reversed(LAYOUTS):
                    start = time.perf_counter()
                    cursor = self.connection.execute(statement(layout), values)
                    found[layout] = len(cursor.fetchall()) if cursor.description else cursor.rowcount
                    rounds[-1][layout].append(time.perf_counter() - start)
                if found[BIGINT] != found[TEXT]:
                    raise AssertionError(f"{name}: {found[BIGINT]} rows by bigint, {found[TEXT]} by text")
        del rounds[0]  # it warmed the caches
        bigint, text = (1e3 * median(s for times in rounds for s in times[layout]) for layout in LAYOUTS)
        pairs = [[t / b for b, t in zip(times[BIGINT], times[TEXT], strict=True)] for times in rounds]
        ratio, by_round = median(r for ratios in pairs for r in ratios), [median(ratios) for ratios in pairs]
        row = f"{bigint:.2f} ms", f"{text:.2f} ms", f"{ratio:.2f}", f"{min(by_round):.2f} – {max(by_round):.2f}"
        print(name, *row, sep="  ", file=sys.stderr)
        return name, *row

    def query(self) -> dict[str, Any]:
        return {"query": HalfVector(next(self.spare))}

    def batch(self) -> dict[str, Any]:
        numbers = range(self.next_record, self.next_record + BATCH)
        self.next_record += BATCH
        return {
            "ids": [record_id(n) for n in numbers],
            "attributes": [json.dumps(attributes(n)) for n in numbers],
            "embeddings": [HalfVector(v) for v in islice(self.spare, BATCH)],
        }

    def filtered_query(self, attribute: str, values: int) -> dict[str, Any]:
        return self.query() | {"filter": Jsonb({attribute: int(self.random.integers(values))})}

    def some_id(self) -> dict[str, Any]:
        return {"id": record_id(int(self.random.integers(self.rows)))}

    def searches(self) -> Iterator[Row]:
        for k in (10, 30, 100):
            yield self.alternate(f"kNN, k {k}, with attributes", lambda t, k=k: nearest(t, k), self.query, QUERIES)
        yield self.alternate("kNN, k 30, ids only", lambda t: nearest_ids(t, 30), self.query, QUERIES)
        for share, attribute, values in (("1 %", "shelf", 100), ("10 %", "department", 10)):
            name, draw = f"exact kNN among {share}, k 30", lambda a=attribute, v=values: self.filtered_query(a, v)
            yield self.alternate(name, lambda t: filtered(t, 30), draw, QUERIES // 2)
        yield self.alternate("embedding by id", by_id, self.some_id, 5 * QUERIES)

    def insertion(self, condition: str) -> Row:
        return self.alternate(f"insert {BATCH} rows, {condition}", insert, self.batch, INSERTS)


def _measurements(connection: psycopg.Connection, rows: int, rounds: int) -> Iterator[Row]:
    spare = (rounds + 1) * (5 * QUERIES + 2 * INSERTS * BATCH)
    embeddings = draw_embeddings(rows + spare)
    connection.execute(f"CREATE SEQUENCE keys START {rows}")
    for layout in LAYOUTS:
        create(connection, layout)
        load(connection, layout, embeddings[:rows])
    connection.execute("VACUUM ANALYZE")
    yield from sizes(connection)
    bench = Bench(connection, iter(embeddings[rows:]), rows, rounds)
    yield bench.insertion("no HNSW")
    for layout in LAYOUTS:
        index(connection, layout)
    connection.execute("VACUUM ANALYZE")
    yield from bench.searches()
    yield bench.insertion("with HNSW")


def compared(url: str, rows: int, rounds: int, *, keep: bool = False) -> list[Row]:
    """What was measured, bigint, text, their ratio, and its lowest and highest by round; some rows say sizes."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        register_vector(connection)
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}; {SETTINGS}")
        connection.execute(f"SET search_path = {SCHEMA}, public")
        try:
            return list(_measurements(connection, rows, rounds))
        finally:
            if not keep:
                connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def measure(url: str, table: Table, count: int) -> None:
    """Add the ratio of the layouts for every kind of statement."""
    for name, bigint, text, ratio, by_round in compared(url, count, ROUNDS):
        reference = f"{text} / {bigint}" + (f", by round {by_round}" if by_round else "")
        table.add(f"join by text / by bigint: {name}", ratio, reference)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="the server, e.g. what `lookalike db uri` prints")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--keep", action="store_true", help=f"leave the schema {SCHEMA} behind")
    arguments = parser.parse_args()
    table = compared(arguments.url, arguments.rows, arguments.rounds, keep=arguments.keep)
    table.insert(0, ("", "bigint", "text", "text/bigint", "by round"))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for name, *cells in table:
        print(name.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(cells, widths[1:], strict=True)), sep="  ")


if __name__ == "__main__":
    main()
