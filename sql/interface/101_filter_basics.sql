-- What the parts of the filter language share: its schema, its types, faults with their paths, and operands.
--
-- The files 101 to 109 translate a filter in the form of MongoDB's find() into one jsonpath, in SQL and by the rules of
-- app/filters, which say why they are so. A test holds the two equal. Faults are those of the service, with its words.
--
-- All of it is IMMUTABLE, so that a constant filter is translated once, when a statement is planned. Names are
-- qualified, and the way in (030) fixes the search_path: no schema of somebody else's has a say in the translation.

CREATE SCHEMA IF NOT EXISTS lookalike_filter;
COMMENT ON SCHEMA lookalike_filter IS
    'Lookalike: how filters are translated. Use lookalike.record_matches and lookalike.filter_path.';
-- PL/pgSQL looks names up as the caller.
GRANT USAGE ON SCHEMA lookalike_filter TO PUBLIC;

DO $$
BEGIN
    IF pg_catalog.to_regtype('lookalike_filter.test') IS NULL THEN
        CREATE TYPE lookalike_filter.test AS (
            one     text,
            many    text,
            whole   boolean,
            arrays  boolean,
            missing boolean,
            negated boolean,
            spent   integer[]
        );
        CREATE TYPE lookalike_filter.part AS (
            holds       text,
            fails       text,
            array_holds text,
            array_fails text,
            spent       integer[]
        );
        CREATE TYPE lookalike_filter.piece AS (
            text     text,
            size     double precision,
            ways     double precision,
            asserts  boolean,
            nullable boolean
        );
        CREATE TYPE lookalike_filter.characters_read AS (
            characters int4multirange,
            following  integer
        );
    END IF;
END
$$;
COMMENT ON TYPE lookalike_filter.test IS
    'A test of a field, as jsonpath. Its value is written as U+0001, which stands in no jsonpath otherwise.';
COMMENT ON COLUMN lookalike_filter.test.one IS 'On a single value, which is not opened; true or false, never unknown.';
COMMENT ON COLUMN lookalike_filter.test.many IS
    'On values and the elements of those that are arrays; NULL: one on each.';
COMMENT ON COLUMN lookalike_filter.test.whole IS 'Arrays are looked at as a whole only.';
COMMENT ON COLUMN lookalike_filter.test.arrays IS 'Arrays are looked at as a whole, too.';
COMMENT ON COLUMN lookalike_filter.test.missing IS 'A field that is not there passes.';
COMMENT ON COLUMN lookalike_filter.test.negated IS 'The condition holds where the test does not.';
COMMENT ON COLUMN lookalike_filter.test.spent IS 'Conditions, listed values and patterns of the filter so far.';
COMMENT ON TYPE lookalike_filter.part IS 'Conditions as jsonpath predicates on @.';
COMMENT ON COLUMN lookalike_filter.part.holds IS 'On a document; in $elemMatch with operators, on the element.';
COMMENT ON COLUMN lookalike_filter.part.fails IS 'The opposite, in $elemMatch with operators.';
COMMENT ON COLUMN lookalike_filter.part.array_holds IS
    'In $elemMatch with conditions: on an array, taken for a document with the fields 0, 1, …';
COMMENT ON COLUMN lookalike_filter.part.array_fails IS
    'The opposite. As ! of another ! misleads GIN, both are written.';
COMMENT ON TYPE lookalike_filter.piece IS 'A translated piece of a regular expression (app/filters/parts.py).';
COMMENT ON TYPE lookalike_filter.characters_read IS 'A set of characters, and where the pattern goes on.';

