ALTER TABLE lookalike.attribute_indexes DROP COLUMN claim, DROP COLUMN claimed_at;
