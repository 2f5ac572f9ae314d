-- What an operator measures of the database.

-- name: measures
-- Sizes, counts and versions, one a row. Tables are told by what they hold, in all collections together: their partitions are
-- called after it. Records are those of the last analysis, as counting them would read everything. Pairs are stale
-- where their run was of another model, was called off as outdated, or has not been finished.
-- rows: measure, part (of what, the version, or empty), value
WITH relations AS (
    SELECT c.oid, c.relkind, am.amname::text AS kind, greatest(c.reltuples, 0) AS rows,
        CASE
            WHEN c.relname LIKE 'records%%' THEN 'records'
            WHEN c.relname LIKE 'embeddings%%' THEN 'embeddings'
            WHEN c.relname LIKE 'thumbnails%%' THEN 'thumbnails'
            WHEN c.relname LIKE 'near_duplicate_pairs%%' THEN 'pairs'
            ELSE 'others'
        END AS part
    FROM pg_class c
    JOIN pg_am am ON am.oid = c.relam
    WHERE c.relnamespace IN ('lookalike_internal'::regnamespace, 'lookalike_data'::regnamespace)
      AND c.relkind IN ('r', 'i')
),
runs AS (
    SELECT run.finished_at, run.finished_at IS NULL OR run.rule = '' OR run.model_id <> c.model_id AS stale
    FROM lookalike_internal.near_duplicate_runs run
    JOIN lookalike_internal.collections c ON c.id = run.collection_id
    WHERE c.deleted_at IS NULL
)
SELECT 'table_bytes' AS measure, part, sum(pg_table_size(oid))::float8 AS value
FROM relations WHERE relkind = 'r' GROUP BY part
UNION ALL
SELECT 'index_bytes', kind, sum(pg_relation_size(oid))::float8 FROM relations WHERE relkind = 'i' GROUP BY kind
UNION ALL
SELECT 'records', '', coalesce(sum(rows), 0)::float8 FROM relations WHERE relkind = 'r' AND part = 'records'
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
