-- Dotted paths as jsonpath: where a test of a field looks (app/filters/paths.py and jsonpath.py).
--
-- A path begins at a root, which is the first field of a document, @."name", or of an array that is taken for a
-- document, @[0]. Where it holds numbers there are several ways to read it, each number as a name and as a position.

CREATE OR REPLACE FUNCTION lookalike_filter.position_of(name text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN name ~ '^(0|[1-9][0-9]{0,9})$' THEN
        CASE WHEN name::bigint <= 2147483647 THEN name::integer END
    END;
COMMENT ON FUNCTION lookalike_filter.position_of IS 'The position in an array that a name may mean, if it may.';

CREATE OR REPLACE FUNCTION lookalike_filter.missing(root text, rest text[]) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF cardinality(rest) = 0 THEN
        RETURN '!exists(' || root || ')';
    END IF;
    RETURN '(!(' || root || '.type() == "object" || ' || root || '.type() == "array") || '
        || lookalike_filter.missing_below(root, rest) || ')';
END
$$;
COMMENT ON FUNCTION lookalike_filter.missing IS 'Somewhere along the path the next field is missing.';

CREATE OR REPLACE FUNCTION lookalike_filter.missing_below(value text, rest text[]) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    place integer := lookalike_filter.position_of(rest[1]);
    found text := 'exists(' || value || ' ? (@.type() == "object" && '
        || lookalike_filter.missing('@.' || to_jsonb(rest[1])::text, rest[2:]) || '))';
BEGIN
    IF place IS NULL OR cardinality(rest) = 1 THEN
        RETURN found;
    END IF;
    RETURN '(' || found || ' || (' || value || '.type() == "array" && '
        || lookalike_filter.missing_below(value || '[' || place || ']', rest[2:]) || '))';
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.on_route(
    root text, rest text[], is_position boolean[], test lookalike_filter.test, is_exact boolean
) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    -- The last step from the document that holds it, guarded where positions are read from an array.
    step      text := root;
    guards    text[] := '{}';
    container text;
    beginning text[];
    values_   text;
    found     text[] := '{}';
BEGIN
    FOR n IN 1 .. cardinality(rest) LOOP
        IF is_position[n] THEN
            guards := guards || (step || '.type() == "array"');
            step := step || '[' || rest[n] || ']';
        ELSE
            IF container IS NULL THEN
                container := step;
                beginning := guards;
            ELSE
                container := container || CASE cardinality(guards)
                    WHEN 0 THEN '' ELSE ' ? (@.type() == "object" && ' || array_to_string(guards, ' && ') || ')'
                END || substr(step, 2);
            END IF;
            guards := '{}';
            step := '@.' || to_jsonb(rest[n])::text;
        END IF;
    END LOOP;
    IF NOT test.whole AND NOT (cardinality(rest) > 0 AND is_position[cardinality(rest)]) THEN
        values_ := CASE WHEN container IS NULL THEN step ELSE container || substr(step, 2) END;
        found := ARRAY[CASE WHEN test.many IS NULL OR is_exact
            THEN 'exists(' || values_ || ' ? (' || replace(test.one, E'\x01', '@') || '))'
            ELSE replace(test.many, E'\x01', values_)
        END];
    END IF;
    IF found = '{}' OR test.arrays AND (test.many IS NULL OR is_exact) THEN
        values_ := array_to_string(guards || replace(test.one, E'\x01', step), ' && ');
        found := found || CASE
            WHEN container IS NULL THEN '(' || values_ || ')'
            ELSE 'exists(' || container || ' ? (@.type() == "object" && ' || values_ || '))'
        END;
    END IF;
    RETURN lookalike_filter.joined(beginning || lookalike_filter.joined(found, '||'), '&&');
END
$$;
COMMENT ON FUNCTION lookalike_filter.on_route IS
    'The test of what one way to read a path leads to; is_exact: true or false, never unknown.';

CREATE OR REPLACE FUNCTION lookalike_filter.on_path(
    root text, rest text[], test lookalike_filter.test, is_exact boolean
) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    -- Where names may be positions.
    places integer[];
    found  text[] := '{}';
BEGIN
    IF cardinality(rest) = 0 THEN
        found := ARRAY[lookalike_filter.on_route(root, rest, '{}', test, is_exact)];
    ELSE
        SELECT coalesce(array_agg(n::integer ORDER BY n), '{}') INTO places
        FROM unnest(rest) WITH ORDINALITY AS names (name, n)
        WHERE lookalike_filter.position_of(name) IS NOT NULL;
        FOR reading IN 0 .. (1 << cardinality(places)) - 1 LOOP
            found := found || lookalike_filter.on_route(root, rest, (
                SELECT array_agg(coalesce((reading >> array_position(places, n) - 1) & 1 = 1, false) ORDER BY n)
                FROM generate_subscripts(rest, 1) AS subscripts (n)
            ), test, is_exact);
        END LOOP;
    END IF;
    RETURN lookalike_filter.joined(
        CASE WHEN test.missing THEN found || lookalike_filter.missing(root, rest) ELSE found END, '||');
END
$$;
COMMENT ON FUNCTION lookalike_filter.on_path IS 'The test of a field, whichever way its path is read.';

CREATE OR REPLACE FUNCTION lookalike_filter.opposite(part lookalike_filter.part) RETURNS lookalike_filter.part
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN (
        coalesce((part).fails, CASE (part).holds
            WHEN '(1 == 1)' THEN '(1 == 0)'
            WHEN '(1 == 0)' THEN '(1 == 1)'
            -- ! alone would leave unknown what is unknown.
            ELSE '!exists(@ ? (' || (part).holds || '))'
        END),
        CASE WHEN (part).fails IS NOT NULL THEN (part).holds END,
        (part).array_fails, (part).array_holds, (part).spent);
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.leaf(path text[], test lookalike_filter.test, scope text)
    RETURNS lookalike_filter.part
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    found lookalike_filter.part;
    root  text;
    place integer;
BEGIN
    found.spent := test.spent;
    IF cardinality(path) = 0 THEN
        found.holds := replace(test.one, E'\x01', '@');
        found.fails := '!(' || found.holds || ')';
    ELSIF scope <> 'element' AND path[1] = '_id' THEN
        found.holds := replace(test.one, E'\x01', '$"id"');
    ELSIF scope <> 'element' AND path[1] IN ('_url', '_file') THEN
        -- A variable is null where the field is missing.
        root := '$' || to_jsonb(substr(path[1], 2))::text;
        found.holds := CASE
            WHEN test.missing THEN '(' || root || '.type() == "null" || ' || replace(test.one, E'\x01', root) || ')'
            ELSE '(' || root || '.type() == "string" && ' || replace(test.one, E'\x01', root) || ')'
        END;
    ELSE
        found.holds := lookalike_filter.on_path('@.' || to_jsonb(path[1])::text, path[2:], test, false);
        IF scope = 'element' THEN
            place := lookalike_filter.position_of(path[1]);
            found.array_holds := CASE
                WHEN place IS NOT NULL THEN lookalike_filter.on_path('@[' || place || ']', path[2:], test, true)
                WHEN test.missing THEN '(1 == 1)'
                ELSE '(1 == 0)'
            END;
            found.array_fails := CASE found.array_holds
                WHEN '(1 == 1)' THEN '(1 == 0)'
                WHEN '(1 == 0)' THEN '(1 == 1)'
                ELSE '!(' || found.array_holds || ')'
            END;
        END IF;
    END IF;
    RETURN CASE WHEN test.negated THEN lookalike_filter.opposite(found) ELSE found END;
END
$$;
COMMENT ON FUNCTION lookalike_filter.leaf IS
    'The test of a field, or without a path of the element itself. scope: record, id, attributes or element.';
