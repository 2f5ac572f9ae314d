-- Searching by distance. {dimension} is the dimension of the collection's model: the vector index is on the
-- expression embedding::halfvec(dimension), and serves only the same expression. {query} is either the vector that
-- comes as a parameter or the stored one of a record; {columns} and {join} as in records.sql, {identity} and {excluded}
-- as in identities.sql.

-- name: query_by_vector
-- parameters: vector
%(vector)b::halfvec({dimension})

-- name: query_by_id
-- parameters: collection_id, model_id, query_id
(SELECT q.embedding::halfvec({dimension})
 FROM lookalike_internal.embeddings q
 WHERE q.collection_id = %(collection_id)s AND q.model_id = %(model_id)s AND q.key = (
     SELECT i.key FROM lookalike_internal.records i WHERE i.collection_id = %(collection_id)s AND i.id = %(query_id)s))

-- name: size_of_embeddings
-- Of the embeddings in bytes, and their pages and rows as last counted.
-- parameters: embeddings (the name of the partition)
(SELECT ARRAY[pg_relation_size(t.oid), t.relpages, t.reltuples]::float8[]
 FROM pg_class t WHERE t.oid = to_regclass(%(embeddings)s))

-- name: nearest
-- A page of the matching candidates of the vector index. The innermost query has exactly the shape that the index
-- serves, and nothing here needs all of its rows: the scan ends with the page.
-- parameters: collection_id, model_id, candidates, near, reach (offset + limit), limit, offset, and those of {query},
-- {size} and {where}
-- rows: {columns}, distance; farther: the distance of the first candidate beyond the page's ties, not above theirs
-- when the candidates end with them; near_matching: how many of the rows before the page's end are among the first
-- `near` candidates; size, as in size_of_embeddings
SELECT page.*, max(page.following) OVER () * 100 AS farther,
       count(*) FILTER (WHERE page.rank <= %(near)s) OVER () AS near_matching,
       {size} AS size
FROM (
    SELECT {columns}, c.distance * 100 AS distance, c.following, c.rank
    FROM (
        SELECT n.key, n.distance, row_number() OVER (ORDER BY n.distance) AS rank,
               lead(n.distance) OVER (ORDER BY n.distance) AS following
        FROM (
            SELECT e.key, e.embedding::halfvec({dimension}) <-> {query} AS distance
            FROM lookalike_internal.embeddings e
            WHERE e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
            ORDER BY e.embedding::halfvec({dimension}) <-> {query}
            LIMIT %(candidates)s
        ) n
    ) c
    JOIN lookalike_internal.records r ON r.collection_id = %(collection_id)s AND r.key = c.key
    {join}
    WHERE c.distance IS NOT NULL AND {where}
    ORDER BY c.distance
    FETCH FIRST (%(reach)s) ROWS WITH TIES
) page
ORDER BY page.distance, page.id
LIMIT %(limit)s OFFSET %(offset)s;

-- name: nearest_head
-- All matching candidates, the nearest of each {identity}, but for the identities in {excluded}. The farthest candidate
-- is left out with all that are equally far: of those the index may hold more, and equal distances go by id.
-- parameters: collection_id, model_id, candidates, excluded (identities as text), and those of {query}, {where} and
-- {identity}
-- rows: {columns}, distance, identity (as text), rank (among the candidates)
WITH candidates AS MATERIALIZED (
    SELECT e.key, e.embedding::halfvec({dimension}) <-> {query} AS distance
    FROM lookalike_internal.embeddings e
    WHERE e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
    ORDER BY e.embedding::halfvec({dimension}) <-> {query}
    LIMIT %(candidates)s
), matching AS MATERIALIZED (
    SELECT r.key, r.id, c.distance, c.rank, {identity} AS identity
    FROM (SELECT n.key, n.distance, row_number() OVER (ORDER BY n.distance) AS rank FROM candidates n) c
    JOIN lookalike_internal.records r ON r.collection_id = %(collection_id)s AND r.key = c.key
    WHERE c.distance < (SELECT max(distance) FROM candidates) AND {where}
), chosen AS MATERIALIZED (
    SELECT DISTINCT ON (m.identity) m.*
    FROM matching m
    WHERE m.identity <> ALL ({excluded})
    ORDER BY m.identity, m.distance, m.id
)
SELECT {columns}, chosen.distance * 100 AS distance, chosen.identity::text AS identity, chosen.rank
FROM chosen
JOIN lookalike_internal.records r ON r.collection_id = %(collection_id)s AND r.key = chosen.key
{join}
ORDER BY chosen.distance, r.id;

-- name: nearest_exact
-- The same by computing every distance; OFFSET 0 keeps the planner from using the vector index, and all records
-- at the last distance come along, so that the cut is made in the order of ids.
-- parameters: as in nearest without candidates; rows: as in nearest
SELECT {columns}, nearest.distance * 100 AS distance,
       {size} AS size
FROM (
    SELECT every.collection_id, every.key, every.distance
    FROM (
        SELECT e.collection_id, e.key, e.embedding::halfvec({dimension}) <-> {query} AS distance
        FROM lookalike_internal.embeddings e
        WHERE e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
        OFFSET 0
    ) every
    WHERE every.distance IS NOT NULL
    ORDER BY every.distance
    FETCH FIRST (%(reach)s) ROWS WITH TIES
) nearest
JOIN lookalike_internal.records r ON r.collection_id = nearest.collection_id AND r.key = nearest.key
{join}
ORDER BY nearest.distance, r.id
LIMIT %(limit)s OFFSET %(offset)s;

