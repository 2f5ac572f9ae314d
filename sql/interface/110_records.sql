-- The records themselves.

CREATE OR REPLACE VIEW lookalike.records AS
SELECT c.id AS collection_id, c.name AS collection, r.id, r.attributes, r.url, r.file, t.width, t.height,
       r.created_at, r.updated_at
FROM lookalike_internal.collections c
JOIN lookalike_internal.records r ON r.collection_id = c.id
-- Nobody who does not ask for the sizes waits for them: the join is left out then.
LEFT JOIN lookalike_internal.thumbnails t ON t.collection_id = r.collection_id AND t.key = r.key
WHERE c.deleted_at IS NULL;

COMMENT ON VIEW lookalike.records IS 'All records of all collections, without internals.';
COMMENT ON COLUMN lookalike.records.collection IS 'The name of the collection; unique within an account.';
COMMENT ON COLUMN lookalike.records.id IS 'The _id. Ordered by code point.';
COMMENT ON COLUMN lookalike.records.attributes IS 'All attributes, tags among them, as they were sent.';
COMMENT ON COLUMN lookalike.records.url IS 'Where the picture was fetched from; NULL for others.';
COMMENT ON COLUMN lookalike.records.file IS 'What the picture''s file was called; NULL for others.';
COMMENT ON COLUMN lookalike.records.width IS 'Of the picture in pixels; NULL where no thumbnail is kept.';
COMMENT ON COLUMN lookalike.records.height IS 'Of the picture in pixels; NULL where no thumbnail is kept.';
COMMENT ON COLUMN lookalike.records.updated_at IS 'When attributes or the picture last changed.';
