"""Tests of the fields that are columns, ``_id``, ``_url`` and ``_file``: text, or missing (but for ``_id``).

Equality, ``$in`` and ranges compare the column itself, so that its index serves them.
"""

from collections.abc import Callable

from app.filters.constants import NEVER_MISSING, accepts_missing, holds_of_text
from app.filters.jsonpath import on_one
from app.filters.limits import MAX_SEARCHED_VALUES
from app.filters.paths import COLUMNS
from app.filters.tree import All, Equals, In, Range, Test
from app.filters.values import to_json

Bind = Callable[[str | list[str]], str]


def condition(column: str, test: Test, bind: Bind) -> str:
    """SQL for the test on the field; never NULL."""
    expression = COLUMNS[column]
    on_text = _on_text(expression, test, bind)
    if column in NEVER_MISSING:
        return on_text
    if accepts_missing(test):
        return f"({expression} IS NULL OR {on_text})"
    return f"({expression} IS NOT NULL AND {on_text})"


def _on_text(expression: str, test: Test, bind: Bind) -> str:
    verdict = holds_of_text(test)
    if verdict is not None:
        return "true" if verdict else "false"
    match test:
        case Equals(value):
            assert isinstance(value, str)
            return f"{expression} = {bind(value)}::text"
        case Range(operator, bound):
            assert isinstance(bound, str)
            return f'{expression} COLLATE "C" {operator} {bind(bound)}::text'
        case In(values, patterns):
            clauses = [_listed(expression, [value for value in values if isinstance(value, str)], bind)]
            clauses += [_on_text(expression, pattern, bind) for pattern in patterns]
            return f"({' OR '.join(clauses)})"
        case All(tests):
            return f"({' AND '.join(_on_text(expression, each, bind) for each in tests)})"
        case _:
            predicate = on_one(test, "@")
            assert predicate is not None
            return f"to_jsonb({expression}) @? {bind(f'$ ? ({predicate})')}::jsonpath"


def _listed(expression: str, values: list[str], bind: Bind) -> str:
    """A short list as an array, which an index serves; a long one as a hash table from a single parameter."""
    if len(values) <= MAX_SEARCHED_VALUES:
        return f"{expression} = ANY({bind(values)}::text[])"
    return f"({expression} IN (SELECT jsonb_array_elements_text({bind(to_json(values))}::jsonb))) IS TRUE"
