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
