CREATE EXTENSION IF NOT EXISTS vector;
-- It may have been there before, in any schema.
SELECT set_config('search_path', 'pg_catalog, ' || quote_ident(n.nspname), true)
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'vector';

CREATE SCHEMA IF NOT EXISTS lookalike_internal;
CREATE SCHEMA lookalike_data;

COMMENT ON SCHEMA lookalike_internal IS 'Lookalike: tables that may change with any version. Query schema lookalike instead.';
COMMENT ON SCHEMA lookalike_data IS 'Lookalike: the partitions of the collections. Query them through schema lookalike.';

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
    created_at        timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX accounts_email ON lookalike_internal.accounts (lower(email));
CREATE UNIQUE INDEX accounts_default ON lookalike_internal.accounts (is_default) WHERE is_default;

COMMENT ON COLUMN lookalike_internal.accounts.credits_counter IS 'Credits spent so far: one for each embedded image.';
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
    name            text        NOT NULL DEFAULT '' CHECK (char_length(name) <= 200)
);
CREATE INDEX tokens_account ON lookalike_internal.tokens (account_id);

COMMENT ON COLUMN lookalike_internal.tokens.sha256 IS 'SHA-256 of the token. The token itself is shown once and stored nowhere.';
COMMENT ON COLUMN lookalike_internal.tokens.all_collections IS 'False: only those listed in token_collections, even when none is left.';
COMMENT ON COLUMN lookalike_internal.tokens.expires_at IS 'NULL: never.';
COMMENT ON COLUMN lookalike_internal.tokens.replaced_by IS 'The token that came in its place; both are valid until this one expires.';

CREATE TABLE lookalike_internal.token_collections (
    token_id      uuid NOT NULL REFERENCES lookalike_internal.tokens (id) ON DELETE CASCADE,
    collection_id uuid NOT NULL REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    PRIMARY KEY (token_id, collection_id)
);
CREATE INDEX token_collections_collection ON lookalike_internal.token_collections (collection_id);

CREATE SEQUENCE lookalike_internal.record_key AS bigint CACHE 64;

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
    PRIMARY KEY (collection_id, key),
    UNIQUE (collection_id, id)
) PARTITION BY LIST (collection_id);
CREATE INDEX records_attributes ON lookalike_internal.records USING gin (attributes jsonb_path_ops);

COMMENT ON COLUMN lookalike_internal.records.key IS 'Internal; joins the record to its embedding.';
COMMENT ON COLUMN lookalike_internal.records.id IS 'The client''s _id. COLLATE "C": ordered by code point everywhere.';
COMMENT ON COLUMN lookalike_internal.records.attributes IS 'All attributes, tags among them, as the client sent them.';
COMMENT ON COLUMN lookalike_internal.records.content_hash IS 'SHA-256 of the image file; NULL for records that came with a vector.';
COMMENT ON COLUMN lookalike_internal.records.phash IS 'PDQ perceptual hash of the picture.';
COMMENT ON COLUMN lookalike_internal.records.phash_quality IS 'PDQ quality, 0 to 100; NULL when the hash came with the record.';

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
