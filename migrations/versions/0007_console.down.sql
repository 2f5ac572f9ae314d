DROP TABLE lookalike_internal.query_pictures;
DROP TABLE lookalike_internal.sign_in_keys;
DROP TABLE lookalike_internal.console_sessions;
