-- The console. A session lives as long as its token does; secrets are kept as their SHA-256 only.

CREATE TABLE lookalike_internal.console_sessions (
    sha256     bytea       PRIMARY KEY CHECK (octet_length(sha256) = 32),
    token_id   uuid        NOT NULL REFERENCES lookalike_internal.tokens (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX console_sessions_token ON lookalike_internal.console_sessions (token_id);
CREATE INDEX console_sessions_expiry ON lookalike_internal.console_sessions (expires_at);

COMMENT ON TABLE lookalike_internal.console_sessions IS 'Who is signed in to the console, with which token.';

CREATE TABLE lookalike_internal.sign_in_keys (
    sha256     bytea       PRIMARY KEY CHECK (octet_length(sha256) = 32),
    token_id   uuid        NOT NULL REFERENCES lookalike_internal.tokens (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_keys_token ON lookalike_internal.sign_in_keys (token_id);

COMMENT ON TABLE lookalike_internal.sign_in_keys IS 'Addresses that sign in to the console once; gone when used.';

CREATE TABLE lookalike_internal.query_pictures (
    account_id uuid        NOT NULL REFERENCES lookalike_internal.accounts (id) ON DELETE CASCADE,
    sha256     bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    image      bytea       NOT NULL,
    width      integer     NOT NULL CHECK (width > 0),
    height     integer     NOT NULL CHECK (height > 0),
    used_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, sha256)
);
CREATE INDEX query_pictures_use ON lookalike_internal.query_pictures (used_at);

COMMENT ON TABLE lookalike_internal.query_pictures IS 'Pictures that were searched with in the console, for a month.';
COMMENT ON COLUMN lookalike_internal.query_pictures.image IS 'WebP, the longest side at most 1,024 pixels.';

-- What was done in the console, so that it can be undone. What an undo needs is moved here by the transaction that
-- removes or changes it; when an action is forgotten, so is that.

CREATE TABLE lookalike_internal.actions (
    id            bigint      GENERATED ALWAYS AS IDENTITY,
    collection_id uuid        NOT NULL REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    account_id    uuid        NOT NULL REFERENCES lookalike_internal.accounts (id),
    token_id      uuid        REFERENCES lookalike_internal.tokens (id) ON DELETE SET NULL,
    kind          text        NOT NULL CHECK (kind IN ('remove', 'edit', 'merge', 'verdict', 'keep')),
    ids           text[]      COLLATE "C" NOT NULL,
    told          jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(told) = 'object'),
    kept          bigint      NOT NULL DEFAULT 0,
    radius        double precision,
    rule          text,
    done_at       timestamptz NOT NULL DEFAULT now(),
    undone_at     timestamptz,
    PRIMARY KEY (collection_id, id)
);

COMMENT ON TABLE lookalike_internal.actions IS 'What was done in the console, as long as it can be undone.';
COMMENT ON COLUMN lookalike_internal.actions.token_id IS 'Who did it; NULL: a command.';
COMMENT ON COLUMN lookalike_internal.actions.ids IS 'All records that it was about.';
COMMENT ON COLUMN lookalike_internal.actions.told IS 'For people: how many records were removed and changed, reasons.';
COMMENT ON COLUMN lookalike_internal.actions.kept IS 'How many rows are kept for its undo.';
COMMENT ON COLUMN lookalike_internal.actions.radius IS 'Of the run that found the pairs kept for its undo; NULL: there was none.';
COMMENT ON COLUMN lookalike_internal.actions.rule IS 'The rule of that run.';

-- Types of pgvector may be in any schema.
SELECT set_config('search_path', 'pg_catalog, ' || quote_ident(n.nspname), true)
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'vector';

CREATE TABLE lookalike_internal.removed_records (
    collection_id uuid        NOT NULL,
    action_id     bigint      NOT NULL,
    key           bigint      NOT NULL,
    id            text        COLLATE "C" NOT NULL,
    attributes    jsonb       NOT NULL,
    url           text,
    file          text,
    content_hash  bytea,
    phash         bit(256),
    phash_quality smallint,
    pixel_hash    bytea,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    model_id      integer     NOT NULL,
    embedding     halfvec     NOT NULL,
    width         integer,
    height        integer,
    image         bytea,
    glance        bytea,
    format        text,
    file_bytes    bigint,
    PRIMARY KEY (collection_id, key),
    FOREIGN KEY (collection_id, action_id) REFERENCES lookalike_internal.actions (collection_id, id) ON DELETE CASCADE
);
CREATE INDEX removed_records_action ON lookalike_internal.removed_records (collection_id, action_id);
ALTER TABLE lookalike_internal.removed_records ALTER COLUMN image SET STORAGE EXTERNAL;

COMMENT ON TABLE lookalike_internal.removed_records IS 'Records that an action removed, with embedding and thumbnail; an undo puts them back as they were.';

CREATE TABLE lookalike_internal.removed_pairs (
    collection_id uuid             NOT NULL,
    action_id     bigint           NOT NULL,
    a_key         bigint           NOT NULL,
    b_key         bigint           NOT NULL,
    distance      double precision NOT NULL,
    visual        double precision NOT NULL,
    bits          smallint,
    signal        text             NOT NULL,
    PRIMARY KEY (collection_id, a_key, b_key),
    FOREIGN KEY (collection_id, action_id) REFERENCES lookalike_internal.actions (collection_id, id) ON DELETE CASCADE
);
CREATE INDEX removed_pairs_action ON lookalike_internal.removed_pairs (collection_id, action_id);

COMMENT ON TABLE lookalike_internal.removed_pairs IS 'Pairs of near duplicates that went with the removed records.';

CREATE TABLE lookalike_internal.edited_records (
    collection_id uuid   NOT NULL,
    action_id     bigint NOT NULL,
    key           bigint NOT NULL,
    before        jsonb  NOT NULL,
    after         jsonb  NOT NULL,
    PRIMARY KEY (collection_id, action_id, key),
    FOREIGN KEY (collection_id, action_id) REFERENCES lookalike_internal.actions (collection_id, id) ON DELETE CASCADE
);

COMMENT ON TABLE lookalike_internal.edited_records IS 'The attributes that an action changed, as they were and as it left them; one that is missing was not there.';

CREATE TABLE lookalike_internal.replaced_verdicts (
    collection_id uuid        NOT NULL,
    action_id     bigint      NOT NULL,
    a_id          text        COLLATE "C" NOT NULL,
    b_id          text        COLLATE "C" NOT NULL,
    a_picture     bytea,
    b_picture     bytea,
    verdict       text,
    judged_at     timestamptz,
    rejudged_at   timestamptz,
    PRIMARY KEY (collection_id, action_id, a_id, b_id),
    FOREIGN KEY (collection_id, action_id) REFERENCES lookalike_internal.actions (collection_id, id) ON DELETE CASCADE
);

COMMENT ON TABLE lookalike_internal.replaced_verdicts IS 'The verdicts on pairs that an action judged, as they were before; NULL: there was none.';
COMMENT ON COLUMN lookalike_internal.replaced_verdicts.rejudged_at IS 'The judged_at that the action left, by which a newer verdict is told; NULL: it took the verdict back.';

-- How far a run has come, for whoever looks at it.
ALTER TABLE lookalike_internal.near_duplicate_runs
    ADD COLUMN done bigint NOT NULL DEFAULT 0, ADD COLUMN total bigint, ADD COLUMN pairs bigint NOT NULL DEFAULT 0,
    ADD COLUMN fault text;

COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.done IS 'How many records the last run has compared, as of a second ago.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.total IS 'How many it has to compare; NULL: not known yet.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.pairs IS 'How many pairs were stored then.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.fault IS 'Why the last one failed, in words for people; NULL: it did not.';

-- The review of duplicates.

CREATE TABLE lookalike_internal.kept_groups (
    collection_id uuid        NOT NULL REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    digest        bytea       NOT NULL CHECK (octet_length(digest) = 32),
    least_id      text        COLLATE "C" NOT NULL,
    size          integer     NOT NULL CHECK (size > 1),
    kept_at       timestamptz NOT NULL DEFAULT now(),
    action_id     bigint,
    PRIMARY KEY (collection_id, digest)
);

COMMENT ON TABLE lookalike_internal.kept_groups IS 'Groups of near duplicates that a person kept whole; they are not shown again unless something joins or changes.';
COMMENT ON COLUMN lookalike_internal.kept_groups.digest IS 'SHA-256 of the ids and pictures of its members, in the order of the ids.';
COMMENT ON COLUMN lookalike_internal.kept_groups.least_id IS 'The member whose id comes first: only its group is looked into.';
COMMENT ON COLUMN lookalike_internal.kept_groups.action_id IS 'The action whose undo shows it again; the action may be forgotten.';

CREATE TABLE lookalike_internal.review_rules (
    collection_id uuid        PRIMARY KEY REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    rules         jsonb       NOT NULL CHECK (jsonb_typeof(rules) = 'array'),
    changed_at    timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE lookalike_internal.review_rules IS 'Which picture of a group stays: rules in their order (app/domain/review_rule.py).';

CREATE TABLE lookalike_internal.review_places (
    account_id    uuid             NOT NULL REFERENCES lookalike_internal.accounts (id) ON DELETE CASCADE,
    collection_id uuid             NOT NULL REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    radius        double precision NOT NULL,
    least_id      text             COLLATE "C" NOT NULL,
    size          integer          NOT NULL,
    PRIMARY KEY (account_id, collection_id)
);
CREATE INDEX review_places_collection ON lookalike_internal.review_places (collection_id);

COMMENT ON TABLE lookalike_internal.review_places IS 'The group of near duplicates that somebody looked at last, and at which radius.';
