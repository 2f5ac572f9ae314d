-- The server itself.

-- name: versions
-- rows: postgresql, pgvector
SELECT current_setting('server_version') AS postgresql, extversion AS pgvector
FROM pg_extension
WHERE extname = 'vector';
