-- The nearest records, by a record or by a vector: the answers of visualKNN.
--
--     the first candidates of the vector index → enough that match, well inside? → more of them → every distance
--
-- As in the service (app/services/searching/planner.py), candidates are the beginning of the true ranking nearly
-- without gaps, and what matches the filter is picked from them. There a sample of the collection tells how many that
-- takes; here the first list of candidates does, which costs nothing where there is no filter and notices by itself
-- where it shuns the query. Where candidates do not reach, every matching record's distance is computed: never fewer
-- than k while k match.

CREATE OR REPLACE FUNCTION lookalike_internal.nearest(
    collection_id uuid, model_id integer, dimension integer, query {vector}.halfvec, k integer, condition text
)
    RETURNS SETOF lookalike_internal.neighbour
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $$
DECLARE
    most       CONSTANT integer := 1000;  -- hnsw.ef_search ends there
    filtered   CONSTANT boolean := condition <> 'true';
    expression CONSTANT text := format('e.embedding::{vector}.halfvec(%s) OPERATOR({vector}.<->) $1', dimension);
    columns    CONSTANT text := 'r.attributes, r.url, r.file, r.created_at';
    ef_search  CONSTANT text := current_setting('hnsw.ef_search', true);
    iterative  CONSTANT text := current_setting('hnsw.iterative_scan', true);
    candidates integer := greatest(100, ceil(k * 1.25));
    inside     integer;
    share      double precision;
    needed     double precision;
    found      lookalike_internal.neighbour[];
    farther    double precision;