CREATE OR REPLACE FUNCTION lookalike_filter.fault(place text, message text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = place || ': ' || message;
END
$$;
COMMENT ON FUNCTION lookalike_filter.fault IS 'Raises 22023 with the place in the filter and what is wrong there.';

CREATE OR REPLACE FUNCTION lookalike_filter.shown(name text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    short text := CASE WHEN length(name) > 60 THEN left(name, 60) || '…' ELSE name END;
BEGIN
    -- Control and format characters, spaces other than the common one, private use, what is no character.
    IF short COLLATE "C" !~
        '[\u0001-\u001f\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e'
        '\u2000-\u200f\u2028-\u202f\u205f-\u2064\u2066-\u206f\u3000'
        '\ue000-\uf8ff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff'
        '\U000110bd\U000110cd\U00013430-\U00013438\U0001bca0-\U0001bca3\U0001d173-\U0001d17a'
        '\U000e0001\U000e0020-\U000e007f\U000f0000-\U000ffffd\U00100000-\U0010fffd]'
    THEN
        RETURN short;
    END IF;
    RETURN (
        SELECT string_agg(
            CASE
                WHEN letter = '\' THEN '\\'
                WHEN letter = E'\t' THEN '\t'
                WHEN letter = E'\n' THEN '\n'
                WHEN letter = E'\r' THEN '\r'
                WHEN ascii(letter) BETWEEN 32 AND 126 THEN letter
                WHEN ascii(letter) < 256 THEN '\x' || lpad(to_hex(ascii(letter)), 2, '0')
                WHEN ascii(letter) < 65536 THEN '\u' || lpad(to_hex(ascii(letter)), 4, '0')
                ELSE '\U' || lpad(to_hex(ascii(letter)), 8, '0')
            END, '' ORDER BY n)
        FROM unnest(string_to_array(short, NULL)) WITH ORDINALITY AS letters (letter, n)
    );
END
$$;
COMMENT ON FUNCTION lookalike_filter.shown IS 'A name as a message may carry it: short and printable.';

CREATE OR REPLACE FUNCTION lookalike_filter.below(place text, depth integer, step text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF depth >= 100 THEN
        PERFORM lookalike_filter.fault(place, 'the filter is nested more than 100 levels deep');
    END IF;
    RETURN place || step;
END
$$;
COMMENT ON FUNCTION lookalike_filter.below IS 'The place one level further down.';

CREATE OR REPLACE FUNCTION lookalike_filter.spend(spent integer[], conditions integer, place text) RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    spent[1] := spent[1] + conditions;
    IF spent[1] > 1000 THEN
        PERFORM lookalike_filter.fault(place, 'the filter has more than 1000 conditions');
    END IF;
    RETURN spent;
END
$$;
COMMENT ON FUNCTION lookalike_filter.spend IS 'Counts conditions against the limit.';

CREATE OR REPLACE FUNCTION lookalike_filter.described(operand jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE jsonb_typeof(operand)
        WHEN 'string' THEN 'the text "' || lookalike_filter.shown(operand #>> '{}') || '"'
        ELSE jsonb_typeof(operand)
    END;

CREATE OR REPLACE FUNCTION lookalike_filter.require_array(operand jsonb, place text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF jsonb_typeof(operand) <> 'array' THEN
        PERFORM lookalike_filter.fault(place, 'wants an array, not ' || lookalike_filter.described(operand));
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.require_object(operand jsonb, place text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF jsonb_typeof(operand) <> 'object' THEN
        PERFORM lookalike_filter.fault(place, 'wants an object, not ' || jsonb_typeof(operand));
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.has_operators(value jsonb) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN jsonb_typeof(value) = 'object'
        AND EXISTS (SELECT FROM jsonb_object_keys(value) AS names (name) WHERE starts_with(name, '$'));
END
$$;
COMMENT ON FUNCTION lookalike_filter.has_operators IS 'Whether the value says a condition.';

CREATE OR REPLACE FUNCTION lookalike_filter.number(value jsonb, place text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    number   numeric := value;
    nearest  double precision;
    shortest numeric;
    rounded  numeric;
BEGIN
    IF scale(number) = 0 AND number >= -9223372036854775808 AND number < 18446744073709551616 THEN
        RETURN value;
    END IF;
    IF abs(number) >= 1.797693134862315807e308 THEN
        PERFORM lookalike_filter.fault(place, 'NaN and Infinity are not JSON');
    END IF;
    -- Half of the smallest double.
    IF abs(number) < 2.4703282292062328e-324 THEN
        RETURN '0';
    END IF;
    nearest := number;
    shortest := nearest::text;
    IF abs(shortest) >= 18446744073709551616 THEN
        -- The service writes the shortest decimal that is read as this double, PostgreSQL another one where the
        -- shortest lies in the middle of two doubles: 1e23.
        FOR digits IN 1 .. 16 LOOP
            rounded := round(shortest, digits - length(abs(shortest)::text));
            CONTINUE WHEN abs(rounded) >= 1.797693134862315807e308;
            IF rounded::float8 = nearest THEN
                RETURN rounded::text;
            END IF;
        END LOOP;
    END IF;
    RETURN shortest::text;
END
$$;
COMMENT ON FUNCTION lookalike_filter.number IS
    'A number as the service reads it: whole numbers of 64 bits as they are, all others as doubles.';

CREATE OR REPLACE FUNCTION lookalike_filter.checked(value jsonb, place text, depth integer) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    CASE jsonb_typeof(value)
        WHEN 'number' THEN
            RETURN lookalike_filter.number(value, place);
        WHEN 'string' THEN
            IF length(value #>> '{}') > 1000000 THEN
                PERFORM lookalike_filter.fault(place, 'a text of more than 1000000 characters');
            END IF;
            RETURN value;
        WHEN 'array' THEN
            RETURN (
                SELECT coalesce(jsonb_agg(CASE jsonb_typeof(item)
                    WHEN 'string' THEN lookalike_filter.checked(item, place || '[' || n - 1 || ']', depth + 1)
                    WHEN 'number' THEN lookalike_filter.number(item, place || '[' || n - 1 || ']')
                    WHEN 'boolean' THEN item
                    WHEN 'null' THEN item
                    ELSE lookalike_filter.checked(
                        item, lookalike_filter.below(place, depth, '[' || n - 1 || ']'), depth + 1)
                END), '[]')
                FROM jsonb_array_elements(value) WITH ORDINALITY AS items (item, n)
            );
        WHEN 'object' THEN
            RETURN (
                SELECT coalesce(jsonb_object_agg(name, lookalike_filter.checked(
                    item, lookalike_filter.below(place, depth, '.' || lookalike_filter.shown(name)), depth + 1)), '{}')
                FROM jsonb_each(value) AS items (name, item)
            );
        ELSE
            RETURN value;
    END CASE;
END
$$;
COMMENT ON FUNCTION lookalike_filter.checked IS 'A value to compare with, with its numbers as the service reads them.';

CREATE OR REPLACE FUNCTION lookalike_filter.joined(predicates text[], operator text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    neutral  text := CASE operator WHEN '&&' THEN '(1 == 1)' ELSE '(1 == 0)' END;
    decisive text := CASE operator WHEN '&&' THEN '(1 == 0)' ELSE '(1 == 1)' END;
    said     text[] := coalesce(array_remove(predicates, neutral), '{}');
BEGIN
    IF decisive = ANY (said) THEN
        RETURN decisive;
    ELSIF cardinality(said) = 0 THEN
        RETURN neutral;
    ELSIF cardinality(said) = 1 THEN
        RETURN said[1];
    ELSIF cardinality(said) <= 500 THEN
        RETURN '(' || array_to_string(said, ' ' || operator || ' ') || ')';
    END IF;
    -- PostgreSQL descends once for each operator of a chain, so that a very long one would exhaust the stack.
    RETURN (
        SELECT lookalike_filter.joined(array_agg(chunk ORDER BY number), operator)
        FROM (
            SELECT (n - 1) / 500, '(' || string_agg(predicate, ' ' || operator || ' ' ORDER BY n) || ')'
            FROM unnest(said) WITH ORDINALITY AS each (predicate, n)
            GROUP BY 1
        ) AS chunks (number, chunk)
    );
END
$$;
COMMENT ON FUNCTION lookalike_filter.joined IS 'Predicates joined by && or ||, without those that say nothing.';
