"""Filters: MongoDB's ``find()`` documents, checked, and translated to SQL over ``jsonb`` with bound parameters.

``parse`` reads the JSON into a checked ``tree`` (``operators`` and ``paths`` do the parts), ``sql`` writes the
tree as a condition, most of it as one ``jsonpath``; ``pattern`` translates regular expressions. Which operators
there are, and where the answers differ from MongoDB's, is in this package's README.
"""

from app.filters.attribute_index import index_path, indexed_path
from app.filters.filter import Filter, parse_filter

__all__ = ["Filter", "index_path", "indexed_path", "parse_filter"]
