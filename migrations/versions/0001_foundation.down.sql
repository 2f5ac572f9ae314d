-- Everything goes, the records too. The extension stays: others may use it.
DROP SCHEMA lookalike_data CASCADE;
DROP TABLE lookalike.embeddings, lookalike.records, lookalike.token_collections, lookalike.tokens,
    lookalike.collections, lookalike.models, lookalike.accounts;
DROP SEQUENCE lookalike.record_key;
COMMENT ON SCHEMA lookalike IS NULL;
