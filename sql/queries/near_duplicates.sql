-- Near duplicates of one picture: by its embedding and by its perceptual hash at once. {query} is one of the first
-- two, {visual} one of the next two; {dimension}, {columns}, {join} and {where} as in search.sql.

-- name: query_by_values
-- parameters: vector, phash (256 digits; NULL where it does not count), looked (whether there is a thumbnail)
SELECT NULL::bigint AS key, %(vector)b::halfvec({dimension}) AS embedding, %(phash)s::bit(256) AS phash,
       lookalike_internal.phash_bands(%(phash)s::bit(256)) AS bands, %(looked)s::boolean AS looked, NULL::bytea AS content_hash, NULL::bytea AS pixel_hash, NULL::float8 AS aspect,
       NULL::bytea AS glance

-- name: query_by_id
-- parameters: collection_id, model_id, query_id
SELECT i.key, q.embedding::halfvec({dimension}) AS embedding,
       lookalike_internal.telling_phash(i.phash, i.phash_quality) AS phash, i.phash_bands AS bands,
       t.key IS NOT NULL AS looked, i.content_hash, i.pixel_hash, t.width::float8 / t.height AS aspect, t.glance
FROM lookalike_internal.records i
JOIN lookalike_internal.embeddings q ON q.collection_id = i.collection_id AND q.key = i.key
LEFT JOIN lookalike_internal.thumbnails t ON t.collection_id = %(collection_id)s AND t.key = i.key
WHERE i.collection_id = %(collection_id)s AND i.id = %(query_id)s
  AND q.collection_id = %(collection_id)s AND q.model_id = %(model_id)s

-- name: visual_by_index
-- In the shape that the vector index serves.
-- parameters: collection_id, model_id, candidates
SELECT e.key, e.embedding::halfvec({dimension}) <-> (SELECT embedding FROM query) AS distance
FROM lookalike_internal.embeddings e
WHERE e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
ORDER BY e.embedding::halfvec({dimension}) <-> (SELECT embedding FROM query)
LIMIT %(candidates)s

-- name: visual_exact
-- Every distance, each computed once: those within the limit, and where there is a thumbnail the nearest few, too.
-- parameters: collection_id, model_id, look_nearest
WITH every AS MATERIALIZED (
    SELECT e.key, e.embedding::halfvec({dimension}) <-> (SELECT embedding FROM query) AS distance
    FROM lookalike_internal.embeddings e
    WHERE e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
)
SELECT every.key, every.distance
FROM every, visual_limit
WHERE every.distance * 100 <= visual_limit.distance
UNION
(SELECT every.key, every.distance FROM every WHERE (SELECT query.looked FROM query)
 ORDER BY every.distance LIMIT %(look_nearest)s)

