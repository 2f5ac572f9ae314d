-- Tests of a field: each operator with its checked operand as jsonpath (app/filters/operators.py, jsonpath.py and
-- comparison.py, which say what the predicates walk around).
--
-- Unlike the service, which leaves equality with whole arrays and documents to SQL, all is jsonpath here: a filter has
-- to be one value that the planner can compute beforehand.

CREATE OR REPLACE FUNCTION lookalike_filter.equal_one(value text, expected jsonb) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    is_type text := value || '.type() == "' || jsonb_typeof(expected) || '"';
    parts   text[];
BEGIN
    CASE jsonb_typeof(expected)
        WHEN 'array' THEN
            SELECT array_agg(lookalike_filter.equal_one(value || '[' || n - 1 || ']', item) ORDER BY n) INTO parts
            FROM jsonb_array_elements(expected) WITH ORDINALITY AS items (item, n);
            RETURN lookalike_filter.joined(
                ARRAY[is_type, value || '.size() == ' || jsonb_array_length(expected)] || parts, '&&');
        WHEN 'object' THEN
            SELECT array_agg(lookalike_filter.equal_one(value || '.' || to_jsonb(name)::text, item)) INTO parts
            FROM jsonb_each(expected) AS items (name, item);
            RETURN lookalike_filter.joined(
                ARRAY[is_type] || parts || ARRAY['!exists(' || value || '.keyvalue()' || (
                    SELECT coalesce(
                        ' ? (' || lookalike_filter.joined(array_agg('@.key != ' || to_jsonb(name)::text), '&&') || ')',
                        '')
                    FROM jsonb_object_keys(expected) AS names (name)
                ) || ')'], '&&');
        ELSE
            RETURN '(' || is_type || ' && ' || value || ' == ' || expected::text || ')';
    END CASE;
END
$$;
COMMENT ON FUNCTION lookalike_filter.equal_one IS
    'The single value that an expression denotes is equal to the expected one.';

CREATE OR REPLACE FUNCTION lookalike_filter.ordered_array(value text, sign text, bound jsonb) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    types   constant text[] := '{"null",number,string,object,array,boolean}';
    size    text := value || '.size()';
    found   text := CASE sign WHEN '>' THEN size || ' > ' || jsonb_array_length(bound) ELSE '(1 == 0)' END;
    element text;
    item    jsonb;
    own     integer;
    decided text[];
BEGIN
    found := CASE sign WHEN '<' THEN '(1 == 0)' ELSE found END;
    -- From the last element to the first: the first that differs decides.
    FOR n IN REVERSE jsonb_array_length(bound) - 1 .. 0 LOOP
        element := value || '[' || n || ']';
        item := bound -> n;
        own := array_position(types, jsonb_typeof(item));
        SELECT array_agg(element || '.type() == "' || name || '"' ORDER BY place) INTO decided
        FROM unnest(types) WITH ORDINALITY AS known (name, place)
        WHERE CASE sign WHEN '<' THEN place < own ELSE place > own END;
        decided := decided || ('(' || element || '.type() == "' || types[own] || '" && ' || CASE types[own]
            WHEN 'array' THEN lookalike_filter.ordered_array(element, sign, item)
            ELSE element || ' ' || sign || ' ' || item::text
        END || ')');
        found := '(' || size || ' > ' || n || ' && (' || array_to_string(decided, ' || ') || ' || '
            || lookalike_filter.equal_one(element, item) || ' && ' || found || '))';
        IF sign = '<' THEN
            found := '(' || size || ' == ' || n || ' || ' || found || ')';
        END IF;
    END LOOP;
    RETURN found;
END
$$;
COMMENT ON FUNCTION lookalike_filter.ordered_array IS
    'The array is smaller (<) or greater (>) than the bound: the first element that differs decides.';

CREATE OR REPLACE FUNCTION lookalike_filter.check_comparable(
    bound jsonb, place text, depth integer, allowed integer, levels integer
) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    item jsonb;
    n    integer := 0;
BEGIN
    IF levels = 0 THEN
        PERFORM lookalike_filter.fault(place, 'arrays are compared with at most 8 levels');
    END IF;
    FOR item IN SELECT jsonb_array_elements(bound) LOOP
        allowed := allowed - 1;
        IF allowed < 0 THEN
            PERFORM lookalike_filter.fault(place, 'arrays are compared with at most 100 elements');
        ELSIF jsonb_typeof(item) = 'object' THEN
            PERFORM lookalike_filter.fault(
                lookalike_filter.below(place, depth, '[' || n || ']'), 'arrays that hold documents have no order here');
        ELSIF jsonb_typeof(item) = 'array' THEN
            allowed := lookalike_filter.check_comparable(
                item, lookalike_filter.below(place, depth, '[' || n || ']'), depth + 1, allowed, levels - 1);
        END IF;
        n := n + 1;
    END LOOP;
    RETURN allowed;
END
$$;
COMMENT ON FUNCTION lookalike_filter.check_comparable IS
    'Arrays of scalars and such arrays have an order. Returns how many elements are left.';

