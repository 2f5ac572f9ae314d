-- Regular expressions of filters: PCRE's, as far as PostgreSQL can answer alike, written as PostgreSQL's own. The same
-- translation as app/filters/pattern.py, parts.py and characters.py, whose docstrings say the rules.
--
-- Sets of characters are multiranges of code points. PostgreSQL decides classes and case by the database's locale, so
-- the sets are written out.

CREATE OR REPLACE FUNCTION lookalike_filter.one_character(letter text) RETURNS int4multirange
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN int4multirange(int4range(ascii(letter), ascii(letter) + 1));

CREATE OR REPLACE FUNCTION lookalike_filter.all_but(characters int4multirange) RETURNS int4multirange
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '{[1,1114112)}'::int4multirange - characters;

CREATE OR REPLACE FUNCTION lookalike_filter.with_other_case(characters int4multirange) RETURNS int4multirange
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF characters <@ '{[1,128)}'::int4multirange THEN
        RETURN characters + (
            SELECT coalesce(range_agg(int4range(code # 32, (code # 32) + 1)), '{}')
            FROM generate_series(65, 122) AS codes (code)
            WHERE code NOT BETWEEN 91 AND 96 AND characters @> code
        )
            -- The Kelvin sign, and the long s.
            + CASE WHEN characters && '{[75,76),[107,108)}'::int4multirange
                THEN '{[8490,8491)}' ELSE '{}' END::int4multirange
            + CASE WHEN characters && '{[83,84),[115,116)}'::int4multirange
                THEN '{[383,384)}' ELSE '{}' END::int4multirange;
    END IF;
    RETURN characters + (
        SELECT coalesce(range_agg(int4range(ascii(twin), ascii(twin) + 1)), '{}')
        FROM unnest(lookalike_filter.case_classes()) AS classes (class),
             LATERAL (SELECT letter FROM unnest(string_to_array(class, NULL)) AS letters (letter)) AS twins (twin)
        WHERE EXISTS (
            SELECT FROM unnest(string_to_array(class, NULL)) AS letters (letter) WHERE characters @> ascii(letter)
        )
    );
END
$$;
COMMENT ON FUNCTION lookalike_filter.with_other_case IS
    'The set and every character that differs from one of its members by case only.';

CREATE OR REPLACE FUNCTION lookalike_filter.class_escape(letter text) RETURNS int4multirange
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE letter
        WHEN 'd' THEN '{[48,58)}'::int4multirange
        WHEN 'w' THEN '{[48,58),[65,91),[95,96),[97,123)}'::int4multirange
        WHEN 's' THEN '{[9,14),[32,33)}'::int4multirange
        WHEN 'h' THEN int4multirange
            '{[9,10),[32,33),[160,161),[5760,5761),[6158,6159),[8192,8203),[8239,8240),[8287,8288),[12288,12289)}'
        WHEN 'v' THEN '{[10,14),[133,134),[8232,8234)}'::int4multirange
        WHEN 'D' THEN '{[1,1114112)}'::int4multirange - '{[48,58)}'
        WHEN 'W' THEN '{[1,1114112)}'::int4multirange - '{[48,58),[65,91),[95,96),[97,123)}'
        WHEN 'S' THEN '{[1,1114112)}'::int4multirange - '{[9,14),[32,33)}'
        WHEN 'H' THEN '{[1,1114112)}'::int4multirange
            - '{[9,10),[32,33),[160,161),[5760,5761),[6158,6159),[8192,8203),[8239,8240),[8287,8288),[12288,12289)}'
        WHEN 'V' THEN '{[1,1114112)}'::int4multirange - '{[10,14),[133,134),[8232,8234)}'
    END;
COMMENT ON FUNCTION lookalike_filter.class_escape IS
    'What a letter after a backslash stands for, if it is a class; ASCII.';

CREATE OR REPLACE FUNCTION lookalike_filter.posix_class(name text) RETURNS int4multirange
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE name
        WHEN 'alpha' THEN '{[65,91),[97,123)}'::int4multirange
        WHEN 'upper' THEN '{[65,91)}'::int4multirange
        WHEN 'lower' THEN '{[97,123)}'::int4multirange
        WHEN 'digit' THEN '{[48,58)}'::int4multirange
        WHEN 'alnum' THEN '{[48,58),[65,91),[97,123)}'::int4multirange
        WHEN 'word' THEN '{[48,58),[65,91),[95,96),[97,123)}'::int4multirange
        WHEN 'space' THEN '{[9,14),[32,33)}'::int4multirange
        WHEN 'blank' THEN '{[9,10),[32,33)}'::int4multirange
        WHEN 'punct' THEN '{[33,48),[58,65),[91,97),[123,127)}'::int4multirange
        WHEN 'xdigit' THEN '{[48,58),[65,71),[97,103)}'::int4multirange
        WHEN 'cntrl' THEN '{[1,32),[127,128)}'::int4multirange
        WHEN 'graph' THEN '{[33,127)}'::int4multirange
        WHEN 'print' THEN '{[32,127)}'::int4multirange
        WHEN 'ascii' THEN '{[1,128)}'::int4multirange
    END;

CREATE OR REPLACE FUNCTION lookalike_filter.literal_character(code integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN code BETWEEN 33 AND 127
            AND NOT (code BETWEEN 48 AND 57 OR code BETWEEN 65 AND 90 OR code BETWEEN 97 AND 122)
        THEN '\' || chr(code)
        ELSE chr(code)
    END;

CREATE OR REPLACE FUNCTION lookalike_filter.written(characters int4multirange) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    -- Surrogates are no characters.
    pieces int4multirange := characters - '{[55296,57344)}'::int4multirange;
BEGIN
    IF isempty(pieces) THEN
        RETURN '[^' || chr(1) || '-' || chr(1114111) || ']';
    ELSIF upper(pieces) - lower(pieces) = 1 THEN
        RETURN lookalike_filter.literal_character(lower(pieces));
    END IF;
    RETURN (
        SELECT '[' || string_agg(lookalike_filter.literal_character(lower(piece)) || CASE
            WHEN upper(piece) - lower(piece) = 1 THEN ''
            ELSE '-' || lookalike_filter.literal_character(upper(piece) - 1)
        END, '' ORDER BY piece) || ']'
        FROM unnest(pieces) AS each (piece)
    );
END
$$;
COMMENT ON FUNCTION lookalike_filter.written IS 'The set as a PostgreSQL regular expression for one character.';

CREATE OR REPLACE FUNCTION lookalike_filter.quoted(letter text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE letter
        WHEN '''' THEN '"''"'
        WHEN '\' THEN '''\\'''
        ELSE '''' || lookalike_filter.shown(letter) || ''''
    END;

CREATE OR REPLACE FUNCTION lookalike_filter.read_escape(pattern text, at integer, place text)
    RETURNS lookalike_filter.characters_read
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    letter text := substr(pattern, at, 1);
    digits text[];
    code   integer;
BEGIN
    IF letter = '' THEN
        PERFORM lookalike_filter.fault(place, 'a backslash at the end');
    ELSIF letter = 'x' THEN
        digits := regexp_match(substr(pattern, at + 1, 8), '^(\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))');
        IF digits IS NULL THEN
            PERFORM lookalike_filter.fault(place, '''\x'' wants two hexadecimal digits, or some in braces');
        END IF;
        code := ('x' || lpad(coalesce(digits[2], digits[3]), 8, '0'))::bit(32)::integer;
        IF code = 0 OR code > 1114111 OR code BETWEEN 55296 AND 57343 THEN
            PERFORM lookalike_filter.fault(place, '''\x'' does not name a character');
        END IF;
        RETURN (int4multirange(int4range(code, code + 1)), at + 1 + length(digits[1]));
    ELSIF strpos('aefnrt', letter) > 0 THEN
        letter := translate(letter, 'aefnrt', E'\x07\x1b\f\n\r\t');
    ELSIF letter ~ '[0-9A-Za-z]' AND ascii(letter) < 128 THEN
        PERFORM lookalike_filter.fault(place, 'the escape ''\' || letter || ''' is not supported');
    END IF;
    RETURN (lookalike_filter.one_character(letter), at + 1);
END
$$;
COMMENT ON FUNCTION lookalike_filter.read_escape IS 'The one character that a backslash before position at stands for.';

CREATE OR REPLACE FUNCTION lookalike_filter.read_bracket_character(pattern text, at integer, place text)
    RETURNS lookalike_filter.characters_read
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    letter    text := substr(pattern, at, 1);
    following text := substr(pattern, at + 1, 1);
BEGIN
    IF letter = '' THEN
        PERFORM lookalike_filter.fault(place, 'an opening bracket without a closing one');
    ELSIF letter = '[' AND following IN (':', '.', '=') THEN
        PERFORM lookalike_filter.fault(
            place, '''[:'', ''[.'' and ''[='' begin a class in brackets; write the bracket as ''\[''');
    ELSIF letter = '\' AND following = 'b' THEN
        RETURN ('{[8,9)}'::int4multirange, at + 2);
    ELSIF letter = '\' THEN
        RETURN lookalike_filter.read_escape(pattern, at + 1, place);
    END IF;
    RETURN (lookalike_filter.one_character(letter), at + 1);
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.read_bracket(pattern text, at integer, ignores_case boolean, place text)
    RETURNS lookalike_filter.characters_read
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    negated boolean := substr(pattern, at, 1) = '^';
    found   int4multirange := '{}';
    item    int4multirange;
    is_first boolean := true;
    posix   text[];
    low     lookalike_filter.characters_read;
    high    lookalike_filter.characters_read;
BEGIN
    at := at + negated::integer;
    LOOP
        IF substr(pattern, at, 1) = '' THEN
            PERFORM lookalike_filter.fault(place, 'an opening bracket without a closing one');
        END IF;
        EXIT WHEN NOT is_first AND substr(pattern, at, 1) = ']';
        is_first := false;
        posix := regexp_match(substr(pattern, at), '^(\[:(\^?)([a-z]+):\])');
        item := NULL;
        IF substr(pattern, at, 1) = '\' THEN
            item := lookalike_filter.class_escape(substr(pattern, at + 1, 1));
            at := at + CASE WHEN item IS NULL THEN 0 ELSE 2 END;
        ELSIF posix IS NOT NULL THEN
            item := lookalike_filter.posix_class(
                CASE WHEN ignores_case AND posix[3] IN ('upper', 'lower') THEN 'alpha' ELSE posix[3] END);
            at := at + length(posix[1]);
            IF item IS NULL THEN
                PERFORM lookalike_filter.fault(place, 'there is no class [:' || posix[3] || ':]');
            END IF;
            item := CASE posix[2] WHEN '^' THEN lookalike_filter.all_but(item) ELSE item END;
        END IF;
        IF item IS NOT NULL THEN
            IF substr(pattern, at, 1) = '-' AND substr(pattern, at, 2) <> '-]' THEN
                PERFORM lookalike_filter.fault(place, 'a hyphen after a class: put it last in the brackets');
            END IF;
            found := found + item;
            CONTINUE;
        END IF;
        low := lookalike_filter.read_bracket_character(pattern, at, place);
        at := low.following;
        item := low.characters;
        IF substr(pattern, at, 1) = '-' AND substr(pattern, at, 2) <> '-]' THEN
            IF substr(pattern, at + 1, 1) = '\'
                AND lookalike_filter.class_escape(substr(pattern, at + 2, 1)) IS NOT NULL
            THEN
                PERFORM lookalike_filter.fault(place, 'a range that ends in a class');
            END IF;
            high := lookalike_filter.read_bracket_character(pattern, at + 1, place);
            at := high.following;
            IF lower(high.characters) < lower(low.characters) THEN
                PERFORM lookalike_filter.fault(
                    place, 'the range ' || lookalike_filter.quoted(chr(lower(low.characters)))
                        || '-' || lookalike_filter.quoted(chr(lower(high.characters))) || ' is reversed');
            END IF;
            item := int4multirange(int4range(lower(low.characters), upper(high.characters)));
        END IF;
        found := found + CASE WHEN ignores_case THEN lookalike_filter.with_other_case(item) ELSE item END;
    END LOOP;
    RETURN (CASE WHEN negated THEN lookalike_filter.all_but(found) ELSE found END, at + 1);
END
$$;
COMMENT ON FUNCTION lookalike_filter.read_bracket IS 'A set in brackets, from after its opening.';
