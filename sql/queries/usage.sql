-- What accounts used the service for.

-- name: usage_by_month
-- The last months of an account, the newest first.
-- parameters: account_id, limit
-- rows: month, calls, pictures, credits, errors
SELECT u.month, sum(u.calls)::bigint AS calls, sum(u.pictures)::bigint AS pictures,
       sum(u.credits)::bigint AS credits, sum(u.errors)::bigint AS errors
FROM lookalike_internal.usage u
WHERE u.account_id = %(account_id)s
GROUP BY u.month
ORDER BY u.month DESC
LIMIT %(limit)s;

-- name: add_usage
-- Rows in one order, so that two processes do not wait for each other in a circle.
-- parameters: account_ids, months, services, methods, calls, pictures, credits, errors, seconds, worst_seconds: arrays
-- of equal length
INSERT INTO lookalike_internal.usage AS kept
    (account_id, month, service, method, calls, pictures, credits, errors, seconds, worst_seconds)
SELECT added.*
FROM unnest(%(account_ids)s::uuid[], %(months)s::date[], %(services)s::text[], %(methods)s::text[],
            %(calls)s::bigint[], %(pictures)s::bigint[], %(credits)s::bigint[], %(errors)s::bigint[],
            %(seconds)s::float8[], %(worst_seconds)s::float8[])
    AS added (account_id, month, service, method, calls, pictures, credits, errors, seconds, worst_seconds)
JOIN lookalike_internal.accounts a ON a.id = added.account_id
ORDER BY added.account_id, added.month, added.service, added.method
ON CONFLICT (account_id, month, service, method) DO UPDATE
SET calls = kept.calls + excluded.calls,
    pictures = kept.pictures + excluded.pictures,
    credits = kept.credits + excluded.credits,
    errors = kept.errors + excluded.errors,
    seconds = kept.seconds + excluded.seconds,
    worst_seconds = greatest(kept.worst_seconds, excluded.worst_seconds);

-- name: note_token_uses
-- At most once a minute for each token, whoever comes with it. Rows in one order, as above.
-- parameters: token_ids, times: arrays of equal length
INSERT INTO lookalike_internal.token_uses AS kept (token_id, used_at)
SELECT t.id, used.used_at
FROM unnest(%(token_ids)s::uuid[], %(times)s::timestamptz[]) AS used (token_id, used_at)
JOIN lookalike_internal.tokens t ON t.id = used.token_id
ORDER BY t.id
ON CONFLICT (token_id) DO UPDATE
SET used_at = excluded.used_at
WHERE kept.used_at <= excluded.used_at - interval '1 minute';
