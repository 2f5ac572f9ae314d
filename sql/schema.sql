-- The whole schema at a glance, as the migrations leave it, but for what sql/interface makes on top of it. A test holds
-- the two equal.
--
-- Accounts own collections and tokens. A collection has a list partition of `records`, of `embeddings` and of
-- `thumbnails`, in the schema lookalike_data and made when it is made (sql/queries/partitions.sql), so that collections
-- neither share an index nor wait for each other, and dropping one is dropping its tables.
--
-- What changes daily (attributes) and what never changes (the embedding) live in tables of their own: a new price
-- rewrites a narrow row and never touches the vector index. The two are joined by an internal bigint, half the
-- size of the clients' text ids. Every key is led by collection_id, so that the tables can be distributed by it.

CREATE EXTENSION IF NOT EXISTS vector;

CREATE SCHEMA lookalike_internal;
CREATE SCHEMA lookalike_data;

COMMENT ON SCHEMA lookalike_internal IS 'Lookalike: tables that may change with any version. Query schema lookalike instead.';
COMMENT ON SCHEMA lookalike_data IS 'Lookalike: the partitions of the collections. Query them through schema lookalike.';

CREATE TABLE lookalike_internal.rate_classes (
    name     text   PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
    calls    bigint CHECK (calls > 0),
    pictures bigint CHECK (pictures > 0),
    bytes    bigint CHECK (bytes > 0)
);

COMMENT ON TABLE lookalike_internal.rate_classes IS 'How much tokens and accounts may do in a minute; NULL: no limit.';

CREATE TABLE lookalike_internal.accounts (
    id                uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    email             text        NOT NULL CHECK (email LIKE '%_@_%'),
    first_name        text        NOT NULL DEFAULT '',
    last_name         text        NOT NULL DEFAULT '',
    phone             text,
    organization      text        NOT NULL DEFAULT '',
    verified          boolean     NOT NULL DEFAULT true,
    is_default        boolean     NOT NULL DEFAULT false,
    credits_counter   bigint      NOT NULL DEFAULT 0 CHECK (credits_counter >= 0),
    credits_limit     bigint      NOT NULL DEFAULT 2147483647 CHECK (credits_limit >= 0),
    default_workspace uuid        NOT NULL DEFAULT gen_random_uuid(),
    created_at        timestamptz NOT NULL DEFAULT now(),
    rate_class        text        REFERENCES lookalike_internal.rate_classes (name)
);
CREATE UNIQUE INDEX accounts_email ON lookalike_internal.accounts (lower(email));
CREATE UNIQUE INDEX accounts_default ON lookalike_internal.accounts (is_default) WHERE is_default;

COMMENT ON COLUMN lookalike_internal.accounts.credits_counter IS 'Credits spent so far: one for each embedded image.';
COMMENT ON COLUMN lookalike_internal.accounts.rate_class IS 'NULL: what the settings of the service say.';
COMMENT ON COLUMN lookalike_internal.accounts.is_default IS 'The account that commands mean when they name none; exactly one.';

INSERT INTO lookalike_internal.accounts (email, is_default) VALUES ('default@localhost', true);

-- A model's identity: two embeddings may be compared only if all of it is equal.
CREATE TABLE lookalike_internal.models (
    id            integer  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint   text     NOT NULL,
    name          text     NOT NULL,
    weights       text     NOT NULL,
    preprocessing text     NOT NULL,
    precision     text     NOT NULL,
    dimension     integer  NOT NULL CHECK (dimension BETWEEN 1 AND 4000),
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fingerprint, name)
);

CREATE TABLE lookalike_internal.collections (
    id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id    uuid        NOT NULL REFERENCES lookalike_internal.accounts (id),
    name          text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    service       text        NOT NULL,
    model_id      integer     NOT NULL REFERENCES lookalike_internal.models (id),
    capacity      bigint      CHECK (capacity > 0),
    product_field text        CHECK (product_field <> ''),
    created_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz
);
CREATE UNIQUE INDEX collections_name ON lookalike_internal.collections (account_id, name) WHERE deleted_at IS NULL;

