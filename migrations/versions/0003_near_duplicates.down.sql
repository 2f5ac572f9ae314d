ALTER TABLE lookalike_internal.records DROP COLUMN phash_bands;
DROP FUNCTION lookalike_internal.phash_probes, lookalike_internal.phash_bands, lookalike_internal.telling_phash;
