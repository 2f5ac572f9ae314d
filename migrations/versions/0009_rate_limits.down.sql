DROP FUNCTION lookalike_internal.reserve;
DROP TABLE lookalike_internal.rate_limits, lookalike_internal.token_uses;
ALTER TABLE lookalike_internal.tokens DROP COLUMN rate_class;
ALTER TABLE lookalike_internal.accounts DROP COLUMN rate_class;
DROP TABLE lookalike_internal.rate_classes;
