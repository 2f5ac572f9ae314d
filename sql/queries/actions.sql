-- Actions of the console and their undo. Whatever an undo needs is moved from table to table inside PostgreSQL.

-- name: lock_records
-- Records that are about to be removed or edited, locked in the order of their ids: no pair of theirs is stored, and
-- nothing of them changed, until the transaction ends.
-- parameters: collection_id, ids
-- rows: id
SELECT r.id
FROM lookalike_internal.records r
WHERE r.collection_id = %(collection_id)s AND r.id = ANY (%(ids)s)
ORDER BY r.id
FOR UPDATE;

-- name: lock_run
-- The run that found the stored pairs: until the transaction ends no other one begins anew.
-- parameters: collection_id
-- rows: radius, rule
SELECT run.radius, run.rule
FROM lookalike_internal.near_duplicate_runs run
WHERE run.collection_id = %(collection_id)s
FOR KEY SHARE;

-- name: add_action
-- parameters: collection_id, account_id, token_id, kind, ids, told, radius, rule
-- rows: id
INSERT INTO lookalike_internal.actions (collection_id, account_id, token_id, kind, ids, told, radius, rule)
VALUES (%(collection_id)s, %(account_id)s, %(token_id)s, %(kind)s, %(ids)s, %(told)s, %(radius)s, %(rule)s)
RETURNING id;

-- name: keep_records
-- Copies of records that are about to be removed, and are locked.
-- parameters: collection_id, model_id, action_id, ids
INSERT INTO lookalike_internal.removed_records
    (collection_id, action_id, key, id, attributes, url, file, content_hash, phash, phash_quality, pixel_hash,
     created_at, updated_at, model_id, embedding, width, height, image, glance, format, file_bytes)
SELECT r.collection_id, %(action_id)s, r.key, r.id, r.attributes, r.url, r.file, r.content_hash, r.phash,
       r.phash_quality, r.pixel_hash, r.created_at, r.updated_at, e.model_id, e.embedding, t.width, t.height, t.image,
       t.glance, t.format, t.file_bytes
FROM lookalike_internal.records r
JOIN lookalike_internal.embeddings e
    ON e.collection_id = %(collection_id)s AND e.model_id = %(model_id)s AND e.key = r.key
LEFT JOIN lookalike_internal.thumbnails t ON t.collection_id = %(collection_id)s AND t.key = r.key
WHERE r.collection_id = %(collection_id)s AND r.id = ANY (%(ids)s);

-- name: keep_pairs
-- Copies of the pairs that will go with them, but for those that go with another action at the same moment. In order, so
-- that two such actions do not deadlock.
-- parameters: collection_id, action_id
WITH removed AS MATERIALIZED (
    SELECT k.key
    FROM lookalike_internal.removed_records k
    WHERE k.collection_id = %(collection_id)s AND k.action_id = %(action_id)s
)
INSERT INTO lookalike_internal.removed_pairs
    (collection_id, action_id, a_key, b_key, distance, visual, bits, signal)
SELECT p.collection_id, %(action_id)s, p.a_key, p.b_key, p.distance, p.visual, p.bits, p.signal
FROM lookalike_internal.near_duplicate_pairs p
WHERE p.collection_id = %(collection_id)s AND p.a_key IN (SELECT key FROM removed)
UNION
SELECT p.collection_id, %(action_id)s, p.a_key, p.b_key, p.distance, p.visual, p.bits, p.signal
FROM lookalike_internal.near_duplicate_pairs p
WHERE p.collection_id = %(collection_id)s AND p.b_key IN (SELECT key FROM removed)
ORDER BY a_key, b_key
ON CONFLICT (collection_id, a_key, b_key) DO NOTHING;

