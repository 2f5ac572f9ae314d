CREATE TABLE lookalike_internal.rate_classes (
    name     text   PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
    calls    bigint CHECK (calls > 0),
    pictures bigint CHECK (pictures > 0),
    bytes    bigint CHECK (bytes > 0)
);

COMMENT ON TABLE lookalike_internal.rate_classes IS 'How much tokens and accounts may do in a minute; NULL: no limit.';

ALTER TABLE lookalike_internal.accounts
    ADD COLUMN rate_class text REFERENCES lookalike_internal.rate_classes (name);
ALTER TABLE lookalike_internal.tokens
    ADD COLUMN rate_class text REFERENCES lookalike_internal.rate_classes (name);

COMMENT ON COLUMN lookalike_internal.accounts.rate_class IS 'NULL: what the settings of the service say.';
COMMENT ON COLUMN lookalike_internal.tokens.rate_class IS 'NULL: no limit but that of its account.';

CREATE TABLE lookalike_internal.token_uses (
    token_id uuid        PRIMARY KEY REFERENCES lookalike_internal.tokens (id) ON DELETE CASCADE,
    used_at  timestamptz NOT NULL
);

COMMENT ON TABLE lookalike_internal.token_uses IS 'When tokens were last used, to the minute.';

-- Allowances as the generic cell rate algorithm keeps them (app/domain/rate_limit.py). Nothing of them has to survive a
-- crash: they are full again then. Processes reserve some units at a time, and update a row in place at that.
CREATE UNLOGGED TABLE lookalike_internal.rate_limits (
    subject uuid        NOT NULL,
    unit    text        NOT NULL,
    tat     timestamptz NOT NULL,
    granted bigint      NOT NULL,
    PRIMARY KEY (subject, unit)
) WITH (fillfactor = 50);

COMMENT ON TABLE lookalike_internal.rate_limits IS 'What is left of the allowances of tokens, accounts and addresses.';
COMMENT ON COLUMN lookalike_internal.rate_limits.tat IS 'The theoretical arrival time: when the next unit would come if all came evenly.';
COMMENT ON COLUMN lookalike_internal.rate_limits.granted IS 'Units that the last reservation got.';

CREATE FUNCTION lookalike_internal.reserve(
    tat timestamptz, per_minute bigint, charged bigint, needed bigint, wanted bigint,
    OUT later_tat timestamptz, OUT granted bigint
)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    SELECT now() + make_interval(secs => owed.backlog + given.granted * 60.0 / per_minute), given.granted
    FROM (SELECT greatest(0, greatest(0, extract(epoch FROM tat - now())::float8) + charged * 60.0 / per_minute))
             AS owed (backlog),
         LATERAL (SELECT floor((60 - owed.backlog) * per_minute / 60 + 1e-6)::bigint) AS conforming (units),
         LATERAL (SELECT CASE WHEN conforming.units >= least(needed, per_minute)
                              THEN greatest(needed, least(wanted, conforming.units))
                              ELSE 0 END) AS given (granted)
    $$;
COMMENT ON FUNCTION lookalike_internal.reserve IS
    'The generic cell rate algorithm: the units that are granted of an allowance, and its time after it.';