CREATE OR REPLACE FUNCTION lookalike_filter.search_among(value text, firsts text[], leaves text[]) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    middle integer := cardinality(firsts) / 2;
BEGIN
    IF firsts IS NULL OR middle = 0 THEN
        RETURN leaves[1];
    END IF;
    RETURN '(' || value || ' < ' || firsts[middle + 1]
        || ' && ' || lookalike_filter.search_among(value, firsts[:middle], leaves[:middle])
        || ' || ' || value || ' >= ' || firsts[middle + 1]
        || ' && ' || lookalike_filter.search_among(value, firsts[middle + 1:], leaves[middle + 1:]) || ')';
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.search(value text, literals text[]) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    is_short boolean := cardinality(literals) <= 256;
    firsts   text[];
    leaves   text[];
BEGIN
    SELECT array_agg(first ORDER BY number), array_agg(leaf ORDER BY number) INTO firsts, leaves
    FROM (
        SELECT (n - 1) / CASE WHEN is_short THEN 2 ELSE 8 END, (array_agg(each ORDER BY n))[1],
            '(' || string_agg(CASE
                WHEN is_short THEN value || ' == ' || each
                -- Not ==, which GIN would look up, each for itself.
                ELSE value || ' >= ' || each || ' && ' || value || ' <= ' || each
            END, ' || ' ORDER BY n) || ')'
        FROM unnest(literals) WITH ORDINALITY AS literals (each, n)
        GROUP BY 1
    ) AS groups (number, first, leaf);
    RETURN lookalike_filter.search_among(value, firsts, leaves);
END
$$;
COMMENT ON FUNCTION lookalike_filter.search IS
    'Equality with one of the sorted literals; NULL without any. A binary search:'
    ' with || alone every record pays for each.';

CREATE OR REPLACE FUNCTION lookalike_filter.listed_values(value text, expected jsonb[]) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    texts   text[];
    numbers text[];
    others  text[];
BEGIN
    SELECT array_agg(to_jsonb(text)::text ORDER BY text COLLATE "C") INTO texts
    FROM (
        SELECT DISTINCT each #>> '{}' FROM unnest(expected) AS expected (each) WHERE jsonb_typeof(each) = 'string'
    ) AS found (text);
    SELECT array_agg(number::text ORDER BY number) INTO numbers
    FROM (
        SELECT DISTINCT each::numeric FROM unnest(expected) AS expected (each) WHERE jsonb_typeof(each) = 'number'
    ) AS found (number);
    SELECT array_agg(lookalike_filter.equal_one(value, each)) INTO others
    FROM (
        SELECT DISTINCT each FROM unnest(expected) AS expected (each)
        WHERE jsonb_typeof(each) NOT IN ('string', 'number')
    ) AS found (each);
    RETURN lookalike_filter.joined(array_cat(ARRAY[
        coalesce(
            '(' || value || '.type() == "string" && ' || lookalike_filter.search(value, texts) || ')', '(1 == 0)'),
        coalesce(
            '(' || value || '.type() == "number" && ' || lookalike_filter.search(value, numbers) || ')', '(1 == 0)')
    ], others), '||');
END
$$;
COMMENT ON FUNCTION lookalike_filter.listed_values IS 'The single value is equal to one of the expected ones.';

