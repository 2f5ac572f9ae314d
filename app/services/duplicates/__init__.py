"""Near duplicates: of one picture, and all pairs of a collection."""
