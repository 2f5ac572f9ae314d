-- Counted by every process, and added here every few seconds in one statement.
CREATE TABLE lookalike_internal.usage (
    account_id    uuid             NOT NULL REFERENCES lookalike_internal.accounts (id) ON DELETE CASCADE,
    month         date             NOT NULL CHECK (extract(day FROM month) = 1),
    service       text             NOT NULL,
    method        text             NOT NULL,
    calls         bigint           NOT NULL,
    pictures      bigint           NOT NULL,
    credits       bigint           NOT NULL,
    errors        bigint           NOT NULL,
    seconds       double precision NOT NULL,
    worst_seconds double precision NOT NULL,
    PRIMARY KEY (account_id, month, service, method)
);

COMMENT ON TABLE lookalike_internal.usage IS 'What accounts used the service for, by month.';

CREATE TABLE lookalike_internal.collection_views (
    name          text        PRIMARY KEY CHECK (name ~ '^[a-z_][a-z0-9_]{0,62}$'),
    collection_id uuid        REFERENCES lookalike_internal.collections (id) ON DELETE SET NULL,
    columns       jsonb       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX collection_views_collection ON lookalike_internal.collection_views (collection_id);

COMMENT ON TABLE lookalike_internal.collection_views IS 'The views in the schema lookalike_views, with typed columns for BI tools.';
COMMENT ON COLUMN lookalike_internal.collection_views.collection_id IS 'NULL: it was deleted while others had built upon the view, which shows nothing since.';
COMMENT ON COLUMN lookalike_internal.collection_views.columns IS 'Their columns in order: [{"name", "path", "type"}].';
