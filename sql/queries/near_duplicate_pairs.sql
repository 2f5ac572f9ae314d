-- All pairs of near duplicates of a collection, as the last run found them. {where} as in records.sql.

-- name: store_pairs
-- Pairs of records that still exist, a the one whose id comes first. The records are locked in the order of their
-- ids, as everywhere, before the foreign keys lock them in another one.
-- parameters: collection_id, keys (of all records concerned); lefts, rights, distances, visuals, bits, signals:
-- arrays of equal length
WITH locked AS MATERIALIZED (
    SELECT r.key, r.id
    FROM lookalike_internal.records r
    WHERE r.collection_id = %(collection_id)s AND r.key = ANY (%(keys)s)
    ORDER BY r.id
    FOR KEY SHARE
)
INSERT INTO lookalike_internal.near_duplicate_pairs (collection_id, a_key, b_key, distance, visual, bits, signal)
SELECT %(collection_id)s,
       CASE WHEN x.id < y.id THEN x.key ELSE y.key END,
       CASE WHEN x.id < y.id THEN y.key ELSE x.key END,
       pair.distance, pair.visual, pair.bits, pair.signal
FROM unnest(%(lefts)s::bigint[], %(rights)s::bigint[], %(distances)s::float8[], %(visuals)s::float8[],
            %(bits)s::smallint[], %(signals)s::text[])
    AS pair (x_key, y_key, distance, visual, bits, signal)
JOIN locked x ON x.key = pair.x_key
JOIN locked y ON y.key = pair.y_key
ON CONFLICT DO NOTHING;

-- name: count_pairs
-- parameters: collection_id
-- rows: count
SELECT count(*) FROM lookalike_internal.near_duplicate_pairs p WHERE p.collection_id = %(collection_id)s;

-- name: page_of_pairs
-- Stored pairs of which both records match, by distance and then by ids, but for some that a person dismissed.
-- parameters: collection_id, radius, limit, offset, and those of {where}; lower_keys, higher_keys (of the dismissed
-- pairs): arrays of equal length
-- rows: a_key, b_key, distance, signal
SELECT p.a_key, p.b_key, p.distance, p.signal
FROM lookalike_internal.near_duplicate_pairs p
JOIN (
    SELECT r.key, r.id FROM lookalike_internal.records r WHERE r.collection_id = %(collection_id)s AND {where}
) a ON a.key = p.a_key
JOIN (
    SELECT r.key, r.id FROM lookalike_internal.records r WHERE r.collection_id = %(collection_id)s AND {where}
) b ON b.key = p.b_key
WHERE p.collection_id = %(collection_id)s AND p.distance <= %(radius)s
  AND NOT EXISTS (
      SELECT FROM unnest(%(lower_keys)s::bigint[], %(higher_keys)s::bigint[]) AS dismissed (lower, higher)
      WHERE dismissed.lower = least(p.a_key, p.b_key) AND dismissed.higher = greatest(p.a_key, p.b_key))
ORDER BY p.distance, a.id, b.id
LIMIT %(limit)s OFFSET %(offset)s;

-- name: copy_pairs
-- All stored pairs by distance, in fields of one width; the signal by its number.
-- parameters: collection_id, signals
COPY (
    SELECT p.a_key, p.b_key, p.distance, (array_position(%(signals)s::text[], p.signal) - 1)::smallint
    FROM lookalike_internal.near_duplicate_pairs p
    WHERE p.collection_id = %(collection_id)s
    ORDER BY p.distance, p.a_key, p.b_key
) TO STDOUT (FORMAT binary);
