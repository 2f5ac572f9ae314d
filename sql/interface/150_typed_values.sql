-- What becomes of an attribute's value in a column with a type: the value where it has that type, else NULL, and
-- never an error. JSON's null is NULL everywhere. The views in lookalike_views are made of these
-- (app/db/collection_views.py).
--
-- A view calls functions with its reader's rights: everybody may execute these, though others cannot name them. Their
-- bodies are bound when they are made, and but for those of arrays become part of the query that calls them. There a
-- constant is converted while the query is planned, past a guard that is not IMMUTABLE: a conversion that is has such
-- a guard. Types whose names are looked up while a function runs are qualified.

CREATE OR REPLACE FUNCTION lookalike_internal.as_text(value jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(value) IN ('string', 'number', 'boolean') THEN value #>> '{}'::text[] END;
COMMENT ON FUNCTION lookalike_internal.as_text IS 'A text, and a number or boolean as it is written; NULL otherwise.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_numeric(value jsonb) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(value) = 'number' THEN value::numeric END;
COMMENT ON FUNCTION lookalike_internal.as_numeric IS 'A number; NULL otherwise.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_bigint(value jsonb) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN jsonb_typeof(value) <> 'number' THEN NULL
        WHEN value::numeric BETWEEN -9223372036854775808 AND 9223372036854775807
            AND trunc(value::numeric) = value::numeric THEN value::numeric::bigint
    END;
COMMENT ON FUNCTION lookalike_internal.as_bigint IS 'A whole number that fits; NULL otherwise.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_double_precision(value jsonb) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN jsonb_typeof(value) <> 'number' THEN NULL
        WHEN value::numeric = 0 OR abs(value::numeric) BETWEEN 1e-307 AND 1.7976931348623157e308
            THEN value::double precision
    END;
COMMENT ON FUNCTION lookalike_internal.as_double_precision IS 'A number, unless it is too large or too small; NULL otherwise.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_boolean(value jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(value) = 'boolean' THEN value::boolean END;
COMMENT ON FUNCTION lookalike_internal.as_boolean IS 'true or false; NULL otherwise.';

-- ISO 8601 only: that means the same whatever the session's DateStyle and TimeZone are, and no text such as "today"
-- becomes a date.
CREATE OR REPLACE FUNCTION lookalike_internal.iso_moment(value jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN jsonb_typeof(value) = 'string' AND value #>> '{}'::text[] ~
                '^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$'
            THEN (value #>> '{}'::text[])
                || CASE WHEN substr(value #>> '{}'::text[], 17) ~ '[Z+-]' THEN '' ELSE ' UTC' END
    END;
COMMENT ON FUNCTION lookalike_internal.iso_moment IS
    'A text that looks like a date or a date and a time in ISO 8601, with its time zone, UTC where it says none; NULL otherwise.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_date(value jsonb) RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE
        WHEN pg_input_is_valid(lookalike_internal.iso_moment(value), 'pg_catalog.timestamptz')
            THEN left(value #>> '{}'::text[], 10)::date
    END;
COMMENT ON FUNCTION lookalike_internal.as_date IS 'A date in ISO 8601, or that of a date and a time as it is written; NULL otherwise.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_timestamptz(value jsonb) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE
        WHEN pg_input_is_valid(lookalike_internal.iso_moment(value), 'pg_catalog.timestamptz')
            THEN lookalike_internal.iso_moment(value)::timestamptz
    END;
COMMENT ON FUNCTION lookalike_internal.as_timestamptz IS 'A date, or a date and a time, in ISO 8601, by UTC where it says no time zone; NULL otherwise.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_uuid(value jsonb) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN jsonb_typeof(value) <> 'string' THEN NULL
        WHEN value #>> '{}'::text[] ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN (value #>> '{}'::text[])::uuid
    END;
COMMENT ON FUNCTION lookalike_internal.as_uuid IS 'A text that is a UUID in its usual form; NULL otherwise.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_jsonb(value jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(value) <> 'null' THEN value END;
COMMENT ON FUNCTION lookalike_internal.as_jsonb IS 'Whatever the value is; NULL for null.';

-- Arrays: an element of another type is a NULL in its place, and a single value is an array of one.

CREATE OR REPLACE FUNCTION lookalike_internal.as_text_array(value jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    RETURN CASE
        WHEN jsonb_typeof(value) = 'array'
            THEN ARRAY(SELECT lookalike_internal.as_text(each.element) FROM jsonb_array_elements(value) AS each (element))
        WHEN lookalike_internal.as_text(value) IS NOT NULL THEN ARRAY[lookalike_internal.as_text(value)]
    END;
COMMENT ON FUNCTION lookalike_internal.as_text_array IS 'An array, its elements as by as_text, or of one value.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_numeric_array(value jsonb) RETURNS numeric[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    RETURN CASE
        WHEN jsonb_typeof(value) = 'array'
            THEN ARRAY(SELECT lookalike_internal.as_numeric(each.element) FROM jsonb_array_elements(value) AS each (element))
        WHEN lookalike_internal.as_numeric(value) IS NOT NULL THEN ARRAY[lookalike_internal.as_numeric(value)]
    END;
COMMENT ON FUNCTION lookalike_internal.as_numeric_array IS 'An array, its elements as by as_numeric, or of one value.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_bigint_array(value jsonb) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    RETURN CASE
        WHEN jsonb_typeof(value) = 'array'
            THEN ARRAY(SELECT lookalike_internal.as_bigint(each.element) FROM jsonb_array_elements(value) AS each (element))
        WHEN lookalike_internal.as_bigint(value) IS NOT NULL THEN ARRAY[lookalike_internal.as_bigint(value)]
    END;
COMMENT ON FUNCTION lookalike_internal.as_bigint_array IS 'An array, its elements as by as_bigint, or of one value.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_double_precision_array(value jsonb) RETURNS double precision[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    RETURN CASE
        WHEN jsonb_typeof(value) = 'array'
            THEN ARRAY(SELECT lookalike_internal.as_double_precision(each.element) FROM jsonb_array_elements(value) AS each (element))
        WHEN lookalike_internal.as_double_precision(value) IS NOT NULL THEN ARRAY[lookalike_internal.as_double_precision(value)]
    END;
COMMENT ON FUNCTION lookalike_internal.as_double_precision_array IS 'An array, its elements as by as_double_precision, or of one value.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_boolean_array(value jsonb) RETURNS boolean[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    RETURN CASE
        WHEN jsonb_typeof(value) = 'array'
            THEN ARRAY(SELECT lookalike_internal.as_boolean(each.element) FROM jsonb_array_elements(value) AS each (element))
        WHEN lookalike_internal.as_boolean(value) IS NOT NULL THEN ARRAY[lookalike_internal.as_boolean(value)]
    END;
COMMENT ON FUNCTION lookalike_internal.as_boolean_array IS 'An array, its elements as by as_boolean, or of one value.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_date_array(value jsonb) RETURNS date[]
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    RETURN CASE
        WHEN jsonb_typeof(value) = 'array'
            THEN ARRAY(SELECT lookalike_internal.as_date(each.element) FROM jsonb_array_elements(value) AS each (element))
        WHEN lookalike_internal.as_date(value) IS NOT NULL THEN ARRAY[lookalike_internal.as_date(value)]
    END;
COMMENT ON FUNCTION lookalike_internal.as_date_array IS 'An array, its elements as by as_date, or of one value.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_timestamptz_array(value jsonb) RETURNS timestamptz[]
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    RETURN CASE
        WHEN jsonb_typeof(value) = 'array'
            THEN ARRAY(SELECT lookalike_internal.as_timestamptz(each.element) FROM jsonb_array_elements(value) AS each (element))
        WHEN lookalike_internal.as_timestamptz(value) IS NOT NULL THEN ARRAY[lookalike_internal.as_timestamptz(value)]
    END;
COMMENT ON FUNCTION lookalike_internal.as_timestamptz_array IS 'An array, its elements as by as_timestamptz, or of one value.';

CREATE OR REPLACE FUNCTION lookalike_internal.as_uuid_array(value jsonb) RETURNS uuid[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    RETURN CASE
        WHEN jsonb_typeof(value) = 'array'
            THEN ARRAY(SELECT lookalike_internal.as_uuid(each.element) FROM jsonb_array_elements(value) AS each (element))
        WHEN lookalike_internal.as_uuid(value) IS NOT NULL THEN ARRAY[lookalike_internal.as_uuid(value)]
    END;
COMMENT ON FUNCTION lookalike_internal.as_uuid_array IS 'An array, its elements as by as_uuid, or of one value.';

-- What a view's columns are chosen by (app/services/operating/view_columns.py).
CREATE OR REPLACE FUNCTION lookalike_internal.kind_of_value(value jsonb) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CASE jsonb_typeof(value)
        WHEN 'boolean', 'object' THEN
            RETURN jsonb_typeof(value);
        WHEN 'number' THEN
            RETURN CASE WHEN scale(value::numeric) = 0 AND lookalike_internal.as_bigint(value) IS NOT NULL
                        THEN 'bigint' ELSE 'numeric' END;
        WHEN 'string' THEN
            RETURN CASE WHEN lookalike_internal.as_timestamptz(value) IS NULL THEN 'text'
                        WHEN length(value #>> '{}') = 10 THEN 'date'
                        ELSE 'timestamptz' END;
        WHEN 'array' THEN
            RETURN (
                SELECT CASE WHEN count(*) = 0 THEN '[]'
                            WHEN bool_and(each.kind = 'boolean') THEN 'boolean[]'
                            WHEN bool_and(each.kind = 'number') THEN
                                CASE WHEN bool_and(scale(lookalike_internal.as_numeric(each.element)) = 0
                                                   AND lookalike_internal.as_bigint(each.element) IS NOT NULL)
                                     THEN 'bigint[]' ELSE 'numeric[]' END
                            WHEN bool_and(each.kind IN ('string', 'number', 'boolean', 'null')) THEN 'text[]'
                            ELSE 'jsonb' END
                FROM (
                    SELECT a.element, jsonb_typeof(a.element) AS kind FROM jsonb_array_elements(value) AS a (element)
                ) each
            );
        ELSE
            RETURN NULL;
    END CASE;
END
$$;
COMMENT ON FUNCTION lookalike_internal.kind_of_value IS
    'The narrowest type of a column that keeps the value; object, [] for an empty array, jsonb for other arrays, NULL for null.';
