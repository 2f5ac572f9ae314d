-- Finding a collection by its name or id, and the overview of all.

CREATE OR REPLACE FUNCTION lookalike_internal.find_collection(
    collection text, OUT id uuid, OUT model_id integer, OUT dimension integer
)
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    others bigint;
BEGIN
    SELECT c.id, c.model_id, m.dimension, count(*) OVER ()
    INTO id, model_id, dimension, others
    FROM lookalike_internal.collections c
    JOIN lookalike_internal.models m ON m.id = c.model_id
    WHERE c.deleted_at IS NULL AND (c.id::text = collection OR c.name = collection)
    ORDER BY c.id::text = collection DESC
    LIMIT 1;
    IF id IS NULL THEN
        RAISE EXCEPTION 'there is no collection %', quote_nullable(collection) USING ERRCODE = 'undefined_object';
    END IF;
    IF others > 1 AND id::text <> collection THEN
        RAISE EXCEPTION '% accounts have a collection of the name %', others, quote_nullable(collection)
            USING ERRCODE = 'ambiguous_alias', HINT = 'Say its id instead: lookalike.collections lists them.';
    END IF;
END
$$;
COMMENT ON FUNCTION lookalike_internal.find_collection IS
    'A collection by its id or, where only one account has it, its name; an error otherwise.';

CREATE OR REPLACE FUNCTION lookalike_internal.partition_of(parent text, collection_id uuid) RETURNS regclass
    LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    RETURN to_regclass(format('lookalike_data.%I', parent || '_' || replace(collection_id::text, '-', '')));
COMMENT ON FUNCTION lookalike_internal.partition_of IS 'The table that holds one collection''s part; NULL without.';

CREATE OR REPLACE FUNCTION lookalike_internal.state_of_vector_index(collection_id uuid, model_id integer) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT coalesce(
        (SELECT CASE WHEN i.indisvalid THEN 'ready' ELSE 'unfinished' END
         FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
         WHERE i.indrelid = lookalike_internal.partition_of('embeddings', collection_id)
           AND x.relname = 'embeddings_' || replace(collection_id::text, '-', '') || '_hnsw_' || model_id),
        'missing');
END;
COMMENT ON FUNCTION lookalike_internal.state_of_vector_index IS 'ready, unfinished (being built, or left so), or missing.';

CREATE OR REPLACE FUNCTION lookalike_internal.extent_of_collection(
    collection uuid, OUT records bigint, OUT last_write timestamptz
)
    LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_custom_plan
BEGIN ATOMIC
    SELECT count(*), max(r.updated_at) FROM lookalike_internal.records r WHERE r.collection_id = collection;
END;
COMMENT ON FUNCTION lookalike_internal.extent_of_collection IS 'How many records there are, and when one was last written.';

CREATE OR REPLACE VIEW lookalike.collections AS
SELECT c.id AS collection_id, c.name AS collection, c.account_id, a.organization, c.service, m.name AS model,
       m.dimension, c.capacity, c.product_field, c.created_at, extent.records, extent.last_write,
       coalesce(pg_table_size(part.records), 0) + coalesce(pg_table_size(part.thumbnails), 0) AS record_bytes,
       coalesce(pg_table_size(part.embeddings), 0) AS embedding_bytes,
       coalesce(pg_indexes_size(part.records), 0) + coalesce(pg_indexes_size(part.embeddings), 0)
           + coalesce(pg_indexes_size(part.thumbnails), 0) AS index_bytes,
       coalesce(dead.rows, 0)::bigint AS dead_rows,
       lookalike_internal.state_of_vector_index(c.id, c.model_id) AS vector_index,
       run.finished_at AS near_duplicates_as_of, run.radius AS near_duplicates_radius
FROM lookalike_internal.collections c
JOIN lookalike_internal.accounts a ON a.id = c.account_id
JOIN lookalike_internal.models m ON m.id = c.model_id
CROSS JOIN LATERAL (
    SELECT lookalike_internal.partition_of('records', c.id) AS records,
           lookalike_internal.partition_of('embeddings', c.id) AS embeddings,
           lookalike_internal.partition_of('thumbnails', c.id) AS thumbnails
) part
CROSS JOIN LATERAL lookalike_internal.extent_of_collection(c.id) extent
CROSS JOIN LATERAL (
    SELECT sum(pg_stat_get_dead_tuples(each.oid)) AS rows
    FROM unnest(ARRAY[part.records, part.embeddings, part.thumbnails]) AS each (oid)
) dead
LEFT JOIN lookalike_internal.near_duplicate_runs run ON run.collection_id = c.id
WHERE c.deleted_at IS NULL;

COMMENT ON VIEW lookalike.collections IS 'All collections: whose they are, what they hold, and what room they take. Counts each collection''s records.';
COMMENT ON COLUMN lookalike.collections.collection IS 'The name; unique within an account.';
COMMENT ON COLUMN lookalike.collections.organization IS 'Of the account, as it was registered; may be empty.';
COMMENT ON COLUMN lookalike.collections.capacity IS 'Most records the collection may hold; NULL: no limit.';
COMMENT ON COLUMN lookalike.collections.product_field IS 'The attribute that says which records show one product; NULL: none.';
COMMENT ON COLUMN lookalike.collections.record_bytes IS 'Of records and thumbnails, without indexes.';
COMMENT ON COLUMN lookalike.collections.embedding_bytes IS 'Of the embeddings, without indexes.';
COMMENT ON COLUMN lookalike.collections.index_bytes IS 'Of all indexes, the vector index among them.';
COMMENT ON COLUMN lookalike.collections.dead_rows IS 'Rows that were replaced or deleted and wait for vacuum, as last counted.';
COMMENT ON COLUMN lookalike.collections.last_write IS 'When a record was last inserted or changed, of those there are.';
COMMENT ON COLUMN lookalike.collections.vector_index IS 'ready; unfinished: being built, or left so; missing.';
COMMENT ON COLUMN lookalike.collections.near_duplicates_as_of IS 'When the last finished run of `lookalike duplicates` read the collection.';
COMMENT ON COLUMN lookalike.collections.near_duplicates_radius IS 'Up to which distance pairs are known.';
