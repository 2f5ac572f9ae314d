"""The document is valid, leaves nothing out, and says something of everything."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.api.application import create_app
from app.api.methods import METHODS
from app.api.openapi.examples import collections, failures
from app.api.record_shapes import PicturedRecord, QueryRecord, ShownRecord, WeightedQueryRecord
from app.domain.names import SHOWN_FIELDS
from app.domain.record import _SERVICE_FIELDS, parse_record
from app.filters.operators import OPERATORS
from tests.api.openapi.conftest import calls_of, read_document
from tests.service import Service

LEFT_OUT = {"/openapi.json", "/docs", "/docs/<path:name>"}
"""Routes that are not described: the description itself."""

BESIDE = {"/ping", "/thumbnail/{_id}", "/account/v2/details/", "/healthz", "/readyz"}
"""Paths that are no methods in the table."""


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            yield f"{verb} {path}", operation


def json_of(body: dict[str, Any]) -> dict[str, Any]:
    """Schema and examples of a request's or an answer's JSON; empty where it has none."""
    content: dict[str, Any] = body.get("content", {}).get("application/json", {})
    return content


def undescribed(schema: Any, place: str) -> Iterator[str]:
    """The fields of a schema that nothing is said of, by their places."""
    for name, field in schema.get("properties", {}).items():
        if not field.get("description", "").strip():
            yield f"{place}.{name}"


class TestTheDocument:
    def test_is_valid_openapi(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.1.")
        assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []

    def test_has_every_method_and_nothing_else(self, document: dict[str, Any]) -> None:
        assert set(document["paths"]) == {f"/{name}" for name in METHODS} | BESIDE

    def test_has_every_route(self, shared_service: Service) -> None:
        rules = {rule.rule for rule in create_app(shared_service.runtime).url_map.iter_rules()}
        services = {path for each in shared_service.runtime.settings.services.values() for path in each.paths}
        thumbnails = {f"/{path}/v2/thumbnail/<rest:record_id>" for path in services}
        calls = {"/<path:service>/v2/<method>/", "/<path:service>/v2/<method>", "/account/v2/details/"}
        calls |= {"/healthz", "/readyz"}
        assert rules == LEFT_OUT | thumbnails | calls

    def test_names_the_verbs_that_are_answered(self, document: dict[str, Any]) -> None:
        for name, method in METHODS.items():
            assert set(document["paths"][f"/{name}"]) == {"post"} | ({"get"} if method.answers_get else set())

    def test_names_the_services(self, document: dict[str, Any]) -> None:
        (server,) = document["servers"]
        service = server["variables"]["service"]
        assert server["url"] == "/{service}/v2"
        assert service["default"] == "similarity/photos"
        assert service["enum"] == ["similarity/photos", "similarity/products", "similarity/products-new"]

    def test_names_the_headers(self, document: dict[str, Any]) -> None:
        schemes = document["components"]["securitySchemes"].values()
        assert [scheme["name"] for scheme in schemes] == ["Authorization", "collection-id"]
        for path in document["paths"]:
            open_to_all = path in ("/ping", "/healthz", "/readyz")
            for operation in document["paths"][path].values():
                assert (operation["security"] == []) == open_to_all


class TestConfiguredServices:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "LOOKALIKE_SERVICES": "image_matching,my/own-service"}

    def test_are_named(self, service: Service) -> None:
        (server,) = read_document(service)["servers"]
        assert {"image_matching", "my/own-service"} <= set(server["variables"]["service"]["enum"])


class TestDescriptions:
    def test_of_every_method(self, document: dict[str, Any]) -> None:
        summaries = []
        for name, operation in operations(document):
            assert operation["summary"].endswith("."), name
            assert operation["description"].endswith("."), name
            summaries.append((operation["summary"], name.partition(" ")[2]))
        assert len({summary for summary, _ in summaries}) == len(document["paths"])

    def test_of_every_field(self, document: dict[str, Any]) -> None:
        schemas = document["components"]["schemas"]
        assert [place for name, schema in schemas.items() for place in undescribed(schema, name)] == []
        for name, operation in operations(document):
            for parameter in operation.get("parameters", []):
                assert parameter["description"], f"{name} {parameter['name']}"

    def test_leave_no_field_of_a_request_out(self, document: dict[str, Any]) -> None:
        for name, method in METHODS.items():
            body = document["paths"][f"/{name}"]["post"]["requestBody"]
            reference = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            schema = document["components"]["schemas"][reference]
            fields = method.schema().fields
            assert set(schema["properties"]) == {field.data_key or own for own, field in fields.items()}
            assert schema.get("required", []) == [
                field.data_key or own for own, field in fields.items() if field.required
            ]
            assert body["required"] == any(field.required for field in fields.values())

    def test_of_every_tag_and_collection(self, document: dict[str, Any]) -> None:
        tags = {tag["name"]: tag["description"] for tag in document["tags"]}
        assert all(tags.values())
        assert {tag for _, operation in operations(document) for tag in operation["tags"]} == set(tags)
        for told in collections().values():
            assert told["description"] in document["info"]["description"]

    def test_of_every_operator(self, document: dict[str, Any]) -> None:
        around = ["$and", "$or", "$nor", "$not", "$all", "$elemMatch", "$regex", "$options", "$comment"]
        told = document["info"]["description"]
        assert [each for each in [*OPERATORS, *around] if f"`{each}`" not in told] == []

    def test_of_the_service_s_own_fields_of_records(self) -> None:
        shown = {field.data_key for field in ShownRecord().fields.values()}
        assert shown == set(SHOWN_FIELDS)
        for shape in (PicturedRecord, QueryRecord):
            for name, field in shape().fields.items():
                parse_record({field.data_key or name: None}, "record")

    def test_every_field_of_the_service_is_described_where_it_counts(self) -> None:
        described = {field.data_key or name for name, field in WeightedQueryRecord().fields.items()}
        assert {*_SERVICE_FIELDS, "_weight"} == {name for name in described if name.startswith("_")}


class TestStatuses:
    def test_are_told_with_their_meaning(self, document: dict[str, Any]) -> None:
        for name, method in METHODS.items():
            responses = document["paths"][f"/{name}"]["post"]["responses"]
            assert set(responses) == {str(status.http_code) for status in method.statuses}
            for status in method.statuses:
                assert status.meaning.endswith(".")
                told = responses[str(status.http_code)]["description"]
                assert f"`{status.code} {status.text}`: {status.meaning}" in told

    def test_have_an_example_each(self, document: dict[str, Any]) -> None:
        """Each status of a method, in an example of the method's own or in that of all."""
        common = {example.status for example in failures().values()}
        for name, method in METHODS.items():
            own = {
                (call.answer["status"]["code"], call.answer["status"]["text"])
                for call in calls_of(document)
                if call.path == f"/{name}" and call.verb == "post" and call.answer is not None
            }
            assert {(status.code, status.text) for status in method.statuses} == own | (
                common & {(status.code, status.text) for status in method.statuses}
            ), name
            assert {code for code, _ in own} & {200, 205, 210, 220}, f"{name} has no success"


