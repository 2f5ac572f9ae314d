-- Finding all perceptual hashes within 31 bits of one by an index.

CREATE FUNCTION lookalike.telling_phash(phash bit, quality smallint) RETURNS bit
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN quality IS NULL OR quality >= 10 THEN phash END;
COMMENT ON FUNCTION lookalike.telling_phash IS
    'A hash, or NULL where its PDQ quality is below 10: pictures without structure have hashes that say nothing.';

-- Of the sixteen bands of two hashes within 31 bits at least one pair differs by one bit at most: two or more in
-- each would make 32. (Not STRICT: that would keep it from being unfolded where it is used, and be seven times as slow.)
CREATE FUNCTION lookalike.phash_bands(phash bit) RETURNS integer[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN phash IS NOT NULL THEN ARRAY[
        substring(phash FROM 1 FOR 16)::bit(16)::integer,
        substring(phash FROM 17 FOR 16)::bit(16)::integer + 65536 * 1,
        substring(phash FROM 33 FOR 16)::bit(16)::integer + 65536 * 2,
        substring(phash FROM 49 FOR 16)::bit(16)::integer + 65536 * 3,
        substring(phash FROM 65 FOR 16)::bit(16)::integer + 65536 * 4,
        substring(phash FROM 81 FOR 16)::bit(16)::integer + 65536 * 5,
        substring(phash FROM 97 FOR 16)::bit(16)::integer + 65536 * 6,
        substring(phash FROM 113 FOR 16)::bit(16)::integer + 65536 * 7,
        substring(phash FROM 129 FOR 16)::bit(16)::integer + 65536 * 8,
        substring(phash FROM 145 FOR 16)::bit(16)::integer + 65536 * 9,
        substring(phash FROM 161 FOR 16)::bit(16)::integer + 65536 * 10,
        substring(phash FROM 177 FOR 16)::bit(16)::integer + 65536 * 11,
        substring(phash FROM 193 FOR 16)::bit(16)::integer + 65536 * 12,
        substring(phash FROM 209 FOR 16)::bit(16)::integer + 65536 * 13,
        substring(phash FROM 225 FOR 16)::bit(16)::integer + 65536 * 14,
        substring(phash FROM 241 FOR 16)::bit(16)::integer + 65536 * 15
    ] END;
COMMENT ON FUNCTION lookalike.phash_bands IS 'The sixteen bands of a hash of 256 bits, each as 65536 * place + bits.';

CREATE FUNCTION lookalike.phash_probes(phash bit) RETURNS integer[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT array_agg(bands.band # flips.flip)
        FROM unnest(lookalike.phash_bands(phash)) AS bands (band),
             unnest('{0,1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768}'::integer[]) AS flips (flip)
    );
COMMENT ON FUNCTION lookalike.phash_probes IS
    'All bands within one bit of those of a hash: every hash within 31 bits has at least one of them.';

-- A column, as an index on an expression of this length slows the planning of every statement that reads the table.
ALTER TABLE lookalike.records
    ADD COLUMN phash_bands integer[]
    GENERATED ALWAYS AS (lookalike.phash_bands(lookalike.telling_phash(phash, phash_quality))) STORED;
COMMENT ON COLUMN lookalike.records.phash_bands IS 'What the index on hashes is made of; NULL where there is no hash that counts.';

-- Without a pending list, which every search would have to read through.
CREATE INDEX records_phash_bands ON lookalike.records USING gin (phash_bands) WITH (fastupdate = off)
    WHERE phash_bands IS NOT NULL;
