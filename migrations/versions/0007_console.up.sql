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
