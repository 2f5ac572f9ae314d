-- The reader of regular expressions: goes over a pattern once and writes the translation as it goes
-- (app/filters/pattern.py). Only what it knows passes; all else is refused with a reason. Open groups lie on a stack,
-- each with what was read of the branch and of the alternatives around it.

CREATE OR REPLACE FUNCTION lookalike_filter.assertion(
    written text, size double precision DEFAULT 1, ways double precision DEFAULT 1
) RETURNS lookalike_filter.piece
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ROW(written, size, ways, true, true)::lookalike_filter.piece;

CREATE OR REPLACE FUNCTION lookalike_filter.followed(sequence lookalike_filter.piece, piece lookalike_filter.piece)
    RETURNS lookalike_filter.piece
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN ((sequence).text || (piece).text, (sequence).size + (piece).size,
        least((sequence).ways * (piece).ways, 8001),
        (sequence).asserts OR (piece).asserts, (sequence).nullable AND (piece).nullable);
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.alternatively(choice lookalike_filter.piece, branch lookalike_filter.piece)
    RETURNS lookalike_filter.piece
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF choice IS NULL THEN
        RETURN branch;
    END IF;
    RETURN ((choice).text || '|' || (branch).text, (choice).size + (branch).size,
        least(CASE WHEN (choice).asserts OR (branch).asserts THEN (choice).ways + (branch).ways ELSE 1 END, 8001),
        (choice).asserts OR (branch).asserts, (choice).nullable OR (branch).nullable);
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.repeated(
    piece lookalike_filter.piece, written text, least_times integer, most_times integer
) RETURNS lookalike_filter.piece
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    optional integer := CASE WHEN most_times IS NULL THEN 1 ELSE most_times - least_times END;
    times    integer := greatest(least_times, coalesce(nullif(most_times, 0), 1), 1);
