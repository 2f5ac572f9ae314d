-- Who is signed in to the console. Secrets arrive as their SHA-256 only.

-- name: add_session
-- A session of a valid token. Those that are over go meanwhile.
-- parameters: sha256, token_sha256, seconds
-- rows: one when the token is valid
WITH over AS (
    DELETE FROM lookalike_internal.console_sessions WHERE expires_at < now()
)
INSERT INTO lookalike_internal.console_sessions (sha256, token_id, expires_at)
SELECT %(sha256)s, t.id, now() + make_interval(secs => %(seconds)s)
FROM lookalike_internal.tokens t
WHERE t.sha256 = %(token_sha256)s AND t.revoked_at IS NULL
  AND (t.expires_at IS NULL OR t.expires_at > now())
RETURNING token_id;

-- name: add_sign_in_key
-- parameters: sha256, token_sha256, seconds
-- rows: one when the token is valid
WITH over AS (
    DELETE FROM lookalike_internal.sign_in_keys WHERE expires_at < now()
)
INSERT INTO lookalike_internal.sign_in_keys (sha256, token_id, expires_at)
SELECT %(sha256)s, t.id, now() + make_interval(secs => %(seconds)s)
FROM lookalike_internal.tokens t
WHERE t.sha256 = %(token_sha256)s AND t.revoked_at IS NULL
  AND (t.expires_at IS NULL OR t.expires_at > now())
RETURNING token_id;

-- name: use_sign_in_key
-- The key is gone with this statement, whoever else sends it at the same moment.
-- parameters: key_sha256, sha256, seconds
-- rows: one when the key was there and its token is valid
WITH used AS (
    DELETE FROM lookalike_internal.sign_in_keys
    WHERE sha256 = %(key_sha256)s
    RETURNING token_id, expires_at
)
INSERT INTO lookalike_internal.console_sessions (sha256, token_id, expires_at)
SELECT %(sha256)s, t.id, now() + make_interval(secs => %(seconds)s)
FROM used
JOIN lookalike_internal.tokens t ON t.id = used.token_id
WHERE t.revoked_at IS NULL AND used.expires_at >= now()
  AND (t.expires_at IS NULL OR t.expires_at > now())
RETURNING token_id;

-- name: find_session
-- parameters: sha256
-- rows: the session, unless it is over or its token is; rates as in resolve_access
SELECT t.id AS token_id, t.sha256 AS token_sha256, t.account_id, a.email, t.read_only, t.all_collections, t.rate_class,
       tr.calls AS token_calls, tr.pictures AS token_pictures, tr.bytes AS token_bytes,
       ar.name AS account_class, ar.calls AS account_calls, ar.pictures AS account_pictures, ar.bytes AS account_bytes
FROM lookalike_internal.console_sessions s
JOIN lookalike_internal.tokens t ON t.id = s.token_id
JOIN lookalike_internal.accounts a ON a.id = t.account_id
LEFT JOIN lookalike_internal.rate_classes tr ON tr.name = t.rate_class
LEFT JOIN lookalike_internal.rate_classes ar ON ar.name = a.rate_class
WHERE s.sha256 = %(sha256)s AND s.expires_at >= now() AND t.revoked_at IS NULL
  AND (t.expires_at IS NULL OR t.expires_at > now());

-- name: end_session
-- parameters: sha256
DELETE FROM lookalike_internal.console_sessions WHERE sha256 = %(sha256)s;

-- name: collections_in_reach
-- parameters: token_id
-- rows: id, name of the collections that a token may use, by name
SELECT c.id, c.name, c.service, m.name AS model_name
FROM lookalike_internal.tokens t
JOIN lookalike_internal.collections c ON c.account_id = t.account_id AND c.deleted_at IS NULL
JOIN lookalike_internal.models m ON m.id = c.model_id
WHERE t.id = %(token_id)s AND t.revoked_at IS NULL
  AND (t.expires_at IS NULL OR t.expires_at > now())
  AND (t.all_collections OR EXISTS (
        SELECT FROM lookalike_internal.token_collections tc WHERE tc.token_id = t.id AND tc.collection_id = c.id))
ORDER BY c.name, c.id;
