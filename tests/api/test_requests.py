"""The registry of methods: requests, schemas and answers that belong together."""

from dataclasses import fields

import pytest

from app.api.methods import METHODS
from app.api.requests import WithEffort


@pytest.mark.parametrize("name", METHODS)
def test_a_schema_gives_the_fields_of_its_request(name: str) -> None:
    method = METHODS[name]
    given = set(method.schema().fields)
    if issubclass(method.schema, WithEffort):
        given = given - {"cand_set_size", "approx_param"} | {"effort"}
    wanted = {field.name for field in fields(method.request)}
    optional = {"tags_weight"} if name == "visualKNNMulti" else set()
    assert given == wanted - optional


def test_a_handler_says_which_method_it_is() -> None:
    for name, method in METHODS.items():
        assert name in (method.call.__doc__ or "")
