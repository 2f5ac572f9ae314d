-- The filter language for reports: which records a filter in the form of MongoDB's find() admits, as REST says it.
--
-- A filter is translated into one jsonpath. record_matches is a plain expression, so that the planner puts it in place,
-- translates a constant filter once, and has a condition that the GIN index on attributes serves. A filter that comes
-- from a table is translated for every row: where there are many rows, translate it beforehand with filter_path.

CREATE OR REPLACE FUNCTION lookalike_filter.translated_filter(filter jsonb, has_id boolean) RETURNS jsonpath
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT COST 100000
    SET search_path = pg_catalog, pg_temp
    SET extra_float_digits = 1
AS $$
DECLARE
    part lookalike_filter.part := lookalike_filter.conditions(
        filter, 'filter', 0, CASE WHEN has_id THEN 'record' ELSE 'attributes' END, '{0,0,0}');
BEGIN
    RETURN ('$ ? (' || part.holds || ')')::jsonpath;
END
$$;
COMMENT ON FUNCTION lookalike_filter.translated_filter IS 'The filter as a jsonpath; without an id, a condition on _id is a fault.';

CREATE OR REPLACE FUNCTION lookalike_filter.variables(filter jsonb, id text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF id IS NULL THEN
        PERFORM lookalike_filter.translated_filter(filter, false);
    END IF;
    RETURN jsonb_build_object('id', id);
END
$$;
COMMENT ON FUNCTION lookalike_filter.variables IS 'What a translated filter knows beside the attributes.';

CREATE OR REPLACE FUNCTION lookalike.filter_path(filter jsonb) RETURNS jsonpath
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lookalike_filter.translated_filter(filter, true);
COMMENT ON FUNCTION lookalike.filter_path IS
    'A filter as a jsonpath, for attributes @? path; where the filter asks for _id, for jsonb_path_exists(attributes, path, jsonb_build_object(''id'', id), true). Raises 22023 with the path of a fault.';

CREATE OR REPLACE FUNCTION lookalike.record_matches(attributes jsonb, filter jsonb, id text DEFAULT NULL) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN filter IS NULL THEN CASE WHEN attributes IS NOT NULL THEN true END
        WHEN filter OPERATOR(pg_catalog.@?) '$.**."_id"'::pg_catalog.jsonpath THEN
            CASE WHEN attributes IS NOT NULL THEN pg_catalog.jsonb_path_exists(
                attributes, lookalike_filter.translated_filter(filter, true), lookalike_filter.variables(filter, id), true)
            END
        ELSE attributes OPERATOR(pg_catalog.@?) lookalike_filter.translated_filter(filter, true)
    END;
COMMENT ON FUNCTION lookalike.record_matches IS
    'Whether a filter in the form of MongoDB''s find() admits a record, as REST says it. Without a filter (NULL) every record, without attributes (NULL) NULL. id is needed where the filter asks for _id. Raises 22023 with the path of a fault.';
