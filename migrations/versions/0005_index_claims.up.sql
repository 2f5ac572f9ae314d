-- A session's lock would not hold through a pooler in transaction mode; a row does.

ALTER TABLE lookalike_internal.attribute_indexes
    ADD COLUMN claim uuid,
    ADD COLUMN claimed_at timestamptz;

COMMENT ON COLUMN lookalike_internal.attribute_indexes.claim IS 'Whoever builds or drops its indexes at this moment; NULL: nobody.';
COMMENT ON COLUMN lookalike_internal.attribute_indexes.claimed_at IS 'The last sign of whoever has the claim, one before each step.';

COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.compared IS 'Keys of the records whose pairs with each other are all known (app/db/near_duplicate_runs.py).';