-- name: edit_records
-- Changes attributes of locked records and keeps what they were. Edited attributes are removed, put, filled where there is
-- none, and added to as lists, in this order; a record that stays as it is is left alone.
-- parameters: collection_id, action_id (NULL: nothing is kept); ids, removed (JSON lists of names), put, filled, added
-- (JSON objects): arrays of equal length, no id twice
-- rows: id of each record that changed
WITH edits AS (
    SELECT e.*, ARRAY(SELECT jsonb_array_elements_text(e.removed)) AS names
    FROM unnest(%(ids)s::text[], %(removed)s::jsonb[], %(put)s::jsonb[], %(filled)s::jsonb[], %(added)s::jsonb[])
        AS e (id, removed, put, filled, added)
), filled AS (
    SELECT r.key, r.id, r.attributes, e.added, e.filled || ((r.attributes - e.names) || e.put) AS next
    FROM edits e
    JOIN lookalike_internal.records r ON r.id = e.id COLLATE "C"
    WHERE r.collection_id = %(collection_id)s
), edited AS (
    SELECT f.key, f.id, f.attributes, f.next || coalesce(lists.grown, '{}') AS next
    FROM filled f
    CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(a.name, had.list || more.list) AS grown
        FROM jsonb_each(f.added) AS a (name, members)
        CROSS JOIN LATERAL (
            SELECT CASE
                WHEN f.next -> a.name IS NULL THEN '[]'
                WHEN jsonb_typeof(f.next -> a.name) = 'array' THEN f.next -> a.name
                ELSE jsonb_build_array(f.next -> a.name)
            END AS list
        ) had
        CROSS JOIN LATERAL (
            SELECT jsonb_agg(m.member ORDER BY m.place) AS list
            FROM (
                SELECT member, min(place) AS place
                FROM jsonb_array_elements(a.members) WITH ORDINALITY AS members (member, place)
                WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(had.list) AS own (member) WHERE own.member = members.member)
                GROUP BY member
            ) m
        ) more
        WHERE more.list IS NOT NULL
    ) lists
), changed AS (
    SELECT * FROM edited WHERE next <> attributes
), kept AS (
    INSERT INTO lookalike_internal.edited_records (collection_id, action_id, key, before, after)
    SELECT %(collection_id)s, %(action_id)s, c.key,
           (SELECT coalesce(jsonb_object_agg(o.name, o.value), '{}') FROM jsonb_each(c.attributes) AS o (name, value)
            WHERE o.value IS DISTINCT FROM c.next -> o.name),
           (SELECT coalesce(jsonb_object_agg(n.name, n.value), '{}') FROM jsonb_each(c.next) AS n (name, value)
            WHERE n.value IS DISTINCT FROM c.attributes -> n.name)
    FROM changed c
    WHERE %(action_id)s::bigint IS NOT NULL
)
UPDATE lookalike_internal.records r
SET attributes = c.next, updated_at = now()
FROM changed c
WHERE r.collection_id = %(collection_id)s AND r.key = c.key
RETURNING r.id;

-- name: keep_verdicts
-- What was said before of the pairs of some records, locked as judge_pairs locks them. A pair that was judged in the
-- same action already keeps what was said before that.
-- parameters: collection_id, action_id, ids
WITH said AS MATERIALIZED (
    SELECT v.*
    FROM lookalike_internal.near_duplicate_verdicts v
    WHERE v.collection_id = %(collection_id)s AND v.a_id = ANY (%(ids)s) AND v.b_id = ANY (%(ids)s)
    ORDER BY v.a_id, v.b_id
    FOR UPDATE
)
INSERT INTO lookalike_internal.replaced_verdicts
    (collection_id, action_id, a_id, b_id, a_picture, b_picture, verdict, judged_at)
SELECT said.collection_id, %(action_id)s, said.a_id, said.b_id, said.a_picture, said.b_picture, said.verdict,
       said.judged_at
FROM said
ON CONFLICT (collection_id, action_id, a_id, b_id) DO NOTHING;

-- name: note_verdicts
-- After the judgement: when each pair was judged now, and pairs of which nothing had been said before.
-- parameters: collection_id, action_id, ids
WITH stale AS (
    UPDATE lookalike_internal.replaced_verdicts o
    SET rejudged_at = NULL
    WHERE o.collection_id = %(collection_id)s AND o.action_id = %(action_id)s
      AND o.a_id = ANY (%(ids)s) AND o.b_id = ANY (%(ids)s)
      AND NOT EXISTS (
          SELECT FROM lookalike_internal.near_duplicate_verdicts v
          WHERE v.collection_id = o.collection_id AND v.a_id = o.a_id AND v.b_id = o.b_id)
)
INSERT INTO lookalike_internal.replaced_verdicts (collection_id, action_id, a_id, b_id, rejudged_at)
SELECT v.collection_id, %(action_id)s, v.a_id, v.b_id, v.judged_at
FROM lookalike_internal.near_duplicate_verdicts v
WHERE v.collection_id = %(collection_id)s AND v.a_id = ANY (%(ids)s) AND v.b_id = ANY (%(ids)s)
ON CONFLICT (collection_id, action_id, a_id, b_id) DO UPDATE SET rejudged_at = excluded.rejudged_at;

