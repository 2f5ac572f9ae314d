-- Searching by distance. {dimension} is the dimension of the collection's model: the vector index is on the
-- expression embedding::halfvec(dimension), and serves only the same expression. {query} is either the vector that
-- comes as a parameter or the stored one of a record; {columns} and {join} as in records.sql.

-- name: query_by_vector
-- parameters: vector
%(vector)b::halfvec({dimension})

-- name: query_by_id
-- parameters: collection_id, model_id, query_id
(SELECT q.embedding::halfvec({dimension})
 FROM lookalike.embeddings q
 WHERE q.collection_id = %(collection_id)s AND q.model_id = %(model_id)s AND q.key = (
     SELECT i.key FROM lookalike.records i WHERE i.collection_id = %(collection_id)s AND i.id = %(query_id)s))

-- name: nearest
-- The k nearest records. The inner query has exactly the shape that the vector index serves; the outer one puts
-- equal distances in the order of ids.
-- parameters: collection_id, model_id, candidates, limit, offset, and those of {query}
-- rows: {columns}, distance
SELECT {columns}, nearest.distance * 100 AS distance
FROM (
    SELECT e.collection_id, e.key, e.embedding::halfvec({dimension}) <-> {query} AS distance
    FROM lookalike.embeddings e
    WHERE e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
    ORDER BY e.embedding::halfvec({dimension}) <-> {query}
    LIMIT %(candidates)s
) nearest
JOIN lookalike.records r ON r.collection_id = nearest.collection_id AND r.key = nearest.key
{join}
WHERE nearest.distance IS NOT NULL
ORDER BY nearest.distance, r.id
LIMIT %(limit)s OFFSET %(offset)s;

-- name: nearest_exact
-- The same by computing every distance; OFFSET 0 keeps the planner from using the vector index, and all records
-- at the last distance come along, so that the cut is made in the order of ids.
-- parameters, rows: as in nearest
SELECT {columns}, nearest.distance * 100 AS distance
FROM (
    SELECT every.collection_id, every.key, every.distance
    FROM (
        SELECT e.collection_id, e.key, e.embedding::halfvec({dimension}) <-> {query} AS distance
        FROM lookalike.embeddings e
        WHERE e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
        OFFSET 0
    ) every
    WHERE every.distance IS NOT NULL
    ORDER BY every.distance
    FETCH FIRST (%(candidates)s) ROWS WITH TIES
) nearest
JOIN lookalike.records r ON r.collection_id = nearest.collection_id AND r.key = nearest.key
{join}
ORDER BY nearest.distance, r.id
LIMIT %(limit)s OFFSET %(offset)s;

-- name: nearest_matching
-- The nearest of the records that match a filter, by computing the distance of each of them.
-- parameters, rows: as in nearest, and the parameters of {where}
SELECT {columns}, nearest.distance * 100 AS distance
FROM (
    SELECT every.collection_id, every.key, every.distance
    FROM (
        SELECT r.collection_id, r.key, e.embedding::halfvec({dimension}) <-> {query} AS distance
        FROM lookalike.records r
        JOIN lookalike.embeddings e
            ON e.collection_id = r.collection_id AND e.key = r.key AND e.model_id = %(model_id)s
        WHERE r.collection_id = %(collection_id)s AND {where}
        OFFSET 0
    ) every
    WHERE every.distance IS NOT NULL
    ORDER BY every.distance
    FETCH FIRST (%(candidates)s) ROWS WITH TIES
) nearest
JOIN lookalike.records r ON r.collection_id = nearest.collection_id AND r.key = nearest.key
{join}
ORDER BY nearest.distance, r.id
LIMIT %(limit)s OFFSET %(offset)s;
