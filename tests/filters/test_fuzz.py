"""Filters damaged at random: refused, or translated into a condition that PostgreSQL runs."""

import copy
import json
import os
import random
import time
from typing import Any

import psycopg

from app.domain.errors import InvalidRequest
from app.filters import Filter, parse_filter
from app.filters.operators import OPERATORS
from tests.filters.differential import store
from tests.filters.generate import PATTERNS, Generator

MUTANTS = 8_000
RUN = 600
NAMES = [
    *OPERATORS,
    "$and",
    "$or",
    "$nor",
    "$not",
    "$all",
    "$elemMatch",
    "$regex",
    "$options",
    "$comment",
    "$where",
    "$",
    "a",
    "",
    ".",
]
NAMES += [
    "_id",
    "_url",
    "_x",
    "a..b",
    "0",
    "a.99999999999",
    "a.2147483648.b",
    "a.-1",
    "a.00",
    "\0",
    "\ud800",
    "$in.a",
]
VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**70,
    10**2000,
    float("nan"),
    float("-inf"),
    1e308,
    "",
    "x",
    "\0",
]
VALUES += [
    "\udc00",
    "(",
    "[",
    "\\",
    "(?i)x{3}",
    "imsx",
    [],
    {},
    [[]],
    [{}],
    {"$gt": 1},
    {"a": {"$in": [1]}},
    b"",
    (1,),
    {1: 1},
]
VALUES += [object(), *PATTERNS[:5]]


def damage(random_: random.Random, value: Any) -> Any:
    """The value with one part replaced, renamed, removed or doubled."""
    if random_.random() < 0.2 or not isinstance(value, dict | list) or not value:
        return copy.copy(random_.choice(VALUES))
    if isinstance(value, list):
        index = random_.randrange(len(value))
        return [*value[:index], damage(random_, value[index]), *value[index + random_.randrange(2) :]]
    name = random_.choice(list(value))
    rest = {key: item for key, item in value.items() if key != name}
    if random_.random() < 0.4:
        return {**rest, random_.choice(NAMES): value[name]}
    return {**rest, name: damage(random_, value[name])}


def checked_or_refused(mutant: Any) -> Filter | InvalidRequest:
    """Any other exception is a failure, and so is a message that is no text."""
    try:
        return parse_filter(mutant)
    except InvalidRequest as fault:
        str(fault).encode()
        return fault


def test_damaged_filters_are_refused_or_run(connection: psycopg.Connection) -> None:
    seed = int(os.environ.get("LOOKALIKE_FILTER_SEED", time.time_ns() % 1_000_000_000))
    print(f"LOOKALIKE_FILTER_SEED={seed}")
    random_ = random.Random(seed)
    generator = Generator(seed)
    store(connection, generator.make_records(10))
    refused = run = 0
    for _ in range(MUTANTS):
        mutant = damage(random_, generator.query())
        for _ in range(random_.randrange(3)):
            mutant = damage(random_, mutant)
        checked = checked_or_refused(mutant)
        if isinstance(checked, InvalidRequest):
            refused += 1
            continue
        condition = checked.condition()
        assert parse_filter(json.loads(checked.canonical())).canonical() == checked.canonical()
        if run < RUN:
            run += 1
            verdicts = connection.execute(
                f"SELECT {condition.sql} FROM records r", condition.parameters
            ).fetchall()
            assert {verdict for (verdict,) in verdicts} <= {True, False}, mutant
    assert refused > 0.2 * MUTANTS
    assert run == RUN
