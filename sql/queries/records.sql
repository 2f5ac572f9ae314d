-- Records of one collection. {columns} stands for the columns an answer needs and {join} for the join they need
-- (app/db/columns.py); {where} for a translated filter, a two-valued condition on records r with parameters of its
-- own (app/filters).

-- name: lock_for_writing
-- Plain writers hold the collection's lock together. It has to be a statement of its own before any check that
-- it guards: the snapshot of a statement that waits for a lock is older than the lock.
-- parameters: collection_id
SELECT pg_advisory_xact_lock_shared(hashtextextended('lookalike collection ' || %(collection_id)s, 0));

-- name: lock_for_counting
-- Like lock_for_writing, but alone: for writers that first have to know what is there.
-- parameters: collection_id
SELECT pg_advisory_xact_lock(hashtextextended('lookalike collection ' || %(collection_id)s, 0));

-- name: known_ids
-- Which of some ids exist.
-- parameters: collection_id, ids
-- rows: id
SELECT r.id
FROM lookalike_internal.records r
WHERE r.collection_id = %(collection_id)s AND r.id = ANY (%(ids)s);

-- name: insert_records
-- Records, their embeddings and their thumbnails in one statement. A record whose id exists already (in a transaction that committed
-- a moment ago, say) is left out, and its embedding with it. Rows go in ordered by id, so that two batches with
-- common ids wait for each other instead of blocking each other.
-- parameters: collection_id, model_id; ids, attributes, urls, files, content_hashes, phashes, phash_qualities,
-- embeddings, pixel_hashes, widths, heights, images, glances, formats, file_sizes (the last six NULL without a
-- thumbnail, the last two also where only that was sent): arrays of
-- equal length, embeddings and bytes sent in binary, as their text is slow to write and to read
-- rows: id of each record that went in
WITH incoming AS (
    SELECT *
    FROM unnest(%(ids)s::text[], %(attributes)s::jsonb[], %(urls)s::text[], %(files)s::text[],
                %(content_hashes)s::bytea[], %(phashes)s::text[], %(phash_qualities)s::smallint[],
                %(embeddings)b::halfvec[], %(pixel_hashes)b::bytea[], %(widths)s::integer[], %(heights)s::integer[],
                %(images)b::bytea[], %(glances)b::bytea[], %(formats)s::text[], %(file_sizes)s::bigint[])
        AS i (id, attributes, url, file, content_hash, phash, phash_quality, embedding, pixel_hash, width, height,
              image, glance, format, file_bytes)
), inserted AS (
    INSERT INTO lookalike_internal.records
        (collection_id, id, attributes, url, file, content_hash, phash, phash_quality, pixel_hash)
    SELECT %(collection_id)s, id, attributes, url, file, content_hash, phash::bit(256), phash_quality, pixel_hash
    FROM incoming
    ORDER BY id COLLATE "C"
    ON CONFLICT (collection_id, id) DO NOTHING
    RETURNING key, id
), embedded AS (
    INSERT INTO lookalike_internal.embeddings (collection_id, model_id, key, embedding)
    SELECT %(collection_id)s, %(model_id)s, inserted.key, incoming.embedding
    FROM inserted
    JOIN incoming ON incoming.id = inserted.id
), small AS (
    INSERT INTO lookalike_internal.thumbnails
        (collection_id, key, width, height, image, glance, format, file_bytes)
    SELECT %(collection_id)s, inserted.key, incoming.width, incoming.height, incoming.image, incoming.glance,
           incoming.format, incoming.file_bytes
    FROM inserted
    JOIN incoming ON incoming.id = inserted.id
    WHERE incoming.image IS NOT NULL
)
SELECT id FROM inserted;

-- name: delete_records
-- Locked in the order of their ids, so that overlapping batches do not deadlock. Embeddings follow by foreign key.
-- parameters: collection_id, ids
-- rows: id of each record that was there
WITH doomed AS MATERIALIZED (
    SELECT r.key
    FROM lookalike_internal.records r
    WHERE r.collection_id = %(collection_id)s AND r.id = ANY (%(ids)s)
    ORDER BY r.id
    FOR UPDATE
)
DELETE FROM lookalike_internal.records r
USING doomed
WHERE r.collection_id = %(collection_id)s AND r.key = doomed.key
RETURNING r.id;

-- name: get_records
-- parameters: collection_id, model_id, ids
-- rows: {columns} of those that exist, in no order
SELECT {columns}
FROM lookalike_internal.records r
{join}
WHERE r.collection_id = %(collection_id)s AND r.id = ANY (%(ids)s);

