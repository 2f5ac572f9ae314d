"""Rules that choose which picture of a group of near duplicates stays.

They are applied in their order, without weights: each keeps those that are best by it and leaves the choice among
them to the next. Where several are left after the last one, the one whose ``_id`` comes first stays. Whoever goes
is told by which rule, and what it lacks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.errors import InvalidRequest

MOST_RULES = 20
_LONGEST_VALUE = 500


class RuleKind(StrEnum):
    """What a rule asks for."""

    MOST_PIXELS = "most_pixels"
    LARGEST_FILE = "largest_file"
    MOST_ATTRIBUTES = "most_attributes"
    OLDEST = "oldest"
    NEWEST = "newest"
    FORMAT = "format"
    FOLDER = "folder"
    ID_PREFIX = "id_prefix"
    ATTRIBUTE = "attribute"


LABELS = {
    RuleKind.MOST_PIXELS: "largest in pixels",
    RuleKind.LARGEST_FILE: "largest file",
    RuleKind.MOST_ATTRIBUTES: "most attributes",
    RuleKind.OLDEST: "oldest record",
    RuleKind.NEWEST: "newest record",
    RuleKind.FORMAT: "format first",
    RuleKind.FOLDER: "folder first (_file begins with)",
    RuleKind.ID_PREFIX: "_id begins with",
    RuleKind.ATTRIBUTE: "attribute value first",
}
"""What people read, in the order in which rules are offered."""

WITH_VALUE = frozenset({RuleKind.FORMAT, RuleKind.FOLDER, RuleKind.ID_PREFIX, RuleKind.ATTRIBUTE})


@dataclass(frozen=True, slots=True)
class Rule:
    """``value`` is what is preferred, of those kinds that have one; ``name`` the attribute that has to have it."""

    kind: RuleKind
    value: str = ""
    name: str = ""

    def as_json(self) -> dict[str, str]:
        """As it is stored."""
        return {"kind": self.kind.value, "value": self.value, "name": self.name}


DEFAULT_RULES = (
    Rule(RuleKind.MOST_PIXELS),
    Rule(RuleKind.LARGEST_FILE),
    Rule(RuleKind.MOST_ATTRIBUTES),
    Rule(RuleKind.OLDEST),
)


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What rules know of a record and its picture. ``attributes`` holds at least those that rules name."""

    key: int
    id: str
    created_at: datetime
    file: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    file_bytes: int | None = None
    attribute_count: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pixels(self) -> int:
        """Width by height, 0 where they are not known."""
        return (self.width or 0) * (self.height or 0)


@dataclass(frozen=True, slots=True)
class Choice:
    """Who stays, and why each one stays or goes, by id. ``decided_by``: the rule after which one was left; None
    where only the id told.
    """

    keeper: str
    reasons: Mapping[str, str]
    decided_by: Rule | None


def parse_rule(kind: str, value: str, name: str) -> Rule:
    """A rule from texts; raises ``InvalidRequest``."""
    if kind not in {each.value for each in RuleKind}:
        raise InvalidRequest("there is no such rule", path="kind")
    rule = Rule(RuleKind(kind), value.strip(), name.strip())
    if rule.kind not in WITH_VALUE:
        return Rule(rule.kind)
    if not rule.value or len(rule.value) > _LONGEST_VALUE or "\0" in rule.value + rule.name:
        raise InvalidRequest(f"the rule “{LABELS[rule.kind]}” needs a value", path="value")
    if rule.kind is not RuleKind.ATTRIBUTE:
        return Rule(rule.kind, rule.value)
    if not rule.name or len(rule.name) > _LONGEST_VALUE:
        raise InvalidRequest("name the attribute that has to have the value", path="name")
    return rule


def choose(rules: Sequence[Rule], pictures: Sequence[PictureFacts]) -> Choice:
    """Who of at least one picture stays."""
    left = list(pictures)
    reasons: dict[str, str] = {}
    deciding: list[Rule] = []
    for rule in rules:
        if len(left) == 1:
            break
        measure = _MEASURES[rule.kind]
        best = max(measure(rule, picture) for picture in left)
        stays = [picture for picture in left if measure(rule, picture) == best]
        if len(stays) == len(left):
            continue
        told = _TOLD[rule.kind]
        for picture in left:
            if measure(rule, picture) != best:
                reasons[picture.id] = told(rule, picture, stays[0])
        left = stays
        deciding.append(rule)
    keeper = min(left, key=lambda picture: picture.id)
    for picture in left:
        reasons[picture.id] = "equal by all rules; another _id comes first"
    reasons[keeper.id] = _why(deciding, keeper, len(left), len(pictures))
    return Choice(keeper.id, reasons, deciding[-1] if deciding and len(left) == 1 else None)


