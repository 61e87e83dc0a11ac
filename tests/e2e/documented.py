# SPDX-License-Identifier: MIT
"""Answers held to the OpenAPI document of their surface: each status is told of, and each body is
what the schema of its status says."""

import functools
import json
import pathlib
import re

import jsonschema

DOCUMENTS = pathlib.Path(__file__).resolve().parents[2] / "gen/latchkey/rest"


@functools.cache
def document(surface):
    return json.loads((DOCUMENTS / f"{surface}.openapi.json").read_text())


@functools.cache
def operations(surface):
    """(pattern of the path, its operations by method)"""
    told = document(surface)
    base = told["servers"][0]["url"].rstrip("/")
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(base + path)) + r"(\?.*)?\Z"),
             methods) for path, methods in told["paths"].items()]


def operation_of(surface, method, path):
    """None: the document has none for it."""
    for pattern, methods in operations(surface):
        if pattern.match(path):
            return methods.get("get" if method == "HEAD" else method.lower())
    return None


@functools.cache
def validator(surface, reference):
    resolver = jsonschema.RefResolver("", document(surface))
    return jsonschema.Draft202012Validator(
        json.loads(reference), resolver=resolver,
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


# Of requests that are no sound HTTP, whatever their path.
UNSOUND = (408, 411, 414, 417, 431, 501, 505)


def check(surface, method, path, answer):
    operation = operation_of(surface, method, path)
    if operation is None or answer.status in UNSOUND:
        return
    told = operation["responses"].get(str(answer.status))
    if told is None:
        raise AssertionError(f"{method} {path}: the document has no {answer.status}")
    content = told.get("content", {}).get("application/json")
    if content is None:
        if answer.body:
            raise AssertionError(f"{method} {path}: the document has no body for {answer.status}")
        return
    if method == "HEAD":
        return
    schema = json.dumps(content["schema"], sort_keys=True)
    for error in validator(surface, schema).iter_errors(answer.json):
        where = "/".join(map(str, error.absolute_path))
        raise AssertionError(f"{method} {path}: {answer.status}: {where}: {error.message}")