-- name: complete_action
-- parameters: collection_id, action_id, kept, told
UPDATE lookalike_internal.actions a
SET kept = %(kept)s, told = a.told || %(told)s
WHERE a.collection_id = %(collection_id)s AND a.id = %(action_id)s;

-- name: forget_action
-- One that did nothing.
-- parameters: collection_id, action_id
DELETE FROM lookalike_internal.actions a WHERE a.collection_id = %(collection_id)s AND a.id = %(action_id)s;

-- name: forget_old_actions
-- Actions that are too old, and the oldest ones of a collection of whose actions more is kept than a limit; its
-- newest one stays whatever it keeps. Whoever is being undone at this moment is left alone.
-- parameters: collection_id (NULL: of all), seconds, most
-- rows: id
WITH weighed AS (
    SELECT a.collection_id, a.id, a.done_at,
           sum(a.kept + 1) OVER upwards AS kept,
           row_number() OVER upwards AS place
    FROM lookalike_internal.actions a
    WHERE %(collection_id)s::uuid IS NULL OR a.collection_id = %(collection_id)s
    WINDOW upwards AS (PARTITION BY a.collection_id ORDER BY a.id DESC ROWS UNBOUNDED PRECEDING)
), over AS MATERIALIZED (
    SELECT a.collection_id, a.id
    FROM lookalike_internal.actions a
    JOIN weighed w ON w.collection_id = a.collection_id AND w.id = a.id
    WHERE w.done_at < now() - make_interval(secs => %(seconds)s) OR (w.kept > %(most)s AND w.place > 1)
    ORDER BY a.collection_id, a.id
    FOR UPDATE OF a SKIP LOCKED
)
DELETE FROM lookalike_internal.actions a
USING over
WHERE a.collection_id = over.collection_id AND a.id = over.id
RETURNING a.id;

-- name: lock_action
-- One that is about to be undone; whoever undoes it, too, waits.
-- parameters: collection_id, action_id
-- rows: radius, rule
SELECT a.radius, a.rule
FROM lookalike_internal.actions a
WHERE a.collection_id = %(collection_id)s AND a.id = %(action_id)s
FOR UPDATE;

-- name: restore_records
-- Puts some records back with their keys, embeddings and thumbnails, but for those whose id is in use.
-- parameters: collection_id, action_id, ids
-- rows: key, id of each record that is back
WITH back AS (
    INSERT INTO lookalike_internal.records
        (collection_id, key, id, attributes, url, file, content_hash, phash, phash_quality, pixel_hash, created_at,
         updated_at)
    SELECT k.collection_id, k.key, k.id, k.attributes, k.url, k.file, k.content_hash, k.phash, k.phash_quality,
           k.pixel_hash, k.created_at, k.updated_at
    FROM lookalike_internal.removed_records k
    WHERE k.collection_id = %(collection_id)s AND k.action_id = %(action_id)s AND k.id = ANY (%(ids)s)
    ORDER BY k.id
    ON CONFLICT (collection_id, id) DO NOTHING
    RETURNING collection_id, key, id
), embedded AS (
    INSERT INTO lookalike_internal.embeddings (collection_id, model_id, key, embedding)
    SELECT k.collection_id, k.model_id, k.key, k.embedding
    FROM back
    JOIN lookalike_internal.removed_records k ON k.collection_id = back.collection_id AND k.key = back.key
), small AS (
    INSERT INTO lookalike_internal.thumbnails
        (collection_id, key, width, height, image, glance, format, file_bytes)
    SELECT k.collection_id, k.key, k.width, k.height, k.image, k.glance, k.format, k.file_bytes
    FROM back
    JOIN lookalike_internal.removed_records k ON k.collection_id = back.collection_id AND k.key = back.key
    WHERE k.image IS NOT NULL
), gone AS (
    DELETE FROM lookalike_internal.removed_records k
    USING back
    WHERE k.collection_id = back.collection_id AND k.key = back.key
)
SELECT key, id FROM back;