COMMENT ON COLUMN lookalike_internal.collections.capacity IS 'Most records the collection may hold; NULL: no limit.';
COMMENT ON COLUMN lookalike_internal.collections.deleted_at IS 'Marked for deletion: gone for clients, its partitions are about to be dropped.';

CREATE TABLE lookalike_internal.tokens (
    id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id      uuid        NOT NULL REFERENCES lookalike_internal.accounts (id),
    sha256          bytea       NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    all_collections boolean     NOT NULL,
    read_only       boolean     NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    revoked_at      timestamptz,
    expires_at      timestamptz,
    replaced_by     uuid        REFERENCES lookalike_internal.tokens (id),
    name            text        NOT NULL DEFAULT '' CHECK (char_length(name) <= 200),
    rate_class      text        REFERENCES lookalike_internal.rate_classes (name)
);
CREATE INDEX tokens_account ON lookalike_internal.tokens (account_id);

COMMENT ON COLUMN lookalike_internal.tokens.sha256 IS 'SHA-256 of the token. The token itself is shown once and stored nowhere.';
COMMENT ON COLUMN lookalike_internal.tokens.all_collections IS 'False: only those listed in token_collections, even when none is left.';
COMMENT ON COLUMN lookalike_internal.tokens.expires_at IS 'NULL: never.';
COMMENT ON COLUMN lookalike_internal.tokens.replaced_by IS 'The token that came in its place; both are valid until this one expires.';
COMMENT ON COLUMN lookalike_internal.tokens.rate_class IS 'NULL: no limit but that of its account.';

CREATE TABLE lookalike_internal.token_uses (
    token_id uuid        PRIMARY KEY REFERENCES lookalike_internal.tokens (id) ON DELETE CASCADE,
    used_at  timestamptz NOT NULL
);

COMMENT ON TABLE lookalike_internal.token_uses IS 'When tokens were last used, to the minute.';

CREATE TABLE lookalike_internal.token_collections (
    token_id      uuid NOT NULL REFERENCES lookalike_internal.tokens (id) ON DELETE CASCADE,
    collection_id uuid NOT NULL REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    PRIMARY KEY (token_id, collection_id)
);
CREATE INDEX token_collections_collection ON lookalike_internal.token_collections (collection_id);

CREATE SEQUENCE lookalike_internal.record_key AS bigint CACHE 64;

-- All perceptual hashes within 31 bits of one are found by an index on bands of them.

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

CREATE TABLE lookalike_internal.records (
    collection_id uuid        NOT NULL,
    key           bigint      NOT NULL DEFAULT nextval('lookalike_internal.record_key'),
    id            text        COLLATE "C" NOT NULL CHECK (char_length(id) BETWEEN 1 AND 512),
    attributes    jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    url           text,
    file          text,
    content_hash  bytea       CHECK (octet_length(content_hash) = 32),
    phash         bit(256),
    phash_quality smallint,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    -- A column, as an index on an expression of this length slows the planning of every statement that reads the table.
    phash_bands   integer[]
        GENERATED ALWAYS AS (lookalike_internal.phash_bands(lookalike_internal.telling_phash(phash, phash_quality))) STORED,
    -- Equal for files of other bytes that show exactly the same.
    pixel_hash    bytea       CHECK (octet_length(pixel_hash) = 32),
    PRIMARY KEY (collection_id, key),
    UNIQUE (collection_id, id)
) PARTITION BY LIST (collection_id);
CREATE INDEX records_attributes ON lookalike_internal.records USING gin (attributes jsonb_path_ops);
-- Without a pending list, which every search would have to read through.
CREATE INDEX records_phash_bands ON lookalike_internal.records USING gin (phash_bands) WITH (fastupdate = off)
    WHERE phash_bands IS NOT NULL;

