-- Accounts, tokens, and what a token may use.

-- name: create_account
-- parameters: email, credits_limit (NULL: the default)
-- rows: the account; none when the address is taken
INSERT INTO lookalike_internal.accounts (email, credits_limit)
VALUES (%(email)s, coalesce(%(credits_limit)s, 2147483647))
ON CONFLICT (lower(email)) DO NOTHING
RETURNING id, email, first_name, last_name, phone, organization, verified, credits_counter, credits_limit,
          default_workspace;

-- name: find_account
-- The account of an address, or the default one.
-- parameters: email (NULL: the default account)
-- rows: the account
SELECT id, email, first_name, last_name, phone, organization, verified, credits_counter, credits_limit,
       default_workspace
FROM lookalike_internal.accounts
WHERE CASE WHEN %(email)s::text IS NULL THEN is_default ELSE lower(email) = lower(%(email)s) END;

-- name: find_account_by_id
-- parameters: id
-- rows: the account
SELECT id, email, first_name, last_name, phone, organization, verified, credits_counter, credits_limit,
       default_workspace
FROM lookalike_internal.accounts
WHERE id = %(id)s;

-- name: lock_credits
-- Before the statement that reserves: that one sees what others reserved, which an earlier snapshot does not.
-- parameters: account_id
-- rows: one
SELECT FROM lookalike_internal.accounts WHERE id = %(account_id)s FOR NO KEY UPDATE;

-- name: reserve_credits
-- As many of the credits as are left, if they are enough. Reservations that ran out count no longer, and go.
-- parameters: account_id, credits, least, seconds (how long it holds)
-- rows: id, credits; none when fewer than least are left
WITH gone AS (
    DELETE FROM lookalike_internal.credit_reservations
    WHERE account_id = %(account_id)s AND expires_at <= now()
), held AS (
    SELECT coalesce(sum(credits), 0) AS credits
    FROM lookalike_internal.credit_reservations
    WHERE account_id = %(account_id)s AND expires_at > now()
)
INSERT INTO lookalike_internal.credit_reservations (account_id, credits, expires_at)
SELECT a.id, least(%(credits)s, a.credits_limit - a.credits_counter - held.credits),
       now() + make_interval(secs => %(seconds)s)
FROM lookalike_internal.accounts a, held
WHERE a.id = %(account_id)s AND a.credits_limit - a.credits_counter - held.credits >= %(least)s
RETURNING id, credits;

-- name: release_credits
-- parameters: reservation
-- rows: none
DELETE FROM lookalike_internal.credit_reservations WHERE id = %(reservation)s;

-- name: charge
-- Spend credits, all or nothing, and end the reservation they are of: what others reserved is left to them. The last
-- statement of its transaction: the account's row is locked until then.
-- parameters: account_id, credits, reservation (NULL: none)
-- rows: one when the account could afford it
WITH ended AS (
    DELETE FROM lookalike_internal.credit_reservations WHERE id = %(reservation)s
)
UPDATE lookalike_internal.accounts a
SET credits_counter = a.credits_counter + %(credits)s
WHERE a.id = %(account_id)s
  AND a.credits_counter + %(credits)s <= a.credits_limit - (
      SELECT coalesce(sum(r.credits), 0)
      FROM lookalike_internal.credit_reservations r
      WHERE r.account_id = %(account_id)s AND r.expires_at > now() AND r.id IS DISTINCT FROM %(reservation)s)
RETURNING a.credits_counter;

-- name: create_token
-- parameters: account_id, sha256, read_only, collection_ids (NULL: all, those to come included), name, rate_class (NULL:
-- none), expires_at (NULL: never)
-- rows: id
WITH token AS (
    INSERT INTO lookalike_internal.tokens (account_id, sha256, all_collections, read_only, name, rate_class, expires_at)
    VALUES (%(account_id)s, %(sha256)s, %(collection_ids)s::uuid[] IS NULL, %(read_only)s, %(name)s, %(rate_class)s,
            %(expires_at)s)
    RETURNING id
), listed AS (
    INSERT INTO lookalike_internal.token_collections (token_id, collection_id)
    SELECT token.id, c.id
    FROM token
    JOIN lookalike_internal.collections c ON c.id = ANY (%(collection_ids)s::uuid[]) AND c.account_id = %(account_id)s
)
SELECT id FROM token;

