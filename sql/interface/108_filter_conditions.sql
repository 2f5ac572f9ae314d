-- Documents of conditions and of operators, read once from the outside in (app/filters/parse.py). Every fault is found
-- here, before a record is looked at.
--
-- place is where in the filter something stands, depth how deep. scope is what a name that begins with _ may be: in a
-- record _id, _url and _file, with an id _id, with attributes alone none; in an element of $elemMatch an ordinary name.
-- spent counts what is limited.
-- jsonb has an order of names of its own: of several faults that one is told which comes first in it.

CREATE OR REPLACE FUNCTION lookalike_filter.combined(parts lookalike_filter.part[], operator text, spent integer[])
    RETURNS lookalike_filter.part
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    other constant text := CASE operator WHEN '&&' THEN '||' ELSE '&&' END;
    found lookalike_filter.part;
BEGIN
    IF cardinality(parts) = 1 THEN
        found := parts[1];
        found.spent := spent;
        RETURN found;
    END IF;
    SELECT
        lookalike_filter.joined(array_agg(holds), operator),
        CASE WHEN count(fails) > 0 THEN lookalike_filter.joined(array_agg(fails), other) END,
        CASE WHEN count(*) = count(array_holds) THEN lookalike_filter.joined(array_agg(array_holds), operator) END,
        CASE WHEN count(*) = count(array_fails) THEN lookalike_filter.joined(array_agg(array_fails), other) END
    INTO found.holds, found.fails, found.array_holds, found.array_fails
    FROM unnest(parts);
    found.spent := spent;
    RETURN found;
END
$$;
COMMENT ON FUNCTION lookalike_filter.combined IS 'Conditions that all hold (&&), or one of which does (||).';

CREATE OR REPLACE FUNCTION lookalike_filter.path_of(
    name text, place text, scope text, spent integer[], OUT path text[], OUT remaining integer[]
)
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    numbers integer := 0;
BEGIN
    remaining := spent;
    IF length(name) > 1000 THEN
        PERFORM lookalike_filter.fault(place, 'a path of more than 1000 characters');
    END IF;
    path := CASE name WHEN '' THEN '{""}' ELSE string_to_array(name, '.') END;
    IF cardinality(path) > 100 THEN
        PERFORM lookalike_filter.fault(place, 'a path of more than 100 names');
    END IF;
    IF cardinality(path) > 1 THEN
        SELECT count(lookalike_filter.position_of(each)) INTO numbers FROM unnest(path[2:]) AS names (each);
        IF numbers > 4 THEN
            PERFORM lookalike_filter.fault(place, 'a path with more than 4 numbers');
        ELSIF numbers > 0 THEN
            remaining := lookalike_filter.spend(spent, (1 << numbers) - 1, place);
        END IF;
    END IF;
    IF starts_with(path[1], '$') THEN
        PERFORM lookalike_filter.fault(place, 'a field whose name begins with ''$'' cannot be filtered by');
    ELSIF scope <> 'element' AND starts_with(path[1], '_') THEN
        IF path[1] NOT IN ('_id', '_url', '_file') THEN
            PERFORM lookalike_filter.fault(place, lookalike_filter.shown(path[1])
                || ' cannot be filtered by; of the names that begin with ''_'' only _id, _url, _file can');
        ELSIF cardinality(path) > 1 THEN
            PERFORM lookalike_filter.fault(place, path[1] || ' is text, there is nothing beneath it');
        ELSIF path[1] <> '_id' AND scope <> 'record' THEN
            PERFORM lookalike_filter.fault(place, 'in SQL a filter knows attributes and _id, not ' || path[1]);
        ELSIF scope = 'attributes' THEN
            PERFORM lookalike_filter.fault(place, 'the filter asks for the id: give it as the third argument');
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION lookalike_filter.path_of IS 'The names of a dotted path, and what is spent after it.';

