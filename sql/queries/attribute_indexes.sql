-- Indexes on attributes: a row that says so, and three B-trees on the collection's partition of records. The names in
-- braces are identifiers that the caller fills in; {path} is a literal.

-- name: lock_claims
-- Until the end of the transaction nobody else claims an index. A statement of its own, before those that look.
SELECT pg_advisory_xact_lock(hashtextextended('lookalike attribute indexes', 0));

-- name: indexes_of_collection
-- parameters: collection_id
-- rows: one for each index of a collection that exists, one without path when it has none: path, ready
SELECT i.path, i.ready
FROM lookalike_internal.collections c
LEFT JOIN lookalike_internal.attribute_indexes i ON i.collection_id = c.id
WHERE c.id = %(collection_id)s AND c.deleted_at IS NULL;

-- name: claims
-- All claims. One that gave no sign for a while may be in the middle of a long step, or left behind.
-- parameters: lease (seconds)
-- rows: collection_id, fresh
SELECT collection_id, claimed_at > clock_timestamp() - make_interval(secs => %(lease)s) AS fresh
FROM lookalike_internal.attribute_indexes
WHERE claim IS NOT NULL;

-- name: tables_at_work
-- The tables that somebody is building or dropping indexes of, or waits to: these steps hold or want such locks.
-- parameters: names (with schema)
-- rows: name
SELECT named.name
FROM unnest(%(names)s::text[]) AS named (name)
WHERE EXISTS (
    SELECT FROM pg_locks l
    WHERE l.locktype = 'relation' AND l.relation = to_regclass(named.name)
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.mode IN ('ShareUpdateExclusiveLock', 'AccessExclusiveLock')
);

-- name: claim_index
-- The row of an index, made on first use; searches do not count on it from here on.
-- parameters: collection_id, path, claim
-- rows: id
INSERT INTO lookalike_internal.attribute_indexes (collection_id, path, claim, claimed_at)
VALUES (%(collection_id)s, %(path)s, %(claim)s, clock_timestamp())
ON CONFLICT (collection_id, path) DO UPDATE
SET ready = false, claim = excluded.claim, claimed_at = excluded.claimed_at
RETURNING id;

-- name: renew_claim
-- parameters: collection_id, path, claim
-- rows: one while the claim holds
UPDATE lookalike_internal.attribute_indexes
SET claimed_at = clock_timestamp()
WHERE collection_id = %(collection_id)s AND path = %(path)s AND claim = %(claim)s
RETURNING id;

-- name: release_claim
-- parameters: collection_id, path, claim
UPDATE lookalike_internal.attribute_indexes
SET claim = NULL, claimed_at = NULL
WHERE collection_id = %(collection_id)s AND path = %(path)s AND claim = %(claim)s;

-- name: finish_index
-- From here on searches count on it.
-- parameters: collection_id, path, claim
UPDATE lookalike_internal.attribute_indexes
SET ready = true
WHERE collection_id = %(collection_id)s AND path = %(path)s AND claim = %(claim)s;

-- name: forget_index
-- parameters: collection_id, path, claim
DELETE FROM lookalike_internal.attribute_indexes
WHERE collection_id = %(collection_id)s AND path = %(path)s AND claim = %(claim)s;

-- name: list_indexes
-- parameters: collection_id
-- rows: path, ready, created_at
SELECT path, ready, created_at
FROM lookalike_internal.attribute_indexes
WHERE collection_id = %(collection_id)s
ORDER BY path;

-- name: collections_with_unfinished_indexes
-- rows: collection_id
SELECT DISTINCT i.collection_id
FROM lookalike_internal.attribute_indexes i
JOIN lookalike_internal.collections c ON c.id = i.collection_id
WHERE NOT i.ready AND c.deleted_at IS NULL;

-- name: create_number_index
CREATE INDEX CONCURRENTLY {number} ON {records} (lookalike_internal.indexed_number(attributes, {path}));

-- name: create_text_index
CREATE INDEX CONCURRENTLY {text} ON {records} ((lookalike_internal.indexed_text(attributes, {path}) COLLATE "C"));

-- name: create_irregular_index
CREATE INDEX CONCURRENTLY {irregular} ON {records} (lookalike_internal.indexed_irregular(attributes, {path}));

-- name: drop_indexes
DROP INDEX IF EXISTS {schema}.{number}, {schema}.{text}, {schema}.{irregular};

-- name: analyze_records
-- The planner knows nothing of an index's expressions before this.
ANALYZE {records};
