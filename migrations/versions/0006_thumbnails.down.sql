ALTER TABLE lookalike_internal.near_duplicate_pairs DROP CONSTRAINT near_duplicate_pairs_signal_check;
DELETE FROM lookalike_internal.near_duplicate_pairs WHERE signal NOT IN ('visual', 'hash', 'both');
ALTER TABLE lookalike_internal.near_duplicate_pairs ADD CONSTRAINT near_duplicate_pairs_signal_check CHECK (signal IN
    ('visual', 'hash', 'both'));
COMMENT ON COLUMN lookalike_internal.near_duplicate_pairs.signal IS 'What decided: embeddings, hashes, or both.';
DROP TABLE lookalike_internal.near_duplicate_verdicts;
-- The partitions of collections go with it.
DROP TABLE lookalike_internal.thumbnails;
ALTER TABLE lookalike_internal.records DROP COLUMN pixel_hash;
