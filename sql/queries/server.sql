-- The server itself.

-- name: versions
-- rows: postgresql, pgvector
SELECT current_setting('server_version') AS postgresql, extversion AS pgvector
FROM pg_extension
WHERE extname = 'vector';

-- name: vector_search_path
-- The search path on which all names of pgvector are found, and none of anybody else's.
-- rows: search_path, known (whether its names are found anyway); none without the extension
SELECT 'pg_catalog, ' || quote_ident(n.nspname) AS search_path, n.nspname = ANY (current_schemas(false)) AS known
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'vector';
