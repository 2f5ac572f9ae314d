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
