-- The review of duplicates: groups of stored pairs, what is known of their pictures, and what persons decided.

-- name: review_state
-- What groups depend on, and by what a change of it is noticed.
-- parameters: collection_id
-- rows: one. model_id, radius, rule, started_at, finished_at (NULL: no run), verdicts, judged_at, kept, kept_at,
-- last_action, undone_at, undoable (rows that are kept for undos)
SELECT run.model_id, run.radius, run.rule, run.started_at, run.finished_at,
       judged.verdicts, judged.judged_at, whole.kept, whole.kept_at, acted.last_action, acted.undone_at, acted.undoable
FROM (
    SELECT count(*) AS verdicts, max(v.judged_at) AS judged_at
    FROM lookalike_internal.near_duplicate_verdicts v
    WHERE v.collection_id = %(collection_id)s
) judged
CROSS JOIN (
    SELECT count(*) AS kept, max(k.kept_at) AS kept_at
    FROM lookalike_internal.kept_groups k
    WHERE k.collection_id = %(collection_id)s
) whole
CROSS JOIN (
    SELECT max(a.id) AS last_action, max(a.undone_at) AS undone_at, coalesce(sum(a.kept), 0)::bigint AS undoable
    FROM lookalike_internal.actions a
    WHERE a.collection_id = %(collection_id)s
) acted
LEFT JOIN lookalike_internal.near_duplicate_runs run ON run.collection_id = %(collection_id)s;

-- name: action_before
-- Whether an action was not forgotten, and when it or one before it was undone last.
-- parameters: collection_id, id
-- rows: one. is_there, undone_at (NULL: none was)
SELECT coalesce(bool_or(a.id = %(id)s), false) AS is_there, max(a.undone_at) AS undone_at
FROM lookalike_internal.actions a
WHERE a.collection_id = %(collection_id)s AND a.id <= %(id)s;

-- name: removed_since
-- parameters: collection_id, after (an action)
-- rows: key
SELECT k.key
FROM lookalike_internal.removed_records k
WHERE k.collection_id = %(collection_id)s AND k.action_id > %(after)s;

-- name: copy_ordered_keys
-- The keys of those of some records that still exist, in the order of their ids.
-- parameters: collection_id, keys
COPY (
    SELECT r.key
    FROM lookalike_internal.records r
    WHERE r.collection_id = %(collection_id)s AND r.key = ANY (%(keys)s)
    ORDER BY r.id
) TO STDOUT (FORMAT binary);

-- name: key_of_id
-- parameters: collection_id, id
-- rows: key
SELECT r.key FROM lookalike_internal.records r WHERE r.collection_id = %(collection_id)s AND r.id = %(id)s;

-- name: count_before
-- How many of some records have an id before one.
-- parameters: collection_id, keys, id
-- rows: count
SELECT count(*)
FROM lookalike_internal.records r
WHERE r.collection_id = %(collection_id)s AND r.key = ANY (%(keys)s) AND r.id < %(id)s;

-- name: facts_of_keys
-- What rules know of records and their pictures; of the attributes those that are named, or all.
-- parameters: collection_id, keys, names (NULL: all)
-- rows: key, id, created_at, file, width, height, format, file_bytes, attribute_count, attributes
SELECT r.key, r.id, r.created_at, r.file, t.width, t.height, t.format, t.file_bytes,
       (SELECT count(*) FROM jsonb_object_keys(r.attributes))::integer AS attribute_count,
       CASE WHEN %(names)s::text[] IS NULL THEN r.attributes
            ELSE coalesce((SELECT jsonb_object_agg(name, r.attributes -> name)
                           FROM unnest(%(names)s::text[]) AS wanted (name)
                           WHERE jsonb_exists(r.attributes, name)), '{}')
       END AS attributes
FROM lookalike_internal.records r
LEFT JOIN lookalike_internal.thumbnails t
    ON t.collection_id = r.collection_id AND t.key = r.key AND t.collection_id = %(collection_id)s
WHERE r.collection_id = %(collection_id)s AND r.key = ANY (%(keys)s)
ORDER BY r.id;

-- name: pictures_in_order
-- Which pictures records have: digests of their files, or of their embeddings where there is none, as in verdicts.
-- parameters: collection_id, model_id, keys
-- rows: key, id, picture, in the order of the ids
SELECT r.key, r.id, coalesce(r.content_hash, sha256(e.embedding::text::bytea)) AS picture
FROM lookalike_internal.records r
JOIN lookalike_internal.embeddings e
    ON e.collection_id = r.collection_id AND e.key = r.key AND e.collection_id = %(collection_id)s
   AND e.model_id = %(model_id)s
WHERE r.collection_id = %(collection_id)s AND r.key = ANY (%(keys)s)
ORDER BY r.id;

-- name: keep_group
-- parameters: collection_id, digest, least_id, size, action_id (NULL: it cannot be undone)
INSERT INTO lookalike_internal.kept_groups (collection_id, digest, least_id, size, action_id)
VALUES (%(collection_id)s, %(digest)s, %(least_id)s, %(size)s, %(action_id)s)
ON CONFLICT (collection_id, digest) DO UPDATE SET kept_at = now(), action_id = excluded.action_id;

-- name: kept_groups
-- Groups that were kept whole and whose first record still exists.
-- parameters: collection_id
-- rows: digest, least_key, size
SELECT k.digest, r.key AS least_key, k.size
FROM lookalike_internal.kept_groups k
JOIN lookalike_internal.records r ON r.collection_id = k.collection_id AND r.id = k.least_id
WHERE k.collection_id = %(collection_id)s AND r.collection_id = %(collection_id)s;

-- name: find_rules
-- parameters: collection_id
-- rows: rules
SELECT rules FROM lookalike_internal.review_rules WHERE collection_id = %(collection_id)s;

-- name: save_rules
-- parameters: collection_id, rules
INSERT INTO lookalike_internal.review_rules (collection_id, rules)
VALUES (%(collection_id)s, %(rules)s)
ON CONFLICT (collection_id) DO UPDATE SET rules = excluded.rules, changed_at = now();

-- name: find_place
-- parameters: account_id, collection_id
-- rows: radius, least_id, size
SELECT radius, least_id, size
FROM lookalike_internal.review_places
WHERE account_id = %(account_id)s AND collection_id = %(collection_id)s;

-- name: save_place
-- parameters: account_id, collection_id, radius, least_id, size
INSERT INTO lookalike_internal.review_places AS place (account_id, collection_id, radius, least_id, size)
VALUES (%(account_id)s, %(collection_id)s, %(radius)s, %(least_id)s, %(size)s)
ON CONFLICT (account_id, collection_id) DO UPDATE
SET radius = excluded.radius, least_id = excluded.least_id, size = excluded.size
WHERE (place.radius, place.least_id, place.size) IS DISTINCT FROM (excluded.radius, excluded.least_id, excluded.size);
