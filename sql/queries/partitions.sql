-- The partitions of collections. The names in braces are identifiers that app/db/partitions.py fills in:
-- {records}, {embeddings}, {thumbnails}, {near_duplicate_pairs}: those of one collection; with _owner: the names of their CHECK
-- constraints; {parent}, {partition}: any one of them; {hnsw}: the vector index, {qualified_hnsw} with its schema;
-- {collection_id}, {model_id}, {dimension}: literals.

-- name: create_records_partition
-- A table of its own first, attached afterwards: CREATE TABLE … PARTITION OF would lock the parent against
-- everybody. The CHECK lets ATTACH skip its scan.
CREATE TABLE {records} (
    LIKE lookalike_internal.records INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED,
    CONSTRAINT {records_owner} CHECK (collection_id = {collection_id})
);

-- name: create_embeddings_partition
-- Like create_records_partition. The dimension of each model's rows is checked here, as the column itself holds
-- vectors of any dimension.
CREATE TABLE {embeddings} (
    LIKE lookalike_internal.embeddings INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE,
    CONSTRAINT {embeddings_owner} CHECK (collection_id = {collection_id}),
    CONSTRAINT {embeddings_dimension} CHECK (model_id <> {model_id} OR vector_dims(embedding) = {dimension})
);

-- name: create_thumbnails_partition
-- Like create_records_partition.
CREATE TABLE {thumbnails} (
    LIKE lookalike_internal.thumbnails INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE,
    CONSTRAINT {thumbnails_owner} CHECK (collection_id = {collection_id})
);

-- name: create_near_duplicate_pairs_partition
-- Like create_records_partition.
CREATE TABLE {near_duplicate_pairs} (
    LIKE lookalike_internal.near_duplicate_pairs INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    CONSTRAINT {near_duplicate_pairs_owner} CHECK (collection_id = {collection_id})
);

-- name: attach_partition
-- Takes SHARE UPDATE EXCLUSIVE on the parent: readers and writers of other collections go on.
ALTER TABLE {parent} ATTACH PARTITION {partition} FOR VALUES IN ({collection_id});

-- name: tie_embeddings_to_records
-- From partition to partition, so that no lock reaches beyond the collection.
ALTER TABLE {embeddings} ADD FOREIGN KEY (collection_id, key) REFERENCES {records} (collection_id, key)
    ON DELETE CASCADE;

-- name: tie_thumbnails_to_records
-- Like tie_embeddings_to_records.
ALTER TABLE {thumbnails} ADD FOREIGN KEY (collection_id, key) REFERENCES {records} (collection_id, key)
    ON DELETE CASCADE;

-- name: tie_pairs_to_records
-- Like tie_embeddings_to_records.
ALTER TABLE {near_duplicate_pairs}
    ADD FOREIGN KEY (collection_id, a_key) REFERENCES {records} (collection_id, key) ON DELETE CASCADE,
    ADD FOREIGN KEY (collection_id, b_key) REFERENCES {records} (collection_id, key) ON DELETE CASCADE;

-- name: clear_pairs
-- Takes no rows one by one, and locks out nobody but readers of the collection's own pairs.
TRUNCATE {near_duplicate_pairs};

-- name: create_vector_index
-- The HNSW index of one model's rows.
CREATE INDEX {hnsw} ON {embeddings}
    USING hnsw ((embedding::halfvec({dimension})) halfvec_l2_ops) WITH (m = 16, ef_construction = 100)
    WHERE model_id = {model_id};

-- name: create_vector_index_concurrently
-- The same while the collection is read and written. Not inside a transaction.
CREATE INDEX CONCURRENTLY {hnsw} ON {embeddings}
    USING hnsw ((embedding::halfvec({dimension})) halfvec_l2_ops) WITH (m = 16, ef_construction = 100)
    WHERE model_id = {model_id};

-- name: drop_vector_index
-- Before a bulk load into an empty collection; and what a killed build left behind.
DROP INDEX IF EXISTS {qualified_hnsw};

-- name: vector_indexed_collections
-- All collections, each of which should have a vector index.
-- rows: id, model_id
SELECT id, model_id FROM lookalike_internal.collections WHERE deleted_at IS NULL ORDER BY created_at, id;

-- name: valid_indexes
-- Which of some indexes exist and are finished.
-- parameters: names (with schema)
-- rows: name
SELECT named.name
FROM unnest(%(names)s::text[]) AS named (name)
JOIN pg_index i ON i.indexrelid = to_regclass(named.name)
WHERE i.indisvalid;

-- name: table_sizes
-- What some tables take on the disk.
-- parameters: names (with schema; those that do not exist count nothing)
-- rows: rows_bytes (with what is stored out of line), indexes_bytes
SELECT coalesce(sum(pg_table_size(to_regclass(named.name))), 0)::bigint AS rows_bytes,
       coalesce(sum(pg_indexes_size(to_regclass(named.name))), 0)::bigint AS indexes_bytes
FROM unnest(%(names)s::text[]) AS named (name);

-- name: marked_collections
-- Collections that are marked for deletion.
-- rows: id
SELECT id FROM lookalike_internal.collections WHERE deleted_at IS NOT NULL ORDER BY deleted_at, id;

-- name: partition_exists
-- parameters: partition (with schema)
-- rows: whether it exists
SELECT to_regclass(%(partition)s) IS NOT NULL;

-- name: partition_state
-- How far a partition is on its way out.
-- parameters: partition, parent (both with schema)
-- rows: attached, detach_pending
SELECT h.inhrelid IS NOT NULL AS attached, coalesce(h.inhdetachpending, false) AS detach_pending
FROM (SELECT to_regclass(%(partition)s) AS oid) t
LEFT JOIN pg_inherits h ON h.inhrelid = t.oid AND h.inhparent = %(parent)s::regclass;

-- name: detach_partition
-- Lets running queries finish; not inside a transaction.
ALTER TABLE {parent} DETACH PARTITION {partition} CONCURRENTLY;

-- name: finish_detach
-- After a DETACH … CONCURRENTLY that was interrupted.
ALTER TABLE {parent} DETACH PARTITION {partition} FINALIZE;

-- name: drop_partition
DROP TABLE IF EXISTS {partition};
