"""A checked filter as a SQL condition over ``records r``.

Nearly every filter becomes one clause, ``r.attributes @? <jsonpath>``, whose path holds all its conditions: one
pass over the document, one estimate by the planner, and a GIN index (``jsonb_path_ops``) finds what its
equalities name. What jsonpath cannot say becomes ``EXISTS`` over the values at the end of a path. The SQL's
text depends on the shape of the filter only; every name and value in it is a bound parameter.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.domain.condition import Condition
from app.filters import columns, jsonpath
from app.filters.attribute_index import prefilters
from app.filters.constants import Verdict, accepts_missing, all_of, constant_leaf, negated
from app.filters.jsonpath import implied_equalities, leaf_predicate, on_one
from app.filters.paths import missing, routes
from app.filters.tree import (
    All,
    And,
    ColumnLeaf,
    ElementHas,
    ElementIs,
    Equals,
    In,
    Leaf,
    Node,
    Not,
    Or,
    Path,
    Range,
    Size,
    Test,
)
from app.filters.values import to_json


@dataclass(slots=True)
class Parameters:
    """The bound values ``f0``, ``f1``, … and the names of subqueries, as they are handed out."""

    values: dict[str, str | list[str]] = field(default_factory=dict)
    subqueries: int = 0

    def bind(self, value: str | list[str]) -> str:
        name = f"f{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def alias(self) -> str:
        self.subqueries += 1
        return f"c{self.subqueries}"


@dataclass(frozen=True, slots=True)
class Written:
    """One condition on a document: already known, or a jsonpath predicate on ``@``, or SQL."""

    verdict: Verdict = None
    path: str | None = None
    sql: str = ""


def to_condition(node: Node, conjuncts: Iterable[Leaf], indexed: frozenset[Path]) -> Condition:
    """``conjuncts`` are the leaves that have to hold for the node to hold, ``indexed`` the paths with an index."""
    parameters = Parameters()
    clauses = prefilters(conjuncts, indexed, parameters.bind) if indexed else []
    clauses.append(_condition(node, "r.attributes", parameters))
    return Condition(" AND ".join(clauses), parameters.values)


def _condition(node: Node, document: str, parameters: Parameters) -> str:
    """SQL for the condition on ``document``, an SQL expression that is a ``jsonb`` object; never NULL."""
    while isinstance(node, And) and len(node.children) == 1:
        node = node.children[0]
    if isinstance(node, Not):
        # NOT in SQL is cheaper than a negation inside of the path, which has to enclose an existence.
        inner = _write(node.child, document, parameters)
        if inner.path:
            return f"NOT {_exists(document, inner.path, parameters)}"
        return _as_sql(_not(inner), document, parameters)
    return _as_sql(_write(node, document, parameters), document, parameters)


def _as_sql(written: Written, document: str, parameters: Parameters) -> str:
    if written.verdict is not None:
        return "true" if written.verdict else "false"
    return _exists(document, written.path, parameters) if written.path else written.sql


def _exists(document: str, predicate: str, parameters: Parameters) -> str:
    return f"{document} @? {parameters.bind(f'$ ? ({predicate})')}::jsonpath"


def _write(node: Node, document: str, parameters: Parameters) -> Written:
    match node:
        case And(children):
            return _all([_write(child, document, parameters) for child in children], document, parameters)
        case Or(children):
            return _any([_write(child, document, parameters) for child in children], document, parameters)
        case Not(child):
            return _not(_write(child, document, parameters))
        case Leaf(path, All(tests)) if tests:
            return _write(And(tuple(Leaf(path, test) for test in tests)), document, parameters)
        case Leaf() | ColumnLeaf():
            return _write_leaf(node, document, parameters)


def _write_leaf(leaf: Leaf | ColumnLeaf, document: str, parameters: Parameters) -> Written:
    verdict = constant_leaf(leaf)
    if verdict is not None:
        return Written(verdict=verdict)
    if isinstance(leaf, ColumnLeaf):
        return Written(sql=columns.condition(leaf.column, leaf.test, parameters.bind))
    path = leaf_predicate(leaf.path, leaf.test)
    return Written(path=path) if path else Written(sql=_some_value(leaf.path, leaf.test, document, parameters))


def _all(parts: list[Written], document: str, parameters: Parameters) -> Written:
    verdict = all_of(part.verdict for part in parts)
    return _joined("AND", "&&", parts, document, parameters) if verdict is None else Written(verdict=verdict)


def _any(parts: list[Written], document: str, parameters: Parameters) -> Written:
    verdict = negated(all_of(negated(part.verdict) for part in parts))
    return _joined("OR", "||", parts, document, parameters) if verdict is None else Written(verdict=verdict)


def _not(part: Written) -> Written:
    if part.verdict is not None:
        return Written(verdict=not part.verdict)
    return Written(path=jsonpath.negated(part.path)) if part.path else Written(sql=f"NOT {part.sql}")


def _joined(in_sql: str, in_path: str, parts: list[Written], document: str, parameters: Parameters) -> Written:
    """What jsonpath can say becomes one path. It stands first: the cheapest to ask. Known parts change nothing."""
    paths = [part.path for part in parts if part.path]
    path = paths[0] if len(paths) == 1 else f"({f' {in_path} '.join(paths)})"
    clauses = [part.sql for part in parts if part.sql]
    if not clauses:
        return Written(path=path)
    if paths:
        clauses.insert(0, _exists(document, path, parameters))
    return Written(sql=clauses[0] if len(clauses) == 1 else f"({f' {in_sql} '.join(clauses)})")


def _some_value(path: Path, test: Test, document: str, parameters: Parameters) -> str:
    """One of the values at the end of the path, or an element of one, satisfies the test."""
    reads = []
    for route in routes(path):
        values = route.values("$")
        if not route.ends_at_position and not isinstance(test, Size | ElementIs | ElementHas):
            reads.append(f"{values}[*]")
        if _takes_arrays(test) or route.ends_at_position:
            reads.append(values)
    name = parameters.alias()
    found = (
        f"EXISTS (SELECT FROM {_values(document, reads, parameters)} AS {name}(v)"
        f" WHERE {_on_value(test, f'{name}.v', parameters)})"
    )
    prefilter = implied_equalities(path, test)
    if prefilter is not None:
        found = f"({_exists(document, prefilter, parameters)} AND {found})"
    if accepts_missing(test):
        found = f"({_exists(document, missing(path), parameters)} OR {found})"
    return found


def _takes_arrays(test: Test) -> bool:
    """Whether a whole array can satisfy the test. Elements that are arrays are read in any case."""
    match test:
        case Equals(value) | Range(_, value):
            return isinstance(value, list)
        case In(values):
            return any(isinstance(value, list) for value in values)
        case _:
            return True


def _values(document: str, paths: list[str], parameters: Parameters) -> str:
    calls = [f"jsonb_path_query({document}, {parameters.bind(path)}::jsonpath, '{{}}', true)" for path in paths]
    if len(calls) == 1:
        return calls[0]
    return f"({' UNION ALL '.join(f'SELECT {call}' for call in calls)})"


def _on_value(test: Test, value: str, parameters: Parameters) -> str:
    """SQL for the test on one ``jsonb`` value, an SQL expression; never NULL."""
    match test:
        case Equals(expected):
            return f"{value} = {parameters.bind(to_json(expected))}::jsonb"
        case In(values, patterns):
            # The subselect becomes a hash table, built once; IS TRUE keeps the planner from making it a join.
            listed = parameters.bind(to_json(list(values)))
            clauses = [f"({value} IN (SELECT jsonb_array_elements({listed}::jsonb))) IS TRUE"]
            clauses += [_on_value(pattern, value, parameters) for pattern in patterns]
            return f"({' OR '.join(clauses)})"
        case All(tests):
            return f"({' AND '.join(_on_value(each, value, parameters) for each in tests)})" if tests else "false"
        case ElementIs(condition) | ElementHas(condition):
            return _some_element(test, condition, value, parameters)
        case _:
            predicate = on_one(test, '@."v"')
            assert predicate is not None
            return _exists(f"jsonb_build_object('v', {value})", predicate, parameters)


def _some_element(test: Test, condition: Node, value: str, parameters: Parameters) -> str:
    """``$elemMatch``: an element of the array satisfies the condition."""
    name = parameters.alias()
    elements = (
        f"jsonb_array_elements(CASE jsonb_typeof({value}) WHEN 'array' THEN {value} ELSE '[]' END) AS {name}(v)"
    )
    if isinstance(test, ElementIs):
        return f"EXISTS (SELECT FROM {elements} WHERE {_element_is(condition, f'{name}.v', parameters)})"
    document = parameters.alias()
    # OFFSET 0 keeps the planner from copying the expression to every place that uses it.
    return (
        f"EXISTS (SELECT FROM {elements} CROSS JOIN LATERAL"
        f" (SELECT {_as_document(f'{name}.v')} OFFSET 0) AS {document}(v)"
        f" WHERE {document}.v IS NOT NULL AND {_condition(condition, f'{document}.v', parameters)})"
    )


def _element_is(condition: Node, value: str, parameters: Parameters) -> str:
    match condition:
        case Leaf(_, test):
            return _on_value(test, value, parameters)
        case And(children):
            return f"({' AND '.join(_element_is(child, value, parameters) for child in children)})"
        case Not(child):
            return f"NOT {_element_is(child, value, parameters)}"
        case _:
            raise AssertionError("operators on an element know no alternatives")


def _as_document(value: str) -> str:
    """A document as it is, an array as a document with the fields "0", "1", …, anything else as NULL."""
    elements = f"jsonb_array_elements({value}) WITH ORDINALITY AS a(e, n)"
    # Only the name of a subquery of this module goes in.
    numbered = f"(SELECT COALESCE(jsonb_object_agg((n - 1)::text, e), '{{}}') FROM {elements})"  # noqa: S608
    return f"CASE jsonb_typeof({value}) WHEN 'object' THEN {value} WHEN 'array' THEN {numbered} END"