-- name: list_tokens
-- parameters: email (NULL: all accounts)
-- rows: the tokens, oldest first
SELECT t.id, a.email, t.name, t.read_only, t.rate_class, t.created_at, t.revoked_at, t.expires_at, t.replaced_by,
       u.used_at, coalesce(t.expires_at <= now(), false) AS expired,
       CASE WHEN NOT t.all_collections
            THEN ARRAY(SELECT tc.collection_id FROM lookalike_internal.token_collections tc WHERE tc.token_id = t.id)
       END AS collection_ids
FROM lookalike_internal.tokens t
JOIN lookalike_internal.accounts a ON a.id = t.account_id
LEFT JOIN lookalike_internal.token_uses u ON u.token_id = t.id
WHERE %(email)s::text IS NULL OR lower(a.email) = lower(%(email)s)
ORDER BY t.created_at, t.id;

-- name: revoke_token
-- parameters: id or sha256 (the other one NULL), account_id (NULL: of any)
-- rows: one when there is such a token
UPDATE lookalike_internal.tokens
SET revoked_at = coalesce(revoked_at, now())
WHERE (id = %(id)s OR sha256 = %(sha256)s)
  AND (%(account_id)s::uuid IS NULL OR account_id = %(account_id)s)
RETURNING id;

-- name: rotate_token
-- Another token in the place of one that is valid: of the same reach, name and rate class, for as long as that one was
-- made for. The old one is valid for some seconds more, and is replaced once only.
-- parameters: id or old_sha256 (the other one NULL), account_id (NULL: of any), new_id, sha256, seconds
-- rows: replaced_id, until: when the old one ends
WITH old AS (
    UPDATE lookalike_internal.tokens t
    SET expires_at = least(t.expires_at, now() + make_interval(secs => %(seconds)s)), replaced_by = %(new_id)s
    FROM (SELECT f.id, f.expires_at - f.created_at AS lifetime
          FROM lookalike_internal.tokens f
          WHERE f.id = %(id)s OR f.sha256 = %(old_sha256)s
          FOR UPDATE) AS found
    WHERE t.id = found.id AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
      AND t.replaced_by IS NULL AND (%(account_id)s::uuid IS NULL OR t.account_id = %(account_id)s)
    RETURNING t.*, found.lifetime
), new AS (
    INSERT INTO lookalike_internal.tokens
        (id, account_id, sha256, all_collections, read_only, name, rate_class, expires_at)
    SELECT %(new_id)s, account_id, %(sha256)s, all_collections, read_only, name, rate_class, now() + lifetime
    FROM old
), listed AS (
    INSERT INTO lookalike_internal.token_collections (token_id, collection_id)
    SELECT %(new_id)s, tc.collection_id
    FROM old
    JOIN lookalike_internal.token_collections tc ON tc.token_id = old.id
)
SELECT id AS replaced_id, expires_at AS until
FROM old;

-- name: resolve_access
-- Who asks, and for which collection: everything that a request needs to know before it starts, in one row.
-- parameters: sha256, collection_id or collection_name (the other one NULL)
-- rows: one when the token is not revoked; its collection columns are NULL when the collection does not exist or the
-- token may not use it. The account's rates count where it has a class.
SELECT t.id AS token_id, t.account_id, t.read_only, coalesce(t.expires_at <= now(), false) AS expired,
       tr.calls AS token_calls, tr.pictures AS token_pictures, tr.bytes AS token_bytes,
       ar.name AS account_class, ar.calls AS account_calls, ar.pictures AS account_pictures, ar.bytes AS account_bytes,
       c.id AS collection_id, c.name, c.service, c.capacity, c.product_field, c.created_at, c.model_id,
       m.name AS model_name, m.weights, m.preprocessing, m.precision, m.dimension,
       (SELECT jsonb_agg(i.path) FROM lookalike_internal.attribute_indexes i WHERE i.collection_id = c.id AND i.ready) AS indexed
FROM lookalike_internal.tokens t
JOIN lookalike_internal.accounts a ON a.id = t.account_id
LEFT JOIN lookalike_internal.rate_classes tr ON tr.name = t.rate_class
LEFT JOIN lookalike_internal.rate_classes ar ON ar.name = a.rate_class
LEFT JOIN lookalike_internal.collections c
    ON c.account_id = t.account_id
    AND c.deleted_at IS NULL
    AND CASE WHEN %(collection_id)s::uuid IS NULL THEN c.name = %(collection_name)s ELSE c.id = %(collection_id)s END
    AND (t.all_collections OR EXISTS (
        SELECT FROM lookalike_internal.token_collections tc WHERE tc.token_id = t.id AND tc.collection_id = c.id))
LEFT JOIN lookalike_internal.models m ON m.id = c.model_id
WHERE t.sha256 = %(sha256)s AND t.revoked_at IS NULL;