-- name: update_records
-- Merges top-level attributes. Rows are locked in the order of their ids, as in delete_records.
-- parameters: collection_id, model_id; ids, patches: arrays of equal length, no id twice
-- rows: {columns} of those that exist, as they are now
WITH locked AS MATERIALIZED (
    SELECT r.key, patch.attributes
    FROM unnest(%(ids)s::text[], %(patches)s::jsonb[]) AS patch (id, attributes)
    JOIN lookalike_internal.records r ON r.id = patch.id COLLATE "C"
    WHERE r.collection_id = %(collection_id)s
    ORDER BY r.id
    FOR UPDATE OF r
), r AS (
    UPDATE lookalike_internal.records r
    SET attributes = r.attributes || locked.attributes, updated_at = now()
    FROM locked
    WHERE r.collection_id = %(collection_id)s AND r.key = locked.key
    RETURNING r.collection_id, r.key, r.id, r.attributes, r.url, r.file, r.phash, r.phash_quality
)
SELECT {columns}
FROM r
{join};

-- name: count_matching
-- How many records match, counted no further than a limit.
-- parameters: collection_id, limit, and those of {where}
-- rows: count
SELECT count(*)
FROM (
    SELECT FROM lookalike_internal.records r
    WHERE r.collection_id = %(collection_id)s AND {where}
    LIMIT %(limit)s
) matching;

-- name: count_records
-- parameters: collection_id
-- rows: count
SELECT count(*) FROM lookalike_internal.records r WHERE r.collection_id = %(collection_id)s;

-- name: records_of_keys
-- parameters: collection_id, model_id, keys
-- rows: key, {columns} of those that still exist
SELECT r.key, {columns}
FROM lookalike_internal.records r
{join}
WHERE r.collection_id = %(collection_id)s AND r.key = ANY (%(keys)s);

-- name: page_of_records
-- One page of the matching records in the order of ids. Without a filter the page is cut on the index alone, before
-- any row is read.
-- parameters: collection_id, model_id, limit, offset, and those of {where}
-- rows: {columns}
SELECT {columns}
FROM (
    SELECT r.collection_id, r.id
    FROM lookalike_internal.records r
    WHERE r.collection_id = %(collection_id)s AND {where}
    ORDER BY r.id
    LIMIT %(limit)s OFFSET %(offset)s
) page
JOIN lookalike_internal.records r ON r.collection_id = page.collection_id AND r.id = page.id
{join}
ORDER BY r.id;

-- name: newest_records
-- One page of the matching records, the last that came first. Keys are given in the order of coming.
-- parameters: collection_id, model_id, limit, offset, and those of {where}
-- rows: {columns}
SELECT {columns}
FROM (
    SELECT r.collection_id, r.key
    FROM lookalike_internal.records r
    WHERE r.collection_id = %(collection_id)s AND {where}
    ORDER BY r.key DESC
    LIMIT %(limit)s OFFSET %(offset)s
) page
JOIN lookalike_internal.records r ON r.collection_id = page.collection_id AND r.key = page.key
{join}
ORDER BY r.key DESC;

-- name: records_after
-- The next matching records in the order of ids, for walking through a whole collection.
-- parameters: collection_id, model_id, after ('': from the beginning), limit, and those of {where}
-- rows: {columns}
SELECT {columns}
FROM lookalike_internal.records r
{join}
WHERE r.collection_id = %(collection_id)s AND r.id > %(after)s AND {where}
ORDER BY r.id
LIMIT %(limit)s;

-- name: random_records
-- Distinct records, every choice equally likely. Only keys are shuffled.
-- parameters: collection_id, model_id, count, and those of {where}
-- rows: {columns}
SELECT {columns}
FROM (
    SELECT r.collection_id, r.key
    FROM lookalike_internal.records r
    WHERE r.collection_id = %(collection_id)s AND {where}
    ORDER BY random()
    LIMIT %(count)s
) chosen
JOIN lookalike_internal.records r ON r.collection_id = chosen.collection_id AND r.key = chosen.key
{join};

-- name: lock_matching
-- The matching records, locked in the order of their ids, as they are about to be deleted.
-- parameters: collection_id, model_id, and those of {where}
-- rows: {columns}
SELECT {columns}
FROM lookalike_internal.records r
{join}
WHERE r.collection_id = %(collection_id)s AND {where}
ORDER BY r.id
FOR UPDATE OF r;

-- name: next_keys
-- Keys for records that are about to be loaded by COPY.
-- parameters: count
-- rows: key
SELECT nextval('lookalike_internal.record_key') AS key FROM generate_series(1, %(count)s);

-- name: copy_records
COPY lookalike_internal.records
    (collection_id, key, id, attributes, url, file, content_hash, phash, phash_quality, pixel_hash)
FROM STDIN (FORMAT binary);

-- name: copy_embeddings
COPY lookalike_internal.embeddings (collection_id, model_id, key, embedding) FROM STDIN (FORMAT binary);

-- name: copy_thumbnails
COPY lookalike_internal.thumbnails (collection_id, key, width, height, image, glance, format, file_bytes)
FROM STDIN (FORMAT binary);
