"""The manual has a place for every method: the module of its family, and a class of its name."""

from importlib import import_module
from types import ModuleType

import pytest

from app.api.methods import METHODS, attribute_indexes, inserting, near_duplicates, ranking, records, searching

FAMILIES = (inserting, records, searching, ranking, near_duplicates, attribute_indexes)
PLACES = [(family, method) for family in FAMILIES for method in family.METHODS]


def test_no_family_is_left_out() -> None:
    assert [method for _, method in PLACES] == list(METHODS)


@pytest.mark.parametrize(("family", "method"), PLACES, ids=[method for _, method in PLACES])
def test_it_has_a_chapter_with_a_success_and_an_error(family: ModuleType, method: str) -> None:
    module = import_module(f"tests.api.manual.test_{family.__name__.rpartition('.')[2]}")
    chapter = getattr(module, f"Test{method[0].upper()}{method[1:]}")
    sections = [section for name, section in vars(chapter).items() if name.startswith("Test")]
    sentences = [name for section in sections for name in vars(section) if name.startswith("test_")]
    assert len(sections) >= 2
    assert len(sentences) >= len(sections)
