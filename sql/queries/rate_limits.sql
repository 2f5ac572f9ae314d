-- How often something may be done: classes of rates, and what is left of allowances.

-- name: reserve
-- Charge, and reserve, units of several allowances, each by itself: the generic cell rate algorithm of
-- app/domain/rate_limit.py. One that is not there is full. In one order, so that processes do not wait in a circle.
-- parameters: subjects, units, per_minute, charged, needed, wanted: arrays of equal length
-- rows: subject, unit, granted (0 where the needed units do not conform), backlog in seconds
WITH asked AS (
    SELECT *
    FROM unnest(%(subjects)s::uuid[], %(units)s::text[], %(per_minute)s::bigint[], %(charged)s::bigint[],
                %(needed)s::bigint[], %(wanted)s::bigint[])
        AS asked (subject, unit, per_minute, charged, needed, wanted)
)
INSERT INTO lookalike_internal.rate_limits AS kept (subject, unit, tat, granted)
SELECT asked.subject, asked.unit, reserved.later_tat, reserved.granted
FROM asked,
     lookalike_internal.reserve(now(), asked.per_minute, asked.charged, asked.needed, asked.wanted) AS reserved
ORDER BY asked.subject, asked.unit
ON CONFLICT (subject, unit) DO UPDATE
SET (tat, granted) = (
    SELECT reserved.later_tat, reserved.granted
    FROM asked,
         lookalike_internal.reserve(kept.tat, asked.per_minute, asked.charged, asked.needed, asked.wanted) AS reserved
    WHERE asked.subject = kept.subject AND asked.unit = kept.unit
)
RETURNING subject, unit, granted, greatest(0, extract(epoch FROM tat - now()))::float8 AS backlog;

-- name: forget_full
-- Allowances that have been full for an hour: one that is not there is full, too.
DELETE FROM lookalike_internal.rate_limits
WHERE tat < now() - interval '1 hour';

-- name: set_rate_class
-- parameters: name, calls, pictures, bytes a minute (NULL: no limit)
INSERT INTO lookalike_internal.rate_classes (name, calls, pictures, bytes)
VALUES (%(name)s, %(calls)s, %(pictures)s, %(bytes)s)
ON CONFLICT (name) DO UPDATE
SET calls = excluded.calls, pictures = excluded.pictures, bytes = excluded.bytes;

-- name: list_rate_classes
-- rows: name, calls, pictures, bytes, and how many accounts and valid tokens are of the class; by name
SELECT r.name, r.calls, r.pictures, r.bytes,
       (SELECT count(*) FROM lookalike_internal.accounts a WHERE a.rate_class = r.name) AS accounts,
       (SELECT count(*) FROM lookalike_internal.tokens t
        WHERE t.rate_class = r.name AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())) AS tokens
FROM lookalike_internal.rate_classes r
ORDER BY r.name;

-- name: rate_class_exists
-- parameters: name
-- rows: exists
SELECT EXISTS (SELECT FROM lookalike_internal.rate_classes WHERE name = %(name)s) AS exists;

-- name: release_rate_class
-- Tokens that are no longer valid let go of a class.
-- parameters: name
UPDATE lookalike_internal.tokens
SET rate_class = NULL
WHERE rate_class = %(name)s AND (revoked_at IS NOT NULL OR expires_at <= now());

-- name: drop_rate_class
-- parameters: name
-- rows: one when there was such a class and nobody is of it
DELETE FROM lookalike_internal.rate_classes r
WHERE r.name = %(name)s
  AND NOT EXISTS (SELECT FROM lookalike_internal.accounts a WHERE a.rate_class = r.name)
  AND NOT EXISTS (SELECT FROM lookalike_internal.tokens t WHERE t.rate_class = r.name)
RETURNING r.name;

-- name: set_account_rate_class
-- A new class begins with full allowances.
-- parameters: account_id, name (NULL: none)
WITH anew AS (
    DELETE FROM lookalike_internal.rate_limits WHERE subject = %(account_id)s
)
UPDATE lookalike_internal.accounts
SET rate_class = %(name)s
WHERE id = %(account_id)s;

-- name: set_token_rate_class
-- A new class begins with full allowances.
-- parameters: token_id, name (NULL: none)
-- rows: one when there is such a token
WITH anew AS (
    DELETE FROM lookalike_internal.rate_limits WHERE subject = %(token_id)s
)
UPDATE lookalike_internal.tokens
SET rate_class = %(name)s
WHERE id = %(token_id)s
RETURNING id;
