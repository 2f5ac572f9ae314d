ALTER TABLE lookalike.records DROP COLUMN phash_bands;
DROP FUNCTION lookalike.phash_probes, lookalike.phash_bands, lookalike.telling_phash;
