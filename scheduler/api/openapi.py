"""The OpenAPI 3.1 document, made of the declarations that requests are checked by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from scheduler.api.endpoint import Endpoint

_REF = "#/components/schemas/{model}"
_Mode = Literal["validation", "serialization"]
_FAILURES = {
    401: "The token is missing or wrong",
    403: "The token's role does not allow it",
    404: "There is no such thing",
    405: "The path has other methods: Allow says which",
    409: "The state of things does not allow it",
    413: "The body is too large",
    422: "A field breaks a rule",
    429: "Too many wrong tokens came from this address",
    502: "An Admin, or the replica that is asked for it, does not answer as it should",
    503: "PostgreSQL is away, or this replica cannot do it now: ask again, or another",
}
_TOO_SLOW = 408, "The body did not come in time"
_FAILURE = {
    "type": "object",
    "required": ["code", "message", "data"],
    "properties": {
        "code": {"type": "integer", "description": "The HTTP status once more."},
        "message": {"type": "string"},
        "data": {
            "description": "With 422, the fields and the rules they break.",
            "type": ["object", "null"],
            "properties": {
                "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}}
            },
        },
    },
}
_FIELD_ERROR = {
    "type": "object",
    "required": ["field", "rule", "message"],
    "properties": {
        "field": {"type": "string"},
        "rule": {"type": "string"},
        "message": {"type": "string"},
    },
}


def document(endpoints: Iterable[Endpoint], *, prefix: str, version: str) -> dict[str, Any]:
    """The whole document, for JSON."""
    endpoints = list(endpoints)
    schemas, parts = _schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = paths.setdefault(prefix + endpoint.path, {})
        path[endpoint.method.lower()] = _operation(endpoint, schemas, parts)
    return {
        "openapi": "3.1.0",
        "info": {"title": "qooerp-scheduler", "version": version},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {**_shown(schemas, parts), "Failure": _FAILURE, "FieldError": _FIELD_ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


_Key = tuple[str, str]
"""An endpoint's name, and the part of it: path, query, body or data."""


def _schemas(
    endpoints: Iterable[Endpoint],
) -> tuple[dict[_Key, JsonSchemaValue], dict[str, JsonSchemaValue]]:
    """The schema of each part of each endpoint, and what they refer to by name."""
    inputs: list[tuple[_Key, _Mode, Any]] = []
    for endpoint in endpoints:
        for part, model in endpoint.models.items():
            key = (endpoint.name, part)
            inputs.append((key, "validation", model.__pydantic_core_schema__))
        if endpoint.data is not None:
            key = (endpoint.name, "data")
            inputs.append((key, "serialization", endpoint.data.core_schema))
    made, parts = GenerateJsonSchema(by_alias=True, ref_template=_REF).generate_definitions(inputs)
    return {key: schema for (key, _), schema in made.items()}, {
        str(name): part for name, part in parts.items()
    }


def _shown(
    schemas: Mapping[_Key, JsonSchemaValue], parts: Mapping[str, JsonSchemaValue]
) -> dict[str, JsonSchemaValue]:
    """*parts* without those that stand in the document as single parameters."""
    single = {_named(schema) for (_, part), schema in schemas.items() if part in ("path", "query")}
    return {name: part for name, part in parts.items() if name not in single}


def _operation(
    endpoint: Endpoint,
    schemas: Mapping[_Key, JsonSchemaValue],
    parts: Mapping[str, JsonSchemaValue],
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": f"{endpoint.description}\n\nNeeds the role {endpoint.role}.".strip(),
        "parameters": list(_parameters(endpoint, schemas, parts)),
        "responses": _responses(endpoint, schemas),
    }
    if "body" in endpoint.models:
        content = {"application/json": {"schema": schemas[endpoint.name, "body"]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(
    endpoint: Endpoint,
    schemas: Mapping[_Key, JsonSchemaValue],
    parts: Mapping[str, JsonSchemaValue],
) -> Iterator[dict[str, Any]]:
    for place in ("path", "query"):
        if place not in endpoint.models:
            continue
        model = _resolved(schemas[endpoint.name, place], parts)
        required = model.get("required", ())
        for name, schema in model["properties"].items():
            schema = _stated(schema)
            yield {
                "name": name,
                "in": place,
                "required": place == "path" or name in required,
                "description": schema.pop("description", ""),
                "schema": schema,
            }


def _resolved(schema: JsonSchemaValue, parts: Mapping[str, JsonSchemaValue]) -> JsonSchemaValue:
    return parts[_named(schema)] if "$ref" in schema else schema


def _named(schema: JsonSchemaValue) -> str:
    """The name that *schema* refers to; empty: it stands for itself."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _stated(schema: JsonSchemaValue) -> JsonSchemaValue:
    """*schema* of a parameter: one that may be left out is never sent as null."""
    stated = {key: value for key, value in schema.items() if key not in ("anyOf", "title")}
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(options) == 1:
        stated = {**options[0], **stated}
    if stated.get("default", "") is None:
        del stated["default"]
    return stated


def _responses(
    endpoint: Endpoint, schemas: Mapping[_Key, JsonSchemaValue]
) -> dict[str, dict[str, Any]]:
    failure = {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
    responses: dict[str, dict[str, Any]] = {
        "200": {
            "description": "success",
            "content": {endpoint.media_type: _content(endpoint, schemas)},
        }
    }
    if endpoint.asked_only:
        content = {"application/json": {"schema": _envelope(202, {"type": "null"})}}
        responses["202"] = {"description": endpoint.asked_only, "content": content}
    body = [_TOO_SLOW] if "body" in endpoint.models else []
    for status, description in sorted([*_FAILURES.items(), *body]):
        responses[str(status)] = {"description": description, "content": failure}
    return responses


def _content(endpoint: Endpoint, schemas: Mapping[_Key, JsonSchemaValue]) -> dict[str, Any]:
    if endpoint.data is None:
        return {"schema": {"type": "string"}}
    whole = _envelope(200, schemas[endpoint.name, "data"])
    whole["properties"]["message"] = {"const": "success"}
    return {"schema": whole}


def _envelope(code: int, data: JsonSchemaValue) -> JsonSchemaValue:
    properties = {"code": {"const": code}, "message": {"type": "string"}, "data": data}
    return {"type": "object", "required": list(properties), "properties": properties}
