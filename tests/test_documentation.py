"""The documentation is complete by the program's own registries, and what it points to is there."""

import re
from pathlib import Path

import pytest

import app
from app.filters.operators import OPERATORS
from tests.serving.test_original_client import OTHER_SERVICES

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "app/filters/README.md",
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
]

LEFT_OUT = {"app/__init__.py", "app/__main__.py"}
"""Of the packages and modules directly under app/: what holds no code to be found."""

_PATH = re.compile(r"`((?:app|docker|docs|migrations|sql|tests)/[\w./-]*|[\w.-]+\.(?:md|toml|txt))`")
_LINK = re.compile(r"\]\(([^)#:]+)\)")


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def rows(document: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    section = text_of(document).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


def named(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def test_the_services_of_the_original_clients_other_classes_are_named() -> None:
    assert f"LOOKALIKE_SERVICES={OTHER_SERVICES}\n" in text_of("README.md")


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_is_explained(operator: str) -> None:
    explained = " ".join(row[0] for row in rows("app/filters/README.md", "Operators"))
    assert operator in re.findall(r"\$\w+", explained)


def test_every_package_is_on_the_map() -> None:
    there = {
        f"app/{path.name}" for path in Path(app.__file__).parent.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }  # fmt: skip
    on_the_map = {name for row in rows("docs/ARCHITECTURE.md", "Code map") for name in named(row[0])}
    assert there - LEFT_OUT == {name for name in on_the_map if name.startswith("app/")}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_exists(document: str) -> None:
    text = text_of(document)
    links = {(ROOT / document).parent / link for link in _LINK.findall(text)}
    # CONTRIBUTING.md writes names that are to be chosen in capitals.
    paths = {ROOT / path for path in _PATH.findall(text) if not re.search(r"NNNN|NAME", path)}
    assert [str(path) for path in sorted(links | paths) if not path.exists()] == []


def test_every_statement_on_the_map_is_there() -> None:
    """Words with underscores are functions, queries or columns: each occurs in the code or in the SQL."""
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("app", "sql")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".sql")
    )
    words = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text_of("docs/ARCHITECTURE.md")))
    assert words
    assert sorted(word for word in words if not re.search(rf"\b{word}\b", code)) == []
