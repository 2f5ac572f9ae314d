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
SET started_at = excluded.started_at
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

-- name: outdate_run
-- What was found is no longer what a run would find now: the next one begins anew.
-- parameters: collection_id
UPDATE lookalike_internal.near_duplicate_runs SET rule = '' WHERE collection_id = %(collection_id)s;
