"""Shopify's published schema, what it costs to ask for something, and what it refuses before it does anything."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    SelectionSetNode,
    build_client_schema,
    get_named_type,
    parse,
    specified_rules,
    type_from_ast,
    validate,
)

SCHEMA_FILE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "schemas" / "shopify" / "admin_2026-10.json.gz"
MAX_COST = 1000
MAX_CONNECTIONS, MAX_NESTED = 5, 2


@cache
def official() -> GraphQLSchema:
    data = json.loads(gzip.decompress(SCHEMA_FILE.read_bytes()))
    return build_client_schema(data.get("data", data), assume_valid=True)


@cache
def parsed(query: str) -> DocumentNode:
    return parse(query)


def complaints(schema: GraphQLSchema, document: DocumentNode) -> list[GraphQLError]:
    """What the schema has against a document; anything deprecated is a complaint."""
    return validate(schema, document, [*specified_rules, NoDeprecatedCustomRule])


def deprecated_values(schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any]) -> list[str]:
    """Deprecated input fields and enum values in variables: the rules for documents do not see those."""
    found: list[str] = []
    for definition in document.definitions:
        for variable in getattr(definition, "variable_definitions", None) or ():
            kind = type_from_ast(schema, variable.type)
            _walk(kind, variables.get(variable.variable.name.value), found)
    return found


def _walk(kind: Any, value: Any, found: list[str]) -> None:
    if isinstance(kind, GraphQLNonNull):
        _walk(kind.of_type, value, found)
    elif value is None:
        return
    elif isinstance(kind, GraphQLList):
        for item in value if isinstance(value, list) else [value]:
            _walk(kind.of_type, item, found)
    elif isinstance(kind, GraphQLInputObjectType):
        for name, item in value.items():
            field = kind.fields.get(name)
            if field and field.deprecation_reason:
                found.append(f"{kind.name}.{name}")
            if field:
                _walk(field.type, item, found)
    elif isinstance(kind, GraphQLEnumType) and value in kind.values and kind.values[value].deprecation_reason:
        found.append(f"{kind.name}.{value}")


def cost(schema: GraphQLSchema, document: DocumentNode) -> int:
    """Objects 1, scalars 0, a connection as many times its node as `first` says, a mutation 10 (shopify.dev/docs/api/usage/limits)."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    total = 0
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            root = schema.get_root_type(definition.operation)
            total += 10 if definition.operation.value == "mutation" else 0
            total += _cost_of(schema, root, definition.selection_set, fragments)
    return total


def _cost_of(schema: GraphQLSchema, kind: Any, selections: SelectionSetNode | None, fragments: dict[str, Any]) -> int:
    total = 0
    for node in selections.selections if selections else ():
        if isinstance(node, InlineFragmentNode):
            inner = schema.type_map[node.type_condition.name.value] if node.type_condition else kind
            total += _cost_of(schema, inner, node.selection_set, fragments)
        elif isinstance(node, FieldNode) and not node.name.value.startswith("__"):
            field = kind.fields[node.name.value]
            named = get_named_type(field.type)
            inside = _cost_of(schema, named, node.selection_set, fragments)
            first = next((int(arg.value.value) for arg in node.arguments or () if arg.name.value == "first"), 1)
            own = 0 if named.name.endswith(("Connection", "Edge", "PageInfo")) else int(hasattr(named, "fields"))
            total += first * (own + inside) if named.name.endswith("Connection") else own + inside
    return total


def bulk_complaints(schema: GraphQLSchema, query: str) -> list[str]:
    """What a bulk operation refuses, beside what any query is refused for."""
    document = parsed(query)
    problems = [error.message for error in complaints(schema, document)]
    if problems:
        return problems
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    count, deepest = _connections(schema, schema.query_type, operation.selection_set, 0)
    if not 1 <= count <= MAX_CONNECTIONS:
        problems.append(f"{count} connections")
    if deepest - 1 > MAX_NESTED:
        problems.append(f"connections nested {deepest - 1} deep")
    return problems


def _connections(schema: GraphQLSchema, kind: Any, selections: SelectionSetNode | None, depth: int) -> tuple[int, int]:
    count, deepest = 0, depth
    for node in selections.selections if selections else ():
        if isinstance(node, InlineFragmentNode):
            inner, named = schema.type_map[node.type_condition.name.value], None
            found = _connections(schema, inner, node.selection_set, depth)
        elif isinstance(node, FieldNode) and hasattr(named := get_named_type(kind.fields[node.name.value].type), "fields"):
            one = int(named.name.endswith("Connection"))
            found = _connections(schema, named, node.selection_set, depth + one)
            count += one
        else:
            continue
        count, deepest = count + found[0], max(deepest, found[1])
    return count, deepest