def _why(deciding: Sequence[Rule], keeper: PictureFacts, equal: int, count: int) -> str:
    if count == 1:
        return "the only one"
    if not deciding:
        return "equal by all rules; its _id comes first"
    told = ", then ".join(_KEPT[rule.kind](rule, keeper) for rule in deciding)
    return told if equal == 1 else f"{told}; of {equal} such its _id comes first"


def pixels_text(picture: PictureFacts) -> str:
    """Width by height, for people."""
    return "unknown size" if not picture.pixels else f"{picture.width} × {picture.height}"


def bytes_text(count: int | None) -> str:
    """The size of a file, for people."""
    if count is None:
        return "unknown size"
    if count < 1_000_000:
        return f"{count / 1000:.0f} kB" if count >= 10_000 else f"{count:,} bytes"
    return f"{count / 1_000_000:.1f} MB"


def _value_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _has(rule: Rule, picture: PictureFacts) -> bool:
    value = picture.attributes.get(rule.name)
    values = value if isinstance(value, list) else [value]
    return any(each is not None and _value_text(each) == rule.value for each in values)


_Measure = Callable[[Rule, PictureFacts], float]
_MEASURES: dict[RuleKind, _Measure] = {
    RuleKind.MOST_PIXELS: lambda _, picture: picture.pixels,
    RuleKind.LARGEST_FILE: lambda _, picture: picture.file_bytes or 0,
    RuleKind.MOST_ATTRIBUTES: lambda _, picture: picture.attribute_count,
    RuleKind.OLDEST: lambda _, picture: -picture.created_at.timestamp(),
    RuleKind.NEWEST: lambda _, picture: picture.created_at.timestamp(),
    RuleKind.FORMAT: lambda rule, picture: (picture.format or "").upper() == rule.value.upper(),
    RuleKind.FOLDER: lambda rule, picture: (picture.file or "").startswith(rule.value),
    RuleKind.ID_PREFIX: lambda rule, picture: picture.id.startswith(rule.value),
    RuleKind.ATTRIBUTE: lambda rule, picture: _has(rule, picture),
}
_KEPT: dict[RuleKind, Callable[[Rule, PictureFacts], str]] = {
    RuleKind.MOST_PIXELS: lambda _, picture: f"{pixels_text(picture)} is the largest",
    RuleKind.LARGEST_FILE: lambda _, picture: f"{bytes_text(picture.file_bytes)} is the largest file",
    RuleKind.MOST_ATTRIBUTES: lambda _, picture: f"{picture.attribute_count} attributes are the most",
    RuleKind.OLDEST: lambda _, picture: f"of {picture.created_at:%-d %b %Y, %H:%M}, the oldest",
    RuleKind.NEWEST: lambda _, picture: f"of {picture.created_at:%-d %b %Y, %H:%M}, the newest",
    RuleKind.FORMAT: lambda rule, _: f"{rule.value.upper()} comes first",
    RuleKind.FOLDER: lambda rule, _: f"its _file begins with {rule.value}",
    RuleKind.ID_PREFIX: lambda rule, _: f"its _id begins with {rule.value}",
    RuleKind.ATTRIBUTE: lambda rule, _: f"{rule.name} is {rule.value}",
}
_TOLD: dict[RuleKind, Callable[[Rule, PictureFacts, PictureFacts], str]] = {
    RuleKind.MOST_PIXELS: lambda _, picture, best: f"{pixels_text(picture)}, smaller than {pixels_text(best)}",
    RuleKind.LARGEST_FILE: lambda _, picture, best: (
        f"{bytes_text(picture.file_bytes)}, a smaller file than {bytes_text(best.file_bytes)}"
    ),
    RuleKind.MOST_ATTRIBUTES: lambda _, picture, best: (
        f"{picture.attribute_count} attributes, fewer than {best.attribute_count}"
    ),
    RuleKind.OLDEST: lambda _, picture, __: f"of {picture.created_at:%-d %b %Y, %H:%M}, not the oldest",
    RuleKind.NEWEST: lambda _, picture, __: f"of {picture.created_at:%-d %b %Y, %H:%M}, not the newest",
    RuleKind.FORMAT: lambda rule, picture, _: f"{picture.format or 'unknown format'}, not {rule.value.upper()}",
    RuleKind.FOLDER: lambda rule, _, __: f"its _file does not begin with {rule.value}",
    RuleKind.ID_PREFIX: lambda rule, _, __: f"its _id does not begin with {rule.value}",
    RuleKind.ATTRIBUTE: lambda rule, _, __: f"{rule.name} is not {rule.value}",
}
