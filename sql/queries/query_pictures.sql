-- Pictures that were searched with in the console.

-- name: keep_query_picture
-- Those that nobody used for a month go meanwhile, whoever's they are, and of the account's the ones used longest ago.
-- parameters: account_id, sha256, image, width, height, most (of an account)
WITH over AS (
    DELETE FROM lookalike_internal.query_pictures
    WHERE used_at < now() - interval '30 days' AND (account_id, sha256) <> (%(account_id)s, %(sha256)s)
), too_many AS (
    DELETE FROM lookalike_internal.query_pictures p
    USING (
        SELECT sha256
        FROM lookalike_internal.query_pictures
        WHERE account_id = %(account_id)s AND sha256 <> %(sha256)s
        ORDER BY used_at DESC
        OFFSET %(most)s - 1
    ) old
    WHERE p.account_id = %(account_id)s AND p.sha256 = old.sha256
)
INSERT INTO lookalike_internal.query_pictures (account_id, sha256, image, width, height)
VALUES (%(account_id)s, %(sha256)s, %(image)s, %(width)s, %(height)s)
ON CONFLICT (account_id, sha256) DO UPDATE SET used_at = now();

-- name: query_picture
-- parameters: account_id, sha256
-- rows: image, width, height; none where it is not kept
SELECT image, width, height
FROM lookalike_internal.query_pictures
WHERE account_id = %(account_id)s AND sha256 = %(sha256)s;

-- name: use_query_picture
-- The same, and it is kept for another month.
-- parameters: account_id, sha256
-- rows: image, width, height; none where it is not kept
UPDATE lookalike_internal.query_pictures SET used_at = now()
WHERE account_id = %(account_id)s AND sha256 = %(sha256)s
RETURNING image, width, height;

-- name: query_picture_size
-- parameters: account_id, sha256
-- rows: width, height; none where it is not kept
SELECT width, height
FROM lookalike_internal.query_pictures
WHERE account_id = %(account_id)s AND sha256 = %(sha256)s;
