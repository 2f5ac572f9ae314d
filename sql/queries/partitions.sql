-- The two partitions of a collection. The names in braces are identifiers that the caller fills in:
-- {records}, {embeddings}: the partitions, lookalike_data.records_<id> and lookalike_data.embeddings_<id>;
-- {records_owner}, {embeddings_owner}: names of their CHECK constraints; {hnsw}: the vector index;
-- {collection_id}, {model_id}, {dimension}: literals.

-- name: create_records_partition
-- A table of its own first, attached afterwards: CREATE TABLE … PARTITION OF would lock the parent against
-- everybody. The CHECK lets ATTACH skip its scan.
CREATE TABLE {records} (
    LIKE lookalike.records INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED,
    CONSTRAINT {records_owner} CHECK (collection_id = {collection_id})
);

-- name: create_embeddings_partition
-- Like create_records_partition. The dimension of each model's rows is checked here, as the column itself holds
-- vectors of any dimension.
CREATE TABLE {embeddings} (
    LIKE lookalike.embeddings INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE,
    CONSTRAINT {embeddings_owner} CHECK (collection_id = {collection_id}),
    CONSTRAINT {embeddings_dimension} CHECK (model_id <> {model_id} OR vector_dims(embedding) = {dimension})
);

-- name: attach_records_partition
-- Takes SHARE UPDATE EXCLUSIVE on the parent: readers and writers of other collections go on.
ALTER TABLE lookalike.records ATTACH PARTITION {records} FOR VALUES IN ({collection_id});

-- name: attach_embeddings_partition
-- Like attach_records_partition.
ALTER TABLE lookalike.embeddings ATTACH PARTITION {embeddings} FOR VALUES IN ({collection_id});

-- name: tie_embeddings_to_records
-- From partition to partition, so that no lock reaches beyond the collection.
ALTER TABLE {embeddings} ADD FOREIGN KEY (collection_id, key) REFERENCES {records} (collection_id, key)
    ON DELETE CASCADE;

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
DROP INDEX IF EXISTS lookalike_data.{hnsw};

-- name: collections_without_vector_index
-- Collections whose vector index is missing or unfinished.
-- rows: id
SELECT c.id
FROM lookalike.collections c
LEFT JOIN pg_index i ON i.indexrelid = to_regclass(format(
    'lookalike_data.embeddings_%%s_hnsw_%%s', replace(c.id::text, '-', ''), c.model_id))
WHERE c.deleted_at IS NULL AND i.indisvalid IS NOT TRUE
ORDER BY c.created_at, c.id;

-- name: marked_collections
-- Collections that are marked for deletion.
-- rows: id
SELECT id FROM lookalike.collections WHERE deleted_at IS NOT NULL ORDER BY deleted_at, id;

-- name: partition_state
-- How far a partition is on its way out.
-- parameters: name (without schema), parent (with schema)
-- rows: exists, attached, detach_pending
SELECT t.oid IS NOT NULL AS exists,
       h.inhrelid IS NOT NULL AS attached,
       coalesce(h.inhdetachpending, false) AS detach_pending
FROM (SELECT to_regclass('lookalike_data.' || quote_ident(%(name)s)) AS oid) t
LEFT JOIN pg_inherits h ON h.inhrelid = t.oid AND h.inhparent = %(parent)s::regclass;

-- name: detach_partition
-- Lets running queries finish; not inside a transaction.
ALTER TABLE {parent} DETACH PARTITION {partition} CONCURRENTLY;

-- name: finish_detach
-- After a DETACH … CONCURRENTLY that was interrupted.
ALTER TABLE {parent} DETACH PARTITION {partition} FINALIZE;

-- name: drop_partition
DROP TABLE IF EXISTS {partition};
