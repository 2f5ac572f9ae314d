DROP TABLE lookalike_internal.near_duplicate_runs;
-- The partitions of collections go with it.
DROP TABLE lookalike_internal.near_duplicate_pairs;
