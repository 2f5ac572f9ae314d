"""The translated pieces of a regular expression, and how large they may get."""

from dataclasses import dataclass

from app.filters import characters
from app.filters.limits import MAX_PATTERN_SIZE, MAX_PATTERN_WAYS

_WORD = characters.write(characters.WORD)
NOT_NEWLINE = characters.write(characters.complement(characters.NEWLINE))
BEFORE_LAST_NEWLINE = r"(?=\n?\Z)"


class PatternRefused(ValueError):
    """The pattern is wrong, or says something that cannot be translated faithfully."""


@dataclass(frozen=True, slots=True)
class Part:
    """A translated piece of a pattern.

    ``size`` counts characters with repetitions written out. ``ways`` counts the ways through it that differ in the
    assertions they pass: PostgreSQL follows each, so the time to compile a pattern grows with them.
    """

    text: str
    size: int = 1
    ways: int = 1
    asserts: bool = False
    repeatable: bool = True


def assertion(text: str, size: int = 1, ways: int = 1) -> Part:
    return Part(text, size, ways, asserts=True, repeatable=False)


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
