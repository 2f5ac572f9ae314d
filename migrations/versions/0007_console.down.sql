DROP TABLE lookalike_internal.review_places;
DROP TABLE lookalike_internal.review_rules;
DROP TABLE lookalike_internal.kept_groups;
DROP TABLE lookalike_internal.sign_in_keys;
DROP TABLE lookalike_internal.console_sessions;
