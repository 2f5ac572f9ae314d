-- What all pairs of a collection are found from. {where} as in records.sql; {order} is one of the two at the end.

-- name: copy_fingerprints
-- Key, hash (zeros where it is missing or its picture has too little structure), whether the hash counts, whether
-- there is a thumbnail, and embedding of the matching records. All fields of a collection have one width, so that the rows are read as an array.
-- parameters: collection_id, model_id, least_quality, and those of {where}
COPY (
    SELECT r.key,
           r.phash IS NOT NULL AND coalesce(r.phash_quality, 100) >= %(least_quality)s,
           t.key IS NOT NULL,
           coalesce(r.phash, repeat('0', 256)::bit(256)),
           e.embedding
    FROM lookalike_internal.records r
    JOIN lookalike_internal.embeddings e
        ON e.collection_id = r.collection_id AND e.key = r.key AND e.collection_id = %(collection_id)s
       AND e.model_id = %(model_id)s
    LEFT JOIN lookalike_internal.thumbnails t
        ON t.collection_id = r.collection_id AND t.key = r.key AND t.collection_id = %(collection_id)s
    WHERE r.collection_id = %(collection_id)s AND {where}
    {order}
) TO STDOUT (FORMAT binary);

-- name: in_no_order

-- name: by_id
ORDER BY r.id
