"""Sets of characters for regular expressions: ranges of code points, complements, case, and how to write them.

A set is a tuple of inclusive ranges. PCRE (as MongoDB runs it) means ASCII by ``\\d \\w \\s``, whatever the
locale, and folds case by Unicode's simple folding. PostgreSQL decides both by the database's locale, so neither
its classes nor its case-insensitive flag are used: the sets are written out.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from functools import cache
from typing import TypeAlias

CharacterSet: TypeAlias = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
_CASED_BLOCKS = ((0x41, 0x2FFF), (0xA640, 0xABFF), (0xFF21, 0xFF5A), (0x10400, 0x1E943))
_SURROGATES = (0xD800, 0xDFFF)

DIGITS: CharacterSet = ((0x30, 0x39),)
WORD: CharacterSet = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACE: CharacterSet = ((0x09, 0x0D), (0x20, 0x20))
NEWLINE: CharacterSet = ((0x0A, 0x0A),)
VERTICAL: CharacterSet = ((0x0A, 0x0D), (0x85, 0x85), (0x2028, 0x2029))
HORIZONTAL: CharacterSet = (
    *((0x09, 0x09), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x180E, 0x180E)),
    *((0x2000, 0x200A), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
)
_UPPER, _LOWER = ((0x41, 0x5A),), ((0x61, 0x7A),)
POSIX: dict[str, CharacterSet] = {
    "alpha": _UPPER + _LOWER,
    "upper": _UPPER,
    "lower": _LOWER,
    "digit": DIGITS,
    "alnum": DIGITS + _UPPER + _LOWER,
    "word": WORD,
    "space": SPACE,
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "xdigit": (*DIGITS, (0x41, 0x46), (0x61, 0x66)),
    "cntrl": ((0x01, 0x1F), (0x7F, 0x7F)),
    "graph": ((0x21, 0x7E),),
    "print": ((0x20, 0x7E),),
    "ascii": ((0x01, 0x7F),),
}


def one(character: str) -> CharacterSet:
    return ((ord(character), ord(character)),)


def union(*sets: CharacterSet) -> CharacterSet:
    """The characters of any of the sets, as sorted ranges that do not touch."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(piece for pieces in sets for piece in pieces):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(characters: CharacterSet) -> CharacterSet:
    """All other characters that text can hold (U+0000 is none)."""
    result = []
    following = 1
    for low, high in union(characters):
        if low > following:
            result.append((following, low - 1))
        following = high + 1
    if following <= LAST:
        result.append((following, LAST))
    return tuple(result)


def with_other_case(characters: CharacterSet) -> CharacterSet:
    """The set and every character that differs from one of its members by case only."""
    twins = _twins()
    cased = list(twins)
    others = [
        one(twin)
        for low, high in characters
        for code in cased[bisect_left(cased, low) : bisect_right(cased, high)]
        for twin in twins[code]
    ]
    return union(characters, *others)


def write(characters: CharacterSet) -> str:
    """The set as a PostgreSQL regular expression for one character."""
    pieces = [piece for low, high in characters for piece in _without_surrogates(low, high)]
    if not pieces:
        return f"[^{_escape(1)}-{chr(LAST)}]"
    if len(pieces) == 1 and pieces[0][0] == pieces[0][1]:
        return _escape(pieces[0][0])
    return "[" + "".join(_write_range(low, high) for low, high in pieces) + "]"


def _write_range(low: int, high: int) -> str:
    if low == high:
        return _escape(low)
    return f"{_escape(low)}-{_escape(high)}"


def _without_surrogates(low: int, high: int) -> list[tuple[int, int]]:
    first, last = _SURROGATES
    pieces = [(low, min(high, first - 1)), (max(low, last + 1), high)]
    return [(start, end) for start, end in pieces if start <= end]


def _escape(code: int) -> str:
    """ASCII punctuation may mean something to the regular expression; a backslash before it makes it literal."""
    character = chr(code)
    return "\\" + character if character.isascii() and not character.isalnum() and code > 0x20 else character


@cache
def _twins() -> dict[int, str]:
    """Code point → all characters with its simple case folding (CaseFolding.txt, status C and S), sorted."""
    classes: dict[str, list[str]] = defaultdict(list)
    for first, last in _CASED_BLOCKS:
        for code in range(first, last + 1):
            classes[_fold(chr(code))].append(chr(code))
    twins = {ord(one): "".join(members) for members in classes.values() if len(members) > 1 for one in members}
    return dict(sorted(twins.items()))


def _fold(character: str) -> str:
    folded = character.casefold()
    if len(folded) == 1:
        return folded
    lowered = character.lower()
    return lowered if len(lowered) == 1 else character


CLASS_ESCAPES: dict[str, CharacterSet] = {
    "d": DIGITS,
    "w": WORD,
    "s": SPACE,
    "h": HORIZONTAL,
    "v": VERTICAL,
    "D": complement(DIGITS),
    "W": complement(WORD),
    "S": complement(SPACE),
    "H": complement(HORIZONTAL),
    "V": complement(VERTICAL),
}
"""What a letter after a backslash stands for, inside and outside brackets."""
