-- A filter as a condition on r, for statements that are made of text.

CREATE OR REPLACE FUNCTION lookalike_internal.filter_condition(filter jsonb) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF filter IS NULL OR filter = '{}' THEN
        RETURN 'true';
    ELSIF filter @? '$.** ? (exists (@."_id") || exists (@."_url") || exists (@."_file"))' THEN
        RETURN format('lookalike_filter.row_matches(r.attributes, %L::jsonb, r.id, r.url, r.file)', filter);
    END IF;
    RETURN format('r.attributes @? %L::jsonpath', lookalike.filter_path(filter));
END
$$;
COMMENT ON FUNCTION lookalike_internal.filter_condition IS
    'What lookalike_filter.row_matches says of r, so that indexes serve it; true without a filter.';
