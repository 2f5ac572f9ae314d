"""Regular expressions: the subset of PCRE that PostgreSQL can answer alike, translated to PostgreSQL's own.

A reader goes over the pattern once and writes the translation as it goes. Only tokens that it knows pass; all
others are refused with a reason, also where PostgreSQL would accept them with another meaning (``\\b`` is a
backspace there). Only "does it match somewhere" is asked, so greedy and lazy repetition are the same, and
groups capture nothing. The result is meant for ``like_regex … flag "s"``: there ``.`` and negated sets match
newlines, so what must not is written out, and the options i, m, s and x are resolved here.
"""

import re
from dataclasses import dataclass

from app.filters import characters
from app.filters.characters import CharacterSet
from app.filters.limits import (
    MAX_PATTERN_LENGTH,
    MAX_PATTERN_NESTING,
    MAX_PATTERN_SIZE,
    MAX_REPETITION,
)

OPTIONS = "imsx"

_WORD = characters.write(characters.WORD)
_BOUNDARY = rf"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))"
_NO_BOUNDARY = rf"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))"
_NOT_NEWLINE = characters.write(characters.complement(characters.NEWLINE))
_BEFORE_LAST_NEWLINE = r"(?=\n?\Z)"

_ASSERTION_SIZE = 10
_CONTROL_ESCAPES = {"a": "\x07", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CLASS_ESCAPES: dict[str, CharacterSet] = {
    "d": characters.DIGITS,
    "w": characters.WORD,
    "s": characters.SPACE,
    "D": characters.complement(characters.DIGITS),
    "W": characters.complement(characters.WORD),
    "S": characters.complement(characters.SPACE),
}
_ASSERTION_ESCAPES = {"A": r"\A", "z": r"\Z", "Z": _BEFORE_LAST_NEWLINE, "b": _BOUNDARY, "B": _NO_BOUNDARY}
_GROUPS = ("(?:", "(?=", "(?!", "(?<=", "(?<!")
_REPETITION = re.compile(r"\{(\d{1,5})(?:(,)(\d{1,5})?)?\}")
_IGNORED = " \t\n\r\f\v"


class PatternRefused(ValueError):
    """The pattern is wrong, or says something that cannot be translated faithfully."""


def translate(pattern: str, options: str) -> str:
    """``pattern`` with the options ``i m s x`` as one PostgreSQL regular expression for ``like_regex … flag "s"``.

    Raises ``PatternRefused`` with the reason.
    """
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise PatternRefused(f"the pattern has more than {MAX_PATTERN_LENGTH} characters")
    for option in options:
        if option not in OPTIONS:
            raise PatternRefused(f"the option {option!r} is not one of i, m, s, x")
    leading = re.match(r"\(\?([imsx]+)\)", pattern)
    if leading:
        options += leading[1]
    reader = _Reader(pattern, leading.end() if leading else 0, frozenset(options))
    text, size = reader.alternatives()
    if reader.rest:
        raise PatternRefused("a closing parenthesis without an opening one")
    if size > MAX_PATTERN_SIZE:
        raise PatternRefused(
            f"the pattern has more than {MAX_PATTERN_SIZE} characters once repetitions are written out"
        )
    return text


@dataclass(slots=True)
class _Reader:
    """Recursive descent; each method reads one construct and returns its translation and its size."""

    pattern: str
    position: int
    options: frozenset[str]
    nesting: int = 0

    @property
    def rest(self) -> str:
        return self.pattern[self.position :]

    def next(self) -> str:
        return self.pattern[self.position : self.position + 1]

    def take(self) -> str:
        character = self.next()
        self.position += 1
        return character

    def accept(self, token: str) -> bool:
        found = self.pattern.startswith(token, self.position)
        if found:
            self.position += len(token)
        return found

    def skip_ignored(self) -> None:
        """Under the option x, white space and comments."""
        while "x" in self.options and self.next():
            if self.next() in _IGNORED:
                self.position += 1
            elif self.next() == "#":
                end = self.pattern.find("\n", self.position)
                self.position = len(self.pattern) if end < 0 else end + 1
            else:
                break

    def alternatives(self) -> tuple[str, int]:
        branches = [self.branch()]
        while self.accept("|"):
            branches.append(self.branch())
        return "|".join(text for text, _ in branches), sum(size for _, size in branches)

    def branch(self) -> tuple[str, int]:
        texts = []
        total = 0
        self.skip_ignored()
        while self.next() and self.next() not in "|)":
            text, size = self.piece()
            texts.append(text)
            total += size
            self.skip_ignored()
        return "".join(texts), total

    def piece(self) -> tuple[str, int]:
        text, size, repeatable = self.atom()
        self.skip_ignored()
        quantifier, times = self.quantifier()
        if quantifier and not repeatable:
            raise PatternRefused("a repetition after an anchor or a look-around")
        return text + quantifier, size * times

    def quantifier(self) -> tuple[str, int]:
        """The repetition after an atom, or nothing, and how often it writes the atom out."""
        written, times = "", 1
        if self.next() and self.next() in "*+?":
            written = self.take()
        elif repetition := _REPETITION.match(self.pattern, self.position):
            self.position = repetition.end()
            written, times = _bounds(repetition)
        elif re.match(r"\{\d*,?\d*\}", self.rest):
            raise PatternRefused("a repetition without a lower bound, or with bounds that are too large")
        if written:
            self.skip_ignored()
            self.accept("?")
            self.skip_ignored()
            if self.next() == "+":
                raise PatternRefused("possessive repetition is not supported")
            if self.next() and (self.next() in "*?" or _REPETITION.match(self.pattern, self.position)):
                raise PatternRefused("a repetition of a repetition: put the inner one in a group")
        return written, times

    def atom(self) -> tuple[str, int, bool]:
        """Text, size, and whether a repetition may follow."""
        character = self.take()
        match character:
            case "(":
                return self.group()
            case "[":
                return characters.write(self.bracket()), 1, True
            case "\\":
                return self.escape()
            case "^":
                return (r"(?:\A|(?<=\n)(?!\Z))" if "m" in self.options else r"\A"), 1, False
            case "$":
                return (r"(?=\n|\Z)" if "m" in self.options else _BEFORE_LAST_NEWLINE), 1, False
            case ".":
                return "." if "s" in self.options else _NOT_NEWLINE, 1, True
            case "*" | "+" | "?":
                raise PatternRefused(f"nothing to repeat before {character!r}")
            case "{" if re.match(r"\d*,?\d*\}", self.rest):
                raise PatternRefused("nothing to repeat before '{'")
            case _:
                return self.character(character), 1, True

    def character(self, character: str) -> str:
        return characters.write(self.cased(characters.one(character)))

    def cased(self, found: CharacterSet) -> CharacterSet:
        return characters.with_other_case(found) if "i" in self.options else found

    def group(self) -> tuple[str, int, bool]:
        opening = "(?:"
        self.position -= 1
        for known in _GROUPS:
            if self.accept(known):
                opening = known
                break
        else:
            self.position += 1
            if self.next() in ("?", "*"):
                raise PatternRefused(
                    f"the group '({self.rest[:3]}' is not supported; known are {', '.join(_GROUPS)}"
                )
        self.nesting += 1
        if self.nesting > MAX_PATTERN_NESTING:
            raise PatternRefused(f"groups are nested more than {MAX_PATTERN_NESTING} deep")
        text, size = self.alternatives()
        self.nesting -= 1
        if not self.accept(")"):
            raise PatternRefused("an opening parenthesis without a closing one")
        if opening == "(?:":
            return f"(?:{text})", size, True
        return f"{opening}{text})", size + _ASSERTION_SIZE, False

    def escape(self) -> tuple[str, int, bool]:
        """What follows a backslash outside brackets."""
        letter = self.next()
        if letter and letter in _ASSERTION_ESCAPES:
            self.position += 1
            return _ASSERTION_ESCAPES[letter], _ASSERTION_SIZE, False
        if letter and letter in _CLASS_ESCAPES:
            self.position += 1
            return characters.write(_CLASS_ESCAPES[letter]), 1, True
        return self.character(self.escaped_character()), 1, True

    def escaped_character(self) -> str:
        """A backslash that stands for one character, inside or outside brackets."""
        letter = self.take()
        if not letter:
            raise PatternRefused("a backslash at the end")
        if letter in _CONTROL_ESCAPES:
            return _CONTROL_ESCAPES[letter]
        if letter == "x":
            return self.hexadecimal()
        if letter.isascii() and letter.isalnum():
            raise PatternRefused(f"the escape '\\{letter}' is not supported")
        return letter

    def hexadecimal(self) -> str:
        digits = re.compile(r"\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2})").match(self.pattern, self.position)
        if not digits:
            raise PatternRefused("'\\x' wants two hexadecimal digits, or some in braces")
        self.position = digits.end()
        code = int(digits[1] or digits[2], 16)
        if not 0 < code <= characters.LAST or 0xD800 <= code <= 0xDFFF:
            raise PatternRefused("'\\x' does not name a character")
        return chr(code)

    def bracket(self) -> CharacterSet:
        """A set in brackets, after its opening."""
        negated = self.accept("^")
        found: list[CharacterSet] = []
        while True:
            if not self.next():
                raise PatternRefused("an opening bracket without a closing one")
            if found and self.accept("]"):
                break
            found.append(self.bracket_item())
        members = characters.union(*found)
        return characters.complement(members) if negated else members

    def bracket_item(self) -> CharacterSet:
        """One character, range or class escape."""
        if self.next() == "\\" and self.pattern[self.position + 1 : self.position + 2] in tuple(_CLASS_ESCAPES):
            self.position += 2
            if self.next() == "-" and not self.rest.startswith("-]"):
                raise PatternRefused("a hyphen after a class: put it last in the brackets")
            return _CLASS_ESCAPES[self.pattern[self.position - 1]]
        low = self.bracket_character()
        if self.next() != "-" or self.rest.startswith("-]"):
            return self.cased(characters.one(low))
        self.position += 1
        if self.next() == "\\" and self.pattern[self.position + 1 : self.position + 2] in tuple(_CLASS_ESCAPES):
            raise PatternRefused("a range that ends in a class")
        high = self.bracket_character()
        if high < low:
            raise PatternRefused(f"the range {low!r}-{high!r} is reversed")
        return self.cased(((ord(low), ord(high)),))

    def bracket_character(self) -> str:
        character = self.take()
        if not character:
            raise PatternRefused("an opening bracket without a closing one")
        if character == "[" and self.next() and self.next() in ":.=":
            raise PatternRefused("POSIX classes are not supported; list the characters")
        if character == "\\":
            return "\b" if self.accept("b") else self.escaped_character()
        return character


def _bounds(repetition: re.Match[str]) -> tuple[str, int]:
    """``{n}``, ``{n,}`` or ``{n,m}`` as PostgreSQL writes it, and how often it writes the atom out."""
    least = int(repetition[1])
    most = int(repetition[3]) if repetition[3] else None
    if max(least, most or 0) > MAX_REPETITION:
        raise PatternRefused(f"a repetition of more than {MAX_REPETITION}")
    if most is not None and most < least:
        raise PatternRefused("a repetition whose bounds are reversed")
    if not repetition[2]:
        return f"{{{least}}}", max(least, 1)
    if most is None:
        return f"{{{least},}}", max(least, 1)
    return f"{{{least},{most}}}", max(most, 1)
