"""The shapes of answers as web/openapi.yaml has them, taken as they stand: what is closed there is closed here."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from tests.service.documented import source


def faults(name: str, answer: Any) -> list[str]:
    """What is wrong with an answer by the schema of this name, each with its place."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": source()["components"]}
    errors = Draft202012Validator(schema).iter_errors(answer)
    return [f"{error.json_path}: {error.message[:300]}" for error in errors]


def open_objects(name: str) -> list[str]:
    """The objects below the schema of this name that allow members which they do not list."""
    components = source()["components"]["schemas"]
    found: list[str] = []
    seen: set[str] = set()

    def look(schema: Any, place: str) -> None:
        if isinstance(schema, list):
            for number, each in enumerate(schema):
                look(each, f"{place}[{number}]")
        if not isinstance(schema, dict):
            return
        if "$ref" in schema:
            referred = schema["$ref"].rpartition("/")[2]
            if referred not in seen:
                seen.add(referred)
                look(components[referred], referred)
        if isinstance(schema.get("properties"), dict) and schema.get("additionalProperties") is not False:
            found.append(place)
        for key, each in schema.items():
            look(each, f"{place}.{key}")

    look(components[name], name)
    return found