BEGIN
    IF k IS NULL OR k < 1 OR k > 10000 THEN
        RAISE EXCEPTION 'k has to be a number from 1 to 10000, not %', coalesce(k::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    WHILE candidates <= most LOOP
        PERFORM set_config('hnsw.ef_search', candidates::text, true),
                set_config('hnsw.iterative_scan', 'relaxed_order', true);
        EXECUTE format($statement$
            SELECT array_agg(ROW(page.id, page.distance, page.attributes, page.url, page.file, page.created_at,
                                 page.rank)::lookalike_internal.neighbour ORDER BY page.distance, page.id),
                   max(page.following)
            FROM (
                SELECT r.id, c.distance * 100 AS distance, %1$s, c.rank, c.following * 100 AS following
                FROM (
                    SELECT n.key, n.distance, row_number() OVER (ORDER BY n.distance) AS rank,
                           lead(n.distance) OVER (ORDER BY n.distance) AS following
                    FROM (
                        SELECT e.key, %2$s AS distance
                        FROM lookalike_internal.embeddings e
                        WHERE e.collection_id = %3$L AND e.model_id = %4$L
                        ORDER BY %2$s
                        LIMIT %5$s
                    ) n
                ) c
                JOIN lookalike_internal.records r ON r.collection_id = %3$L AND r.key = c.key
                WHERE c.distance IS NOT NULL AND (%6$s)
                ORDER BY c.distance
                FETCH FIRST (%7$s) ROWS WITH TIES
            ) page
            $statement$, columns, expression, collection_id, model_id, candidates, condition, k)
        INTO found, farther USING query;
        -- What lies near the candidates' far end may be a gleaning: the index misses most there.
        inside := CASE WHEN filtered THEN ceil(candidates * 0.6) ELSE candidates END;
        IF cardinality(found) >= k AND found[k].rank <= inside THEN
            EXIT WHEN farther > found[k].distance;
            -- All of the rest are as far as the last one: the index may hold more of those, and they go by id.
            found := NULL;
            EXIT WHEN candidates = most;
            candidates := least(most, 4 * candidates);
            CONTINUE;
        END IF;
        share := CASE WHEN cardinality(found) >= k THEN k::float8 / found[k].rank
                      ELSE coalesce(cardinality(found), 0)::float8 / candidates END;
        found := NULL;
        EXIT WHEN NOT filtered OR share = 0 OR candidates = most;
        -- As many as hold k matches with near certainty: three standard deviations. A share that was seen in few
        -- candidates is a guess, and every distance of a share that was too large for the index takes long.
        needed := (k + 3 * sqrt(k) + 3) / share;
        candidates := greatest(2 * candidates, ceil(least(
            CASE WHEN needed <= 1.25 * most THEN most ELSE most + 1 END, needed)));
    END LOOP;
    PERFORM set_config('hnsw.ef_search', ef_search, true), set_config('hnsw.iterative_scan', iterative, true);
    IF found IS NOT NULL THEN
        RETURN QUERY SELECT * FROM unnest(found) LIMIT k;
        RETURN;
    END IF;
    -- OFFSET 0 keeps the planner from the vector index, and all that are as far as the last one come along, so that
    -- the cut is made in the order of ids.
    RETURN QUERY EXECUTE format($statement$
        SELECT r.id, nearest.distance * 100, %1$s, NULL::bigint
        FROM (
            SELECT every.key, every.distance
            FROM (
                SELECT e.key, %2$s AS distance
                FROM lookalike_internal.embeddings e
                %6$s
                WHERE e.collection_id = %3$L AND e.model_id = %4$L
                OFFSET 0
            ) every
            WHERE every.distance IS NOT NULL
            ORDER BY every.distance
            FETCH FIRST (%5$s) ROWS WITH TIES
        ) nearest
        JOIN lookalike_internal.records r ON r.collection_id = %3$L AND r.key = nearest.key
        ORDER BY nearest.distance, r.id
        LIMIT %5$s
        $statement$, columns, expression, collection_id, model_id, k,
        CASE WHEN filtered THEN format(
            'JOIN lookalike_internal.records r ON r.collection_id = %L AND r.key = e.key AND (%s)',
            collection_id, condition) END)
    USING query;
END
$$;
COMMENT ON FUNCTION lookalike_internal.nearest IS 'The k nearest of a collection''s records that meet a condition on r.';
REVOKE ALL ON FUNCTION lookalike_internal.nearest FROM PUBLIC;

CREATE OR REPLACE FUNCTION lookalike.similar(
    collection text, record_id text, k integer DEFAULT 10, filter jsonb DEFAULT NULL
)
    RETURNS TABLE (
        id text, distance double precision, attributes jsonb, url text, file text, created_at timestamptz
    )
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 10
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sought record;
    query  {vector}.halfvec;
BEGIN
    IF record_id IS NULL THEN
        RETURN;
    END IF;
    sought := lookalike_internal.find_collection(collection);
    EXECUTE format($statement$
        SELECT e.embedding
        FROM lookalike_internal.embeddings e
        WHERE e.collection_id = %1$L AND e.model_id = %2$L AND e.key = (
            SELECT r.key FROM lookalike_internal.records r WHERE r.collection_id = %1$L AND r.id = $1)
        $statement$, sought.id, sought.model_id)
    INTO query USING record_id;
    IF query IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT n.id, n.distance, n.attributes, n.url, n.file, n.created_at
    FROM lookalike_internal.nearest(sought.id, sought.model_id, sought.dimension, query, k,
                                    lookalike_internal.filter_condition(filter)) n;
END
$$;
COMMENT ON FUNCTION lookalike.similar IS
    'The k records of a collection that are nearest to one of them, itself among them, by distance (0 to 200): what visualKNN answers. No rows for an id that is not there.';

CREATE OR REPLACE FUNCTION lookalike.similar_to(
    collection text, embedding {vector}.vector, k integer DEFAULT 10, filter jsonb DEFAULT NULL
)
    RETURNS TABLE (
        id text, distance double precision, attributes jsonb, url text, file text, created_at timestamptz
    )
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 10
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sought record;
BEGIN
    IF embedding IS NULL THEN
        RETURN;
    END IF;
    sought := lookalike_internal.find_collection(collection);
    IF {vector}.vector_dims(embedding) <> sought.dimension THEN
        RAISE EXCEPTION 'the collection has vectors of % dimensions, not %',
            sought.dimension, {vector}.vector_dims(embedding) USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF {vector}.vector_norm(embedding) = 0 THEN
        RAISE EXCEPTION 'a vector of zeros has no direction' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
    SELECT n.id, n.distance, n.attributes, n.url, n.file, n.created_at
    FROM lookalike_internal.nearest(sought.id, sought.model_id, sought.dimension,
                                    {vector}.l2_normalize(embedding)::{vector}.halfvec, k,
                                    lookalike_internal.filter_condition(filter)) n;
END
$$;
COMMENT ON FUNCTION lookalike.similar_to IS
    'The k records of a collection that are nearest to a vector of its model (of any length but zero), by distance.';
