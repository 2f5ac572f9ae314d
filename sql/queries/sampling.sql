-- Looking at a few records to know about all. {where} as in records.sql.

-- name: sample
-- Some pages of the records, always the same ones while the collection does not change.
-- parameters: records (the partition's name), pages
TABLESAMPLE SYSTEM ((
    SELECT least(100, %(pages)s * current_setting('block_size')::bigint * 100.0
                      / greatest(1, pg_relation_size(to_regclass(%(records)s)))))) REPEATABLE (0)

-- name: sample_matching
-- How many of some records match a filter. The records are those of some pages, always the same ones while the
-- collection does not change, so that all pages of one search are planned alike.
-- parameters: collection_id, and those of {sample} and {where}
-- rows: one: sampled, matching, records (about how many there are in all); none when there is no such partition
SELECT counted.sampled, counted.matching,
       CASE WHEN part.percent < 100 AND part.relpages > 0 AND part.reltuples >= 0
            THEN part.size / current_setting('block_size')::bigint * (part.reltuples / part.relpages)
            ELSE counted.sampled * 100 / part.percent
       END::float8 AS records
FROM (
    SELECT t.size, t.relpages, t.reltuples,
           least(100, %(pages)s * current_setting('block_size')::bigint * 100.0 / greatest(1, t.size)) AS percent
    FROM (SELECT pg_relation_size(oid) AS size, relpages, reltuples
          FROM pg_class WHERE oid = to_regclass(%(records)s)) t
) part
CROSS JOIN (
    SELECT count(*) AS sampled, count(*) FILTER (WHERE {where}) AS matching
    FROM lookalike_internal.records r {sample}
    WHERE r.collection_id = %(collection_id)s
) counted;

-- name: sample_tags
-- How often some tags occur among the records of some pages, always the same ones while the collection does not change.
-- parameters: collection_id, wanted_tags, and those of {sample}
-- rows: tag, sampled (the same in every row), matching
WITH sample AS MATERIALIZED (
    SELECT r.attributes -> 'tags' AS tags
    FROM lookalike_internal.records r {sample}
    WHERE r.collection_id = %(collection_id)s
)
SELECT wanted.tag, count(*) AS sampled, count(*) FILTER (WHERE sample.tags ? wanted.tag) AS matching
FROM unnest(%(wanted_tags)s::text[]) AS wanted (tag)
CROSS JOIN sample
GROUP BY wanted.tag;

-- name: sample_documents
-- The attributes of some records, at most so many; those whose attributes are very long are passed over.
-- parameters: collection_id, most, and those of {sample}
-- rows: attributes
SELECT r.attributes
FROM lookalike_internal.records r {sample}
WHERE r.collection_id = %(collection_id)s AND pg_column_size(r.attributes) <= 16384
ORDER BY hashint8(r.key)
LIMIT %(most)s;

-- name: sample_spread
-- How many different numbers and texts the attributes of a few records have.
-- parameters: collection_id, most (records), and those of {sample}
-- rows: name, kind (number or string), records, values (how many different ones)
WITH sample AS MATERIALIZED (
    SELECT r.attributes
    FROM lookalike_internal.records r {sample}
    WHERE r.collection_id = %(collection_id)s
    LIMIT %(most)s
)
SELECT m.key AS name, jsonb_typeof(m.value) AS kind, count(*) AS records, count(DISTINCT m.value) AS values
FROM sample
CROSS JOIN jsonb_each(sample.attributes) m
WHERE m.key <> '' AND strpos(m.key, '.') = 0 AND jsonb_typeof(m.value) IN ('number', 'string')
GROUP BY m.key, jsonb_typeof(m.value);

-- name: sample_attributes
-- Which attributes the records of some pages have, those in documents among them to one level, and of what kinds.
-- Names without a path that leads to them, empty ones and deeper ones with a dot, are left out, and so is null.
-- parameters: collection_id, and those of {sample}
-- rows: one for each path and kind: path, kind, records; and one without path: how many records were sampled
WITH sample AS MATERIALIZED (
    SELECT r.attributes
    FROM lookalike_internal.records r {sample}
    WHERE r.collection_id = %(collection_id)s
), members AS (
    SELECT ARRAY[m.key] AS path, m.value
    FROM sample
    CROSS JOIN jsonb_each(sample.attributes) m
    WHERE m.key <> '' AND strpos(m.key, '.') = 0
), found AS (
    SELECT path, value FROM members
    UNION ALL
    SELECT members.path || n.key, n.value
    FROM members
    CROSS JOIN jsonb_each(CASE WHEN jsonb_typeof(members.value) = 'object' THEN members.value END) n
    WHERE n.key <> '' AND strpos(n.key, '.') = 0
), kinds AS (
    SELECT path, lookalike_internal.kind_of_value(value) AS kind FROM found
)
SELECT NULL::text[] AS path, 'sampled' AS kind, count(*) AS records FROM sample
UNION ALL
SELECT path, kind, count(*) FROM kinds WHERE kind IS NOT NULL GROUP BY path, kind;
