-- Finding all perceptual hashes within 31 bits of one by an index.

CREATE FUNCTION lookalike_internal.telling_phash(phash bit, quality smallint) RETURNS bit
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN quality IS NULL OR quality >= 10 THEN phash END;
COMMENT ON FUNCTION lookalike_internal.telling_phash IS
    'A hash, or NULL where its PDQ quality is below 10: pictures without structure have hashes that say nothing.';

-- A hash is a square of 16 × 16 bits, one for each horizontal and vertical frequency. Neighbours say much the same,
-- whole rows of the simplest pictures do: bands of neighbours would be shared by many pictures that are not alike.
-- Band i has of each row r the bit in column (5 r + i) modulo 16, which brings a half to two thirds fewer candidates.
-- Of the sixteen bands of two hashes within 31 bits at least one pair differs by one bit at most: two or more in
-- each would make 32. (Not in SQL: that would take five times as long.)
CREATE FUNCTION lookalike_internal.phash_bands(phash bit) RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
    row_0 integer := substring(phash FROM 1 FOR 16)::bit(16)::integer;
    row_1 integer := substring(phash FROM 17 FOR 16)::bit(16)::integer;
    row_2 integer := substring(phash FROM 33 FOR 16)::bit(16)::integer;
    row_3 integer := substring(phash FROM 49 FOR 16)::bit(16)::integer;
    row_4 integer := substring(phash FROM 65 FOR 16)::bit(16)::integer;
    row_5 integer := substring(phash FROM 81 FOR 16)::bit(16)::integer;
    row_6 integer := substring(phash FROM 97 FOR 16)::bit(16)::integer;
    row_7 integer := substring(phash FROM 113 FOR 16)::bit(16)::integer;
    row_8 integer := substring(phash FROM 129 FOR 16)::bit(16)::integer;
    row_9 integer := substring(phash FROM 145 FOR 16)::bit(16)::integer;
    row_10 integer := substring(phash FROM 161 FOR 16)::bit(16)::integer;
    row_11 integer := substring(phash FROM 177 FOR 16)::bit(16)::integer;
    row_12 integer := substring(phash FROM 193 FOR 16)::bit(16)::integer;
    row_13 integer := substring(phash FROM 209 FOR 16)::bit(16)::integer;
    row_14 integer := substring(phash FROM 225 FOR 16)::bit(16)::integer;
    row_15 integer := substring(phash FROM 241 FOR 16)::bit(16)::integer;
