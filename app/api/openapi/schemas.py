"""From marshmallow's schemas to JSON Schema: what apispec does not know of by itself."""

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields


class Converter(OpenAPIConverter):
    """Schemas with their docstrings as descriptions; what is required comes first."""

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """A schema's JSON Schema."""
        untyped: Any = super()
        found: dict[str, Any] = untyped.schema2jsonschema(schema)
        required = found.get("required", [])
        found["properties"] = dict(sorted(found["properties"].items(), key=lambda each: each[0] not in required))
        if told := from_docstring(type(resolve_schema_instance(schema))):
            found["description"] = told
        return found


def from_docstring(described: object) -> str:
    """The docstring of a class or a module, one paragraph, as Markdown."""
    return " ".join((described.__doc__ or "").replace("``", "`").split())


def plugin() -> MarshmallowPlugin:
    """What reads the schemas for a new document."""
    return _Plugin(schema_name_resolver=name_of)


def parameters_of(reader: MarshmallowPlugin, schema: type[Schema]) -> list[dict[str, Any]]:
    """The fields of a schema as parameters in the URL."""
    assert reader.converter is not None
    found: list[dict[str, Any]] = reader.converter.schema2parameters(schema, location="query")
    return found


def name_of(schema: Any) -> str:
    """The name of a schema in the document: that of its class but for how it ends."""
    name = type(resolve_schema_instance(schema)).__name__
    return name.removesuffix("Schema").removesuffix("Shape") or name


class _Plugin(MarshmallowPlugin):
    Converter = Converter

    def init_spec(self, spec: Any) -> None:
        super().init_spec(spec)
        assert self.converter is not None
        self.converter.add_attribute_function(records_of_a_shape)
        self.converter.add_attribute_function(no_null_by_default)


def records_of_a_shape(self: OpenAPIConverter, field: fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """A field with records refers to their shape."""
    of: type[Schema] | None = getattr(field, "of", None)
    if of is None:
        return {}
    shape: dict[str, Any] = self.resolve_nested_schema(of)
    if ret["type"] == "array":
        return {"items": shape}
    del ret["type"]
    return shape


def no_null_by_default(self: OpenAPIConverter, field: fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """That null counts as not given holds for nearly all fields, and need not be said of each."""
    if field.load_default is None:
        ret.pop("default", None)
        if isinstance(ret.get("type"), list):
            (ret["type"],) = (each for each in ret["type"] if each != "null")
    return {}