class TestExamples:
    def test_of_requests_have_an_answer_each(self, document: dict[str, Any]) -> None:
        answered = {(call.path, call.verb, call.name) for call in calls_of(document)}
        for path, verbs in document["paths"].items():
            for verb, operation in verbs.items():
                content = operation.get("requestBody", {}).get("content", {})
                for name in content.get("application/json", {}).get("examples", {}):
                    assert (path, verb, name) in answered

    def test_are_of_the_described_shapes_but_for_wrong_requests(self, document: dict[str, Any]) -> None:
        def faults(schema: dict[str, Any], value: Any) -> list[str]:
            whole = {**schema, "components": document["components"]}
            return [error.message for error in OAS31Validator(whole).iter_errors(value)]

        checked = 0
        for _, operation in operations(document):
            answers = {code: json_of(response) for code, response in operation["responses"].items()}
            good = answers["200"].get("examples", {})
            asked = json_of(operation.get("requestBody", {}))
            asked = {
                **asked,
                "examples": {name: each for name, each in asked.get("examples", {}).items() if name in good},
            }
            for content in [*answers.values(), asked]:
                for name, example in content.get("examples", {}).items():
                    shown = document["components"]["examples"][name] if "$ref" in example else example
                    assert faults(content["schema"], shown["value"]) == [], name
                    checked += 1
        assert checked > 100
