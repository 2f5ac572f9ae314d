-- What others built upon the interface is theirs: it is named by the error, and nothing is dropped. Hence RESTRICT, and
-- all views and all functions each in one statement, since they are made of each other.
DO $$
DECLARE
    views     text;
    functions text;
    types     text;
BEGIN
    SELECT string_agg(c.oid::pg_catalog.regclass::text, ', ') INTO views
    FROM pg_catalog.pg_class c
    WHERE c.relkind = 'v' AND c.relnamespace IN (
        'lookalike'::pg_catalog.regnamespace, 'lookalike_views'::pg_catalog.regnamespace);
    IF views IS NOT NULL THEN
        EXECUTE 'DROP VIEW ' || views || ' RESTRICT';
    END IF;
    -- All but the functions that tables and indexes of earlier versions are made of.
    SELECT string_agg(p.oid::pg_catalog.regprocedure::text, ', ') INTO functions
    FROM pg_catalog.pg_proc p
    WHERE p.pronamespace IN ('lookalike'::pg_catalog.regnamespace, 'lookalike_filter'::pg_catalog.regnamespace)
       OR p.pronamespace = 'lookalike_internal'::pg_catalog.regnamespace
          AND p.proname NOT IN ('telling_phash', 'phash_bands', 'phash_probes', 'indexed_number', 'indexed_text',
                                'indexed_irregular');
    EXECUTE 'DROP FUNCTION ' || functions || ' RESTRICT';
    SELECT string_agg(t.oid::pg_catalog.regtype::text, ', ') INTO types
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
    WHERE t.typnamespace = 'lookalike_filter'::pg_catalog.regnamespace;
    EXECUTE 'DROP TYPE ' || types || ' RESTRICT';
END
$$;
DROP TYPE lookalike_internal.neighbour;
DROP SCHEMA lookalike, lookalike_views, lookalike_filter;
DROP TABLE lookalike_internal.usage, lookalike_internal.collection_views;
