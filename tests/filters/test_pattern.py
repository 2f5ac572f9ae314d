"""Regular expressions: the translation means to PostgreSQL what the pattern means to PCRE."""

import ctypes
import ctypes.util
import json
import os
import random
import time
from collections.abc import Callable

import psycopg
import pytest

from app.filters.parts import PatternRefused
from app.filters.pattern import translate

PATH = (
    "SELECT jsonb_build_object('a', t) @? %s::jsonpath FROM unnest(%s::text[]) WITH ORDINALITY u(t, n) ORDER BY n"
)

EXAMPLES = [
    ("", "", ["", "a"], []),
    ("a.c", "", ["abc", "xa-cx", "a😀c"], ["a\nc", "ac"]),
    ("a.c", "s", ["a\nc"], ["ac"]),
    ("^a$", "", ["a", "a\n"], ["a\nb", "b\na", "a\n\n"]),
    ("^a$", "m", ["b\na\nc", "a\n\n"], ["ba"]),
    (r"\Aa\z", "m", ["a"], ["a\n", "b\na"]),
    (r"a\Z", "", ["a", "a\n"], ["ab"]),
    (r"\bcat\b", "", ["cat", "a cat.", "é-cat"], ["cats", "concat", "cat_"]),
    (r"\d{2,3}", "", ["x12"], ["1a2", "٣٤"]),
    (r"\w+\s\w", "", ["a\tb", "a\x0bb"], ["é é", "a\u00a0b"]),
    ("[^a]", "", ["b", "\n"], ["a", "aaa", ""]),
    ("[]a]", "", ["]", "a"], ["b"]),
    (r"[\w.-]+@[a-c]", "", ["x.y-z@b"], ["@b", "x@d"]),
    ("kelvin", "i", ["KELVIN", "\u212aelvin"], ["elvin"]),
    ("[à-ö]", "i", ["À", "Ö", "ö"], ["a", "×"]),
    ("straße", "i", ["STRAẞE"], ["STRASSE"]),
    ("(?i)zoë", "", ["ZOË"], ["ZOE"]),
    ("a b # comment", "x", ["ab"], ["a b"]),
    ("a(?i)b|c", "", ["ab", "aB", "C"], ["AB"]),
    ("(?:a(?i)b)c", "", ["aBc"], ["abC", "Abc"]),
    ("(?i:a)b(?s-i:.C)", "i", ["aB\nC"], ["ab\nc"]),
    ("(?P<one>a)(?<two>b)(?'three'c)(?|d)", "", ["abcd"], ["abc"]),
    ("a(?# any (comment)b", "", ["ab"], ["a"]),
    ("^[[:alpha:][:digit:]_]+$", "", ["aZ9_"], ["é", "a-b"]),
    ("[[:^space:]]", "", ["a", "é"], [" ", "\n"]),
    ("[[:upper:]]", "i", ["a", "A"], ["1", "ſ"]),
    (r"a\hb\vc\N", "", ["a\u00a0b\u2028cd"], ["a\nb\nc\n", "a b\nc\n"]),
    (r"^\H[\V]$", "", ["ab"], [" b", "a\r"]),
    (r"a\ b", "x", ["a b"], ["ab"]),
    ("(?:ab|c){2}d?", "", ["abc", "cabd"], ["ab d", "c"]),
    ("a+?b*?c??", "", ["a", "aab"], ["b"]),
    ("a(?=b)", "", ["ab"], ["ac"]),
    ("a(?!b)", "", ["ac", "a"], ["ab"]),
    ("(?<=a)b", "", ["ab"], ["b", "cb"]),
    ("(?<!a)b", "", ["b", "cb"], ["ab"]),
    (r"\$\^\.\{\}\[\]\(\)\|\\\/", "", ["$^.{}[]()|\\/"], ["$"]),
    (r"\x41\x{1F600}", "", ["A😀"], ["a😀"]),
    ("'\"%s%(f0)s", "", ["'\"%s%f0s", "'\"%s%f0s--"], ["'"]),
    ("a{b}", "", ["a{b}"], ["ab"]),
]