COMMENT ON COLUMN lookalike_internal.records.key IS 'Internal; joins the record to its embedding.';
COMMENT ON COLUMN lookalike_internal.records.id IS 'The client''s _id. COLLATE "C": ordered by code point everywhere.';
COMMENT ON COLUMN lookalike_internal.records.attributes IS 'All attributes, tags among them, as the client sent them.';
COMMENT ON COLUMN lookalike_internal.records.content_hash IS 'SHA-256 of the image file; NULL for records that came with a vector.';
COMMENT ON COLUMN lookalike_internal.records.pixel_hash IS 'BLAKE2b of the decoded pixels: equal for files of other bytes that show exactly the same.';
COMMENT ON COLUMN lookalike_internal.records.phash IS 'PDQ perceptual hash of the picture.';
COMMENT ON COLUMN lookalike_internal.records.phash_quality IS 'PDQ quality, 0 to 100; NULL when the hash came with the record.';
COMMENT ON COLUMN lookalike_internal.records.phash_bands IS 'What the index on hashes is made of; NULL where there is no hash that counts.';

CREATE TABLE lookalike_internal.embeddings (
    collection_id uuid    NOT NULL,
    model_id      integer NOT NULL,
    key           bigint  NOT NULL,
    embedding     halfvec NOT NULL,
    PRIMARY KEY (collection_id, model_id, key)
) PARTITION BY LIST (collection_id);
-- Out-of-line storage would cost a detour for each distance: three times the time of an exact search.
ALTER TABLE lookalike_internal.embeddings ALTER COLUMN embedding SET STORAGE PLAIN;

COMMENT ON COLUMN lookalike_internal.embeddings.model_id IS 'Rows of a second model live here beside the first while a collection is re-embedded.';
COMMENT ON COLUMN lookalike_internal.embeddings.embedding IS 'Of unit length; 100 * (a <-> b) is the distance in answers.';

CREATE TABLE lookalike_internal.thumbnails (
    collection_id uuid    NOT NULL,
    key           bigint  NOT NULL,
    width         integer NOT NULL CHECK (width > 0),
    height        integer NOT NULL CHECK (height > 0),
    image         bytea   NOT NULL,
    glance        bytea   NOT NULL CHECK (octet_length(glance) = 1024),
    format        text,
    file_bytes    bigint,
    PRIMARY KEY (collection_id, key)
) PARTITION BY LIST (collection_id);
-- Files, compressed already, lie apart from the rows: glances are read of all pictures, files of a few.
ALTER TABLE lookalike_internal.thumbnails ALTER COLUMN image SET STORAGE EXTERNAL;
ALTER TABLE lookalike_internal.thumbnails ALTER COLUMN glance SET STORAGE PLAIN;

COMMENT ON TABLE lookalike_internal.thumbnails IS 'A WebP file for each record that came with a picture, its longest side 192 pixels at most.';
COMMENT ON COLUMN lookalike_internal.thumbnails.width IS 'Of the picture itself, in pixels; of the thumbnail where no more was sent.';
COMMENT ON COLUMN lookalike_internal.thumbnails.height IS 'Of the picture itself, in pixels; of the thumbnail where no more was sent.';
COMMENT ON COLUMN lookalike_internal.thumbnails.glance IS 'The luma of 32 × 32 cells, a byte each: tells most pairs of pictures apart without their files.';
COMMENT ON COLUMN lookalike_internal.thumbnails.format IS 'Of the file that the picture came in (JPEG, PNG, …); NULL where only a thumbnail was sent.';
COMMENT ON COLUMN lookalike_internal.thumbnails.file_bytes IS 'The size of that file.';

