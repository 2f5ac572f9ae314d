ALTER TABLE lookalike_internal.attribute_indexes DROP COLUMN claim, DROP COLUMN claimed_at;

COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.compared IS 'Keys of the records whose pairs with each other are all known (app/db/near_duplicate_pairs.py).';
