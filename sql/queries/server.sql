-- The server itself.

-- name: versions
-- rows: postgresql, pgvector
SELECT current_setting('server_version') AS postgresql, extversion AS pgvector
FROM pg_extension
WHERE extname = 'vector';

-- name: vector_schema
-- The schema that pgvector is in.
-- rows: schema (quoted), known (whether its names are found anyway); none without the extension
SELECT quote_ident(n.nspname) AS schema, n.nspname = ANY (current_schemas(false)) AS known
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'vector';

-- name: become_owner
-- Takes the role of whoever owns the tables, where it is another one and may be taken: what makes and drops tables and
-- indexes, and whatever it makes is the owner's. Nothing happens where the role is not to be had.
-- parameters: locally (until the end of the transaction, or of the session)
SELECT set_config('role', pg_get_userbyid(c.relowner), %(locally)s)
FROM pg_class c
WHERE c.oid = to_regclass('lookalike_internal.records') AND pg_get_userbyid(c.relowner) <> current_user
  AND pg_has_role(c.relowner, 'SET');

-- name: missing_roles
-- Roles of the SQL interface that nobody has created.
-- rows: role
SELECT named.role
FROM unnest(ARRAY['lookalike_reader', 'lookalike_writer']) AS named (role)
WHERE to_regrole(named.role) IS NULL;