BEGIN
    RETURN ARRAY[
        ((row_0 & 32768) | (row_1 & 1024) | (row_2 & 32) | (row_3 & 1) | (row_4 & 2048) | (row_5 & 64)
            | (row_6 & 2) | (row_7 & 4096) | (row_8 & 128) | (row_9 & 4) | (row_10 & 8192)
            | (row_11 & 256) | (row_12 & 8) | (row_13 & 16384) | (row_14 & 512) | (row_15 & 16)),
        1 * 65536 + ((row_0 & 16384) | (row_1 & 512) | (row_2 & 16) | (row_3 & 32768) | (row_4 & 1024) | (row_5 & 32)
            | (row_6 & 1) | (row_7 & 2048) | (row_8 & 64) | (row_9 & 2) | (row_10 & 4096)
            | (row_11 & 128) | (row_12 & 4) | (row_13 & 8192) | (row_14 & 256) | (row_15 & 8)),
        2 * 65536 + ((row_0 & 8192) | (row_1 & 256) | (row_2 & 8) | (row_3 & 16384) | (row_4 & 512) | (row_5 & 16)
            | (row_6 & 32768) | (row_7 & 1024) | (row_8 & 32) | (row_9 & 1) | (row_10 & 2048)
            | (row_11 & 64) | (row_12 & 2) | (row_13 & 4096) | (row_14 & 128) | (row_15 & 4)),
        3 * 65536 + ((row_0 & 4096) | (row_1 & 128) | (row_2 & 4) | (row_3 & 8192) | (row_4 & 256) | (row_5 & 8)
            | (row_6 & 16384) | (row_7 & 512) | (row_8 & 16) | (row_9 & 32768) | (row_10 & 1024)
            | (row_11 & 32) | (row_12 & 1) | (row_13 & 2048) | (row_14 & 64) | (row_15 & 2)),
        4 * 65536 + ((row_0 & 2048) | (row_1 & 64) | (row_2 & 2) | (row_3 & 4096) | (row_4 & 128) | (row_5 & 4)
            | (row_6 & 8192) | (row_7 & 256) | (row_8 & 8) | (row_9 & 16384) | (row_10 & 512)
            | (row_11 & 16) | (row_12 & 32768) | (row_13 & 1024) | (row_14 & 32) | (row_15 & 1)),
        5 * 65536 + ((row_0 & 1024) | (row_1 & 32) | (row_2 & 1) | (row_3 & 2048) | (row_4 & 64) | (row_5 & 2)
            | (row_6 & 4096) | (row_7 & 128) | (row_8 & 4) | (row_9 & 8192) | (row_10 & 256)
            | (row_11 & 8) | (row_12 & 16384) | (row_13 & 512) | (row_14 & 16) | (row_15 & 32768)),
        6 * 65536 + ((row_0 & 512) | (row_1 & 16) | (row_2 & 32768) | (row_3 & 1024) | (row_4 & 32) | (row_5 & 1)
            | (row_6 & 2048) | (row_7 & 64) | (row_8 & 2) | (row_9 & 4096) | (row_10 & 128)
            | (row_11 & 4) | (row_12 & 8192) | (row_13 & 256) | (row_14 & 8) | (row_15 & 16384)),
        7 * 65536 + ((row_0 & 256) | (row_1 & 8) | (row_2 & 16384) | (row_3 & 512) | (row_4 & 16) | (row_5 & 32768)
            | (row_6 & 1024) | (row_7 & 32) | (row_8 & 1) | (row_9 & 2048) | (row_10 & 64)
            | (row_11 & 2) | (row_12 & 4096) | (row_13 & 128) | (row_14 & 4) | (row_15 & 8192)),
        8 * 65536 + ((row_0 & 128) | (row_1 & 4) | (row_2 & 8192) | (row_3 & 256) | (row_4 & 8) | (row_5 & 16384)
            | (row_6 & 512) | (row_7 & 16) | (row_8 & 32768) | (row_9 & 1024) | (row_10 & 32)
            | (row_11 & 1) | (row_12 & 2048) | (row_13 & 64) | (row_14 & 2) | (row_15 & 4096)),
        9 * 65536 + ((row_0 & 64) | (row_1 & 2) | (row_2 & 4096) | (row_3 & 128) | (row_4 & 4) | (row_5 & 8192)
            | (row_6 & 256) | (row_7 & 8) | (row_8 & 16384) | (row_9 & 512) | (row_10 & 16)
            | (row_11 & 32768) | (row_12 & 1024) | (row_13 & 32) | (row_14 & 1) | (row_15 & 2048)),
        10 * 65536 + ((row_0 & 32) | (row_1 & 1) | (row_2 & 2048) | (row_3 & 64) | (row_4 & 2) | (row_5 & 4096)
            | (row_6 & 128) | (row_7 & 4) | (row_8 & 8192) | (row_9 & 256) | (row_10 & 8)
            | (row_11 & 16384) | (row_12 & 512) | (row_13 & 16) | (row_14 & 32768) | (row_15 & 1024)),
        11 * 65536 + ((row_0 & 16) | (row_1 & 32768) | (row_2 & 1024) | (row_3 & 32) | (row_4 & 1) | (row_5 & 2048)
            | (row_6 & 64) | (row_7 & 2) | (row_8 & 4096) | (row_9 & 128) | (row_10 & 4)
            | (row_11 & 8192) | (row_12 & 256) | (row_13 & 8) | (row_14 & 16384) | (row_15 & 512)),
        12 * 65536 + ((row_0 & 8) | (row_1 & 16384) | (row_2 & 512) | (row_3 & 16) | (row_4 & 32768) | (row_5 & 1024)
            | (row_6 & 32) | (row_7 & 1) | (row_8 & 2048) | (row_9 & 64) | (row_10 & 2)
            | (row_11 & 4096) | (row_12 & 128) | (row_13 & 4) | (row_14 & 8192) | (row_15 & 256)),
        13 * 65536 + ((row_0 & 4) | (row_1 & 8192) | (row_2 & 256) | (row_3 & 8) | (row_4 & 16384) | (row_5 & 512)
            | (row_6 & 16) | (row_7 & 32768) | (row_8 & 1024) | (row_9 & 32) | (row_10 & 1)
            | (row_11 & 2048) | (row_12 & 64) | (row_13 & 2) | (row_14 & 4096) | (row_15 & 128)),
        14 * 65536 + ((row_0 & 2) | (row_1 & 4096) | (row_2 & 128) | (row_3 & 4) | (row_4 & 8192) | (row_5 & 256)
            | (row_6 & 8) | (row_7 & 16384) | (row_8 & 512) | (row_9 & 16) | (row_10 & 32768)
            | (row_11 & 1024) | (row_12 & 32) | (row_13 & 1) | (row_14 & 2048) | (row_15 & 64)),
        15 * 65536 + ((row_0 & 1) | (row_1 & 2048) | (row_2 & 64) | (row_3 & 2) | (row_4 & 4096) | (row_5 & 128)
            | (row_6 & 4) | (row_7 & 8192) | (row_8 & 256) | (row_9 & 8) | (row_10 & 16384)
            | (row_11 & 512) | (row_12 & 16) | (row_13 & 32768) | (row_14 & 1024) | (row_15 & 32))
    ];
END
$$;
COMMENT ON FUNCTION lookalike_internal.phash_bands IS 'The sixteen bands of a hash of 256 bits, each as 65536 * place + bits.';

CREATE FUNCTION lookalike_internal.phash_probes(phash bit) RETURNS integer[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT array_agg(bands.band # flips.flip)
        FROM unnest(lookalike_internal.phash_bands(phash)) AS bands (band),
             unnest('{0,1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768}'::integer[]) AS flips (flip)
    );
COMMENT ON FUNCTION lookalike_internal.phash_probes IS
    'All bands within one bit of those of a hash: every hash within 31 bits has at least one of them.';

-- A column, as an index on an expression of this length slows the planning of every statement that reads the table.
ALTER TABLE lookalike_internal.records
    ADD COLUMN phash_bands integer[]
    GENERATED ALWAYS AS (lookalike_internal.phash_bands(lookalike_internal.telling_phash(phash, phash_quality))) STORED;
COMMENT ON COLUMN lookalike_internal.records.phash_bands IS 'What the index on hashes is made of; NULL where there is no hash that counts.';

-- Without a pending list, which every search would have to read through.
CREATE INDEX records_phash_bands ON lookalike_internal.records USING gin (phash_bands) WITH (fastupdate = off)
    WHERE phash_bands IS NOT NULL;
