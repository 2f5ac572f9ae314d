-- The filter language for reports: which records a filter in the form of MongoDB's find() admits, as REST says it.
--
-- A filter is translated into one jsonpath. record_matches is a plain expression, so that the planner puts it in place,
-- translates a constant filter once, and has a condition that the GIN index on attributes serves. A filter that comes
-- from a table is translated for every row: where there are many rows, translate it beforehand with filter_path.

CREATE OR REPLACE FUNCTION lookalike_filter.translated_filter(filter jsonb, scope text) RETURNS jsonpath
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT COST 20000
    SET search_path = pg_catalog, pg_temp
    SET extra_float_digits = 1
    -- What the functions behind this one say has backslashes in its literals.
    SET standard_conforming_strings = on
AS $$
DECLARE
    part lookalike_filter.part := lookalike_filter.conditions(filter, 'filter', 0, scope, '{0,0,0}');
BEGIN
    RETURN ('$ ? (' || part.holds || ')')::jsonpath;
END
$$;
COMMENT ON FUNCTION lookalike_filter.translated_filter IS
    'The filter as a jsonpath. scope: record, where the variables id, url and file are at hand, id, or attributes.';

-- The id as an argument keeps the planner from asking beforehand, where it would raise what no record deserves.
CREATE OR REPLACE FUNCTION lookalike_filter.variables_without_id(filter jsonb, id text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    PERFORM lookalike_filter.translated_filter(filter, 'attributes');
    RETURN '{}';
END
$$;
COMMENT ON FUNCTION lookalike_filter.variables_without_id IS
    'Raises the fault of a filter that asks for an id where none was given.';

-- What every id has to be that a filter admits, if it says so at its top: for the index of the ids.

CREATE OR REPLACE FUNCTION lookalike_filter.ids(filter jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN jsonb_typeof(filter -> '_id') = 'string' THEN ARRAY[filter ->> '_id']
        WHEN jsonb_typeof(filter -> '_id' -> '$eq') = 'string' THEN ARRAY[filter -> '_id' ->> '$eq']
        WHEN jsonb_typeof(filter -> '_id' -> '$in') = 'array'
            AND NOT filter @? 'strict $."_id"."$in"[*] ? (@.type() == "object")'
        THEN ARRAY(SELECT listed.id FROM jsonb_array_elements_text(filter -> '_id' -> '$in') AS listed (id))
    END;

CREATE OR REPLACE FUNCTION lookalike_filter.least_id(filter jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN jsonb_typeof(filter -> '_id' -> '$gte') = 'string' THEN filter -> '_id' ->> '$gte'
        WHEN jsonb_typeof(filter -> '_id' -> '$gt') = 'string' THEN filter -> '_id' ->> '$gt'
    END;

CREATE OR REPLACE FUNCTION lookalike_filter.greatest_id(filter jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN jsonb_typeof(filter -> '_id' -> '$lte') = 'string' THEN filter -> '_id' ->> '$lte'
        WHEN jsonb_typeof(filter -> '_id' -> '$lt') = 'string' THEN filter -> '_id' ->> '$lt'
    END;

CREATE OR REPLACE FUNCTION lookalike_filter.id_may_match(filter jsonb, id text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (lookalike_filter.ids(filter) IS NULL OR id COLLATE "C" = ANY (lookalike_filter.ids(filter)))
        AND (lookalike_filter.least_id(filter) IS NULL OR id COLLATE "C" >= lookalike_filter.least_id(filter))
        AND (lookalike_filter.greatest_id(filter) IS NULL OR id COLLATE "C" <= lookalike_filter.greatest_id(filter));

CREATE OR REPLACE FUNCTION lookalike_filter.row_matches(attributes jsonb, filter jsonb, id text, url text, file text)
    RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN filter IS NULL THEN true
        WHEN filter @? '$.** ? (exists (@."_id") || exists (@."_url") || exists (@."_file"))' THEN
            lookalike_filter.id_may_match(filter, id)
            AND jsonb_path_exists(
                attributes,
                lookalike_filter.translated_filter(filter, 'record'),
                jsonb_object(ARRAY['id', id, 'url', url, 'file', file]),
                true)
        ELSE attributes @? lookalike_filter.translated_filter(filter, 'record')
    END;
COMMENT ON FUNCTION lookalike_filter.row_matches IS
    'Whether a filter admits a row of records, _url and _file included: all that REST knows.';

CREATE OR REPLACE FUNCTION lookalike.filter_path(filter jsonb) RETURNS jsonpath
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lookalike_filter.translated_filter(filter, 'id');
COMMENT ON FUNCTION lookalike.filter_path IS
    'A filter as a jsonpath, for attributes @? path; where the filter asks for _id, for'
    ' jsonb_path_exists(attributes, path, jsonb_build_object(''id'', id), true).'
    ' Raises 22023 with the path of a fault.';

CREATE OR REPLACE FUNCTION lookalike.record_matches(attributes jsonb, filter jsonb, id text DEFAULT NULL)
    RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN filter IS NULL THEN CASE WHEN attributes IS NOT NULL THEN true END
        WHEN filter OPERATOR(pg_catalog.@?) '$.**."_id"'::pg_catalog.jsonpath THEN
            lookalike_filter.id_may_match(filter, id)
            AND pg_catalog.jsonb_path_exists(
                attributes,
                lookalike_filter.translated_filter(filter, 'id'),
                CASE
                    WHEN id IS NOT NULL THEN pg_catalog.jsonb_object(ARRAY['id', id])
                    WHEN attributes IS NOT NULL THEN lookalike_filter.variables_without_id(filter, id)
                END,
                true)
        ELSE attributes OPERATOR(pg_catalog.@?) lookalike_filter.translated_filter(filter, 'id')
    END;
COMMENT ON FUNCTION lookalike.record_matches IS
    'Whether a filter in the form of MongoDB''s find() admits a record, as REST says it. Without a filter (NULL)'
    ' every record; without attributes (NULL) NULL. id is needed where the filter asks for _id.'
    ' Raises 22023 with the path of a fault.';