-- name: kept_ids
-- Removed records that an undo may put back; after it, those that it could not.
-- parameters: collection_id, action_id
-- rows: id
SELECT k.id
FROM lookalike_internal.removed_records k
WHERE k.collection_id = %(collection_id)s AND k.action_id = %(action_id)s
ORDER BY k.id;

-- name: restore_pairs
-- Pairs both of whose records are there again, and stay until the transaction ends. (The caller has made sure that the
-- run is the one that found them.)
-- parameters: collection_id, action_id
WITH there AS MATERIALIZED (
    SELECT r.key
    FROM lookalike_internal.records r
    WHERE r.collection_id = %(collection_id)s
      AND r.key IN (SELECT unnest(ARRAY[p.a_key, p.b_key])
                    FROM lookalike_internal.removed_pairs p
                    WHERE p.collection_id = %(collection_id)s AND p.action_id = %(action_id)s)
    ORDER BY r.id
    FOR KEY SHARE
), gone AS (
    DELETE FROM lookalike_internal.removed_pairs p
    WHERE p.collection_id = %(collection_id)s AND p.action_id = %(action_id)s
      AND p.a_key IN (SELECT key FROM there) AND p.b_key IN (SELECT key FROM there)
    RETURNING p.*
)
INSERT INTO lookalike_internal.near_duplicate_pairs
    (collection_id, a_key, b_key, distance, visual, bits, signal)
SELECT gone.collection_id, gone.a_key, gone.b_key, gone.distance, gone.visual, gone.bits, gone.signal
FROM gone
ON CONFLICT DO NOTHING;

-- name: hand_on_pairs
-- A pair whose other record was removed by another action comes back with that one.
-- parameters: collection_id, action_id
UPDATE lookalike_internal.removed_pairs p
SET action_id = k.action_id
FROM lookalike_internal.removed_records k
WHERE p.collection_id = %(collection_id)s AND p.action_id = %(action_id)s
  AND k.collection_id = %(collection_id)s AND k.key IN (p.a_key, p.b_key) AND k.action_id <> p.action_id;

-- name: forget_pairs
-- parameters: collection_id, action_id
DELETE FROM lookalike_internal.removed_pairs p
WHERE p.collection_id = %(collection_id)s AND p.action_id = %(action_id)s;

-- name: restore_attributes
-- Each attribute that an action changed as it was before, unless it is no longer as the action left it.
-- parameters: collection_id, action_id
-- rows: id, reverted (whether any was put back), changed (names of those that are left alone); id is NULL, and changed
-- empty, for a record that is no longer there
WITH kept AS (
    DELETE FROM lookalike_internal.edited_records e
    WHERE e.collection_id = %(collection_id)s AND e.action_id = %(action_id)s
    RETURNING e.key, e.before, e.after
), locked AS MATERIALIZED (
    SELECT r.key, r.id, r.attributes
    FROM lookalike_internal.records r
    WHERE r.collection_id = %(collection_id)s AND r.key IN (SELECT key FROM kept)
    ORDER BY r.id
    FOR UPDATE
), named AS (
    SELECT l.key, l.id, n.name, k.before -> n.name AS old,
           l.attributes -> n.name IS NOT DISTINCT FROM k.after -> n.name AS unchanged
    FROM kept k
    JOIN locked l ON l.key = k.key
    CROSS JOIN LATERAL jsonb_object_keys(k.before || k.after) AS n (name)
), settled AS (
    SELECT n.key, n.id, bool_or(n.unchanged) AS reverted,
           coalesce(jsonb_object_agg(n.name, n.old) FILTER (WHERE n.unchanged AND n.old IS NOT NULL), '{}') AS put,
           coalesce(array_agg(n.name) FILTER (WHERE n.unchanged AND n.old IS NULL), '{}') AS gone,
           coalesce(array_agg(n.name ORDER BY n.name) FILTER (WHERE NOT n.unchanged), '{}') AS changed
    FROM named n
    GROUP BY n.key, n.id
), reverted AS (
    UPDATE lookalike_internal.records r
    SET attributes = (r.attributes - s.gone) || s.put, updated_at = now()
    FROM settled s
    WHERE r.collection_id = %(collection_id)s AND r.key = s.key AND s.reverted
)
SELECT id, reverted, changed FROM settled
UNION ALL
SELECT NULL, false, '{}' FROM kept WHERE key NOT IN (SELECT key FROM locked);

