-- Everything goes, the records too. The extension stays: others may use it.
DROP SCHEMA lookalike_data CASCADE;
DROP TABLE lookalike_internal.embeddings, lookalike_internal.records, lookalike_internal.token_collections, lookalike_internal.tokens,
    lookalike_internal.collections, lookalike_internal.models, lookalike_internal.accounts;
DROP SEQUENCE lookalike_internal.record_key;
COMMENT ON SCHEMA lookalike_internal IS NULL;