-- name: near_duplicates
-- What may be near duplicates of a query among the records that match a filter. Pairs of which one has no thumbnail are
-- decided here: candidates are those within reach of the embedding, and all whose hashes lie within reach; then both
-- signals are known of each. Where both have one the caller looks at them: candidates are then all within a wider
-- reach, and the nearest few, whatever their distance.
-- parameters: those of {query}, {visual} and {where}; visual, bits, together_bits with together_visual (arrays: the
-- limits, as in app/domain/near_duplicate.py), candidate_bits, candidate_visual (those of candidates by the hash and,
-- where the query has a hash, by the embedding); look_visual, look_bits, look_nearest (what is looked at); limit
-- rows: query_found (whether the query has an embedding), query_key, query_content_hash, query_pixel_hash, query_aspect
-- (width by height), query_glance (of a query by id; NULL without a thumbnail), seen (candidates of the vector index),
-- within (those of them within reach), key, visual (distance), bits (Hamming distance, NULL unless both hashes count),
-- looked (whether the caller has to look), content_hash, pixel_hash, and, if so, aspect and glance, {columns}; one row
-- with the id NULL when there are none
WITH query AS MATERIALIZED (
    {query}
), visual_limit AS MATERIALIZED (
    SELECT greatest(%(visual)s::float8, CASE WHEN query.phash IS NOT NULL THEN %(candidate_visual)s::float8 END,
                    CASE WHEN query.looked THEN %(look_visual)s::float8 END) AS distance
    FROM query
), visual AS MATERIALIZED (
    {visual}
), hashed AS MATERIALIZED (
    -- Band by band, so that a hash comes once for each that agrees: the index merges few keys sooner than all at once.
    SELECT near_band.key
    FROM (
        -- lookalike_internal.phash_probes, written out: as a function it is planned anew in each statement.
        SELECT array_agg(bands.band # flips.flip) AS probes
        FROM query, unnest(query.bands) AS bands (band),
             unnest('{{0,1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768}}'::integer[]) AS flips (flip)
        GROUP BY bands.band
    ) band
    CROSS JOIN LATERAL (
        SELECT r.key
        FROM lookalike_internal.records r
        WHERE r.collection_id = %(collection_id)s
          AND r.phash_bands && band.probes
          AND bit_count(r.phash # (SELECT query.phash FROM query))
              <= (SELECT greatest(%(candidate_bits)s, CASE WHEN query.looked THEN %(look_bits)s END) FROM query)
        -- Else the index might be left for one pass over all records.
        OFFSET 0
    ) near_band
), candidates AS MATERIALIZED (
    SELECT every.key, bool_or(every.nearest) AS nearest
    FROM (
        SELECT visual.key, false AS nearest
        FROM visual, visual_limit
        WHERE visual.distance * 100 <= visual_limit.distance
        UNION ALL
        SELECT hashed.key, false FROM hashed
        UNION ALL
        (SELECT visual.key, true FROM visual WHERE (SELECT query.looked FROM query)
         ORDER BY visual.distance LIMIT %(look_nearest)s)
    ) every
    GROUP BY every.key
), near AS MATERIALIZED (
    SELECT r.key, {columns}, pair.visual, pair.bits, pair.looked, r.content_hash, r.pixel_hash,
           small.width::float8 / small.height AS aspect, small.glance
    FROM candidates
    JOIN lookalike_internal.records r ON r.key = candidates.key AND r.collection_id = %(collection_id)s
    JOIN lookalike_internal.embeddings e
        ON e.key = candidates.key AND e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
    {join}
    CROSS JOIN query
    LEFT JOIN lookalike_internal.thumbnails small
        ON query.looked AND small.collection_id = %(collection_id)s AND small.key = candidates.key
    CROSS JOIN LATERAL (
        SELECT (e.embedding::halfvec({dimension}) <-> query.embedding) * 100 AS visual,
               bit_count(lookalike_internal.telling_phash(r.phash, r.phash_quality) # query.phash) AS bits,
               small.key IS NOT NULL AS looked
        -- Computed once a row.
        OFFSET 0
    ) pair
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN pair.looked THEN coalesce(pair.bits <= %(look_bits)s, false)
            ELSE pair.bits <= %(bits)s OR EXISTS (
                SELECT
                FROM unnest(%(together_bits)s::integer[], %(together_visual)s::float8[]) AS together (bits, visual)
                WHERE pair.bits <= together.bits AND pair.visual <= together.visual)
        END AS holds
    ) hashes
    WHERE {where}
      AND (hashes.holds OR pair.visual <= %(visual)s
           OR pair.looked AND (candidates.nearest OR pair.visual <= %(look_visual)s))
    -- Cut, if at all, where it does not matter: those that the hash brought first, then by the embedding.
    ORDER BY hashes.holds IS TRUE DESC, pair.visual, r.id
    LIMIT %(limit)s
)
SELECT query.embedding IS NOT NULL AS query_found, query.key AS query_key, query.content_hash AS query_content_hash,
       query.pixel_hash AS query_pixel_hash, query.aspect AS query_aspect, query.glance AS query_glance, summary.*, near.*
FROM (
    SELECT count(*) AS seen,
           count(*) FILTER (WHERE visual.distance * 100 <= (SELECT distance FROM visual_limit)) AS within
    FROM visual
) summary
LEFT JOIN query ON true
LEFT JOIN near ON true;