REFUSED = {
    "(": "closing",
    ")": "opening",
    "[a": "closing",
    "a\\": "end",
    "*a": "nothing to repeat",
    "{2}": "nothing to repeat",
    "a**": "repetition of a repetition",
    "a++": "possessive",
    "a{2}{3}": "repetition of a repetition",
    "a{,3}": "lower bound",
    "a{256}": "more than 255",
    "a{3,2}": "reversed",
    "^*": "after an anchor",
    r"\b+": "after an anchor",
    "(?=a)*": "look-around",
    r"(a)\1": "'\\1'",
    r"\p{L}": "'\\p'",
    r"\Qa\E": "'\\Q'",
    r"\K": "'\\K'",
    r"\R": "'\\R'",
    r"\x{110000}": "does not name",
    r"\x0": "hexadecimal",
    "(?>a)": "not supported",
    "(?P=n)": "not supported",
    "(?<1>a)": "not supported",
    "(?U)a": "not supported",
    "(?xx)a": "xx",
    "a(?i)*": "nothing to repeat",
    "a(?#": "without an end",
    "(*UTF8)a": "not supported",
    "[[:letter:]]": "no class",
    "[[.a.]]": "begin a class",
    "[[:alpha:]-z]": "hyphen",
    "[z-a]": "reversed",
    r"[\w-z]": "hyphen",
    r"[a-\d]": "ends in a class",
    "(?:a{1,255}){1,255}": "written out",
    "(?:.{0,30}){0,30}": "written out",
    r"\b" * 13: "too many word boundaries",
    r"(?:\b|b){9}": "too many",
    "(?:(?:){255}){2}": "written out",
    "(" * 31 + ")" * 31: "nested",
    "a" * 501: "500 characters",
}


def answers(connection: psycopg.Connection, pattern: str, options: str, texts: list[str]) -> list[bool]:
    translated = json.dumps(translate(pattern, options), ensure_ascii=False)
    path = f'$ ? (@."a" like_regex {translated} flag "s")'
    return [verdict for (verdict,) in connection.execute(PATH, (path, texts)).fetchall()]


@pytest.mark.parametrize(
    ("pattern", "options", "matching", "others"), EXAMPLES, ids=[repr(one[:2]) for one in EXAMPLES]
)
def test_patterns(
    connection: psycopg.Connection, pattern: str, options: str, matching: list[str], others: list[str]
) -> None:
    assert answers(connection, pattern, options, matching + others) == [True] * len(matching) + [False] * len(
        others
    )


@pytest.mark.parametrize(("pattern", "reason"), REFUSED.items(), ids=[pattern[:20] for pattern in REFUSED])
def test_what_would_differ_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(PatternRefused) as caught:
        translate(pattern, "")
    assert reason in str(caught.value)


def test_the_slowest_patterns_compile(connection: psycopg.Connection) -> None:
    connection.execute("SET statement_timeout = '10s'")
    slowest = [
        "(?:.?){0,74}z",
        "(?:[a-z]?[0-9]?.?){0,24}z",
        r"\b" * 12,
        r"(?:\b.?){8}",
        "(?:.*.*.*){0,24}z",
        "(?=.*a)" * 20,
    ]
    for pattern in slowest:
        answers(connection, pattern, "i", ["b17 and a longer text " * 10])


