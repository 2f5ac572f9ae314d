-- What tells results apart, of which each has one record in a ranking, the nearest: the record r itself, or the product
-- that it shows. These fill the gaps {identity} and {excluded} (identities, which come as text) of other queries.

-- name: of_record
r.key

-- name: excluded_records
%(excluded)s::text[]::bigint[]

-- name: of_product
-- As an array, so that no product is taken for the key of a record that has none. A dotted name is a path into
-- nested documents.
-- parameters: product_path
CASE WHEN nullif(r.attributes #> %(product_path)s::text[], 'null') IS NULL
     THEN to_jsonb(r.key)
     ELSE jsonb_build_array(r.attributes #> %(product_path)s::text[])
END

-- name: excluded_products
%(excluded)s::text[]::jsonb[]
