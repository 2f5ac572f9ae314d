"""The translated pieces of a regular expression, how they combine, and how large they may get."""

import math
import re
from dataclasses import dataclass

from app.filters import characters
from app.filters.limits import MAX_PATTERN_SIZE, MAX_PATTERN_WAYS, MAX_REPETITION

_WORD = characters.write(characters.WORD)
NOT_NEWLINE = characters.write(characters.complement(characters.NEWLINE))
BEFORE_LAST_NEWLINE = r"(?=\n?\Z)"
_LINKED = 4


class PatternRefused(ValueError):
    """The pattern is wrong, or says something that cannot be translated faithfully."""


@dataclass(frozen=True, slots=True)
class Part:
    """A translated piece of a pattern. ``nullable``: it may match without consuming anything.

    ``size`` counts characters with repetitions written out; where what repeats is nullable, each counts
    fourfold, as every one of them is linked to all others. ``ways`` counts the ways through it that differ in
    the assertions they pass: PostgreSQL follows each, so the time to compile a pattern grows with them.
    ``asserts`` is whether there are any; without them there is one way.
    """

    text: str
    size: int = 1
    ways: int = 1
    asserts: bool = False
    nullable: bool = False
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Repetition:
    """``text`` as PostgreSQL writes it, from ``least`` to ``most`` times (``None``: without end)."""

    text: str
    least: int
    most: int | None

    def of(self, part: Part) -> Part:
        """The part repeated. Raises ``PatternRefused`` for an assertion."""
        if not part.repeatable:
            raise PatternRefused("a repetition after an anchor or a look-around")
        optional = 1 if self.most is None else self.most - self.least
        ways = _power(part.ways, self.least) * _power(part.ways + 1, optional) if part.asserts else 1
        times = max(self.least, self.most or 1, 1)
        size = part.size * times * (_LINKED if part.nullable and times > 1 else 1)
        return Part(part.text + self.text, size, _bounded(ways), part.asserts, part.nullable or self.least == 0)


SHORT_REPETITIONS = {"*": Repetition("*", 0, None), "+": Repetition("+", 1, None), "?": Repetition("?", 0, 1)}


def bounded_repetition(bounds: re.Match[str]) -> Repetition:
    """``{n}``, ``{n,}`` or ``{n,m}``."""
    least = int(bounds[1])
    most = least if not bounds[2] else (int(bounds[3]) if bounds[3] else None)
    if max(least, most or 0) > MAX_REPETITION:
        raise PatternRefused(f"a repetition of more than {MAX_REPETITION}")
    if most is not None and most < least:
        raise PatternRefused("a repetition whose bounds are reversed")
    return Repetition(f"{{{least},{'' if most is None else most}}}", least, most)


def in_sequence(parts: list[Part]) -> Part:
    text, size = "".join(part.text for part in parts), sum(part.size for part in parts)
    ways = _bounded(math.prod(part.ways for part in parts))
    return Part(text, size, ways, any(part.asserts for part in parts), all(part.nullable for part in parts))


def in_choice(parts: list[Part]) -> Part:
    text, size = "|".join(part.text for part in parts), sum(part.size for part in parts)
    asserts = any(part.asserts for part in parts)
    ways = _bounded(sum(part.ways for part in parts)) if asserts else 1
    return Part(text, size, ways, asserts, any(part.nullable for part in parts))


def assertion(text: str, size: int = 1, ways: int = 1) -> Part:
    return Part(text, size, ways, asserts=True, nullable=True, repeatable=False)


def check_size(part: Part) -> None:
    """Raises ``PatternRefused`` where PostgreSQL would take too long to compile it, or give up."""
    if part.size > MAX_PATTERN_SIZE:
        raise PatternRefused(
            f"the pattern has more than {MAX_PATTERN_SIZE} characters once repetitions are written out"
        )
    if part.ways > MAX_PATTERN_WAYS:
        raise PatternRefused("the pattern combines too many word boundaries, line starts or look-arounds")


_BOUNDARY = rf"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))"
_NO_BOUNDARY = rf"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))"
MULTILINE_START = assertion(r"(?:\A|(?<=\n)(?!\Z))", ways=2)
ASSERTION_ESCAPES = {
    "A": assertion(r"\A"),
    "z": assertion(r"\Z"),
    "Z": assertion(BEFORE_LAST_NEWLINE),
    "b": assertion(_BOUNDARY, ways=2),
    "B": assertion(_NO_BOUNDARY, ways=2),
}


def _power(ways: int, times: int) -> int:
    """The limit is far below 2 to the 20th."""
    return int(ways ** min(times, 20))


def _bounded(ways: int) -> int:
    """Ways beyond the limit need no exact count, which might have thousands of digits."""
    return min(ways, MAX_PATTERN_WAYS + 1)
