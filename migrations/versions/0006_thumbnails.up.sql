-- A small picture of every picture, by which near duplicates are judged and which can be shown; and what a person said
-- of two of them.

ALTER TABLE lookalike_internal.records ADD COLUMN pixel_hash bytea CHECK (octet_length(pixel_hash) = 32);

COMMENT ON COLUMN lookalike_internal.records.pixel_hash IS 'BLAKE2b of the decoded pixels: equal for files of other bytes that show exactly the same.';

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

ALTER TABLE lookalike_internal.near_duplicate_pairs DROP CONSTRAINT near_duplicate_pairs_signal_check;
ALTER TABLE lookalike_internal.near_duplicate_pairs ADD CONSTRAINT near_duplicate_pairs_signal_check CHECK (signal IN
    ('visual', 'hash', 'both', 'same_file', 'same_pixels', 'copy', 'crop', 'variant'));

COMMENT ON COLUMN lookalike_internal.near_duplicate_pairs.signal IS 'What they are to each other; without thumbnails, what decided: embeddings, hashes, or both.';
