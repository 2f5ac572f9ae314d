-- Nothing of them has to survive a crash: the calls that reserved did not either.
CREATE UNLOGGED TABLE lookalike_internal.credit_reservations (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id uuid        NOT NULL REFERENCES lookalike_internal.accounts (id) ON DELETE CASCADE,
    credits    bigint      NOT NULL CHECK (credits > 0),
    expires_at timestamptz NOT NULL
);
CREATE INDEX credit_reservations_account ON lookalike_internal.credit_reservations (account_id);

COMMENT ON TABLE lookalike_internal.credit_reservations IS 'Credits that calls under way may spend, and nobody else meanwhile.';
COMMENT ON COLUMN lookalike_internal.credit_reservations.expires_at IS 'From then on it counts no longer: whoever reserved was killed.';
