DROP VIEW lookalike.near_duplicates;
DROP TABLE lookalike.near_duplicate_runs;
-- The partitions of collections go with it.
DROP TABLE lookalike.near_duplicate_pairs;
