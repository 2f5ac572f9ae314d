-- What an operator measures of the database.

-- name: measures
-- Sizes, counts and versions, one a row. Tables are told by what they hold, in all collections together: partitions
-- are counted with their parents. Records are those of the last analysis, as counting them would read everything.
-- Pairs are stale where their run was of another model, was called off as outdated, or has not been finished.
-- rows: measure, part (of what, the version, or empty), value
WITH tables AS (
    SELECT c.oid, greatest(c.reltuples, 0) AS rows,
        CASE coalesce(parent.relname, c.relname)
            WHEN 'records' THEN 'records'
            WHEN 'embeddings' THEN 'embeddings'
            WHEN 'thumbnails' THEN 'thumbnails'
            WHEN 'near_duplicate_pairs' THEN 'pairs'
            ELSE 'others'
        END AS part
    FROM pg_class c
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    LEFT JOIN pg_class parent ON parent.oid = i.inhparent
    WHERE c.relkind = 'r'
      AND coalesce(parent.relnamespace, c.relnamespace) = 'lookalike_internal'::regnamespace
),
indexes AS (
    SELECT c.oid, am.amname::text AS kind
    FROM tables
    JOIN pg_index x ON x.indrelid = tables.oid
    JOIN pg_class c ON c.oid = x.indexrelid
    JOIN pg_am am ON am.oid = c.relam
),
runs AS (
    SELECT run.finished_at, run.finished_at IS NULL OR run.rule = '' OR run.model_id <> c.model_id AS stale
    FROM lookalike_internal.near_duplicate_runs run
    JOIN lookalike_internal.collections c ON c.id = run.collection_id
    WHERE c.deleted_at IS NULL
)
SELECT 'table_bytes' AS measure, part, sum(pg_table_size(oid))::float8 AS value
FROM tables GROUP BY part
UNION ALL
SELECT 'index_bytes', kind, sum(pg_relation_size(oid))::float8 FROM indexes GROUP BY kind
UNION ALL
SELECT 'records', '', coalesce(sum(rows), 0)::float8 FROM tables WHERE part = 'records'
UNION ALL
SELECT 'collections', '', count(*)::float8 FROM lookalike_internal.collections WHERE deleted_at IS NULL
UNION ALL
SELECT 'stale_pairs_collections', '', count(*) FILTER (WHERE stale)::float8 FROM runs
UNION ALL
SELECT 'postgresql', current_setting('server_version'), 1
UNION ALL
SELECT 'pgvector', extversion, 1 FROM pg_extension WHERE extname = 'vector'
UNION ALL
SELECT 'pairs_age_seconds', '', extract(epoch FROM now() - min(finished_at))::float8
FROM runs HAVING min(finished_at) IS NOT NULL;

-- name: schema_version
-- The version of the schema.
-- rows: version_num
SELECT version_num FROM lookalike_internal.alembic_version;
