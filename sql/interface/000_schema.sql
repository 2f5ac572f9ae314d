-- The SQL interface: what reports may rely on. Everything in the schema `lookalike` is described by a COMMENT, held
-- by a snapshot (tests/db/interface.txt), and granted to lookalike_reader; the tables behind it are out of sight.
--
-- The files of this folder are run in the order of their names, by the migration that last changed them. 0xx create
-- what stays: the schemas and the roles. 1xx to 8xx are replaced on an upgrade: CREATE OR REPLACE keeps what others
-- built on them. 9xx grant. {vector} stands for the schema that the extension pgvector is in.
--
-- Functions that read tables run with their owner's rights (SECURITY DEFINER), a search_path of their own and every
-- name qualified. Text becomes part of a statement only as a quoted literal.

CREATE SCHEMA IF NOT EXISTS lookalike;
CREATE SCHEMA IF NOT EXISTS lookalike_views;

COMMENT ON SCHEMA lookalike IS 'Lookalike: visual-similarity search. Views and functions for reports; stable.';
COMMENT ON SCHEMA lookalike_views IS 'Lookalike: a view with typed columns for each collection that was given one.';