CREATE OR REPLACE FUNCTION lookalike_filter.is_type(value text, name text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN CASE name
        WHEN 'int' THEN format('(%1$s.type() == "number" && %1$s %% 1 == 0'
            ' && %1$s >= -2147483648 && %1$s < 2147483648)', value)
        WHEN 'long' THEN format('(%1$s.type() == "number" && %1$s %% 1 == 0'
            ' && (%1$s >= -9223372036854775808 && %1$s < -2147483648'
            ' || %1$s >= 2147483648 && %1$s < 9223372036854775808))', value)
        WHEN 'double' THEN format('(%1$s.type() == "number" && (%1$s %% 1 != 0 || %1$s < -9223372036854775808'
            ' || %1$s >= 9223372036854775808))', value)
        WHEN 'bool' THEN value || '.type() == "boolean"'
        ELSE value || '.type() == "' || name || '"'
    END;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.has_type(values_ text, name text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN name = 'array' THEN values_ || '.type() == "array"'
        WHEN name IN ('int', 'long', 'double')
        THEN 'exists(' || values_ || ' ? ' || lookalike_filter.is_type('@', name) || ')'
        ELSE lookalike_filter.is_type(values_ || '[*]', name)
    END;

CREATE OR REPLACE FUNCTION lookalike_filter.type_name(item jsonb, place text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    numbered constant jsonb := '{"1": "double", "2": "string", "3": "object", "4": "array", "8": "bool", "10": "null",
        "16": "int", "18": "long", "5": "binData", "6": "undefined", "7": "objectId", "9": "date", "11": "regex",
        "12": "dbPointer", "13": "javascript", "14": "symbol", "15": "javascriptWithScope", "17": "timestamp",
        "19": "decimal", "-1": "minKey", "127": "maxKey"}';
    names constant text[] := '{number,double,string,object,array,bool,"null",int,long,binData,undefined,objectId,date,'
        'regex,dbPointer,javascript,symbol,javascriptWithScope,timestamp,decimal,minKey,maxKey}';
    name text := CASE jsonb_typeof(item)
        WHEN 'number' THEN numbered ->> trim_scale(lookalike_filter.number(item, place)::numeric)::text
        WHEN 'string' THEN item #>> '{}'
    END;
BEGIN
    IF name IS NULL OR NOT name = ANY (names) THEN
        PERFORM lookalike_filter.fault(
            place, 'wants a type, one of ' || array_to_string(names, ', ') || ' or its BSON number');
    END IF;
    RETURN name;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.whole_number(operand jsonb, place text) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    number jsonb := CASE jsonb_typeof(operand) WHEN 'number' THEN lookalike_filter.number(operand, place) END;
BEGIN
    IF number IS NULL OR number::numeric % 1 <> 0 THEN
        PERFORM lookalike_filter.fault(place, 'wants a whole number, not ' || lookalike_filter.described(operand));
    END IF;
    RETURN number::numeric;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.without_fraction(operand jsonb, place text) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    number numeric;
BEGIN
    IF jsonb_typeof(operand) <> 'number' THEN
        PERFORM lookalike_filter.fault(place, 'wants a number, not ' || lookalike_filter.described(operand));
    END IF;
    number := trunc(lookalike_filter.number(operand, place)::numeric);
    IF number < -9223372036854775808 OR number >= 9223372036854775808 THEN
        PERFORM lookalike_filter.fault(place, 'wants a number of at most 64 bits');
    END IF;
    RETURN number;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.bit_positions(operand jsonb, place text, depth integer) RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    mask      numeric;
    spot      text;
    positions numeric[] := '{}';
BEGIN
    IF jsonb_typeof(operand) = 'array' THEN
        FOR n IN 0 .. jsonb_array_length(operand) - 1 LOOP
            spot := lookalike_filter.below(place, depth, '[' || n || ']');
            positions := positions || lookalike_filter.whole_number(operand -> n, spot);
        END LOOP;
        FOR n IN 0 .. jsonb_array_length(operand) - 1 LOOP
            IF positions[n + 1] < 0 OR positions[n + 1] > 2147483647 THEN
                PERFORM lookalike_filter.fault(
                    place || '[' || n || ']', 'wants the position of a bit, from 0 to 2147483647');
            END IF;
        END LOOP;
        RETURN (
            SELECT coalesce(array_agg(DISTINCT least(each, 63)::integer), '{}')
            FROM unnest(positions) AS positions (each)
        );
    END IF;
    mask := lookalike_filter.whole_number(operand, place);
    IF mask < 0 OR mask >= 9223372036854775808 THEN
        PERFORM lookalike_filter.fault(
            place, 'wants a mask, from 0 to 9223372036854775807, or an array of the positions of bits');
    END IF;
    RETURN (
        SELECT coalesce(array_agg(place_of_bit), '{}')
        FROM generate_series(0, 62) AS bits (place_of_bit)
        WHERE mask::bigint & (1::bigint << place_of_bit) <> 0
    );
END
$$;
COMMENT ON FUNCTION lookalike_filter.bit_positions IS 'Of a mask or a list; from 63 on all are the sign.';

CREATE OR REPLACE FUNCTION lookalike_filter.bits(value text, positions integer[], is_set boolean, is_some boolean)
    RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    positive text;
    negative text;
BEGIN
    -- Of -1 - v the bits are the opposite of those of v. Division would round, the remainder is exact.
    SELECT
        lookalike_filter.joined(array_agg(
            format('%s %% %s %s %s', value, doubled, CASE WHEN is_set THEN '>=' ELSE '<' END, bit)), operator),
        lookalike_filter.joined(array_agg(
            format('(-1 - %s) %% %s %s %s', value, doubled, CASE WHEN is_set THEN '<' ELSE '>=' END, bit)), operator)
    INTO positive, negative
    FROM unnest(positions) AS positions (each),
         LATERAL (VALUES (trunc(2::numeric ^ each), trunc(2::numeric ^ (each + 1)))) AS powers (bit, doubled),
         (VALUES (CASE WHEN is_some THEN '||' ELSE '&&' END)) AS joining (operator)
    GROUP BY operator;
    positive := coalesce(positive, CASE WHEN is_some THEN '(1 == 0)' ELSE '(1 == 1)' END);
    negative := coalesce(negative, CASE WHEN is_some THEN '(1 == 0)' ELSE '(1 == 1)' END);
    RETURN format('(%1$s.type() == "number" && %1$s %% 1 == 0 && (%1$s >= 0 && %1$s < 9223372036854775808 && %2$s'
        ' || %1$s < 0 && %1$s >= -9223372036854775808 && %3$s))', value, positive, negative);
END
$$;
COMMENT ON FUNCTION lookalike_filter.bits IS 'Bits of a whole number of 64 bits, in two''s complement.';