BEGIN
    RETURN ((piece).text || written,
        (piece).size * times * CASE WHEN (piece).nullable AND times > 1 THEN 4 ELSE 1 END,
        CASE WHEN (piece).asserts
            THEN least(power((piece).ways, least(least_times, 20)) * power((piece).ways + 1, least(optional, 20)), 8001)
            ELSE 1
        END,
        (piece).asserts, (piece).nullable OR least_times = 0);
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.check_size(piece lookalike_filter.piece, place text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF (piece).size > 300 THEN
        PERFORM lookalike_filter.fault(
            place, 'the pattern has more than 300 characters once repetitions are written out');
    ELSIF (piece).ways > 8000 THEN
        PERFORM lookalike_filter.fault(
            place, 'the pattern combines too many word boundaries, line starts or look-arounds');
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.after_ignored(pattern text, at integer, options text) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    WHILE strpos(options, 'x') > 0 LOOP
        IF substr(pattern, at, 1) = '#' THEN
            at := CASE strpos(substr(pattern, at), E'\n')
                WHEN 0 THEN length(pattern) + 1
                ELSE at + strpos(substr(pattern, at), E'\n')
            END;
        ELSIF substr(pattern, at, 1) IN (' ', E'\t', E'\n', E'\r', E'\f', E'\x0b') THEN
            at := at + 1;
        ELSE
            EXIT;
        END IF;
    END LOOP;
    RETURN at;
END
$$;
COMMENT ON FUNCTION lookalike_filter.after_ignored IS
    'Where the pattern goes on: under the option x, white space and comments say nothing.';

CREATE OR REPLACE FUNCTION lookalike_filter.set_options(options text, setting text[], place text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF strpos(setting[2], 'xx') > 0 THEN
        PERFORM lookalike_filter.fault(place, 'the option xx is not supported');
    END IF;
    RETURN translate(options || setting[2], coalesce(setting[4], ''), '');
END
$$;

-- The atom at a position, but for groups. following is where the pattern goes on.
CREATE OR REPLACE FUNCTION lookalike_filter.read_atom(
    pattern text, at integer, options text, place text,
    OUT piece lookalike_filter.piece, OUT repeatable boolean, OUT following integer
)
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    letter text := substr(pattern, at, 1);
    next   text := substr(pattern, at + 1, 1);
    word   constant text := '[0-9A-Z\_a-z]';
    -- All but a newline.
    inline constant text := lookalike_filter.written('{[1,10),[11,1114112)}');
    ignores_case boolean := strpos(options, 'i') > 0;
    found  lookalike_filter.characters_read;
    written text;
BEGIN
    repeatable := true;
    following := at + 1;
    CASE
        WHEN letter = '[' THEN
            found := lookalike_filter.read_bracket(pattern, at + 1, ignores_case, place);
            written := lookalike_filter.written(found.characters);
            following := found.following;
        WHEN letter = '\' AND next <> '' AND strpos('AzZbB', next) > 0 THEN
            piece := CASE next
                WHEN 'A' THEN lookalike_filter.assertion('\A')
                WHEN 'z' THEN lookalike_filter.assertion('\Z')
                WHEN 'Z' THEN lookalike_filter.assertion('(?=\n?\Z)')
                WHEN 'b' THEN lookalike_filter.assertion(
                    format('(?:(?<=%1$s)(?!%1$s)|(?<!%1$s)(?=%1$s))', word), ways => 2)
                ELSE lookalike_filter.assertion(
                    format('(?:(?<=%1$s)(?=%1$s)|(?<!%1$s)(?!%1$s))', word), ways => 2)
            END;
            repeatable := false;
            following := at + 2;
            RETURN;
        WHEN letter = '\' AND lookalike_filter.class_escape(next) IS NOT NULL THEN
            written := lookalike_filter.written(lookalike_filter.class_escape(next));
            following := at + 2;
        WHEN letter = '\' AND next = 'N' THEN
            written := inline;
            following := at + 2;
        WHEN letter = '^' THEN
            piece := CASE WHEN strpos(options, 'm') > 0
                THEN lookalike_filter.assertion('(?:\A|(?<=\n)(?!\Z))', ways => 2)
                ELSE lookalike_filter.assertion('\A')
            END;
            repeatable := false;
            RETURN;
        WHEN letter = '$' THEN
            piece := lookalike_filter.assertion(
                CASE WHEN strpos(options, 'm') > 0 THEN '(?=\n|\Z)' ELSE '(?=\n?\Z)' END);
            repeatable := false;
            RETURN;
        WHEN letter = '.' THEN
            written := CASE WHEN strpos(options, 's') > 0 THEN '.' ELSE inline END;
        WHEN letter IN ('*', '+', '?') OR (letter = '{' AND substr(pattern, at + 1) ~ '^\d*,?\d*\}') THEN
            PERFORM lookalike_filter.fault(place, 'nothing to repeat before ''' || letter || '''');
        WHEN letter = '\' THEN
            found := lookalike_filter.read_escape(pattern, at + 1, place);
            following := found.following;
        ELSE
            found := (lookalike_filter.one_character(letter), at + 1);
    END CASE;
    IF written IS NULL THEN
        written := lookalike_filter.written(CASE WHEN ignores_case
            THEN lookalike_filter.with_other_case(found.characters) ELSE found.characters END);
    END IF;
    piece := (written, 1, 1, false, false);
END
$$;

-- The repetition at a position, if there is one: text IS NULL where there is none.
CREATE OR REPLACE FUNCTION lookalike_filter.read_repetition(
    pattern text, at integer, options text, place text,
    OUT written text, OUT least_times integer, OUT most_times integer, OUT following integer
)
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    rest   text := substr(pattern, at);
    bounds text[];
BEGIN
    following := at;
    IF rest <> '' AND strpos('*+?', left(rest, 1)) > 0 THEN
        written := left(rest, 1);
        least_times := CASE written WHEN '+' THEN 1 ELSE 0 END;
        most_times := CASE written WHEN '?' THEN 1 END;
        following := at + 1;
    ELSIF left(rest, 1) = '{' THEN
        bounds := regexp_match(rest, '^(\{([0-9]{1,5})(?:(,)([0-9]{1,5})?)?\})');
        IF bounds IS NULL AND rest ~ '^\{[0-9]*,?[0-9]*\}' THEN
            PERFORM lookalike_filter.fault(
                place, 'a repetition without a lower bound, or with bounds that are too large');
        ELSIF bounds IS NULL THEN
            RETURN;
        END IF;
        least_times := bounds[2];
        most_times := CASE WHEN bounds[3] IS NULL THEN bounds[2] ELSE bounds[4] END;
        IF greatest(least_times, most_times) > 255 THEN
            PERFORM lookalike_filter.fault(place, 'a repetition of more than 255');
        ELSIF most_times < least_times THEN
            PERFORM lookalike_filter.fault(place, 'a repetition whose bounds are reversed');
        END IF;
        written := '{' || least_times || ',' || coalesce(most_times::text, '') || '}';
        following := at + length(bounds[1]);
    ELSE
        RETURN;
    END IF;
    -- Lazy or not, the same texts match.
    following := lookalike_filter.after_ignored(pattern, following, options);
    following := lookalike_filter.after_ignored(
        pattern, following + (substr(pattern, following, 1) = '?')::integer, options);
    IF substr(pattern, following, 1) = '+' THEN
        PERFORM lookalike_filter.fault(place, 'possessive repetition is not supported');
    ELSIF substr(pattern, following) ~ '^([*?]|\{[0-9]{1,5}(,([0-9]{1,5})?)?\})' THEN
        PERFORM lookalike_filter.fault(place, 'a repetition of a repetition: put the inner one in a group');
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION lookalike_filter.translated(pattern text, options text, place text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    nothing  constant lookalike_filter.piece := ('', 0, 1, false, true);
    setting  constant text := '^(\(?\?([imsx]*)(-([imsx]*))?([:)]))';
    at       integer := 1;
    sequence lookalike_filter.piece := nothing;
    choice   lookalike_filter.piece;
    piece    lookalike_filter.piece;
    repeatable boolean;
    found    text[];
    opening  text;
    atom     record;
    -- Of the open groups, the outermost first.
    sequences lookalike_filter.piece[] := '{}';
    choices   lookalike_filter.piece[] := '{}';
    openings  text[] := '{}';
    outer_options text[] := '{}';
    depth     integer := 0;
BEGIN
    IF length(pattern) > 500 THEN
        PERFORM lookalike_filter.fault(place, 'the pattern has more than 500 characters');
    END IF;
    opening := substring(options FROM '[^imsux]');
    IF opening IS NOT NULL THEN
        PERFORM lookalike_filter.fault(
            place, 'the option ' || lookalike_filter.quoted(opening) || ' is not one of i, m, s, u, x');
    END IF;
    LOOP
        at := lookalike_filter.after_ignored(pattern, at, options);
        repeatable := true;
        CASE substr(pattern, at, 1)
            WHEN '' THEN
                EXIT;
            WHEN '|' THEN
                choice := lookalike_filter.alternatively(choice, sequence);
                sequence := nothing;
                at := at + 1;
                CONTINUE;
            WHEN ')' THEN
                IF depth = 0 THEN
                    PERFORM lookalike_filter.fault(place, 'a closing parenthesis without an opening one');
                END IF;
                piece := lookalike_filter.alternatively(choice, sequence);
                opening := openings[depth];
                IF opening = '(?:' THEN
                    piece.text := '(?:' || piece.text || ')';
                    piece.size := greatest(piece.size, 1);
                ELSE
                    PERFORM lookalike_filter.check_size(piece, place);
                    piece := lookalike_filter.assertion(opening || piece.text || ')', piece.size + 5);
                    repeatable := false;
                END IF;
                sequence := sequences[depth];
                choice := choices[depth];
                options := outer_options[depth];
                depth := depth - 1;
                at := at + 1;
            WHEN '(' THEN
                IF substr(pattern, at, 3) = '(?#' THEN
                    IF strpos(substr(pattern, at), ')') = 0 THEN
                        PERFORM lookalike_filter.fault(place, 'a comment without an end');
                    END IF;
                    at := at + strpos(substr(pattern, at), ')');
                    CONTINUE;
                END IF;
                found := regexp_match(substr(pattern, at), setting);
                IF found[5] = ')' THEN
                    options := lookalike_filter.set_options(options, found, place);
                    at := at + length(found[1]);
                    CONTINUE;
                END IF;
                depth := depth + 1;
                sequences[depth] := sequence;
                choices[depth] := choice;
                outer_options[depth] := options;
                sequence := nothing;
                choice := NULL;
                at := at + 1;
                opening := '(?:';
                found := regexp_match(substr(pattern, at), '^(\?<[=!]|\?[:=!])');
                IF found IS NOT NULL THEN
                    opening := '(' || found[1];
                    at := at + length(found[1]);
                ELSIF substr(pattern, at, 1) IN ('?', '*') THEN
                    found := regexp_match(substr(pattern, at),
                        '^(\?(?:P?<[A-Za-z_][0-9A-Za-z_]{0,31}>|''[A-Za-z_][0-9A-Za-z_]{0,31}''|\|))');
                    IF found IS NULL THEN
                        found := regexp_match(substr(pattern, at), setting);
                        IF found[5] IS DISTINCT FROM ':' THEN
                            PERFORM lookalike_filter.fault(place, 'the group ''(' || substr(pattern, at, 3)
                                || ''' is not supported; known are (?:, (?=, (?!, (?<=, (?<!');
                        END IF;
                        options := lookalike_filter.set_options(options, found, place);
                    END IF;
                    at := at + length(found[1]);
                END IF;
                openings[depth] := opening;
                IF depth > 30 THEN
                    PERFORM lookalike_filter.fault(place, 'groups are nested more than 30 deep');
                END IF;
                CONTINUE;
            ELSE
                atom := lookalike_filter.read_atom(pattern, at, options, place);
                piece := atom.piece;
                repeatable := atom.repeatable;
                at := atom.following;
        END CASE;
        at := lookalike_filter.after_ignored(pattern, at, options);
        IF strpos('*+?{', nullif(substr(pattern, at, 1), '')) > 0 THEN
            atom := lookalike_filter.read_repetition(pattern, at, options, place);
            at := atom.following;
            IF atom.written IS NOT NULL AND NOT repeatable THEN
                PERFORM lookalike_filter.fault(place, 'a repetition after an anchor or a look-around');
            ELSIF atom.written IS NOT NULL THEN
                piece := lookalike_filter.repeated(piece, atom.written, atom.least_times, atom.most_times);
            END IF;
        END IF;
        sequence := lookalike_filter.followed(sequence, piece);
    END LOOP;
    IF depth > 0 THEN
        PERFORM lookalike_filter.fault(place, 'an opening parenthesis without a closing one');
    END IF;
    piece := lookalike_filter.alternatively(choice, sequence);
    PERFORM lookalike_filter.check_size(piece, place);
    RETURN piece.text;
END
$$;
COMMENT ON FUNCTION lookalike_filter.translated IS
    'A pattern with options of imsux as one PostgreSQL regular expression for like_regex … flag "s".';