TOKENS = [
    *"abkKsſßẞi1_- \n#éΣς😀",
    *".^$|*+?(){}]",
    "(?:",
    "(?=",
    "(?!",
    "(?<=a)",
    "(?<!b)",
    "{2}",
    "{1,2}",
    "{0,1}",
    "*?",
]
TOKENS += [
    r"\d",
    r"\w",
    r"\s",
    r"\D",
    r"\W",
    r"\S",
    r"\b",
    r"\B",
    r"\A",
    r"\z",
    r"\Z",
    r"\n",
    r"\.",
    r"\x41",
    r"\x{e9}",
]
TOKENS += [
    r"\h",
    r"\H",
    r"\v",
    r"\V",
    r"\N",
    "(?i)",
    "(?-i)",
    "(?s-m)",
    "(?x)",
    "(?i:",
    "(?m-s:",
    "(?<n>",
    "(?#k)",
]
TOKENS += ["[[:alpha:]]", "[[:^upper:]]", "[[:punct:]k]", "[^[:lower:]]", "[[:space:]-]", "[[:print:]]", r"[\h\V]"]
TOKENS += ["[a-c]", "[^a]", "[]a]", "[^]a]", r"[\w-]", r"[\D1]", r"[a\-z]", r"[\b]", "[K-k]", "[^k]", "[é-ſ]"]
CHARACTERS = "abkKsſßẞi1_- \n\n\nAB#éÉ😀ΣσςS.\x08"


def test_random_patterns_match_what_pcre2_matches(connection: psycopg.Connection) -> None:
    library = ctypes.util.find_library("pcre2-8")
    if library is None:
        pytest.skip("this machine has no PCRE2 to compare with")
    pcre = _pcre2(ctypes.CDLL(library))
    seed = int(os.environ.get("LOOKALIKE_FILTER_SEED", time.time_ns() % 1_000_000_000))
    print(f"LOOKALIKE_FILTER_SEED={seed}")
    random_ = random.Random(seed)
    compared = 0
    while compared < 10_000:
        pattern = "".join(random_.choice(TOKENS) for _ in range(random_.randrange(1, 8)))
        pattern += ")" * (pattern.count("(") - pattern.count(")"))
        options = "".join(option for option in "imsx" if random_.random() < 0.25)
        search = pcre(pattern, options)
        try:
            translate(pattern, options)
        except PatternRefused:
            continue
        if search is None:  # PCRE asks for look-behinds of one length
            continue
        texts = ["".join(random_.choice(CHARACTERS) for _ in range(random_.randrange(7))) for _ in range(20)]
        assert answers(connection, pattern, options, texts) == [search(text) for text in texts], (
            pattern,
            options,
            texts,
        )
        compared += len(texts)


def _pcre2(library: ctypes.CDLL) -> Callable[[str, str], Callable[[str], bool] | None]:
    """``compile(pattern, options)`` → ``search(text)``, or ``None`` if PCRE2 refuses the pattern. UTF is on."""
    utf, flags = 0x00080000, {"i": 0x8, "m": 0x400, "s": 0x20, "x": 0x80}
    code, data = ctypes.c_void_p, ctypes.c_void_p
    library.pcre2_compile_8.restype = code
    library.pcre2_compile_8.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint32, *[ctypes.c_void_p] * 3]
    library.pcre2_match_data_create_from_pattern_8.restype = data
    library.pcre2_match_data_create_from_pattern_8.argtypes = [code, ctypes.c_void_p]
    sizes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_uint32]
    library.pcre2_match_8.argtypes = [code, ctypes.c_char_p, *sizes, data, ctypes.c_void_p]

    def compile_(pattern: str, options: str) -> Callable[[str], bool] | None:
        error, offset, raw = ctypes.c_int(), ctypes.c_size_t(), pattern.encode()
        bits = utf | sum(flags[option] for option in options)
        compiled = library.pcre2_compile_8(raw, len(raw), bits, ctypes.byref(error), ctypes.byref(offset), None)
        if not compiled:
            return None
        found = library.pcre2_match_data_create_from_pattern_8(compiled, None)

        def search(text: str) -> bool:
            raw = text.encode()
            return bool(library.pcre2_match_8(compiled, raw, len(raw), 0, 0, found, None) >= 0)

        return search

    return compile_