-- Kept by the ids, and valid as long as both records have the pictures that were judged.
CREATE TABLE lookalike_internal.near_duplicate_verdicts (
    collection_id uuid        NOT NULL REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    a_id          text        COLLATE "C" NOT NULL,
    b_id          text        COLLATE "C" NOT NULL,
    a_picture     bytea       NOT NULL,
    b_picture     bytea       NOT NULL,
    verdict       text        NOT NULL CHECK (verdict IN ('same', 'different')),
    judged_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection_id, a_id, b_id),
    CHECK (a_id < b_id)
);

COMMENT ON TABLE lookalike_internal.near_duplicate_verdicts IS 'What a person said of two pictures; pairs judged different are no longer shown.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_verdicts.a_picture IS 'Which picture was judged: SHA-256 of its file, or of its embedding where there is none.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_verdicts.b_picture IS 'The same of the other one.';

-- Attributes that are indexed for ranges, by their paths: {seller,city} is the attribute seller.city.
CREATE TABLE lookalike_internal.attribute_indexes (
    id            bigint      GENERATED ALWAYS AS IDENTITY,
    collection_id uuid        NOT NULL REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    path          text[]      NOT NULL CHECK (cardinality(path) > 0),
    ready         boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    claim         uuid,
    claimed_at    timestamptz,
    PRIMARY KEY (collection_id, id),
    UNIQUE (collection_id, path)
);

COMMENT ON COLUMN lookalike_internal.attribute_indexes.id IS 'Part of the names of its indexes.';
COMMENT ON COLUMN lookalike_internal.attribute_indexes.ready IS 'False while its indexes are being built: searches do not count on them yet.';
COMMENT ON COLUMN lookalike_internal.attribute_indexes.claim IS 'Whoever builds or drops its indexes at this moment; NULL: nobody.';
COMMENT ON COLUMN lookalike_internal.attribute_indexes.claimed_at IS 'The last sign of whoever has the claim, one before each step.';

-- An attribute may hold anything, so three B-trees serve it together: one over its numbers, one over the beginnings
-- of its texts, both bounded, as an entry over 2.7 kB would make the insert fail; and one that knows the records
-- where neither says enough. A condition on an indexed attribute asks for "in range or irregular" beforehand, and
-- the condition itself still decides.

