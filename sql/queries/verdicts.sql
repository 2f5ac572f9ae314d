-- What persons said of pairs of pictures. A verdict holds as long as both records have the pictures that were judged:
-- the digest of the file, or of the embedding where there is none.

-- name: judge_pairs
-- Keeps one verdict for all pairs of some records; those that do not exist are left out.
-- parameters: collection_id, model_id, ids, verdict
-- rows: a_id, b_id
WITH judged AS (
    SELECT r.id, coalesce(r.content_hash, sha256(e.embedding::text::bytea)) AS picture
    FROM lookalike_internal.records r
    JOIN lookalike_internal.embeddings e ON e.collection_id = r.collection_id AND e.key = r.key
    WHERE r.collection_id = %(collection_id)s AND r.id = ANY (%(ids)s)
      AND e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s
)
INSERT INTO lookalike_internal.near_duplicate_verdicts (collection_id, a_id, b_id, a_picture, b_picture, verdict)
SELECT %(collection_id)s, a.id, b.id, a.picture, b.picture, %(verdict)s
FROM judged a
JOIN judged b ON a.id < b.id
ORDER BY a.id, b.id
ON CONFLICT (collection_id, a_id, b_id) DO UPDATE
    SET a_picture = excluded.a_picture, b_picture = excluded.b_picture, verdict = excluded.verdict,
        judged_at = now()
RETURNING a_id, b_id;

-- name: take_back_verdicts
-- Locked in the order in which judge_pairs locks them.
-- parameters: collection_id, ids
-- rows: a_id, b_id
WITH doomed AS MATERIALIZED (
    SELECT v.a_id, v.b_id
    FROM lookalike_internal.near_duplicate_verdicts v
    WHERE v.collection_id = %(collection_id)s AND v.a_id = ANY (%(ids)s) AND v.b_id = ANY (%(ids)s)
    ORDER BY v.a_id, v.b_id
    FOR UPDATE
)
DELETE FROM lookalike_internal.near_duplicate_verdicts v
USING doomed
WHERE v.collection_id = %(collection_id)s AND v.a_id = doomed.a_id AND v.b_id = doomed.b_id
RETURNING v.a_id, v.b_id;

-- name: dismissed_pairs
-- Pairs that were judged different and still have the pictures that were judged; of one record or of all.
-- parameters: collection_id, model_id, key (NULL: of all)
-- rows: a_key, b_key
SELECT a.key AS a_key, b.key AS b_key
FROM lookalike_internal.near_duplicate_verdicts v
JOIN lookalike_internal.records a ON a.collection_id = v.collection_id AND a.id = v.a_id
JOIN lookalike_internal.records b ON b.collection_id = v.collection_id AND b.id = v.b_id
JOIN lookalike_internal.embeddings x
    ON x.collection_id = a.collection_id AND x.key = a.key AND x.collection_id = %(collection_id)s
   AND x.model_id = %(model_id)s
JOIN lookalike_internal.embeddings y
    ON y.collection_id = b.collection_id AND y.key = b.key AND y.collection_id = %(collection_id)s
   AND y.model_id = %(model_id)s
WHERE v.collection_id = %(collection_id)s AND v.verdict = 'different'
  AND a.collection_id = %(collection_id)s AND b.collection_id = %(collection_id)s
  AND (%(key)s::bigint IS NULL OR %(key)s::bigint IN (a.key, b.key))
  AND v.a_picture = coalesce(a.content_hash, sha256(x.embedding::text::bytea))
  AND v.b_picture = coalesce(b.content_hash, sha256(y.embedding::text::bytea));
