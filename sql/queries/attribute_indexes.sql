-- Indexes on attributes: a row that says so, and three B-trees on the collection's partition of records. The names in
-- braces are identifiers that the caller fills in; {path} is a literal.

-- name: announce_index
-- The row of an index, made on first use. The pointless update makes RETURNING answer in both cases.
-- parameters: collection_id, path
-- rows: id, ready
INSERT INTO lookalike.attribute_indexes (collection_id, path)
VALUES (%(collection_id)s, %(path)s)
ON CONFLICT (collection_id, path) DO UPDATE SET path = excluded.path
RETURNING id, ready;

-- name: finish_index
-- From here on searches count on it.
-- parameters: collection_id, path
UPDATE lookalike.attribute_indexes
SET ready = true
WHERE collection_id = %(collection_id)s AND path = %(path)s;

-- name: withdraw_index
-- Searches stop counting on it before it is dropped.
-- parameters: collection_id, path
-- rows: id; none when there is no such index
UPDATE lookalike.attribute_indexes
SET ready = false
WHERE collection_id = %(collection_id)s AND path = %(path)s
RETURNING id;

-- name: forget_index
-- parameters: collection_id, path
DELETE FROM lookalike.attribute_indexes WHERE collection_id = %(collection_id)s AND path = %(path)s;

-- name: list_indexes
-- parameters: collection_id
-- rows: path, ready, created_at
SELECT path, ready, created_at
FROM lookalike.attribute_indexes
WHERE collection_id = %(collection_id)s
ORDER BY path;

-- name: collections_with_unfinished_indexes
-- rows: collection_id
SELECT DISTINCT i.collection_id
FROM lookalike.attribute_indexes i
JOIN lookalike.collections c ON c.id = i.collection_id
WHERE NOT i.ready AND c.deleted_at IS NULL;

-- name: create_number_index
CREATE INDEX CONCURRENTLY {number} ON {records} (lookalike.indexed_number(attributes, {path}));

-- name: create_text_index
CREATE INDEX CONCURRENTLY {text} ON {records} ((lookalike.indexed_text(attributes, {path}) COLLATE "C"));

-- name: create_irregular_index
CREATE INDEX CONCURRENTLY {irregular} ON {records} (lookalike.indexed_irregular(attributes, {path}));

-- name: drop_indexes
DROP INDEX IF EXISTS {qualified_number}, {qualified_text}, {qualified_irregular};

-- name: analyze_records
-- The planner knows nothing of an index's expressions before this.
ANALYZE {records};
