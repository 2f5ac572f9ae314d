-- What each role may do, for the roles that exist. To be repeated after a role was made: `lookalike roles`.
--
-- The reader sees the views, and functions answer with their owner's rights; it cannot even name the tables. The
-- writer is what the service runs as: rows of all tables, but no change to any table's shape; collections and
-- indexes on attributes are made and dropped by the owner.
--
-- What views and functions of the interface call they call with the caller's rights: that is granted, too, as a careful
-- owner may have taken EXECUTE from PUBLIC by default. But nobody hands a condition of his own to `nearest`.

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA lookalike FROM PUBLIC;
REVOKE ALL ON SCHEMA lookalike_internal, lookalike_data FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'lookalike_reader') THEN
        GRANT USAGE ON SCHEMA lookalike, lookalike_views TO lookalike_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA lookalike, lookalike_views TO lookalike_reader;
        ALTER DEFAULT PRIVILEGES IN SCHEMA lookalike_views GRANT SELECT ON TABLES TO lookalike_reader;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA lookalike, lookalike_filter, lookalike_internal TO lookalike_reader;
        REVOKE EXECUTE ON FUNCTION lookalike_internal.nearest FROM lookalike_reader;
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'lookalike_writer') THEN
        GRANT USAGE ON SCHEMA lookalike, lookalike_views, lookalike_internal, lookalike_data TO lookalike_writer;
        GRANT SELECT ON ALL TABLES IN SCHEMA lookalike, lookalike_views TO lookalike_writer;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA lookalike, lookalike_filter, lookalike_internal TO lookalike_writer;
        GRANT SELECT ON ALL TABLES IN SCHEMA lookalike_internal TO lookalike_writer;
        GRANT INSERT, UPDATE, DELETE ON lookalike_internal.records, lookalike_internal.embeddings,
            lookalike_internal.thumbnails, lookalike_internal.near_duplicate_pairs,
            lookalike_internal.near_duplicate_runs, lookalike_internal.near_duplicate_verdicts,
            lookalike_internal.attribute_indexes TO lookalike_writer;
        GRANT INSERT, UPDATE ON lookalike_internal.usage TO lookalike_writer;
        GRANT INSERT, DELETE ON lookalike_internal.console_sessions, lookalike_internal.sign_in_keys
            TO lookalike_writer;
        GRANT INSERT, UPDATE, DELETE ON lookalike_internal.query_pictures TO lookalike_writer;
        GRANT INSERT, UPDATE, DELETE ON lookalike_internal.actions, lookalike_internal.removed_records,
            lookalike_internal.removed_pairs, lookalike_internal.edited_records, lookalike_internal.replaced_verdicts
            TO lookalike_writer;
        GRANT INSERT, UPDATE, DELETE ON lookalike_internal.kept_groups, lookalike_internal.review_rules,
            lookalike_internal.review_places TO lookalike_writer;
        IF to_regclass('lookalike_internal.rate_limits') IS NOT NULL THEN
            GRANT INSERT, UPDATE, DELETE ON lookalike_internal.rate_limits TO lookalike_writer;
            GRANT INSERT, UPDATE ON lookalike_internal.token_uses TO lookalike_writer;
        END IF;
        IF to_regclass('lookalike_internal.credit_reservations') IS NOT NULL THEN
            GRANT INSERT, DELETE ON lookalike_internal.credit_reservations TO lookalike_writer;
        END IF;
        GRANT UPDATE (credits_counter) ON lookalike_internal.accounts TO lookalike_writer;
        GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA lookalike_data TO lookalike_writer;
        GRANT USAGE ON SEQUENCE lookalike_internal.record_key TO lookalike_writer;
        -- The views and partitions that come.
        ALTER DEFAULT PRIVILEGES IN SCHEMA lookalike_views GRANT SELECT ON TABLES TO lookalike_writer;
        ALTER DEFAULT PRIVILEGES IN SCHEMA lookalike_data
            GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO lookalike_writer;
        REVOKE EXECUTE ON FUNCTION lookalike_internal.nearest FROM lookalike_writer;
    END IF;
END
$$;
