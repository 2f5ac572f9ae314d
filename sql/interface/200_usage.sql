-- What accounts used the service for.

CREATE OR REPLACE VIEW lookalike.usage_by_month AS
SELECT u.account_id, a.organization, u.month, u.service, u.method, u.calls, u.pictures, u.credits, u.errors,
       u.seconds, u.worst_seconds
FROM lookalike_internal.usage u
JOIN lookalike_internal.accounts a ON a.id = u.account_id;

COMMENT ON VIEW lookalike.usage_by_month IS 'Calls of each account by month, service and method, a few seconds behind.';
COMMENT ON COLUMN lookalike.usage_by_month.month IS 'The first day of the month, by UTC.';
COMMENT ON COLUMN lookalike.usage_by_month.calls IS 'Requests that were let in, failed ones among them.';
COMMENT ON COLUMN lookalike.usage_by_month.pictures IS 'Pictures that were embedded.';
COMMENT ON COLUMN lookalike.usage_by_month.credits IS 'Credits that were charged.';
COMMENT ON COLUMN lookalike.usage_by_month.errors IS 'Requests that were answered with an error.';
COMMENT ON COLUMN lookalike.usage_by_month.seconds IS 'Time to answer them, in all.';
COMMENT ON COLUMN lookalike.usage_by_month.worst_seconds IS 'Time of the slowest.';
