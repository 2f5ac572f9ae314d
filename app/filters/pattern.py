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
from app.filters.characters import CLASS_ESCAPES, CharacterSet
from app.filters.limits import MAX_PATTERN_LENGTH, MAX_PATTERN_NESTING
from app.filters.parts import (
    ASSERTION_ESCAPES,
    BEFORE_LAST_NEWLINE,
    MULTILINE_START,
    NOT_NEWLINE,
    SHORT_REPETITIONS,
    Part,
    PatternRefused,
    Repetition,
    assertion,
    bounded_repetition,
    check_size,
    in_choice,
    in_sequence,
)

OPTIONS = "imsx"
REDUNDANT_OPTION = "u"
"""Patterns are Unicode in any case."""

_LOOK_AROUND_SIZE = 5
_CONTROL_ESCAPES = {"a": "\x07", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_POSIX_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")
_GROUPS = ("(?:", "(?=", "(?!", "(?<=", "(?<!")
_CAPTURING = re.compile(r"\?(?:P?<[A-Za-z_]\w{0,31}>|'[A-Za-z_]\w{0,31}'|\|)", re.ASCII)
_SETTING = re.compile(r"\(?\?([imsx]*)(?:-([imsx]*))?([:)])")
_BOUNDS = re.compile(r"\{(\d{1,5})(?:(,)(\d{1,5})?)?\}")
_IGNORED = " \t\n\r\f\v"


def translate(pattern: str, options: str) -> str:
    """``pattern`` as one PostgreSQL regular expression for ``like_regex … flag "s"``.

    ``options`` are letters of ``imsux``. Raises ``PatternRefused`` with the reason.
    """
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise PatternRefused(f"the pattern has more than {MAX_PATTERN_LENGTH} characters")
    for option in options:
        if option not in OPTIONS and option != REDUNDANT_OPTION:
            raise PatternRefused(f"the option {option!r} is not one of i, m, s, u, x")
    reader = _Reader(pattern, 0, frozenset(options))
    whole = reader.alternatives()
    if reader.rest:
        raise PatternRefused("a closing parenthesis without an opening one")
    check_size(whole)
    return whole.text


@dataclass(slots=True)
class _Reader:
    """Recursive descent; each method reads one construct."""

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

    def alternatives(self) -> Part:
        branches = [self.branch()]
        while self.accept("|"):
            branches.append(self.branch())
        return in_choice(branches)

    def branch(self) -> Part:
        pieces: list[Part] = []
        self.skip_ignored()
        while self.next() and self.next() not in "|)":
            if not self.remark():
                pieces.append(self.piece())
            self.skip_ignored()
        return in_sequence(pieces)

    def remark(self) -> bool:
        """A comment, or options that hold until the group ends, if there is one."""
        if self.rest.startswith("(?#"):
            end = self.pattern.find(")", self.position)
            if end < 0:
                raise PatternRefused("a comment without an end")
            self.position = end + 1
            return True
        return self.next() == "(" and self.set_options(")")

    def set_options(self, end: str) -> bool:
        """``(?i-s)``, or ``?i-s:`` at the beginning of a group."""
        found = _SETTING.match(self.pattern, self.position)
        if not found or found[3] != end:
            return False
        if "xx" in found[1]:
            raise PatternRefused("the option xx is not supported")
        self.options = (self.options | set(found[1])) - set(found[2] or "")
        self.position = found.end()
        return True

    def piece(self) -> Part:
        atom = self.atom()
        self.skip_ignored()
        repetition = self.repetition()
        return repetition.of(atom) if repetition else atom

    def repetition(self) -> Repetition | None:
        """The repetition after an atom, if there is one."""
        if self.next() and self.next() in "*+?":
            found = SHORT_REPETITIONS[self.take()]
        elif bounds := _BOUNDS.match(self.pattern, self.position):
            self.position = bounds.end()
            found = bounded_repetition(bounds)
        elif re.match(r"\{\d*,?\d*\}", self.rest):
            raise PatternRefused("a repetition without a lower bound, or with bounds that are too large")
        else:
            return None
        self.skip_ignored()
        self.accept("?")
        self.skip_ignored()
        if self.next() == "+":
            raise PatternRefused("possessive repetition is not supported")
        if self.next() and (self.next() in "*?" or _BOUNDS.match(self.pattern, self.position)):
            raise PatternRefused("a repetition of a repetition: put the inner one in a group")
        return found

    def atom(self) -> Part:
        character = self.take()
        match character:
            case "(":
                return self.group()
            case "[":
                return Part(characters.write(self.bracket()))
            case "\\":
                return self.escape()
            case "^":
                return MULTILINE_START if "m" in self.options else assertion(r"\A")
            case "$":
                return assertion(r"(?=\n|\Z)" if "m" in self.options else BEFORE_LAST_NEWLINE)
            case ".":
                return Part("." if "s" in self.options else NOT_NEWLINE)
            case "*" | "+" | "?":
                raise PatternRefused(f"nothing to repeat before {character!r}")
            case "{" if re.match(r"\d*,?\d*\}", self.rest):
                raise PatternRefused("nothing to repeat before '{'")
            case _:
                return self.character(character)

    def character(self, character: str) -> Part:
        return Part(characters.write(self.cased(characters.one(character))))

    def cased(self, found: CharacterSet) -> CharacterSet:
        return characters.with_other_case(found) if "i" in self.options else found

    def group(self) -> Part:
        """A group or look-around, after its parenthesis."""
        options = self.options
        opening = self.opening()
        self.nesting += 1
        if self.nesting > MAX_PATTERN_NESTING:
            raise PatternRefused(f"groups are nested more than {MAX_PATTERN_NESTING} deep")
        inner = self.alternatives()
        self.nesting -= 1
        self.options = options
        if not self.accept(")"):
            raise PatternRefused("an opening parenthesis without a closing one")
        if opening == "(?:":
            return Part(f"(?:{inner.text})", max(inner.size, 1), inner.ways, inner.asserts, inner.nullable)
        check_size(inner)
        return assertion(f"{opening}{inner.text})", inner.size + _LOOK_AROUND_SIZE)

    def opening(self) -> str:
        for known in _GROUPS:
            if self.accept(known.removeprefix("(")):
                return known
        if named := _CAPTURING.match(self.pattern, self.position):
            self.position = named.end()
        elif self.next() and self.next() in "?*" and not self.set_options(":"):
            raise PatternRefused(f"the group '({self.rest[:3]}' is not supported; known are {', '.join(_GROUPS)}")
        return "(?:"

    def escape(self) -> Part:
        """What follows a backslash outside brackets."""
        letter = self.next()
        if letter and letter in ASSERTION_ESCAPES:
            self.position += 1
            return ASSERTION_ESCAPES[letter]
        if letter and letter in CLASS_ESCAPES:
            self.position += 1
            return Part(characters.write(CLASS_ESCAPES[letter]))
        if self.accept("N"):
            return Part(NOT_NEWLINE)
        return self.character(self.escaped_character())

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
        if self.next() == "\\" and self.pattern[self.position + 1 : self.position + 2] in tuple(CLASS_ESCAPES):
            self.position += 2
            return self.without_range(CLASS_ESCAPES[self.pattern[self.position - 1]])
        if found := _POSIX_CLASS.match(self.pattern, self.position):
            self.position = found.end()
            return self.without_range(self.posix_class(found[2], negated=bool(found[1])))
        low = self.bracket_character()
        if self.next() != "-" or self.rest.startswith("-]"):
            return self.cased(characters.one(low))
        self.position += 1
        if self.next() == "\\" and self.pattern[self.position + 1 : self.position + 2] in tuple(CLASS_ESCAPES):
            raise PatternRefused("a range that ends in a class")
        high = self.bracket_character()
        if high < low:
            raise PatternRefused(f"the range {low!r}-{high!r} is reversed")
        return self.cased(((ord(low), ord(high)),))

    def without_range(self, found: CharacterSet) -> CharacterSet:
        if self.next() == "-" and not self.rest.startswith("-]"):
            raise PatternRefused("a hyphen after a class: put it last in the brackets")
        return found

    def posix_class(self, name: str, *, negated: bool) -> CharacterSet:
        if name not in characters.POSIX:
            raise PatternRefused(f"there is no class [:{name}:]")
        ignores_case = "i" in self.options and name in ("upper", "lower")
        found = characters.POSIX["alpha" if ignores_case else name]
        return characters.complement(found) if negated else found

    def bracket_character(self) -> str:
        character = self.take()
        if not character:
            raise PatternRefused("an opening bracket without a closing one")
        if character == "[" and self.next() and self.next() in ":.=":
            raise PatternRefused("'[:', '[.' and '[=' begin a class in brackets; write the bracket as '\\['")
        if character == "\\":
            return "\b" if self.accept("b") else self.escaped_character()
        return character