-- name: restore_verdicts
-- What was said of each pair before the action, unless something was said after it.
-- parameters: collection_id, action_id
-- rows: restored, left (counts)
WITH replaced AS (
    DELETE FROM lookalike_internal.replaced_verdicts o
    WHERE o.collection_id = %(collection_id)s AND o.action_id = %(action_id)s
    RETURNING o.*
), current AS MATERIALIZED (
    SELECT v.a_id, v.b_id, v.judged_at
    FROM lookalike_internal.near_duplicate_verdicts v
    JOIN replaced o ON v.collection_id = o.collection_id AND v.a_id = o.a_id AND v.b_id = o.b_id
    ORDER BY v.a_id, v.b_id
    FOR UPDATE OF v
), taken_back AS (
    DELETE FROM lookalike_internal.near_duplicate_verdicts v
    USING replaced o, current c
    WHERE v.collection_id = o.collection_id AND v.a_id = o.a_id AND v.b_id = o.b_id
      AND c.a_id = o.a_id AND c.b_id = o.b_id AND c.judged_at = o.rejudged_at AND o.verdict IS NULL
    RETURNING v.a_id
), put_back AS (
    UPDATE lookalike_internal.near_duplicate_verdicts v
    SET a_picture = o.a_picture, b_picture = o.b_picture, verdict = o.verdict, judged_at = o.judged_at
    FROM replaced o, current c
    WHERE v.collection_id = o.collection_id AND v.a_id = o.a_id AND v.b_id = o.b_id
      AND c.a_id = o.a_id AND c.b_id = o.b_id AND c.judged_at = o.rejudged_at AND o.verdict IS NOT NULL
    RETURNING v.a_id
), said_again AS (
    INSERT INTO lookalike_internal.near_duplicate_verdicts
        (collection_id, a_id, b_id, a_picture, b_picture, verdict, judged_at)
    SELECT o.collection_id, o.a_id, o.b_id, o.a_picture, o.b_picture, o.verdict, o.judged_at
    FROM replaced o
    WHERE o.rejudged_at IS NULL AND o.verdict IS NOT NULL
    ORDER BY o.a_id, o.b_id
    ON CONFLICT DO NOTHING
    RETURNING a_id
), restored AS (
    SELECT (SELECT count(*) FROM taken_back) + (SELECT count(*) FROM put_back) + (SELECT count(*) FROM said_again)
        AS count
)
SELECT restored.count AS restored, (SELECT count(*) FROM replaced) - restored.count AS "left" FROM restored;

-- name: show_groups_again
-- Groups of near duplicates that the action kept whole are shown again.
-- parameters: collection_id, action_id
DELETE FROM lookalike_internal.kept_groups g
WHERE g.collection_id = %(collection_id)s AND g.action_id = %(action_id)s;

-- name: finish_undo
-- parameters: collection_id, action_id, kept, told
UPDATE lookalike_internal.actions a
SET undone_at = coalesce(a.undone_at, now()), kept = %(kept)s, told = a.told || %(told)s
WHERE a.collection_id = %(collection_id)s AND a.id = %(action_id)s;

-- name: recent_actions
-- The last actions in a collection, or of one record, the newest first.
-- parameters: collection_id, record_id (NULL: all), before (an action's id; NULL: from the newest), limit
-- rows: id, kind, token_id, ids, told, kept, done_at, undone_at
SELECT a.id, a.kind, a.token_id, a.ids, a.told, a.kept, a.done_at, a.undone_at
FROM lookalike_internal.actions a
WHERE a.collection_id = %(collection_id)s
  AND (%(record_id)s::text IS NULL OR %(record_id)s = ANY (a.ids))
  AND (%(before)s::bigint IS NULL OR a.id < %(before)s)
ORDER BY a.id DESC
LIMIT %(limit)s;
