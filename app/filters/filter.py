"""The filter as the rest of the program sees it: checked once, then asked for what is needed."""

from dataclasses import dataclass

from app.domain.condition import Condition
from app.filters import canonical, sql
from app.filters.constants import constant
from app.filters.parse import parse_document
from app.filters.place import Place
from app.filters.tree import And, Leaf, Node, Path

_SHOWN_LITERAL = 400


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that has been checked. ``tree`` holds its conditions."""

    tree: Node

    @property
    def admits_everything(self) -> bool:
        """Whether the filter admits every record whatever it holds, as ``{}`` does."""
        return constant(self.tree) is True

    def condition(self, indexed: frozenset[Path] = frozenset()) -> Condition:
        """SQL over ``records r`` with parameters ``f0``, ``f1``, …; a record is admitted where it is true.

        ``indexed`` are the paths of attributes with an index of their own. Without any it is never NULL.
        """
        return sql.to_condition(self.tree, self.conjuncts(), indexed)

    def canonical(self) -> str:
        """The filter as JSON text in one fixed form; ``parse_filter`` reads it back as an equivalent filter."""
        return canonical.to_json(self.tree)

    def explain(self) -> str:
        """The SQL with its values written in, shortened where they are long. To be read, never to be run."""
        condition = self.condition()
        return condition.sql % {name: _shown(value) for name, value in condition.parameters.items()}

    def written(self) -> str:
        """The SQL of ``condition`` with its values in place, to be run by a person."""
        condition = self.condition()
        return condition.sql % {name: _literal(value) for name, value in condition.parameters.items()}

    def conjuncts(self) -> tuple[Leaf, ...]:
        """The tests of attributes that every admitted record passes: what an index may be asked beforehand."""
        return tuple(_conjuncts(self.tree))


def parse_filter(document: object) -> Filter:
    """Check a filter in the form of MongoDB's ``find()``, as JSON was read into Python.

    Raises ``InvalidRequest`` whose ``path`` names the place of the fault, e.g. ``filter.$and[1].price.$gte``.
    """
    return Filter(parse_document(document, Place()))


def _conjuncts(node: Node) -> list[Leaf]:
    match node:
        case And(children):
            return [leaf for child in children for leaf in _conjuncts(child)]
        case Leaf():
            return [node]
        case _:
            return []


def _literal(value: str | list[str]) -> str:
    """Text or a list of texts as SQL, the same whatever ``standard_conforming_strings`` says."""
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(_literal, value))}]"
    quoted = value.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in value else f"'{quoted}'"


def _shown(value: object) -> str:
    text = str(value).replace("'", "''")
    if len(text) > _SHOWN_LITERAL:
        text = f"{text[:_SHOWN_LITERAL]}… ({len(text)} characters)"
    return f"'{text}'"