-- name: nearest_matching
-- The nearest of the records that match a filter, by computing the distance of each of them.
-- parameters: collection_id, model_id, reach, limit, offset, and those of {query} and {where}
-- rows: {columns}, distance
SELECT {columns}, nearest.distance * 100 AS distance
FROM (
    SELECT every.collection_id, every.key, every.distance
    FROM (
        SELECT r.collection_id, r.key, e.embedding::halfvec({dimension}) <-> {query} AS distance
        FROM lookalike_internal.records r
        JOIN lookalike_internal.embeddings e
            ON e.collection_id = r.collection_id AND e.key = r.key AND e.model_id = %(model_id)s
        WHERE r.collection_id = %(collection_id)s AND {where}
        OFFSET 0
    ) every
    WHERE every.distance IS NOT NULL
    ORDER BY every.distance
    FETCH FIRST (%(reach)s) ROWS WITH TIES
) nearest
JOIN lookalike_internal.records r ON r.collection_id = nearest.collection_id AND r.key = nearest.key
{join}
ORDER BY nearest.distance, r.id
LIMIT %(limit)s OFFSET %(offset)s;

-- name: nearest_each
-- Of all matching records the nearest of each {identity}, but for the identities in {excluded}, by computing every
-- distance.
-- parameters: collection_id, model_id, excluded (identities as text), limit, offset, and those of {query}, {where} and
-- {identity}
-- rows: {columns}, distance
SELECT {columns}, page.distance * 100 AS distance
FROM (
    SELECT chosen.*
    FROM (
        SELECT DISTINCT ON (every.identity) every.*
        FROM (
            SELECT r.collection_id, r.key, r.id, {identity} AS identity,
                   e.embedding::halfvec({dimension}) <-> {query} AS distance
            FROM lookalike_internal.records r
            JOIN lookalike_internal.embeddings e
                ON e.collection_id = r.collection_id AND e.key = r.key AND e.model_id = %(model_id)s
            WHERE r.collection_id = %(collection_id)s AND {where}
            OFFSET 0
        ) every
        WHERE every.distance IS NOT NULL AND every.identity <> ALL ({excluded})
        ORDER BY every.identity, every.distance, every.id
    ) chosen
    ORDER BY chosen.distance, chosen.id
    LIMIT %(limit)s OFFSET %(offset)s
) page
JOIN lookalike_internal.records r ON r.collection_id = page.collection_id AND r.key = page.key
{join}
ORDER BY page.distance, r.id;

-- name: within_candidates
-- The matching candidates of the vector index within a radius, one of each {identity}. They are all there are when
-- the farthest candidate lies outside; that is told in every row, and in a row without record when there is none.
-- parameters: collection_id, model_id, candidates, radius (of unit vectors), limit, and those of {query}, {where}
-- and {identity}
-- rows: {columns}, distance (both NULL when nothing is within), candidates: how many there were, farthest
WITH candidates AS MATERIALIZED (
    SELECT e.collection_id, e.key, e.embedding::halfvec({dimension}) <-> {query} AS distance
    FROM lookalike_internal.embeddings e
    WHERE e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
    ORDER BY e.embedding::halfvec({dimension}) <-> {query}
    LIMIT %(candidates)s
), bounds AS (
    SELECT count(distance) AS candidates, max(distance) AS farthest FROM candidates
)
SELECT {columns}, chosen.distance * 100 AS distance, bounds.candidates, bounds.farthest * 100 AS farthest
FROM bounds
LEFT JOIN (
    SELECT DISTINCT ON (m.identity) m.*
    FROM (
        SELECT r.collection_id, r.key, r.id, c.distance, {identity} AS identity
        FROM candidates c
        JOIN lookalike_internal.records r ON r.collection_id = c.collection_id AND r.key = c.key
        WHERE r.collection_id = %(collection_id)s AND c.distance <= %(radius)s AND {where}
    ) m
    ORDER BY m.identity, m.distance, m.id
) chosen ON bounds.farthest > %(radius)s
LEFT JOIN lookalike_internal.records r
    ON r.collection_id = chosen.collection_id AND r.key = chosen.key AND r.collection_id = %(collection_id)s
{join}
ORDER BY chosen.distance, r.id
LIMIT %(limit)s;

-- name: within_exact
-- All matching records within a radius, one of each {identity}, by computing every distance.
-- parameters: as in within_candidates without candidates
-- rows: {columns}, distance
SELECT {columns}, page.distance * 100 AS distance
FROM (
    SELECT chosen.*
    FROM (
        SELECT DISTINCT ON (every.identity) every.*
        FROM (
            SELECT r.collection_id, r.key, r.id, {identity} AS identity,
                   e.embedding::halfvec({dimension}) <-> {query} AS distance
            FROM lookalike_internal.records r
            JOIN lookalike_internal.embeddings e
                ON e.collection_id = r.collection_id AND e.key = r.key AND e.model_id = %(model_id)s
            WHERE r.collection_id = %(collection_id)s AND {where}
            OFFSET 0
        ) every
        WHERE every.distance <= %(radius)s
        ORDER BY every.identity, every.distance, every.id
    ) chosen
    ORDER BY chosen.distance, chosen.id
    LIMIT %(limit)s
) page
JOIN lookalike_internal.records r ON r.collection_id = page.collection_id AND r.key = page.key
{join}
ORDER BY page.distance, r.id;
