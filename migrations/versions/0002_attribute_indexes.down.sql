-- The indexes on the partitions go with the functions.
DROP FUNCTION lookalike.indexed_number, lookalike.indexed_text, lookalike.indexed_irregular CASCADE;
DROP TABLE lookalike.attribute_indexes;
