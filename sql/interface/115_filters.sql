-- To be replaced by the translation of filters.
CREATE OR REPLACE FUNCTION lookalike_internal.filter_condition(filter jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE RETURN 'true';
