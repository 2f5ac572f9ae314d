-- What `lookalike duplicates` finds, and how far it has come.

-- A collection gets its partition with its first run. Only then do its records have a foreign key to mind when they
-- are deleted; it takes their pairs along.
CREATE TABLE lookalike_internal.near_duplicate_pairs (
    collection_id uuid             NOT NULL,
    a_key         bigint           NOT NULL,
    b_key         bigint           NOT NULL,
    distance      double precision NOT NULL,
    visual        double precision NOT NULL,
    bits          smallint,
    signal        text             NOT NULL CHECK (signal IN ('visual', 'hash', 'both')),
    PRIMARY KEY (collection_id, a_key, b_key)
) PARTITION BY LIST (collection_id);
CREATE INDEX near_duplicate_pairs_b ON lookalike_internal.near_duplicate_pairs (collection_id, b_key);
CREATE INDEX near_duplicate_pairs_distance ON lookalike_internal.near_duplicate_pairs (collection_id, distance);

COMMENT ON TABLE lookalike_internal.near_duplicate_pairs IS 'Pairs of near duplicates as of the last run; the id of a comes before that of b.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_pairs.distance IS 'The near-duplicate distance.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_pairs.visual IS 'The distance of the embeddings.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_pairs.bits IS 'The Hamming distance of the perceptual hashes; NULL unless both count.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_pairs.signal IS 'What decided: embeddings, hashes, or both.';

CREATE TABLE lookalike_internal.near_duplicate_runs (
    collection_id uuid             PRIMARY KEY REFERENCES lookalike_internal.collections (id) ON DELETE CASCADE,
    model_id      integer          NOT NULL REFERENCES lookalike_internal.models (id),
    radius        double precision NOT NULL,
    rule          text             NOT NULL,
    compared      bytea            NOT NULL,
    started_at    timestamptz      NOT NULL DEFAULT clock_timestamp(),
    finished_at   timestamptz
);

COMMENT ON TABLE lookalike_internal.near_duplicate_runs IS 'How far the comparison of a collection''s records with each other has come.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.rule IS 'A digest of the rule that the distances of the pairs follow (app/domain/near_duplicate.py).';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.compared IS 'Keys of the records whose pairs with each other are all known (app/db/near_duplicate_pairs.py).';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.started_at IS 'When the last run, finished or not, read the collection.';
COMMENT ON COLUMN lookalike_internal.near_duplicate_runs.finished_at IS 'When the last run that was finished read the collection; NULL: none at this radius with this model and rule.';
