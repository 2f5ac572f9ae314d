"""Random records and filters that meet often enough for both answers to occur.

Small vocabularies of names and values; records nest documents, arrays of documents and arrays of arrays;
filters use every operator, and half of their paths and operands are taken from a record that is there.
"""

import random
from typing import Any

NAMES = ["a", "b", "c", "0", "1", "", "tags", "q\"uo'te", "sp ace", "ключ", "😀", "$x", "back\\slash", "00"]
FIELDS = ["a", "a", "a", "b", "b", "c", "tags", "0", "", "q\"uo'te", "ключ", "sp ace"]
TEXTS = [
    "",
    "a",
    "b",
    "ab",
    "A",
    "a b",
    "200",
    "5",
    "é",
    "É",
    "😀",
    "\uffff",
    "line\nline",
    "b\n",
    "tab\t",
    "%s",
    "'",
    '"',
    "\\",
]
NUMBERS = [
    0,
    1,
    -1,
    2,
    5,
    200,
    -7,
    7.5,
    -7.5,
    0.1,
    1.0,
    -0.0,
    2**31,
    -(2**31),
    2**53 + 1,
    2**63,
    2**63 - 1,
    -(2**63),
]
NUMBERS += [-(2**63) - 1, 10**25, 1e25, 1e308, -1e308, 5e-324, 1e23, 10**23, 99999999999999991611393, 2.5, 12, 3]
PATTERNS = [
    "a",
    "^a",
    "b$",
    "^$",
    "^a.b$",
    "[a-c]",
    "[^a]",
    "a|é",
    r"\d+",
    r"^\d+$",
    r"\bb\b",
    r"\w",
    r"\s",
    ".",
    "^.$",
    "line$",
]
PATTERNS += [
    "^line",
    r"\Ab",
    r"b\Z",
    r"b\z",
    "(?:a|b){2}",
    "a(?=b)",
    "a(?! b)",
    "(?<=a )b",
    "É",
    "[À-ÿ]",
    "a +b",
    "'",
    '"',
    r"\\",
    "%",
]
TYPES = ["number", "string", "object", "array", "bool", "null", "int", "long", "double", 1, 2, 3, 4, 8, 10, 16, 18]
TYPES += ["date", "objectId", "minKey", 5, 9, 19, -1]
BITS = ["$bitsAllSet", "$bitsAllClear", "$bitsAnySet", "$bitsAnyClear"]
FLAT_OPERATORS = [
    "$eq",
    "$ne",
    "$lt",
    "$lte",
    "$gt",
    "$gte",
    "$in",
    "$nin",
    "$exists",
    "$regex",
    "$all",
    "$size",
    "$type",
    "$mod",
    "$bits",
]


