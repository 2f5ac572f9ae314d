"""How large a filter may be. Beyond these, ``parse_filter`` refuses it; nothing is cut silently."""

MAX_DEPTH = 100
"""Nested objects and arrays, operands included."""

MAX_CONDITIONS = 1_000
"""Tests of one field: each operator of each field counts, each value of ``$all``, and each further reading of a
path with numbers in it."""

MAX_VALUES = 100_000
"""Values in all the ``$in`` and ``$nin`` lists of a filter together."""

MAX_SEARCHED_VALUES = 256
"""``$in`` lists up to this length become a binary search that a GIN index serves; longer ones a hash table."""

MAX_PATTERNS = 16
"""Regular expressions. PostgreSQL keeps 32 compiled ones; with more than that it would compile for every row."""

MAX_PATTERN_LENGTH = 500
"""Characters of one regular expression."""

MAX_PATTERN_SIZE = 300
"""Characters of one regular expression once its repetitions are written out. PostgreSQL compiles one of that size
in some milliseconds."""

MAX_PATTERN_WAYS = 8_000
"""Ways through a regular expression that differ in the assertions they pass: two for each word boundary,
multiplied along the pattern. PostgreSQL gives up at some 200,000."""

MAX_PATTERN_NESTING = 30
"""Groups inside groups."""

MAX_REPETITION = 255
"""The largest count in ``{m,n}`` that PostgreSQL knows."""

MAX_PATH_LENGTH = 1_000
"""Characters of a dotted path."""

MAX_PATH_NAMES = 100
"""Names in a dotted path."""

MAX_POSITIONS = 4
"""Numbers in a dotted path: each may be a position or a name, so every one doubles the ways to read the path."""

MAX_ELEMENT_LENGTH = 1_000_000
"""Characters of what ``$elemMatch`` with fields becomes. Inside of each other, numbers in paths double it each
time."""

MAX_POSITION = 2**31 - 1
"""Larger numbers in a path can only be names: no array is that long."""

MAX_TEXT_LENGTH = 1_000_000
"""Characters of one text operand."""

MAX_INTEGER_DIGITS = 1_000
"""Digits of one whole number."""

MAX_COMPARED_ELEMENTS = 100
"""Elements of an array that ``$lt $lte $gt $gte`` compare with."""

MAX_COMPARED_DEPTH = 8
"""Arrays inside such an array."""
