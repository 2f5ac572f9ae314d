-- Near duplicates as the last run of `lookalike duplicates` found them, with what a person said of them. To judge a
-- pair takes a look at two pictures, which SQL cannot take.

CREATE OR REPLACE VIEW lookalike.near_duplicates AS
SELECT c.id AS collection_id, c.name AS collection, a.id AS a, b.id AS b, p.distance, p.signal, p.visual, p.bits,
       v.verdict, v.judged_at
FROM lookalike_internal.collections c
JOIN lookalike_internal.near_duplicate_pairs p ON p.collection_id = c.id
JOIN lookalike_internal.records a ON a.collection_id = p.collection_id AND a.key = p.a_key
JOIN lookalike_internal.records b ON b.collection_id = p.collection_id AND b.key = p.b_key
-- A verdict holds as long as both records have the pictures that were judged (sql/queries/verdicts.sql).
LEFT JOIN lookalike_internal.near_duplicate_verdicts v
    ON v.collection_id = p.collection_id AND v.a_id = a.id AND v.b_id = b.id
   AND v.a_picture = coalesce(a.content_hash, (
           SELECT sha256(e.embedding::text::bytea) FROM lookalike_internal.embeddings e
           WHERE e.collection_id = p.collection_id AND e.key = p.a_key AND e.model_id = c.model_id))
   AND v.b_picture = coalesce(b.content_hash, (
           SELECT sha256(e.embedding::text::bytea) FROM lookalike_internal.embeddings e
           WHERE e.collection_id = p.collection_id AND e.key = p.b_key AND e.model_id = c.model_id))
WHERE c.deleted_at IS NULL;

COMMENT ON VIEW lookalike.near_duplicates IS 'Pairs of near duplicates as of the last run of `lookalike duplicates`; those that a person judged different are among them.';
COMMENT ON COLUMN lookalike.near_duplicates.a IS 'The id of one record; it comes before that of b.';
COMMENT ON COLUMN lookalike.near_duplicates.b IS 'The id of the other record.';
COMMENT ON COLUMN lookalike.near_duplicates.distance IS 'The near-duplicate distance: 0 for the same file or pixels, at most 5 for copies.';
COMMENT ON COLUMN lookalike.near_duplicates.signal IS 'What they are to each other: same_file, same_pixels, copy, crop, variant; without thumbnails what decided: visual, hash, both.';
COMMENT ON COLUMN lookalike.near_duplicates.visual IS 'The distance of the embeddings.';
COMMENT ON COLUMN lookalike.near_duplicates.bits IS 'How many bits of the perceptual hashes differ; NULL unless both count.';
COMMENT ON COLUMN lookalike.near_duplicates.verdict IS 'same or different, as a person said of these two pictures; NULL: nobody has.';
COMMENT ON COLUMN lookalike.near_duplicates.judged_at IS 'When the person said so.';

CREATE OR REPLACE FUNCTION lookalike.near_duplicates_of(
    collection text, record_id text, radius double precision DEFAULT 5
)
    RETURNS TABLE (
        id text, distance double precision, signal text, attributes jsonb, url text, file text,
        created_at timestamptz
    )
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 10
    SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    sought record;
    own    text;
    known  double precision;
BEGIN
    sought := lookalike_internal.find_collection(collection);
    SELECT CASE WHEN r.content_hash IS NOT NULL THEN 'same_file'
                WHEN r.pixel_hash IS NOT NULL THEN 'same_pixels'
                WHEN EXISTS (SELECT FROM lookalike_internal.thumbnails t
                             WHERE t.collection_id = sought.id AND t.key = r.key) THEN 'copy'
                WHEN lookalike_internal.telling_phash(r.phash, r.phash_quality) IS NOT NULL THEN 'both'
                ELSE 'visual' END
    INTO own
    FROM lookalike_internal.records r
    WHERE r.collection_id = sought.id AND r.id = record_id;
    IF own IS NULL THEN
        RETURN;
    END IF;
    SELECT run.radius INTO known
    FROM lookalike_internal.near_duplicate_runs run
    WHERE run.collection_id = sought.id AND run.finished_at IS NOT NULL AND run.model_id = sought.model_id
      AND run.rule <> '';  -- outdated: the next run begins anew
    IF known IS NULL OR known < radius THEN
        RAISE EXCEPTION 'the pairs of collection % are % ', quote_literal(collection),
            coalesce('known up to a distance of ' || known || ' only', 'not known yet')
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = format('Run: lookalike duplicates %s --radius %s', sought.id, radius);
    END IF;
    RETURN QUERY
    SELECT r.id, near.distance, near.signal, r.attributes, r.url, r.file, r.created_at
    FROM (
        SELECT record_id AS id, 0::double precision AS distance, own AS signal
        -- Each side by itself, as each has an index.
        UNION ALL
        SELECT n.b, n.distance, n.signal
        FROM lookalike.near_duplicates n
        WHERE n.collection_id = sought.id AND n.a = record_id AND n.distance <= radius
          AND n.verdict IS DISTINCT FROM 'different'
        UNION ALL
        SELECT n.a, n.distance, n.signal
        FROM lookalike.near_duplicates n
        WHERE n.collection_id = sought.id AND n.b = record_id AND n.distance <= radius
          AND n.verdict IS DISTINCT FROM 'different'
    ) near
    JOIN lookalike_internal.records r ON r.collection_id = sought.id AND r.id = near.id
    ORDER BY near.distance, r.id;
