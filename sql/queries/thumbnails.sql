-- Thumbnails of records, and what else is looked at to tell whether two pictures are the same.

-- name: thumbnail_of_id
-- parameters: collection_id, id
-- rows: image, width, height, glance; none where there is no such record or no thumbnail of it
SELECT t.image, t.width, t.height, t.glance
FROM lookalike_internal.records r
JOIN lookalike_internal.thumbnails t ON t.collection_id = r.collection_id AND t.key = r.key
WHERE r.collection_id = %(collection_id)s AND t.collection_id = %(collection_id)s AND r.id = %(id)s;

-- name: pictures_of_keys
-- parameters: collection_id, keys
-- rows: key, content_hash, pixel_hash, image, width, height, glance (the last four NULL without a thumbnail)
SELECT r.key, r.content_hash, r.pixel_hash, t.image, t.width, t.height, t.glance
FROM lookalike_internal.records r
LEFT JOIN lookalike_internal.thumbnails t
    ON t.collection_id = r.collection_id AND t.key = r.key AND t.collection_id = %(collection_id)s
WHERE r.collection_id = %(collection_id)s AND r.key = ANY (%(keys)s);

-- name: glances_of_keys
-- What a first glance at pictures needs, of those records that have thumbnails. Of digests the first bytes, zeros without;
-- all of one width, so that they are read as an array, and in one value, as a thousand rows take ten times as long.
-- parameters: collection_id, keys
-- rows: one, of the records' bytes one after the other, NULL without any: key (8), width (4), height (4), the
-- beginnings of the digests of file and pixels (8 each), glance (1024)
SELECT string_agg(
    int8send(r.key) || int4send(t.width) || int4send(t.height)
        || coalesce(substring(r.content_hash, 1, 8), decode(repeat('00', 8), 'hex'))
        || coalesce(substring(r.pixel_hash, 1, 8), decode(repeat('00', 8), 'hex')) || t.glance,
    ''::bytea)
FROM lookalike_internal.records r
JOIN lookalike_internal.thumbnails t
    ON t.collection_id = r.collection_id AND t.key = r.key AND t.collection_id = %(collection_id)s
WHERE r.collection_id = %(collection_id)s AND r.key = ANY (%(keys)s);

-- name: count_without_thumbnail
-- How many records records_without_thumbnail comes to.
-- parameters: collection_id
-- rows: count
SELECT count(*)
FROM lookalike_internal.records r
WHERE r.collection_id = %(collection_id)s AND (r.url IS NOT NULL OR r.file IS NOT NULL)
  AND NOT EXISTS (
      SELECT FROM lookalike_internal.thumbnails t WHERE t.collection_id = %(collection_id)s AND t.key = r.key);

-- name: records_without_thumbnail
-- The next records in the order of ids that have no thumbnail but a _url or _file to make it from.
-- parameters: collection_id, after ('': from the beginning), limit
-- rows: key, id, url, file, content_hash
SELECT r.key, r.id, r.url, r.file, r.content_hash
FROM lookalike_internal.records r
WHERE r.collection_id = %(collection_id)s AND r.id > %(after)s
  AND (r.url IS NOT NULL OR r.file IS NOT NULL)
  AND NOT EXISTS (
      SELECT FROM lookalike_internal.thumbnails t WHERE t.collection_id = %(collection_id)s AND t.key = r.key)
ORDER BY r.id
LIMIT %(limit)s;

-- name: store_thumbnails
-- Of records that still exist; what has one already keeps it, and its digest.
-- parameters: collection_id; keys, widths, heights, images, glances, formats, file_sizes, pixel_hashes: arrays of equal length
WITH given AS (
    SELECT *
    FROM unnest(%(keys)s::bigint[], %(widths)s::integer[], %(heights)s::integer[], %(images)b::bytea[],
                %(glances)b::bytea[], %(formats)s::text[], %(file_sizes)s::bigint[], %(pixel_hashes)b::bytea[])
        AS g (key, width, height, image, glance, format, file_bytes, pixel_hash)
), locked AS MATERIALIZED (
    SELECT r.key, g.width, g.height, g.image, g.glance, g.format, g.file_bytes, g.pixel_hash
    FROM lookalike_internal.records r
    JOIN given g ON g.key = r.key
    WHERE r.collection_id = %(collection_id)s
    ORDER BY r.id
    FOR UPDATE OF r
), made AS (
    INSERT INTO lookalike_internal.thumbnails
        (collection_id, key, width, height, image, glance, format, file_bytes)
    SELECT %(collection_id)s, key, width, height, image, glance, format, file_bytes FROM locked
    ON CONFLICT DO NOTHING
    RETURNING key
)
UPDATE lookalike_internal.records r SET pixel_hash = locked.pixel_hash
FROM made
JOIN locked ON locked.key = made.key
WHERE r.collection_id = %(collection_id)s AND r.key = made.key;