CREATE OR REPLACE FUNCTION lookalike_filter.check_comment(document jsonb, place text, depth integer) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF document ? '$comment' THEN
        PERFORM lookalike_filter.checked(
            document -> '$comment', lookalike_filter.below(place, depth, '.$comment'), depth + 1);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.refuse_operator(name text, place text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    reason text := CASE
        WHEN name = '$where' THEN 'it runs a program of the client''s'
        WHEN name = '$expr' THEN 'it computes with the record''s own fields, in a language of its own'
        WHEN name = '$jsonSchema' THEN 'it is a language of its own'
        WHEN name = '$text' THEN 'it needs an index of words; $regex looks into text'
        WHEN name IN ('$near', '$nearSphere', '$geoWithin', '$geoIntersects') THEN 'records hold no geometry'
        WHEN name = '$sampleRate' THEN 'its answers change from call to call; the method random draws records'
    END;
BEGIN
    PERFORM lookalike_filter.fault(place, lookalike_filter.shown(name) || ' is not supported here'
        || coalesce(' (' || reason || ')', '') || '; known are $eq, $ne, $lt, $lte, $gt, $gte, $in, $nin,'
        ' $exists, $size, $type, $mod, $bitsAllSet, $bitsAllClear, $bitsAnySet, $bitsAnyClear, $all, $elemMatch, $regex, $options, $not'
        ' for a field, $and, $or, $nor, $not, $comment around conditions');
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.element_match(operand jsonb, place text, depth integer, spent integer[])
    RETURNS lookalike_filter.test
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    first   text;
    part    lookalike_filter.part;
    element text;
BEGIN
    PERFORM lookalike_filter.require_object(operand, place);
    PERFORM lookalike_filter.check_comment(operand, place, depth);
    operand := operand - '$comment';
    SELECT name INTO first FROM jsonb_object_keys(operand) AS names (name) LIMIT 1;
    IF starts_with(first, '$') AND first NOT IN ('$and', '$or', '$nor') THEN
        part := lookalike_filter.operators('{}', operand, place, depth, 'element', spent);
        element := part.holds;
    ELSE
        part := lookalike_filter.conditions(operand, place, depth, 'element', spent);
        element := lookalike_filter.joined(ARRAY[
            lookalike_filter.joined(ARRAY['@.type() == "object"', part.holds], '&&'),
            lookalike_filter.joined(ARRAY['@.type() == "array"', part.array_holds], '&&')
        ], '||');
    END IF;
    IF length(element) > 1000000 THEN
        PERFORM lookalike_filter.fault(place, 'too many numbers in paths inside of each other');
    END IF;
    RETURN ROW(
        E'(\x01.type() == "array" && exists(\x01 ? (' || element || ')))', NULL, true, true, false, false, part.spent
    )::lookalike_filter.test;
END
$$;
COMMENT ON FUNCTION lookalike_filter.element_match IS
    '$elemMatch: operators on the element itself, or conditions on its fields.';

CREATE OR REPLACE FUNCTION lookalike_filter.all_of(
    path text[], operand jsonb, place text, depth integer, scope text, spent integer[]
) RETURNS lookalike_filter.part
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    item  jsonb;
    spot  text;
    test  lookalike_filter.test;
    parts lookalike_filter.part[] := '{}';
BEGIN
    PERFORM lookalike_filter.require_array(operand, place);
    FOR n IN 0 .. jsonb_array_length(operand) - 1 LOOP
        item := operand -> n;
        spot := lookalike_filter.below(place, depth, '[' || n || ']');
        spent := lookalike_filter.spend(spent, 1, spot);
        IF NOT lookalike_filter.has_operators(item) THEN
            test := lookalike_filter.equality(lookalike_filter.checked(item, spot, depth + 1), spent);
        ELSIF item - '$elemMatch' = '{}' THEN
            test := lookalike_filter.element_match(
                item -> '$elemMatch', lookalike_filter.below(spot, depth + 1, '.$elemMatch'), depth + 2, spent);
        ELSE
            test := lookalike_filter.listed_pattern(item, spot, spent, '$all', '{$elemMatch}');
        END IF;
        spent := test.spent;
        parts := parts || lookalike_filter.leaf(path, test, scope);
    END LOOP;
    spent := lookalike_filter.spend(spent, 1, place);
    IF parts = '{}' THEN
        test := ROW('(1 == 0)', '(1 == 0)', false, false, false, false, spent);
        RETURN lookalike_filter.leaf(path, test, scope);
    END IF;
    RETURN lookalike_filter.combined(parts, '&&', spent);
END
$$;
COMMENT ON FUNCTION lookalike_filter.all_of IS '$all: values, patterns, or $elemMatch.';

CREATE OR REPLACE FUNCTION lookalike_filter.operator(
    name text, path text[], operand jsonb, options jsonb, place text, depth integer, scope text, spent integer[]
) RETURNS lookalike_filter.part
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    test lookalike_filter.test;
BEGIN
    CASE name
        WHEN '$regex' THEN
            test := lookalike_filter.matching(operand, coalesce(options, '""'), place, spent);
            test.spent := lookalike_filter.spend(test.spent, 1, place);
        WHEN '$not' THEN
            IF jsonb_typeof(operand) <> 'object' OR operand = '{}' THEN
                PERFORM lookalike_filter.fault(
                    place,
                    '$not wants operators, such as {"$gt": 5}, not ' || jsonb_typeof(operand) || '; see also $ne');
            END IF;
            RETURN lookalike_filter.opposite(lookalike_filter.operators(path, operand, place, depth, scope, spent));
        WHEN '$all' THEN
            RETURN lookalike_filter.all_of(path, operand, place, depth, scope, spent);
        WHEN '$elemMatch' THEN
            test := lookalike_filter.element_match(operand, place, depth, spent);
            test.spent := lookalike_filter.spend(test.spent, 1, place);
        ELSE
            test := lookalike_filter.plain_test(name, operand, place, depth, spent);
            IF test IS NULL THEN
                PERFORM lookalike_filter.refuse_operator(name, place);
            END IF;
    END CASE;
    RETURN lookalike_filter.leaf(path, test, scope);
END
$$;
COMMENT ON FUNCTION lookalike_filter.operator IS 'One operator of a field; options are those of $regex.';

CREATE OR REPLACE FUNCTION lookalike_filter.operators(
    path text[], document jsonb, place text, depth integer, scope text, spent integer[]
) RETURNS lookalike_filter.part
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    name    text;
    operand jsonb;
    part    lookalike_filter.part;
    parts   lookalike_filter.part[] := '{}';
BEGIN
    SELECT each INTO name FROM jsonb_object_keys(document) AS names (each) WHERE NOT starts_with(each, '$') LIMIT 1;
    IF FOUND THEN
        PERFORM lookalike_filter.fault(
            lookalike_filter.below(place, depth, '.' || lookalike_filter.shown(name)),
            'a name among operators; a value to compare with goes under $eq');
    ELSIF document ? '$options' AND NOT document ? '$regex' THEN
        PERFORM lookalike_filter.fault(
            lookalike_filter.below(place, depth, '.$options'), '$options belongs beside a $regex');
    END IF;
    PERFORM lookalike_filter.check_comment(document, place, depth);
    IF document - '$comment' = '{}' THEN
        PERFORM lookalike_filter.fault(place, 'a $comment alone says nothing of a field');
    END IF;
    FOR name, operand IN SELECT * FROM jsonb_each(document - '$comment') LOOP
        CONTINUE WHEN name = '$options';
        part := lookalike_filter.operator(
            name, path, operand, document -> '$options',
            lookalike_filter.below(place, depth, '.' || lookalike_filter.shown(name)), depth + 1, scope, spent);
        spent := part.spent;
        parts := parts || part;
    END LOOP;
    RETURN lookalike_filter.combined(parts, '&&', spent);
END
$$;
COMMENT ON FUNCTION lookalike_filter.operators IS 'A document of operators behind a field: all of them hold.';

CREATE OR REPLACE FUNCTION lookalike_filter.operator_first(
    name text, operand jsonb, place text, depth integer, scope text, spent integer[]
) RETURNS lookalike_filter.part
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    numeral constant text := '^-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?$';
    field   text;
    bound   jsonb;
    spot    text;
    read    record;
    part    lookalike_filter.part;
    parts   lookalike_filter.part[] := '{}';
BEGIN
    PERFORM lookalike_filter.require_object(operand, place);
    IF operand = '{}' THEN
        PERFORM lookalike_filter.fault(place, name || ' wants a field, such as {"' || name || '": {"price": …}}');
    END IF;
    FOR field, bound IN SELECT * FROM jsonb_each(operand) LOOP
        spot := lookalike_filter.below(place, depth, '.' || lookalike_filter.shown(field));
        read := lookalike_filter.path_of(field, spot, scope, spent);
        part := lookalike_filter.operator(name, read.path, bound, NULL, spot, depth + 1, scope, read.remaining);
        spent := part.spent;
        -- Only here, a number written as text is compared with numbers too.
        IF name IN ('$lt', '$lte', '$gt', '$gte') AND jsonb_typeof(bound) = 'string' AND bound #>> '{}' ~ numeral THEN
            part := lookalike_filter.combined(ARRAY[
                lookalike_filter.operator(
                    name, read.path, (bound #>> '{}')::jsonb, NULL, spot, depth + 1, scope, spent), part], '||', spent);
            part.spent := lookalike_filter.spend(spent, 1, spot);
            spent := part.spent;
        END IF;
        parts := parts || part;
    END LOOP;
    RETURN lookalike_filter.combined(parts, '&&', spent);
END
$$;
COMMENT ON FUNCTION lookalike_filter.operator_first IS '{"$gte": {"price": 200}}.';

CREATE OR REPLACE FUNCTION lookalike_filter.combination(
    name text, operand jsonb, place text, depth integer, scope text, spent integer[]
) RETURNS lookalike_filter.part
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    part  lookalike_filter.part;
    parts lookalike_filter.part[] := '{}';
BEGIN
    PERFORM lookalike_filter.require_array(operand, place);
    IF operand = '[]' THEN
        PERFORM lookalike_filter.fault(place, 'wants at least one condition');
    END IF;
    FOR n IN 0 .. jsonb_array_length(operand) - 1 LOOP
        part := lookalike_filter.conditions(
            operand -> n, lookalike_filter.below(place, depth, '[' || n || ']'), depth + 1, scope, spent);
        spent := part.spent;
        parts := parts || part;
    END LOOP;
    part := lookalike_filter.combined(parts, CASE name WHEN '$and' THEN '&&' ELSE '||' END, spent);
    RETURN CASE name WHEN '$nor' THEN lookalike_filter.opposite(part) ELSE part END;
END
$$;
COMMENT ON FUNCTION lookalike_filter.combination IS '$and, $or and $nor.';

CREATE OR REPLACE FUNCTION lookalike_filter.conditions(
    document jsonb, place text, depth integer, scope text, spent integer[]
) RETURNS lookalike_filter.part
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    name    text;
    operand jsonb;
    spot    text;
    read    record;
    part    lookalike_filter.part;
    parts   lookalike_filter.part[] := '{}';
BEGIN
    PERFORM lookalike_filter.require_object(document, place);
    PERFORM lookalike_filter.check_comment(document, place, depth);
    FOR name, operand IN SELECT * FROM jsonb_each(document - '$comment') LOOP
        spot := lookalike_filter.below(place, depth, '.' || lookalike_filter.shown(name));
        IF NOT starts_with(name, '$') THEN
            read := lookalike_filter.path_of(name, spot, scope, spent);
            IF lookalike_filter.has_operators(operand) THEN
                part := lookalike_filter.operators(read.path, operand, spot, depth + 1, scope, read.remaining);
            ELSE
                part := lookalike_filter.operator(
                    '$eq', read.path, operand, NULL, spot, depth + 1, scope, read.remaining);
            END IF;
        ELSIF name IN ('$and', '$or', '$nor') THEN
            part := lookalike_filter.combination(name, operand, spot, depth + 1, scope, spent);
        ELSIF name = '$not' AND scope <> 'element' THEN
            part := lookalike_filter.opposite(lookalike_filter.conditions(operand, spot, depth + 1, scope, spent));
        ELSIF scope <> 'element' AND name IN (
            '$eq', '$ne', '$lt', '$lte', '$gt', '$gte', '$in', '$nin', '$exists', '$size', '$type', '$mod',
            '$bitsAllSet', '$bitsAllClear', '$bitsAnySet', '$bitsAnyClear', '$all', '$elemMatch', '$regex')
        THEN
            part := lookalike_filter.operator_first(name, operand, spot, depth + 1, scope, spent);
        ELSE
            PERFORM lookalike_filter.refuse_operator(name, spot);
        END IF;
        spent := part.spent;
        parts := parts || part;
    END LOOP;
    RETURN lookalike_filter.combined(parts, '&&', spent);
END
$$;
COMMENT ON FUNCTION lookalike_filter.conditions IS 'A document of conditions: all of its entries hold.';
