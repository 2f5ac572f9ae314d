-- What an operator's index on an attribute is made of.

-- Attributes that are indexed for ranges, by their paths: {seller,city} is the attribute seller.city.
CREATE TABLE lookalike_internal.attribute_indexes (
    id            bigint      GENERATED ALWAYS AS IDENTITY,
    collection_id uuid        NOT NULL REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    path          text[]      NOT NULL CHECK (cardinality(path) > 0),
    ready         boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection_id, id),
    UNIQUE (collection_id, path)
);

COMMENT ON COLUMN lookalike_internal.attribute_indexes.id IS 'Part of the names of its indexes.';
COMMENT ON COLUMN lookalike_internal.attribute_indexes.ready IS 'False while its indexes are being built: searches do not count on them yet.';

-- An attribute may hold anything, so three B-trees serve it together: one over its numbers, one over the beginnings
-- of its texts, both bounded, as an entry over 2.7 kB would make the insert fail; and one that knows the records
-- where neither says enough. A condition on an indexed attribute asks for "in range or irregular" beforehand, and
-- the condition itself still decides.

CREATE FUNCTION lookalike_internal.indexed_number(attributes jsonb, path text[]) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN jsonb_typeof(attributes #> path) = 'number' AND octet_length(attributes #>> path) <= 400
        THEN (attributes #> path)::numeric
    END;
COMMENT ON FUNCTION lookalike_internal.indexed_number IS 'The number at a path, NULL for anything else.';

CREATE FUNCTION lookalike_internal.indexed_text(attributes jsonb, path text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN jsonb_typeof(attributes #> path) = 'string' THEN left(attributes #>> path, 200)
    END;
COMMENT ON FUNCTION lookalike_internal.indexed_text IS 'The first 200 characters of the text at a path, NULL for anything else.';

CREATE FUNCTION lookalike_internal.indexed_irregular(attributes jsonb, path text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN EXISTS (
        SELECT FROM generate_series(1, cardinality(path)) AS steps (n)
        WHERE jsonb_typeof(attributes #> path[:n]) = 'array'
    ) OR (jsonb_typeof(attributes #> path) = 'number' AND octet_length(attributes #>> path) > 400);
COMMENT ON FUNCTION lookalike_internal.indexed_irregular IS
    'Whether an array lies on the path, or a number of more than 400 digits at its end.';
