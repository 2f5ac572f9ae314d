DROP TABLE lookalike_internal.query_pictures;
ALTER TABLE lookalike_internal.near_duplicate_runs DROP COLUMN done, DROP COLUMN total, DROP COLUMN pairs, DROP COLUMN fault;
DROP TABLE lookalike_internal.replaced_verdicts;
DROP TABLE lookalike_internal.edited_records;
DROP TABLE lookalike_internal.removed_pairs;
DROP TABLE lookalike_internal.removed_records;
DROP TABLE lookalike_internal.actions;
DROP TABLE lookalike_internal.sign_in_keys;
DROP TABLE lookalike_internal.console_sessions;
