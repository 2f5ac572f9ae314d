-- Near duplicates of one picture: by its embedding and by its perceptual hash at once. {query} is one of the first
-- two, {visual} one of the next two; {dimension}, {columns}, {join} and {where} as in search.sql.

-- name: query_by_values
-- parameters: vector, phash (256 digits; NULL where it does not count)
SELECT %(vector)b::halfvec({dimension}) AS embedding, %(phash)s::bit(256) AS phash

-- name: query_by_id
-- parameters: collection_id, model_id, query_id
SELECT q.embedding::halfvec({dimension}) AS embedding, lookalike.telling_phash(i.phash, i.phash_quality) AS phash
FROM lookalike.records i
JOIN lookalike.embeddings q ON q.collection_id = i.collection_id AND q.key = i.key
WHERE i.collection_id = %(collection_id)s AND i.id = %(query_id)s
  AND q.collection_id = %(collection_id)s AND q.model_id = %(model_id)s

-- name: visual_by_index
-- In the shape that the vector index serves.
-- parameters: collection_id, model_id, candidates
SELECT e.key, e.embedding::halfvec({dimension}) <-> (SELECT embedding FROM query) AS distance
FROM lookalike.embeddings e
WHERE e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
ORDER BY e.embedding::halfvec({dimension}) <-> (SELECT embedding FROM query)
LIMIT %(candidates)s

-- name: visual_exact
-- Every distance; OFFSET 0 keeps it from being computed twice.
-- parameters: collection_id, model_id
SELECT every.key, every.distance
FROM (
    SELECT e.key, e.embedding::halfvec({dimension}) <-> (SELECT embedding FROM query) AS distance
    FROM lookalike.embeddings e
    WHERE e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
    OFFSET 0
) every, visual_limit
WHERE every.distance * 100 <= visual_limit.distance

-- name: near_duplicates
-- The near duplicates of a query among the records that match a filter. Candidates are those within reach of the
-- embedding, and all whose hashes lie within reach; then both signals are known of each.
-- parameters: those of {query}, {visual} and {where}; visual, bits, together_bits with together_visual (arrays: the
-- limits, as in app/domain/near_duplicate.py), candidate_bits, candidate_visual (those of candidates by the hash and,
-- where the query has a hash, by the embedding), limit
-- rows: query_found (whether the query has an embedding), seen (candidates of the vector index), within (those of them
-- within reach), visual (distance), bits (Hamming distance, NULL unless both hashes count), {columns}; one row with
-- the id NULL when there are none
WITH query AS MATERIALIZED (
    {query}
), visual_limit AS MATERIALIZED (
    SELECT greatest(%(visual)s::float8, CASE WHEN query.phash IS NOT NULL THEN %(candidate_visual)s::float8 END)
        AS distance
    FROM query
), visual AS MATERIALIZED (
    {visual}
), hashed AS MATERIALIZED (
    SELECT r.key
    FROM lookalike.records r
    WHERE r.collection_id = %(collection_id)s
      AND r.phash_bands && (SELECT lookalike.phash_probes(query.phash) FROM query)
      AND bit_count(r.phash # (SELECT query.phash FROM query)) <= %(candidate_bits)s
), candidates AS MATERIALIZED (
    SELECT visual.key FROM visual, visual_limit WHERE visual.distance * 100 <= visual_limit.distance
    UNION
    SELECT hashed.key FROM hashed
), near AS MATERIALIZED (
    SELECT {columns}, pair.visual, pair.bits
    FROM candidates
    JOIN lookalike.records r ON r.key = candidates.key AND r.collection_id = %(collection_id)s
    JOIN lookalike.embeddings e
        ON e.key = candidates.key AND e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
    {join}
    CROSS JOIN query
    CROSS JOIN LATERAL (
        SELECT (e.embedding::halfvec({dimension}) <-> query.embedding) * 100 AS visual,
               bit_count(lookalike.telling_phash(r.phash, r.phash_quality) # query.phash) AS bits
        -- Computed once a row.
        OFFSET 0
    ) pair
    CROSS JOIN LATERAL (
        SELECT pair.bits <= %(bits)s OR EXISTS (
            SELECT FROM unnest(%(together_bits)s::integer[], %(together_visual)s::float8[]) AS together (bits, visual)
            WHERE pair.bits <= together.bits AND pair.visual <= together.visual
        ) AS holds
    ) hashes
    WHERE {where} AND (pair.visual <= %(visual)s OR hashes.holds)
    -- Cut, if at all, where it does not matter: those that the hash brought first, then by the embedding.
    ORDER BY hashes.holds IS TRUE DESC, pair.visual, r.id
    LIMIT %(limit)s
)
SELECT summary.*, near.*
FROM (
    SELECT EXISTS (SELECT FROM query) AS query_found,
           count(*) AS seen,
           count(*) FILTER (WHERE visual.distance * 100 <= (SELECT distance FROM visual_limit)) AS within
    FROM visual
) summary
LEFT JOIN near ON true;
