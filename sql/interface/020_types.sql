-- What functions of the interface hand to each other.

DO $$
BEGIN
    IF pg_catalog.to_regtype('lookalike_internal.neighbour') IS NULL THEN
        CREATE TYPE lookalike_internal.neighbour AS (
            id         text,
            distance   double precision,
            attributes jsonb,
            url        text,
            file       text,
            created_at timestamptz,
            rank       bigint
        );
    END IF;
END
$$;
COMMENT ON TYPE lookalike_internal.neighbour IS 'A record and its distance; rank: its place among the candidates.';
