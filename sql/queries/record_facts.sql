-- name: record_facts
-- All that is known of a record.
-- parameters: collection_id, id
-- rows: one where there is such a record
SELECT r.id, r.attributes, r.url, r.file, r.content_hash, r.pixel_hash,
       lookalike_internal.telling_phash(r.phash, r.phash_quality)::text AS phash, r.phash_quality, r.created_at,
       r.updated_at, t.width, t.height
FROM lookalike_internal.records r
LEFT JOIN lookalike_internal.thumbnails t ON t.collection_id = %(collection_id)s AND t.key = r.key
WHERE r.collection_id = %(collection_id)s AND r.id = %(id)s;
