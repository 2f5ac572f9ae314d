DROP FUNCTION lookalike.record_matches;
DROP FUNCTION lookalike.filter_path;
DROP SCHEMA lookalike_filter CASCADE;