CREATE FUNCTION lookalike_internal.indexed_number(attributes jsonb, path text[]) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN jsonb_typeof(attributes #> path) = 'number' AND octet_length(attributes #>> path) <= 400
        THEN (attributes #> path)::numeric
    END;
COMMENT ON FUNCTION lookalike_internal.indexed_number IS 'The number at a path, NULL for anything else.';

CREATE FUNCTION lookalike_internal.indexed_text(attributes jsonb, path text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN jsonb_typeof(attributes #> path) = 'string' THEN left(attributes #>> path, 200)
    END;
COMMENT ON FUNCTION lookalike_internal.indexed_text IS 'The first 200 characters of the text at a path, NULL for anything else.';

CREATE FUNCTION lookalike_internal.indexed_irregular(attributes jsonb, path text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN EXISTS (
        SELECT FROM generate_series(1, cardinality(path)) AS steps (n)
        WHERE jsonb_typeof(attributes #> path[:n]) = 'array'
    ) OR (jsonb_typeof(attributes #> path) = 'number' AND octet_length(attributes #>> path) > 400);
COMMENT ON FUNCTION lookalike_internal.indexed_irregular IS
    'Whether an array lies on the path, or a number of more than 400 digits at its end.';

-- A collection gets its partition with its first run. Only then do its records have a foreign key to mind when they
-- are deleted; it takes their pairs along.
CREATE TABLE lookalike_internal.near_duplicate_pairs (
    collection_id uuid             NOT NULL,
    a_key         bigint           NOT NULL,
    b_key         bigint           NOT NULL,
    distance      double precision NOT NULL,
    visual        double precision NOT NULL,
    bits          smallint,
    signal        text             NOT NULL CHECK (signal IN ('visual', 'hash', 'both', 'same_file', 'same_pixels', 'copy', 'crop', 'variant')),
    PRIMARY KEY (collection_id, a_key, b_key)
) PARTITION BY LIST (collection_id);
CREATE INDEX near_duplicate_pairs_b ON lookalike_internal.near_duplicate_pairs (collection_id, b_key);
CREATE INDEX near_duplicate_pairs_distance ON lookalike_internal.near_duplicate_pairs (collection_id, distance);

COMMENT ON TABLE lookalike_internal.near_duplicate_pairs IS 'Pairs of near duplicates as of the last run; the id of a comes before that of b.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_pairs.distance IS 'The near-duplicate distance.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_pairs.visual IS 'The distance of the embeddings.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_pairs.bits IS 'The Hamming distance of the perceptual hashes; NULL unless both count.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_pairs.signal IS 'What they are to each other; without thumbnails, what decided: embeddings, hashes, or both.';

CREATE TABLE lookalike_internal.near_duplicate_runs (
    collection_id uuid             PRIMARY KEY REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    model_id      integer          NOT NULL REFERENCES lookalike_internal.models (id),
    radius        double precision NOT NULL,
    rule          text             NOT NULL,
    compared      bytea            NOT NULL,
    started_at    timestamptz      NOT NULL DEFAULT clock_timestamp(),
    finished_at   timestamptz,
    done          bigint           NOT NULL DEFAULT 0,
    total         bigint,
    pairs         bigint           NOT NULL DEFAULT 0,
    fault         text
);

COMMENT ON TABLE lookalike_internal.near_duplicate_runs IS 'How far the comparison of a collection''s records with each other has come.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.rule IS 'A digest of the rule that the distances of the pairs follow (app/domain/near_duplicate.py).';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.compared IS 'Keys of the records whose pairs with each other are all known (app/db/near_duplicate_runs.py).';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.started_at IS 'When the last run, finished or not, read the collection.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.finished_at IS 'When the last run that was finished read the collection; NULL: none at this radius with this model and rule.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.done IS 'How many records the last run has compared, as of a second ago.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.total IS 'How many it has to compare; NULL: not known yet.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.pairs IS 'How many pairs were stored then.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.fault IS 'Why the last one failed, in words for people; NULL: it did not.';

-- Counted by every process, and added here every few seconds in one statement.
CREATE TABLE lookalike_internal.usage (
    account_id    uuid             NOT NULL REFERENCES lookalike_internal.accounts (id) ON DELETE CASCADE,
    month         date             NOT NULL CHECK (extract(day FROM month) = 1),
    service       text             NOT NULL,
    method        text             NOT NULL,
    calls         bigint           NOT NULL,
    pictures      bigint           NOT NULL,
    credits       bigint           NOT NULL,
    errors        bigint           NOT NULL,
    seconds       double precision NOT NULL,
    worst_seconds double precision NOT NULL,
    PRIMARY KEY (account_id, month, service, method)
);

COMMENT ON TABLE lookalike_internal.usage IS 'What accounts used the service for, by month.';

CREATE TABLE lookalike_internal.collection_views (
    name          text        PRIMARY KEY CHECK (name ~ '^[a-z_][a-z0-9_]{0,62}$'),
    collection_id uuid        REFERENCES lookalike_internal.collections (id) ON DELETE SET NULL,
    columns       jsonb       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX collection_views_collection ON lookalike_internal.collection_views (collection_id);

COMMENT ON TABLE lookalike_internal.collection_views IS 'The views in the schema lookalike_views, with typed columns for BI tools.';
COMMENT ON COLUMN lookalike_internal.collection_views.collection_id IS 'NULL: it was deleted while others had built upon the view, which shows nothing since.';
COMMENT ON COLUMN lookalike_internal.collection_views.columns IS 'Their columns in order: [{"name", "path", "type"}].';

-- Allowances as the generic cell rate algorithm keeps them (app/domain/rate_limit.py). Nothing of them has to survive a
-- crash: they are full again then. Processes reserve some units at a time, and update a row in place at that.
CREATE UNLOGGED TABLE lookalike_internal.rate_limits (
    subject uuid        NOT NULL,
    unit    text        NOT NULL,
    tat     timestamptz NOT NULL,
    granted bigint      NOT NULL,
    PRIMARY KEY (subject, unit)
) WITH (fillfactor = 50);

COMMENT ON TABLE lookalike_internal.rate_limits IS 'What is left of the allowances of tokens, accounts and addresses.';
COMMENT ON COLUMN lookalike_internal.rate_limits.tat IS 'The theoretical arrival time: when the next unit would come if all came evenly.';
COMMENT ON COLUMN lookalike_internal.rate_limits.granted IS 'Units that the last reservation got.';

CREATE FUNCTION lookalike_internal.reserve(
    tat timestamptz, per_minute bigint, charged bigint, needed bigint, wanted bigint,
    OUT later_tat timestamptz, OUT granted bigint
)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    SELECT now() + make_interval(secs => owed.backlog + given.granted * 60.0 / per_minute), given.granted
    FROM (SELECT greatest(0, greatest(0, extract(epoch FROM tat - now())::float8) + charged * 60.0 / per_minute))
             AS owed (backlog),
         LATERAL (SELECT floor((60 - owed.backlog) * per_minute / 60 + 1e-6)::bigint) AS conforming (units),
         LATERAL (SELECT CASE WHEN conforming.units >= least(needed, per_minute)
                              THEN greatest(needed, least(wanted, conforming.units))
                              ELSE 0 END) AS given (granted)
    $$;
COMMENT ON FUNCTION lookalike_internal.reserve IS
    'The generic cell rate algorithm: the units that are granted of an allowance, and its time after it.';

-- The console. A session lives as long as its token does; secrets are kept as their SHA-256 only.

CREATE TABLE lookalike_internal.console_sessions (
    sha256     bytea       PRIMARY KEY CHECK (octet_length(sha256) = 32),
    token_id   uuid        NOT NULL REFERENCES lookalike_internal.tokens (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX console_sessions_token ON lookalike_internal.console_sessions (token_id);
CREATE INDEX console_sessions_expiry ON lookalike_internal.console_sessions (expires_at);

COMMENT ON TABLE lookalike_internal.console_sessions IS 'Who is signed in to the console, with which token.';

CREATE TABLE lookalike_internal.sign_in_keys (
    sha256     bytea       PRIMARY KEY CHECK (octet_length(sha256) = 32),
    token_id   uuid        NOT NULL REFERENCES lookalike_internal.tokens (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_keys_token ON lookalike_internal.sign_in_keys (token_id);

COMMENT ON TABLE lookalike_internal.sign_in_keys IS 'Addresses that sign in to the console once; gone when used.';

CREATE TABLE lookalike_internal.query_pictures (
    account_id uuid        NOT NULL REFERENCES lookalike_internal.accounts (id) ON DELETE CASCADE,
    sha256     bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    image      bytea       NOT NULL,
    width      integer     NOT NULL CHECK (width > 0),
    height     integer     NOT NULL CHECK (height > 0),
    used_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, sha256)
);
CREATE INDEX query_pictures_use ON lookalike_internal.query_pictures (used_at);

COMMENT ON TABLE lookalike_internal.query_pictures IS 'Pictures that were searched with in the console, for a month.';
COMMENT ON COLUMN lookalike_internal.query_pictures.image IS 'WebP, the longest side at most 1,024 pixels.';

-- What was done in the console, so that it can be undone. What an undo needs is moved here by the transaction that
-- removes or changes it; when an action is forgotten, so is that.

CREATE TABLE lookalike_internal.actions (
    id            bigint      GENERATED ALWAYS AS IDENTITY,
    collection_id uuid        NOT NULL REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    account_id    uuid        NOT NULL REFERENCES lookalike_internal.accounts (id),
    token_id      uuid        REFERENCES lookalike_internal.tokens (id) ON DELETE SET NULL,
    kind          text        NOT NULL CHECK (kind IN ('remove', 'edit', 'merge', 'verdict', 'keep')),
    ids           text[]      COLLATE "C" NOT NULL,
    told          jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(told) = 'object'),
    kept          bigint      NOT NULL DEFAULT 0,
    radius        double precision,
    rule          text,
    done_at       timestamptz NOT NULL DEFAULT now(),
    undone_at     timestamptz,
    PRIMARY KEY (collection_id, id)
);

COMMENT ON TABLE lookalike_internal.actions IS 'What was done in the console, as long as it can be undone.';
COMMENT ON COLUMN lookalike_internal.actions.token_id IS 'Who did it; NULL: a command.';
COMMENT ON COLUMN lookalike_internal.actions.ids IS 'All records that it was about.';
COMMENT ON COLUMN lookalike_internal.actions.told IS 'For people: how many records were removed and changed, reasons.';
COMMENT ON COLUMN lookalike_internal.actions.kept IS 'How many rows are kept for its undo.';
COMMENT ON COLUMN lookalike_internal.actions.radius IS 'Of the run that found the pairs kept for its undo; NULL: there was none.';
COMMENT ON COLUMN lookalike_internal.actions.rule IS 'The rule of that run.';

CREATE TABLE lookalike_internal.removed_records (
    collection_id uuid        NOT NULL,
    action_id     bigint      NOT NULL,
    key           bigint      NOT NULL,
    id            text        COLLATE "C" NOT NULL,
    attributes    jsonb       NOT NULL,
    url           text,
    file          text,
    content_hash  bytea,
    phash         bit(256),
    phash_quality smallint,
    pixel_hash    bytea,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    model_id      integer     NOT NULL,
    embedding     halfvec     NOT NULL,
    width         integer,
    height        integer,
    image         bytea,
    glance        bytea,
    format        text,
    file_bytes    bigint,
    PRIMARY KEY (collection_id, key),
    FOREIGN KEY (collection_id, action_id) REFERENCES lookalike_internal.actions (collection_id, id) ON DELETE CASCADE
);
CREATE INDEX removed_records_action ON lookalike_internal.removed_records (collection_id, action_id);
ALTER TABLE lookalike_internal.removed_records ALTER COLUMN image SET STORAGE EXTERNAL;

COMMENT ON TABLE lookalike_internal.removed_records IS 'Records that an action removed, with embedding and thumbnail; an undo puts them back as they were.';

CREATE TABLE lookalike_internal.removed_pairs (
    collection_id uuid             NOT NULL,
    action_id     bigint           NOT NULL,
    a_key         bigint           NOT NULL,
    b_key         bigint           NOT NULL,
    distance      double precision NOT NULL,
    visual        double precision NOT NULL,
    bits          smallint,
    signal        text             NOT NULL,
    PRIMARY KEY (collection_id, a_key, b_key),
    FOREIGN KEY (collection_id, action_id) REFERENCES lookalike_internal.actions (collection_id, id) ON DELETE CASCADE
);
CREATE INDEX removed_pairs_action ON lookalike_internal.removed_pairs (collection_id, action_id);

COMMENT ON TABLE lookalike_internal.removed_pairs IS 'Pairs of near duplicates that went with the removed records.';

CREATE TABLE lookalike_internal.edited_records (
    collection_id uuid   NOT NULL,
    action_id     bigint NOT NULL,
    key           bigint NOT NULL,
    before        jsonb  NOT NULL,
    after         jsonb  NOT NULL,
    PRIMARY KEY (collection_id, action_id, key),
    FOREIGN KEY (collection_id, action_id) REFERENCES lookalike_internal.actions (collection_id, id) ON DELETE CASCADE
);

COMMENT ON TABLE lookalike_internal.edited_records IS 'The attributes that an action changed, as they were and as it left them; one that is missing was not there.';

CREATE TABLE lookalike_internal.replaced_verdicts (
    collection_id uuid        NOT NULL,
    action_id     bigint      NOT NULL,
    a_id          text        COLLATE "C" NOT NULL,
    b_id          text        COLLATE "C" NOT NULL,
    a_picture     bytea,
    b_picture     bytea,
    verdict       text,
    judged_at     timestamptz,
    rejudged_at   timestamptz,
    PRIMARY KEY (collection_id, action_id, a_id, b_id),
    FOREIGN KEY (collection_id, action_id) REFERENCES lookalike_internal.actions (collection_id, id) ON DELETE CASCADE
);

COMMENT ON TABLE lookalike_internal.replaced_verdicts IS 'The verdicts on pairs that an action judged, as they were before; NULL: there was none.';
COMMENT ON COLUMN lookalike_internal.replaced_verdicts.rejudged_at IS 'The judged_at that the action left, by which a newer verdict is told; NULL: it took the verdict back.';

-- The review of duplicates.

CREATE TABLE lookalike_internal.kept_groups (
    collection_id uuid        NOT NULL REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    digest        bytea       NOT NULL CHECK (octet_length(digest) = 32),
    least_id      text        COLLATE "C" NOT NULL,
    size          integer     NOT NULL CHECK (size > 1),
    kept_at       timestamptz NOT NULL DEFAULT now(),
    action_id     bigint,
    PRIMARY KEY (collection_id, digest)
);

COMMENT ON TABLE lookalike_internal.kept_groups IS 'Groups of near duplicates that a person kept whole; they are not shown again unless something joins or changes.';
COMMENT ON COLUMN lookalike_internal.kept_groups.digest IS 'SHA-256 of the ids and pictures of its members, in the order of the ids.';
COMMENT ON COLUMN lookalike_internal.kept_groups.least_id IS 'The member whose id comes first: only its group is looked into.';
COMMENT ON COLUMN lookalike_internal.kept_groups.action_id IS 'The action whose undo shows it again; the action may be forgotten.';

CREATE TABLE lookalike_internal.review_rules (
    collection_id uuid        PRIMARY KEY REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    rules         jsonb       NOT NULL CHECK (jsonb_typeof(rules) = 'array'),
    changed_at    timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE lookalike_internal.review_rules IS 'Which picture of a group stays: rules in their order (app/domain/review_rule.py).';

CREATE TABLE lookalike_internal.review_places (
    account_id    uuid             NOT NULL REFERENCES lookalike_internal.accounts (id) ON DELETE CASCADE,
    collection_id uuid             NOT NULL REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    radius        double precision NOT NULL,
    least_id      text             COLLATE "C" NOT NULL,
    size          integer          NOT NULL,
    PRIMARY KEY (account_id, collection_id)
);
CREATE INDEX review_places_collection ON lookalike_internal.review_places (collection_id);

COMMENT ON TABLE lookalike_internal.review_places IS 'The group of near duplicates that somebody looked at last, and at which radius.';

-- Nothing of them has to survive a crash: the calls that reserved did not either.
CREATE UNLOGGED TABLE lookalike_internal.credit_reservations (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id uuid        NOT NULL REFERENCES lookalike_internal.accounts (id) ON DELETE CASCADE,
    credits    bigint      NOT NULL CHECK (credits > 0),
    expires_at timestamptz NOT NULL
);
CREATE INDEX credit_reservations_account ON lookalike_internal.credit_reservations (account_id);

COMMENT ON TABLE lookalike_internal.credit_reservations IS 'Credits that calls under way may spend, and nobody else meanwhile.';
COMMENT ON COLUMN lookalike_internal.credit_reservations.expires_at IS 'From then on it counts no longer: whoever reserved was killed.';
