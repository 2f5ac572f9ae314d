-- What others built upon the interface goes with it.
DROP SCHEMA lookalike CASCADE;
DROP SCHEMA lookalike_views CASCADE;
DROP SCHEMA lookalike_filter CASCADE;

-- What stands behind it: all but the functions that tables and indexes of earlier versions are made of.
DO $$
DECLARE
    doomed text;
BEGIN
    -- All their names beforehand: a function takes those along that are made of it.
    FOREACH doomed IN ARRAY ARRAY(
        SELECT p.oid::pg_catalog.regprocedure::text
        FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'lookalike_internal'::pg_catalog.regnamespace
          AND p.proname NOT IN ('telling_phash', 'phash_bands', 'phash_probes', 'indexed_number', 'indexed_text',
                                'indexed_irregular')
    ) LOOP
        EXECUTE 'DROP FUNCTION IF EXISTS ' || doomed || ' CASCADE';
    END LOOP;
END
$$;
DROP TYPE lookalike_internal.neighbour;
DROP TABLE lookalike_internal.usage, lookalike_internal.collection_views;
