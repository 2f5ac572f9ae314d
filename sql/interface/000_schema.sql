-- The SQL interface: what reports may rely on. Everything in the schema `lookalike` is described by a COMMENT, held
-- by a snapshot (tests/db/interface.txt), and granted to lookalike_reader; the tables behind it are out of sight.
--
-- The files of this folder are run in the order of their names, by the migration that last changed them. 0xx create
-- what stays: schemas, roles and types. 1xx to 8xx are replaced on an upgrade: CREATE OR REPLACE keeps what others
-- built on them. 9xx grant. {vector} stands for the schema that the extension pgvector is in.
--
-- Functions that read tables run with their owner's rights (SECURITY DEFINER), a search_path of their own and every
-- name qualified. Text becomes part of a statement only as a quoted literal.

-- What stands in somebody else's schema he can replace, and a step down would drop what is his.
DO $$
DECLARE
    taken text;
BEGIN
    SELECT n.nspname INTO taken
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname IN ('lookalike', 'lookalike_views', 'lookalike_filter')
      AND n.nspowner <> pg_catalog.to_regrole(pg_catalog.quote_ident(current_user));
    IF taken IS NOT NULL THEN
        RAISE EXCEPTION 'the schema % belongs to another role than %', taken, current_user
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Rename it if it is none of Lookalike''s, else migrate as its owner.';
    END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS lookalike;
CREATE SCHEMA IF NOT EXISTS lookalike_views;

COMMENT ON SCHEMA lookalike IS 'Lookalike: visual-similarity search. Views and functions for reports; stable.';
COMMENT ON SCHEMA lookalike_views IS 'Lookalike: a view with typed columns for each collection that was given one.';
