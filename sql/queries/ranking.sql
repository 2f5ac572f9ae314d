-- Rankings by a combined distance: to several vectors, and with the agreement of tags. {distance} is an expression
-- over e.embedding, e.tags and e.own_tags, {lower} one over g.embedding and g.tags that is never greater; both have
-- parameters of their own (app/db/combined_distance.py). {where} as in records.sql, {identity} and {excluded} as in
-- identities.sql; {tags}, {own_tags}, {each} and {in_order} stand at the end. What an earlier part of the ranking holds
-- already comes as excluded identities.

-- name: ranked_exact
-- All records by their vectors alone, by computing every distance; those at the last distance all come along, so
-- that the cut is made in the order of ids. Where the distance is known within which enough records lie (farthest),
-- records with a greater {lower} are passed over.
-- parameters: collection_id, model_id, excluded, limit, farthest, and those of {distance} and {lower}
-- rows: id, identity (as text), distance
SELECT r.id, r.key::text AS identity, nearest.distance
FROM (
    SELECT every.key, every.distance
    FROM (
        SELECT e.key, {distance} AS distance
        FROM (
            SELECT g.key, g.embedding
            FROM lookalike_internal.embeddings g
            WHERE g.collection_id = %(collection_id)s AND g.model_id = %(model_id)s
              AND g.key <> ALL ({excluded}) AND {lower} <= %(farthest)s::float8
            OFFSET 0
        ) e
        OFFSET 0
    ) every
    ORDER BY every.distance
    FETCH FIRST (%(limit)s) ROWS WITH TIES
) nearest
JOIN lookalike_internal.records r ON r.collection_id = %(collection_id)s AND r.key = nearest.key
ORDER BY nearest.distance, r.id
LIMIT %(limit)s;

-- name: ranked_matching
-- The same with a filter, tags or products: of each {identity} the nearest record. That one is not passed over for
-- its {lower} where the distance is known within which enough identities lie.
-- parameters: as in ranked_exact, and those of {tags}, {own_tags}, {where} and {identity}
-- rows: id, identity (as text), distance
SELECT every.id, every.identity::text AS identity, every.distance
FROM (
    {each} e.id, e.identity, {distance} AS distance
    FROM (
        SELECT g.id, g.identity, g.embedding, g.tags, {own_tags} AS own_tags
        FROM (
            SELECT r.id, {identity} AS identity, m.embedding, {tags} AS tags
            FROM lookalike_internal.records r
            JOIN lookalike_internal.embeddings m
                ON m.collection_id = r.collection_id AND m.key = r.key AND m.model_id = %(model_id)s
            WHERE r.collection_id = %(collection_id)s AND {where}
            OFFSET 0
        ) g
        WHERE g.identity <> ALL ({excluded}) AND {lower} <= %(farthest)s::float8
        OFFSET 0
    ) e
    {in_order}
    OFFSET 0
) every
ORDER BY every.distance, every.id
LIMIT %(limit)s;

-- name: ranked_candidates
-- The nearest of the vector index's candidates for each query, and of all records with one of some tags. Every other
-- record has at least the distance {bound}, an expression over reaches.reach: how far the candidates of each query
-- reach. What lies nearer (proven) is the beginning of the whole ranking: no other record comes before it, be it of
-- another {identity} or of its own.
-- parameters: collection_id, model_id, excluded, limit, candidates, vectors, sharing (documents that a record with one
-- of the tags contains), and those of {distance}, {bound}, {tags}, {own_tags}, {where} and {identity}
-- rows: id, identity (as text), distance, proven
WITH reached AS MATERIALIZED (
    SELECT query.number, near.key, near.distance
    FROM unnest(%(vectors)b::halfvec[]) WITH ORDINALITY AS query (vector, number)
    CROSS JOIN LATERAL (
        SELECT e.key, e.embedding::halfvec({dimension}) <-> query.vector::halfvec({dimension}) AS distance
        FROM lookalike_internal.embeddings e
        WHERE e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
        ORDER BY e.embedding::halfvec({dimension}) <-> query.vector::halfvec({dimension})
        LIMIT %(candidates)s
    ) near
), reaches AS MATERIALIZED (
    SELECT array_agg(farthest.distance * 100 ORDER BY farthest.number) AS reach
    FROM (SELECT number, max(distance) AS distance FROM reached GROUP BY number) farthest
), keys AS MATERIALIZED (
    SELECT reached.key FROM reached
    UNION
    SELECT r.key
    FROM lookalike_internal.records r
    WHERE r.collection_id = %(collection_id)s AND r.attributes @> ANY (%(sharing)s::jsonb[])
)
SELECT every.id, every.identity::text AS identity, every.distance,
       coalesce(every.distance < {bound}, false) AS proven
FROM (
    {each} e.id, e.identity, {distance} AS distance
    FROM (
        SELECT g.id, g.identity, g.embedding, g.tags, {own_tags} AS own_tags
        FROM (
            SELECT r.id, {identity} AS identity, m.embedding, {tags} AS tags
            FROM keys
            JOIN lookalike_internal.records r ON r.collection_id = %(collection_id)s AND r.key = keys.key
            JOIN lookalike_internal.embeddings m
                ON m.collection_id = %(collection_id)s AND m.model_id = %(model_id)s AND m.key = keys.key
            WHERE {where}
            OFFSET 0
        ) g
        WHERE g.identity <> ALL ({excluded})
        OFFSET 0
    ) e
    {in_order}
    OFFSET 0
) every
CROSS JOIN reaches
ORDER BY every.distance, every.id
LIMIT %(limit)s;

-- name: each_record
SELECT

-- name: each_product
SELECT DISTINCT ON (e.identity)

-- name: any_order
-- Where every record stands for itself there is nothing to choose, and sorting would be for nothing.

-- name: nearest_of_product
ORDER BY e.identity, distance, e.id

-- name: no_tags
NULL::jsonb

-- name: tags
r.attributes -> 'tags'

-- name: no_own_tags
NULL::text[]

-- name: own_tags
-- The different texts among a record's tags, or its only one; NULL where none of those asked for is among them.
-- parameters: wanted_tags
CASE WHEN g.tags ?| %(wanted_tags)s::text[] THEN (
    SELECT array_agg(DISTINCT tag #>> '{{}}')
    FROM jsonb_array_elements(CASE jsonb_typeof(g.tags) WHEN 'array' THEN g.tags ELSE jsonb_build_array(g.tags) END) AS tag
    WHERE jsonb_typeof(tag) = 'string'
) END