END
$$;
COMMENT ON FUNCTION lookalike.near_duplicates_of IS
    'The near duplicates of one record, itself among them, as of the last run of `lookalike duplicates`; without those that a person judged different. No rows for an id that is not there.';

-- Union-find: each record begins as a group of its own, and each pair joins two. Groups go by their first record.
CREATE OR REPLACE FUNCTION lookalike_internal.groups_of_near_duplicates(owner uuid)
    RETURNS TABLE (key bigint, group_id text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    ids    text[];
    keys   bigint[];
    lefts  integer[];
    rights integer[];
    owners integer[];
    one    integer;
    other  integer;
BEGIN
    WITH pairs AS MATERIALIZED (
        SELECT n.a, n.b
        FROM lookalike.near_duplicates n
        -- Within the default radius: what a wider run found beyond, variants say, is no near duplicate.
        WHERE n.collection_id = owner AND n.distance <= 5 AND n.verdict IS DISTINCT FROM 'different'
    ), numbered AS MATERIALIZED (
        SELECT each.id, row_number() OVER (ORDER BY each.id)::integer AS number
        FROM (SELECT a AS id FROM pairs UNION SELECT b FROM pairs) each
    ), known AS (
        SELECT array_agg(n.id ORDER BY n.number) AS ids, array_agg(r.key ORDER BY n.number) AS keys
        FROM numbered n
        JOIN lookalike_internal.records r ON r.collection_id = owner AND r.id = n.id
    ), joined AS (
        SELECT array_agg(a.number) AS lefts, array_agg(b.number) AS rights
        FROM pairs
        JOIN numbered a ON a.id = pairs.a
        JOIN numbered b ON b.id = pairs.b
    )
    SELECT known.ids, known.keys, joined.lefts, joined.rights INTO ids, keys, lefts, rights FROM known, joined;
    owners := ARRAY(SELECT generate_series(1, cardinality(ids)));
    FOR pair IN 1 .. coalesce(cardinality(lefts), 0) LOOP
        one := lefts[pair];
        other := rights[pair];
        WHILE owners[one] <> one LOOP
            owners[one] := owners[owners[one]];
            one := owners[one];
        END LOOP;
        WHILE owners[other] <> other LOOP
            owners[other] := owners[owners[other]];
            other := owners[other];
        END LOOP;
        owners[greatest(one, other)] := least(one, other);
    END LOOP;
    -- Owners come first, so that each one's is the last of its way already.
    FOR number IN 1 .. coalesce(cardinality(ids), 0) LOOP
        owners[number] := owners[owners[number]];
    END LOOP;
    RETURN QUERY SELECT keys[n], ids[owners[n]] FROM generate_subscripts(ids, 1) AS n;
END
$$;
COMMENT ON FUNCTION lookalike_internal.groups_of_near_duplicates IS
    'The connected components of a collection''s near duplicates without those that were judged different.';

CREATE OR REPLACE VIEW lookalike.near_duplicate_groups AS
SELECT c.id AS collection_id, c.name AS collection, g.group_id, r.id,
       count(*) OVER members AS size,
       first_value(r.id) OVER (members ORDER BY t.width::bigint * t.height DESC NULLS LAST, r.created_at, r.id)
           AS largest
FROM lookalike_internal.collections c
CROSS JOIN LATERAL lookalike_internal.groups_of_near_duplicates(c.id) g
JOIN lookalike_internal.records r ON r.collection_id = c.id AND r.key = g.key
LEFT JOIN lookalike_internal.thumbnails t ON t.collection_id = c.id AND t.key = g.key
WHERE c.deleted_at IS NULL
-- By the name, too, so that a report on one collection finds the groups of no other.
WINDOW members AS (PARTITION BY c.id, c.name, g.group_id);

COMMENT ON VIEW lookalike.near_duplicate_groups IS 'The records that have near duplicates within the default radius of 5, a row for each: those that pairs lead to, directly or through others, are one group.';
COMMENT ON COLUMN lookalike.near_duplicate_groups.group_id IS 'The first id of the group.';
COMMENT ON COLUMN lookalike.near_duplicate_groups.size IS 'How many records the group has.';
COMMENT ON COLUMN lookalike.near_duplicate_groups.largest IS 'The id of the record with the largest picture, the oldest among equals: the one to keep.';
