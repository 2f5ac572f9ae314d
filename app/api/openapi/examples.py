"""The examples: literal requests with their whole answers, and the collections that they are asked of.

``examples/METHOD.json`` has those of a method by their names, ``examples/other/`` what stands outside the methods:
``collections.json``, what is in the collections, and ``failures.json``, how calls fail whatever the method.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "examples"

USUAL = "vectors"
"""The collection that examples are asked of unless they name another one."""


@dataclass(frozen=True, slots=True)
class Example:
    """A request and its ``answer``, None where that is a picture. ``request`` is None where there is no body.

    ``parameters`` are those in the URL. What differs each time (how long it took, ids that are made up) is printed
    as it was once.
    """

    summary: str
    answer: Mapping[str, Any] | None = None
    request: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    collection: str = USUAL

    @property
    def status(self) -> tuple[int, str]:
        """Code and text with which it is answered."""
        assert self.answer is not None
        return self.answer["status"]["code"], self.answer["status"]["text"]


@cache
def examples_of(method: str) -> Mapping[str, Example]:
    """The examples of a method by their names; none where there is no file of them."""
    path = FOLDER / f"{method}.json"
    return _read(path) if path.exists() else {}


@cache
def failures() -> Mapping[str, Example]:
    """How calls fail whatever the method, by their names."""
    return _read(FOLDER / "other/failures.json")


@cache
def collections() -> Mapping[str, Mapping[str, Any]]:
    """The collections that examples are asked of: ``description``, and what they hold."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(
        (FOLDER / "other/collections.json").read_text(encoding="utf-8")
    )
    return found


def _read(path: Path) -> Mapping[str, Example]:
    return {name: Example(**members) for name, members in json.loads(path.read_text(encoding="utf-8")).items()}