class Generator:
    """Everything from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.records: list[dict[str, Any]] = []

    def make_records(self, count: int) -> list[dict[str, Any]]:
        """``count`` records, some of them alike. Later filters are made to meet them."""
        self.records = [self._record(index) for index in range(count)]
        return self.records

    def _record(self, index: int) -> dict[str, Any]:
        attributes = {self.pick(FIELDS): self.value(3) for _ in range(self.random.randrange(6))}
        record = {"_id": self.pick(["r", "s", "é", "😀", "R"]) + str(index), **attributes}
        if self.chance(0.5):
            record["_url"] = self.pick(["http://x/a", "http://x/b", ""])
        if self.chance(0.2):
            record["_file"] = self.pick(TEXTS)
        return record

    def value(self, depth: int) -> Any:
        roll = self.random.random()
        if depth > 0 and roll < 0.22:
            return [self.value(depth - 1) for _ in range(self.pick([0, 1, 1, 2, 2, 3]))]
        if depth > 0 and roll < 0.30:
            return [self.document(depth - 1) for _ in range(self.pick([1, 2, 3]))]
        if depth > 0 and roll < 0.48:
            return self.document(depth - 1)
        return self.scalar()

    def document(self, depth: int) -> dict[str, Any]:
        return {self.pick(NAMES): self.value(depth) for _ in range(self.pick([0, 1, 1, 2, 3]))}

    def scalar(self) -> Any:
        return self.pick(
            [None, True, False, self.pick(NUMBERS), self.pick(NUMBERS), self.pick(TEXTS), self.pick(TEXTS)]
        )

    # Filters

    def query(self, depth: int = 3, elements: list[Any] | None = None) -> dict[str, Any]:
        """A document of conditions. ``elements``: what ``$elemMatch`` looks at; otherwise the records."""
        documents = self.records if elements is None else elements
        entries: dict[str, Any] = {}
        for _ in range(self.pick([1, 1, 1, 2, 3])):
            entries |= self._entry(depth, documents, elements is None)
        return entries | ({"$comment": self.value(1)} if self.chance(0.03) else {})

    def _entry(self, depth: int, documents: list[Any], in_record: bool) -> dict[str, Any]:
        roll = self.random.random()
        if depth > 0 and roll < 0.14:
            branches = [
                self.query(depth - 1, None if in_record else documents) for _ in range(self.pick([1, 2, 2, 3]))
            ]
            return {self.pick(["$and", "$or", "$or", "$nor"]): branches}
        if depth > 0 and roll < 0.19 and in_record:
            return {"$not": self.query(depth - 1)}
        if in_record and roll < 0.27:
            return {self.pick(["_id", "_id", "_url", "_file"]): self.operand(depth, self._column_value())}
        path, found = self._path(documents)
        if roll < 0.36 and in_record:
            operator = self._named(self.pick([*FLAT_OPERATORS, "$elemMatch"]))
            return {operator: {path: self._operand_of(operator, depth, found)}}
        return {path: self.operand(depth, found)}

    def _column_value(self) -> Any:
        record = self.pick(self.records)
        return self.pick([record["_id"], record.get("_url"), record.get("_file"), self.scalar()])

    def _path(self, documents: list[Any]) -> tuple[str, Any]:
        """A path, mostly one that leads somewhere in one of the documents, and what may be there."""
        value = self.pick(documents) if documents and self.chance(0.85) else {}
        names: list[str] = []
        for _ in range(self.pick([1, 1, 1, 2, 2, 3, 4])):
            value, name = self._step(value, first=not names)
            names.append(name)
        if names[0].startswith(("_", "$")):
            names[0] = "a"
        if names[-1] == "" and len(names) > 1:
            names[-1] = "a"
        return ".".join(names), value

    def _step(self, value: Any, first: bool) -> tuple[Any, str]:
        if isinstance(value, list) and value and not first:
            if self.chance(0.5):
                index = self.random.randrange(len(value))
                return value[index], str(index)
            value = self.pick(value)
        if isinstance(value, list) and value and first:
            index = self.random.randrange(len(value))
            return value[index], str(index)
        if isinstance(value, dict) and value and self.chance(0.9):
            name = self.pick(list(value))
            return value[name], name
        return None, self.pick(NAMES)

    def operand(self, depth: int, found: Any) -> Any:
        """What stands behind a field."""
        if self.chance(0.3):
            value = self._near(found)
            return value if not _has_operators(value) else {"$eq": value}
        operators: dict[str, Any] = {}
        for _ in range(self.pick([1, 1, 1, 2])):
            operator = self._named(self.pick([*FLAT_OPERATORS, "$elemMatch", "$elemMatch", "$not"]))
            if operator == "$not":
                inner = self.operand(depth - 1, found) if depth > 0 else {}
                operators["$not"] = inner if _has_operators(inner) else {"$eq": self._near(found)}
            else:
                operators[operator] = self._operand_of(operator, depth, found)
        if "$regex" in operators and self.chance(0.3):
            operators["$options"] = "".join(sorted({self.pick("imsux") for _ in range(2)}))
        return operators | ({"$comment": self.value(1)} if self.chance(0.03) else {})

    def _named(self, operator: str) -> str:
        return self.pick(BITS) if operator == "$bits" else operator

    def _operand_of(self, operator: str, depth: int, found: Any) -> Any:
        match operator:
            case "$in" | "$nin":
                return [self._listed(found) for _ in range(self.pick([0, 1, 2, 3, 5, 12]))]
            case "$exists":
                return self.chance(0.6) if self.chance(0.7) else self.pick([self.scalar(), self.value(2)])
            case "$regex":
                return self.pick(PATTERNS)
            case "$all":
                matches = [{"$elemMatch": self._element_condition(depth, found)} for _ in range(2)]
                plain = [self._listed(found) for _ in range(self.pick([0, 1, 2, 2]))]
                return matches if depth > 0 and self.chance(0.2) else plain
            case "$size":
                return len(found) if isinstance(found, list) and self.chance(0.7) else self.pick([0, 1, 2.0, 3])
            case "$type":
                return self.pick(TYPES) if self.chance(0.7) else [self.pick(TYPES) for _ in range(2)]
            case "$mod":
                return [self.pick([1, 2, 3, -3, 4.7, 10]), self.pick([0, 1, -1, 2, -1.5])]
            case "$bitsAllSet" | "$bitsAllClear" | "$bitsAnySet" | "$bitsAnyClear":
                positions = [
                    self.pick([0, 1, 2, 3, 5.0, 31, 40, 62, 63, 64, 200]) for _ in range(self.pick([0, 1, 2]))
                ]
                return self.pick([self.pick([0, 1, 2, 5.0, 2**31, 2**63 - 1, 2**53 + 1]), positions])
            case "$elemMatch":
                return self._element_condition(depth, found)
            case "$lt" | "$lte" | "$gt" | "$gte":
                bound = self._near(found)
                return bound if _is_comparable(bound) else self.scalar()
            case _:
                return self._near(found)

    def _element_condition(self, depth: int, found: Any) -> dict[str, Any]:
        elements = found if isinstance(found, list) else [self.value(1)]
        documents = [element for element in elements if isinstance(element, dict | list)]
        if depth > 0 and self.chance(0.6 if documents else 0.2):
            return self.query(depth - 1, documents or [{}]) if self.chance(0.95) else {}
        inner = self.operand(depth - 1, self.pick(elements) if elements else None)
        return inner if _has_operators(inner) else {"$eq": inner}

    def _listed(self, found: Any) -> Any:
        if self.chance(0.08):
            return {"$regex": self.pick(PATTERNS), **({"$options": "i"} if self.chance(0.3) else {})}
        value = self._near(found)
        return value if not _has_operators(value) else None

    def _near(self, found: Any) -> Any:
        """The value that is there, one of its elements, or any other."""
        if self.chance(0.5):
            return self.pick(found) if isinstance(found, list) and found and self.chance(0.6) else found
        return self.scalar() if self.chance(0.7) else self.value(2)

    def pick(self, choices: Any) -> Any:
        return choices[self.random.randrange(len(choices))]

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability


def _has_operators(value: Any) -> bool:
    return isinstance(value, dict) and any(name.startswith("$") for name in value)


def _is_comparable(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_comparable, value))
    return not isinstance(value, dict)
