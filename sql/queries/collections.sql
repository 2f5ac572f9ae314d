-- Collections and the models they were made with.

-- name: register_model
-- The row of a model's identity, made on first use. The pointless update makes RETURNING answer in both cases.
-- parameters: fingerprint, name, weights, preprocessing, precision, dimension
-- rows: id
INSERT INTO lookalike_internal.models (fingerprint, name, weights, preprocessing, precision, dimension)
VALUES (%(fingerprint)s, %(name)s, %(weights)s, %(preprocessing)s, %(precision)s, %(dimension)s)
ON CONFLICT (fingerprint, name) DO UPDATE SET name = excluded.name
RETURNING id;

-- name: create_collection
-- parameters: account_id, name, service, model_id, capacity, product_field
-- rows: id; none when the account has a collection of that name
INSERT INTO lookalike_internal.collections (account_id, name, service, model_id, capacity, product_field)
VALUES (%(account_id)s, %(name)s, %(service)s, %(model_id)s, %(capacity)s, %(product_field)s)
ON CONFLICT (account_id, name) WHERE deleted_at IS NULL DO NOTHING
RETURNING id;

-- name: find_collections
-- parameters: id, account_id, name: each a condition unless it is NULL
-- rows: the collections, oldest first
SELECT c.account_id, c.id AS collection_id, c.name, c.service, c.capacity, c.product_field, c.created_at,
       c.model_id, m.name AS model_name, m.weights, m.preprocessing, m.precision, m.dimension,
       (SELECT jsonb_agg(i.path) FROM lookalike_internal.attribute_indexes i WHERE i.collection_id = c.id AND i.ready) AS indexed
FROM lookalike_internal.collections c
JOIN lookalike_internal.models m ON m.id = c.model_id
WHERE c.deleted_at IS NULL
  AND (%(id)s::uuid IS NULL OR c.id = %(id)s)
  AND (%(account_id)s::uuid IS NULL OR c.account_id = %(account_id)s)
  AND (%(name)s::text IS NULL OR c.name = %(name)s)
ORDER BY c.created_at, c.id;

-- name: collection_exists
-- parameters: id
-- rows: whether it does, and is not about to be dropped
SELECT EXISTS (SELECT FROM lookalike_internal.collections WHERE id = %(id)s AND deleted_at IS NULL);

-- name: update_collection
-- parameters: id, name, capacity, product_field, and set_name, set_capacity, set_product_field: which of them count
-- rows: one when there is such a collection
UPDATE lookalike_internal.collections
SET name = CASE WHEN %(set_name)s THEN %(name)s ELSE name END,
    capacity = CASE WHEN %(set_capacity)s THEN %(capacity)s ELSE capacity END,
    product_field = CASE WHEN %(set_product_field)s THEN %(product_field)s ELSE product_field END
WHERE id = %(id)s AND deleted_at IS NULL
RETURNING id;

-- name: mark_collection
-- From here on the collection is gone for everybody; its partitions are dropped afterwards.
-- parameters: id
-- rows: one when there was such a collection
UPDATE lookalike_internal.collections SET deleted_at = now() WHERE id = %(id)s AND deleted_at IS NULL RETURNING id;

-- name: forget_collection
-- After its partitions are dropped.
-- parameters: id
DELETE FROM lookalike_internal.collections WHERE id = %(id)s AND deleted_at IS NOT NULL;
