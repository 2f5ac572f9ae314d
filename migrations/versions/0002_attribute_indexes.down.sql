-- The indexes on the partitions go with the functions.
DROP FUNCTION lookalike_internal.indexed_number, lookalike_internal.indexed_text, lookalike_internal.indexed_irregular CASCADE;
DROP TABLE lookalike_internal.attribute_indexes;
