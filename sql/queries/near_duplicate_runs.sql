-- How far the comparison of a collection's records with each other has come.

-- name: find_run
-- parameters: collection_id
-- rows: model_id, radius, rule, finished_at
SELECT model_id, radius, rule, finished_at
FROM lookalike_internal.near_duplicate_runs
WHERE collection_id = %(collection_id)s;

-- name: compared_keys
-- parameters: collection_id
-- rows: compared
SELECT compared FROM lookalike_internal.near_duplicate_runs WHERE collection_id = %(collection_id)s;

-- name: lock_compared
-- parameters: collection_id
-- rows: compared
SELECT compared FROM lookalike_internal.near_duplicate_runs WHERE collection_id = %(collection_id)s FOR NO KEY UPDATE;

-- name: returned_keys
-- Records of actions that were undone since the run read the collection.
-- parameters: collection_id
-- rows: key
SELECT r.key
FROM lookalike_internal.near_duplicate_runs run
JOIN lookalike_internal.actions a ON a.collection_id = run.collection_id AND a.undone_at >= run.started_at
JOIN lookalike_internal.records r ON r.collection_id = %(collection_id)s AND r.id = ANY (a.ids)
WHERE run.collection_id = %(collection_id)s;

-- name: replace_compared
-- parameters: collection_id, compared
UPDATE lookalike_internal.near_duplicate_runs SET compared = %(compared)s WHERE collection_id = %(collection_id)s;

-- name: begin_run
-- parameters: collection_id, model_id, radius, rule, compared (of none)
-- rows: started_at
INSERT INTO lookalike_internal.near_duplicate_runs AS run (collection_id, model_id, radius, rule, compared)
VALUES (%(collection_id)s, %(model_id)s, %(radius)s, %(rule)s, %(compared)s)
ON CONFLICT (collection_id) DO UPDATE
SET started_at = excluded.started_at, done = 0, total = NULL, fault = NULL
RETURNING started_at;

-- name: forget_run
-- parameters: collection_id
DELETE FROM lookalike_internal.near_duplicate_runs WHERE collection_id = %(collection_id)s;

-- name: save_progress
-- parameters: collection_id, compared, finished
UPDATE lookalike_internal.near_duplicate_runs
SET compared = %(compared)s,
    finished_at = CASE WHEN %(finished)s THEN started_at ELSE finished_at END
WHERE collection_id = %(collection_id)s;

-- name: note_progress
-- parameters: collection_id, done, total, pairs
UPDATE lookalike_internal.near_duplicate_runs
SET done = %(done)s, total = %(total)s, pairs = %(pairs)s
WHERE collection_id = %(collection_id)s;

-- name: note_fault
-- parameters: collection_id, fault
UPDATE lookalike_internal.near_duplicate_runs SET fault = %(fault)s WHERE collection_id = %(collection_id)s;

-- name: find_progress
-- How far the last run has come.
-- parameters: collection_id
-- rows: radius, done, total, pairs, finished_at, fault
SELECT run.radius, run.done, run.total, run.pairs, run.finished_at, run.fault
FROM lookalike_internal.near_duplicate_runs run
WHERE run.collection_id = %(collection_id)s;

-- name: is_at_work
-- Whether some session holds the lock of a run: the halves of its number are in classid and objid.
-- parameters: name
-- rows: at_work
SELECT EXISTS (
    SELECT FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(%(name)s, 0)
);

-- name: outdate_run
-- What was found is no longer what a run would find now: the next one begins anew.
-- parameters: collection_id
UPDATE lookalike_internal.near_duplicate_runs SET rule = '' WHERE collection_id = %(collection_id)s;
