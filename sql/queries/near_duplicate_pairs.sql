-- All pairs of near duplicates of a collection: what they are found from, and where they are kept. {columns},
-- {join} and {where} as in records.sql.

-- name: count_matching
-- How many records match, counted no further than a limit.
-- parameters: collection_id, limit, and those of {where}
-- rows: count
SELECT count(*)
FROM (
    SELECT FROM lookalike.records r
    WHERE r.collection_id = %(collection_id)s AND {where}
    LIMIT %(limit)s
) matching;

-- name: copy_fingerprints
-- Key, hash (zeros where it is missing or its picture has too little structure), whether the hash counts, and
-- embedding of the matching records. All fields of a collection have one width, so that the rows are read as an array.
-- parameters: collection_id, model_id, least_quality, and those of {where}
COPY (
    SELECT r.key,
           r.phash IS NOT NULL AND coalesce(r.phash_quality, 100) >= %(least_quality)s,
           coalesce(r.phash, repeat('0', 256)::bit(256)),
           e.embedding
    FROM lookalike.records r
    JOIN lookalike.embeddings e
        ON e.collection_id = r.collection_id AND e.key = r.key AND e.collection_id = %(collection_id)s
       AND e.model_id = %(model_id)s
    WHERE r.collection_id = %(collection_id)s AND {where}
    {order}
) TO STDOUT (FORMAT binary);

-- name: create_partition
CREATE TABLE {pairs} (
    LIKE lookalike.near_duplicate_pairs INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    CONSTRAINT {owner} CHECK (collection_id = {collection_id})
);

-- name: attach_partition
ALTER TABLE lookalike.near_duplicate_pairs ATTACH PARTITION {pairs} FOR VALUES IN ({collection_id});

-- name: tie_pairs_to_records
-- To the partition of the records, so that no other collection's records are concerned.
ALTER TABLE {pairs}
    ADD FOREIGN KEY (collection_id, a_key) REFERENCES {records} (collection_id, key) ON DELETE CASCADE,
    ADD FOREIGN KEY (collection_id, b_key) REFERENCES {records} (collection_id, key) ON DELETE CASCADE;

-- name: has_partition
-- parameters: name
-- rows: whether it exists
SELECT to_regclass('lookalike_data.' || quote_ident(%(name)s)) IS NOT NULL;

-- name: find_run
-- parameters: collection_id
-- rows: model_id, radius, finished_at
SELECT model_id, radius, finished_at FROM lookalike.near_duplicate_runs WHERE collection_id = %(collection_id)s;

-- name: compared_keys
-- parameters: collection_id
-- rows: compared
SELECT compared FROM lookalike.near_duplicate_runs WHERE collection_id = %(collection_id)s;

-- name: begin_run
-- parameters: collection_id, model_id, radius, compared (of none)
-- rows: started_at
INSERT INTO lookalike.near_duplicate_runs AS run (collection_id, model_id, radius, compared)
VALUES (%(collection_id)s, %(model_id)s, %(radius)s, %(compared)s)
ON CONFLICT (collection_id) DO UPDATE
SET started_at = excluded.started_at
RETURNING started_at;

-- name: forget_run
-- parameters: collection_id
DELETE FROM lookalike.near_duplicate_runs WHERE collection_id = %(collection_id)s;

-- name: forget_pairs
TRUNCATE {pairs};

-- name: save_progress
-- parameters: collection_id, compared, finished
UPDATE lookalike.near_duplicate_runs
SET compared = %(compared)s,
    finished_at = CASE WHEN %(finished)s THEN started_at ELSE finished_at END
WHERE collection_id = %(collection_id)s;

-- name: store_pairs
-- Pairs of records that still exist, a the one whose id comes first. The records are locked in the order of their
-- ids, as everywhere, before the foreign keys lock them in another one.
-- parameters: collection_id, keys (of all records concerned); lefts, rights, distances, visuals, bits, signals:
-- arrays of equal length
WITH locked AS MATERIALIZED (
    SELECT r.key, r.id
    FROM lookalike.records r
    WHERE r.collection_id = %(collection_id)s AND r.key = ANY (%(keys)s)
    ORDER BY r.id
    FOR KEY SHARE
)
INSERT INTO lookalike.near_duplicate_pairs (collection_id, a_key, b_key, distance, visual, bits, signal)
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
SELECT count(*) FROM lookalike.near_duplicate_pairs p WHERE p.collection_id = %(collection_id)s;

-- name: page_of_pairs
-- Stored pairs of which both records match, by distance and then by ids.
-- parameters: collection_id, radius, limit, offset, and those of {where}
-- rows: a_key, b_key, distance, signal
SELECT p.a_key, p.b_key, p.distance, p.signal
FROM lookalike.near_duplicate_pairs p
JOIN (
    SELECT r.key, r.id FROM lookalike.records r WHERE r.collection_id = %(collection_id)s AND {where}
) a ON a.key = p.a_key
JOIN (
    SELECT r.key, r.id FROM lookalike.records r WHERE r.collection_id = %(collection_id)s AND {where}
) b ON b.key = p.b_key
WHERE p.collection_id = %(collection_id)s AND p.distance <= %(radius)s
ORDER BY p.distance, a.id, b.id
LIMIT %(limit)s OFFSET %(offset)s;

-- name: copy_pairs
-- All stored pairs by distance, in fields of one width; the signal by its number.
-- parameters: collection_id, signals
COPY (
    SELECT p.a_key, p.b_key, p.distance, (array_position(%(signals)s::text[], p.signal) - 1)::smallint
    FROM lookalike.near_duplicate_pairs p
    WHERE p.collection_id = %(collection_id)s
    ORDER BY p.distance, p.a_key, p.b_key
) TO STDOUT (FORMAT binary);

-- name: records_of_keys
-- parameters: collection_id, model_id, keys
-- rows: key, {columns} of those that still exist
SELECT r.key, {columns}
FROM lookalike.records r
{join}
WHERE r.collection_id = %(collection_id)s AND r.key = ANY (%(keys)s);
