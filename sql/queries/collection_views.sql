-- Views with typed columns over one collection. The names in braces are identifiers and literals that the caller
-- fills in: {view} with its schema, {column} and {function}; {collection_id}, {path} and {comment} are literals.

-- name: create_view
-- The collection by its id, so that the planner leaves out all other partitions; whether it is deleted is looked up
-- once for each query. Every operator is PostgreSQL's own, with operands of known types.
CREATE VIEW {view} AS
SELECT r.id, {columns}r.url, r.file, r.created_at, r.updated_at
FROM lookalike_internal.records r
WHERE r.collection_id = {collection_id}::uuid
  AND EXISTS (
      SELECT FROM lookalike_internal.collections c
      WHERE c.id = {collection_id}::uuid AND c.deleted_at IS NULL
  );

-- name: column_of_attribute
{function}(r.attributes -> {name}::text) AS {column}

-- name: column_of_nested_attribute
{function}(r.attributes #> {path}::text[]) AS {column}

-- name: comment_on_view
COMMENT ON VIEW {view} IS {comment};

-- name: comment_on_column
COMMENT ON COLUMN {view}.{column} IS {comment};

-- name: drop_view
DROP VIEW IF EXISTS {view};

-- name: keep_collection
-- Until the end of the transaction nobody marks the collection for deletion.
-- parameters: collection_id
-- rows: one when there is such a collection
SELECT FROM lookalike_internal.collections WHERE id = %(collection_id)s AND deleted_at IS NULL FOR SHARE;

-- name: remember_view
-- parameters: name, collection_id, columns
-- rows: one when the name was free
INSERT INTO lookalike_internal.collection_views (name, collection_id, columns)
VALUES (%(name)s, %(collection_id)s, %(columns)s)
ON CONFLICT (name) DO NOTHING
RETURNING name;

-- name: forget_view
-- parameters: name
-- rows: one when there was such a view
DELETE FROM lookalike_internal.collection_views WHERE name = %(name)s RETURNING name;

-- name: list_views
-- parameters: name: a condition unless it is NULL
-- rows: name, collection_id and collection (its name; both NULL after it was deleted), columns, created_at
SELECT v.name, c.id AS collection_id, c.name AS collection, v.columns, v.created_at
FROM lookalike_internal.collection_views v
LEFT JOIN lookalike_internal.collections c ON c.id = v.collection_id AND c.deleted_at IS NULL
WHERE %(name)s::text IS NULL OR v.name = %(name)s
ORDER BY v.name;

-- name: views_of_collection
-- parameters: collection_id
-- rows: name
SELECT name FROM lookalike_internal.collection_views WHERE collection_id = %(collection_id)s ORDER BY name;
