-- The operators of a field whose operands are values: each checks its operand and says its test
-- (app/filters/operators.py). Those whose operands hold conditions are in 108.

CREATE OR REPLACE FUNCTION lookalike_filter.equality(value jsonb, spent integer[]) RETURNS lookalike_filter.test
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    kind text := jsonb_typeof(value);
BEGIN
    RETURN ROW(
        lookalike_filter.equal_one(E'\x01', value),
        CASE WHEN kind NOT IN ('array', 'object') THEN E'\x01 == ' || value::text END,
        false, kind = 'array', kind = 'null', false, spent)::lookalike_filter.test;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.in_range(
    name text, operand jsonb, place text, depth integer, spent integer[]
) RETURNS lookalike_filter.test
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    operator constant text := CASE name WHEN '$lt' THEN '<' WHEN '$lte' THEN '<=' WHEN '$gt' THEN '>' ELSE '>=' END;
    bound    jsonb := lookalike_filter.checked(operand, place, depth);
    kind     text := jsonb_typeof(bound);
    found    lookalike_filter.test;
BEGIN
    IF kind = 'object' THEN
        PERFORM lookalike_filter.fault(
            place, 'documents have no order here, as theirs would depend on the order of their keys');
    ELSIF kind = 'array' THEN
        PERFORM lookalike_filter.check_comparable(bound, place, depth, 100, 8);
    END IF;
    spent := lookalike_filter.spend(spent, 1, place);
    IF kind = 'array' THEN
        found.one := lookalike_filter.ordered_array(E'\x01', left(operator, 1), bound);
        IF length(operator) = 2 THEN
            found.one := '(' || found.one || ' || ' || lookalike_filter.equal_one(E'\x01', bound) || ')';
        END IF;
        RETURN ROW(
            E'(\x01.type() == "array" && ' || found.one || ')', NULL, false, true, false, false, spent
        )::lookalike_filter.test;
    ELSIF kind = 'null' AND length(operator) = 1 THEN
        RETURN ROW('(1 == 0)', '(1 == 0)', false, false, false, false, spent)::lookalike_filter.test;
    ELSIF kind = 'null' THEN
        RETURN lookalike_filter.equality(bound, spent);
    END IF;
    RETURN ROW(
        format(E'(\x01.type() == "%s" && \x01 %s %s)', kind, operator, bound), format(E'\x01 %s %s', operator, bound),
        false, false, false, false, spent)::lookalike_filter.test;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.matching(operand jsonb, options jsonb, place text, spent integer[])
    RETURNS lookalike_filter.test
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    search text;
BEGIN
    IF jsonb_typeof(operand) <> 'string' THEN
        PERFORM lookalike_filter.fault(
            place, '$regex wants a pattern as text, not ' || lookalike_filter.described(operand));
    ELSIF jsonb_typeof(options) <> 'string' THEN
        PERFORM lookalike_filter.fault(
            place, '$options wants letters as text, not ' || lookalike_filter.described(options));
    END IF;
    -- PostgreSQL keeps 32 compiled ones; with more it would compile them for every row.
    spent[3] := spent[3] + 1;
    IF spent[3] > 16 THEN
        PERFORM lookalike_filter.fault(place, 'the filter has more than 16 regular expressions');
    END IF;
    PERFORM lookalike_filter.checked(operand, place, 0);
    search := E'\x01 like_regex '
        || to_jsonb(lookalike_filter.translated(operand #>> '{}', options #>> '{}', place))::text || ' flag "s"';
    RETURN ROW(
        E'(\x01.type() == "string" && ' || search || ')', search, false, false, false, false, spent
    )::lookalike_filter.test;
END
$$;
COMMENT ON FUNCTION lookalike_filter.matching IS '$regex with its $options.';

CREATE OR REPLACE FUNCTION lookalike_filter.listed_pattern(
    item jsonb, place text, spent integer[], operator text, others text[] DEFAULT '{}'
) RETURNS lookalike_filter.test
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF NOT item ? '$regex' OR item - '{$regex,$options}'::text[] <> '{}' THEN
        PERFORM lookalike_filter.fault(place, 'of the operators only '
            || array_to_string('{$regex with $options}'::text[] || others, ' and ')
            || ' can stand in the list of ' || operator);
    END IF;
    RETURN lookalike_filter.matching(item -> '$regex', coalesce(item -> '$options', '""'), place || '.$regex', spent);
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.listed(operand jsonb, place text, depth integer, spent integer[])
    RETURNS lookalike_filter.test
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    expected jsonb[];
    patterns text[] := '{}';
    pattern  lookalike_filter.test;
    item     jsonb;
    n        bigint;
    many     text;
BEGIN
    PERFORM lookalike_filter.require_array(operand, place);
    spent[2] := spent[2] + jsonb_array_length(operand);
    IF spent[2] > 100000 THEN
        PERFORM lookalike_filter.fault(place, '$in and $nin list more than 100000 values in all');
    END IF;
    FOR item, n IN
        SELECT element, place_in_list - 1
        FROM jsonb_array_elements(operand) WITH ORDINALITY AS listed (element, place_in_list)
        WHERE jsonb_typeof(element) = 'object' AND lookalike_filter.has_operators(element)
    LOOP
        -- What stands before it is at fault first.
        PERFORM lookalike_filter.listed_value(element, place, depth, place_in_list - 1)
        FROM jsonb_array_elements(operand) WITH ORDINALITY AS listed (element, place_in_list)
        WHERE place_in_list <= n AND NOT lookalike_filter.has_operators(element);
        pattern := lookalike_filter.listed_pattern(
            item, lookalike_filter.below(place, depth, '[' || n || ']'), spent, '$in and $nin');
        patterns := patterns || pattern.one;
        spent := pattern.spent;
    END LOOP;
    SELECT coalesce(array_agg(lookalike_filter.listed_value(element, place, depth, place_in_list - 1)), '{}')
    INTO expected
    FROM jsonb_array_elements(operand) WITH ORDINALITY AS listed (element, place_in_list)
    WHERE jsonb_typeof(element) <> 'object' OR NOT lookalike_filter.has_operators(element);
    IF cardinality(expected) BETWEEN 1 AND 4 AND patterns = '{}'
        AND 'scalar' = ALL (SELECT CASE WHEN jsonb_typeof(each) IN ('array', 'object') THEN '' ELSE 'scalar' END
                            FROM unnest(expected) AS expected (each))
    THEN
        SELECT '(' || string_agg(E'\x01 == ' || each::text, ' || ') || ')' INTO many
        FROM unnest(expected) AS expected (each);
    END IF;
    RETURN ROW(
        lookalike_filter.joined(lookalike_filter.listed_values(E'\x01', expected) || patterns, '||'), many,
        false, EXISTS (SELECT FROM unnest(expected) AS expected (each) WHERE jsonb_typeof(each) = 'array'),
        'null' = ANY (expected), false, lookalike_filter.spend(spent, 1, place))::lookalike_filter.test;
END
$$;
COMMENT ON FUNCTION lookalike_filter.listed IS '$in.';

CREATE OR REPLACE FUNCTION lookalike_filter.listed_value(item jsonb, place text, depth integer, n bigint) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN CASE jsonb_typeof(item)
        WHEN 'boolean' THEN item
        WHEN 'null' THEN item
        WHEN 'number' THEN lookalike_filter.number(item, place || '[' || n || ']')
        WHEN 'string' THEN lookalike_filter.checked(item, place || '[' || n || ']', depth)
        ELSE lookalike_filter.checked(item, lookalike_filter.below(place, depth, '[' || n || ']'), depth + 1)
    END;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.has_value(operand jsonb, place text, depth integer, spent integer[])
    RETURNS lookalike_filter.test
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    spent := lookalike_filter.spend(spent, 1, place);
    RETURN ROW(
        E'exists(\x01)', E'exists(\x01)', false, true, false,
        -- As in MongoDB these ask for a missing field, and anything else, text too, for one that is there.
        lookalike_filter.checked(operand, place, depth) IN ('false', 'null', '0'), spent)::lookalike_filter.test;
END
$$;
COMMENT ON FUNCTION lookalike_filter.has_value IS '$exists.';

CREATE OR REPLACE FUNCTION lookalike_filter.has_size(operand jsonb, place text, spent integer[])
    RETURNS lookalike_filter.test
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    size numeric := lookalike_filter.whole_number(operand, place);
BEGIN
    IF size < 0 OR size > 2147483647 THEN
        PERFORM lookalike_filter.fault(place, 'wants a number of elements, from 0 to 2147483647');
    END IF;
    RETURN ROW(
        format(E'(\x01.type() == "array" && \x01.size() == %s)', size), NULL, true, true, false, false,
        lookalike_filter.spend(spent, 1, place))::lookalike_filter.test;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.of_type(operand jsonb, place text, depth integer, spent integer[])
    RETURNS lookalike_filter.test
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    names text[] := '{}';
    spot  text;
BEGIN
    IF operand = '[]' THEN
        PERFORM lookalike_filter.fault(place, 'wants at least one type');
    ELSIF jsonb_typeof(operand) = 'array' THEN
        -- All places first, and then what stands there.
        spot := lookalike_filter.below(place, depth, '');
        FOR n IN 0 .. jsonb_array_length(operand) - 1 LOOP
            names := names || lookalike_filter.type_name(operand -> n, spot || '[' || n || ']');
        END LOOP;
    ELSE
        names := ARRAY[lookalike_filter.type_name(operand, place)];
    END IF;
    RETURN ROW(
        lookalike_filter.joined(
            ARRAY(SELECT lookalike_filter.is_type(E'\x01', name) FROM unnest(names) AS names (name)), '||'),
        lookalike_filter.joined(
            ARRAY(SELECT lookalike_filter.has_type(E'\x01', name) FROM unnest(names) AS names (name)), '||'),
        false, 'array' = ANY (names), false, false, lookalike_filter.spend(spent, 1, place))::lookalike_filter.test;
END
$$;
COMMENT ON FUNCTION lookalike_filter.of_type IS '$type.';

CREATE OR REPLACE FUNCTION lookalike_filter.leaves_remainder(operand jsonb, place text, depth integer, spent integer[])
    RETURNS lookalike_filter.test
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    spot      text;
    divisor   numeric;
    remainder numeric;
BEGIN
    PERFORM lookalike_filter.require_array(operand, place);
    IF jsonb_array_length(operand) <> 2 THEN
        PERFORM lookalike_filter.fault(place, 'wants an array of two numbers, [divisor, remainder]');
    END IF;
    spot := lookalike_filter.below(place, depth, '');
    divisor := lookalike_filter.without_fraction(operand -> 0, spot || '[0]');
    remainder := lookalike_filter.without_fraction(operand -> 1, spot || '[1]');
    IF divisor = 0 THEN
        PERFORM lookalike_filter.fault(
            spot || '[0]', 'the divisor cannot be 0, nor a number that becomes 0 without its fraction');
    END IF;
    RETURN ROW(
        format(E'(\x01.type() == "number" && ('
            '\x01 >= 0 && \x01 < 9223372036854775808 && \x01.floor() %% (%1$s) == %2$s'
            ' || \x01 < 0 && \x01 > -9223372036854775809 && \x01.ceiling() %% (%1$s) == %2$s))', divisor, remainder),
        NULL, false, false, false, false, lookalike_filter.spend(spent, 1, place))::lookalike_filter.test;
END
$$;
COMMENT ON FUNCTION lookalike_filter.leaves_remainder IS '$mod, of numbers without their fractions.';

CREATE OR REPLACE FUNCTION lookalike_filter.has_bits(
    name text, operand jsonb, place text, depth integer, spent integer[]
) RETURNS lookalike_filter.test
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    positions integer[] := lookalike_filter.bit_positions(operand, place, depth);
BEGIN
    spent := lookalike_filter.spend(spent, cardinality(positions), place);
    RETURN ROW(
        lookalike_filter.bits(
            E'\x01', positions, name IN ('$bitsAllSet', '$bitsAnySet'), name IN ('$bitsAnySet', '$bitsAnyClear')),
        NULL, false, false, false, false, lookalike_filter.spend(spent, 1, place))::lookalike_filter.test;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.plain_test(
    name text, operand jsonb, place text, depth integer, spent integer[]
) RETURNS lookalike_filter.test
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    found lookalike_filter.test;
    value jsonb;
BEGIN
    CASE name
        WHEN '$eq', '$ne' THEN
            value := lookalike_filter.checked(operand, place, depth);
            found := lookalike_filter.equality(value, lookalike_filter.spend(spent, 1, place));
        WHEN '$lt', '$lte', '$gt', '$gte' THEN
            RETURN lookalike_filter.in_range(name, operand, place, depth, spent);
        WHEN '$in', '$nin' THEN
            found := lookalike_filter.listed(operand, place, depth, spent);
        WHEN '$exists' THEN
            RETURN lookalike_filter.has_value(operand, place, depth, spent);
        WHEN '$size' THEN
            RETURN lookalike_filter.has_size(operand, place, spent);
        WHEN '$type' THEN
            RETURN lookalike_filter.of_type(operand, place, depth, spent);
        WHEN '$mod' THEN
            RETURN lookalike_filter.leaves_remainder(operand, place, depth, spent);
        WHEN '$bitsAllSet', '$bitsAllClear', '$bitsAnySet', '$bitsAnyClear' THEN
            RETURN lookalike_filter.has_bits(name, operand, place, depth, spent);
        ELSE
            RETURN NULL;
    END CASE;
    found.negated := name IN ('$ne', '$nin');
    RETURN found;
END
$$;
COMMENT ON FUNCTION lookalike_filter.plain_test IS
    'The test that an operator says; NULL where there is no such operator.';
