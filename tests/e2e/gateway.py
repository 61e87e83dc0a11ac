# SPDX-License-Identifier: MIT
"""Basics Gateway for tests: the realm of the demo and another one, keys, users, answers."""

import json

import incrm
from demo import realm_of_demo
from harness import free_port
from surface import SurfaceTest

# Code: status, type and message.
ERRORS = {
    "missing_api_key": (401, "authentication_error", "No API key was provided"),
    "invalid_api_key": (401, "authentication_error", "The API key is not valid"),
    "revoked_api_key": (401, "authentication_error", "The API key was revoked"),
    "expired_api_key": (401, "authentication_error", "The API key has expired"),
    "insufficient_permissions": (403, "permission_error", "The API key lacks a permission"),
    "user_not_allowed": (
        403, "permission_error", "The user is not of the API key's organization"),
    "forbidden": (403, "permission_error", "This is not allowed"),
    "invalid_request": (400, "invalid_request_error", "The request is not valid"),
    "not_found": (404, "invalid_request_error", "Not found"),
}


class Ports:
    def __init__(self):
        self.of = {realm: free_port() for realm in ("gateway", "other")}

    def core(self):
        return "realms:\n" + "".join(f"  {realm}:\n{realm_of_demo('gateway')}" for realm in self.of)

    def served(self):
        return "http:\n  trusted_proxies: [127.0.0.1]\nrealms:\n" + "".join(
            f"  {realm}:\n{realm_of_demo('gateway')}    http:\n      surface: gateway\n"
            f"      listen: ['127.0.0.1:{port}']\n"
            for realm, port in self.of.items()
        )


class InDaemon(incrm.InDaemon):
    ports_class = Ports


class OverTcp(incrm.OverTcp):
    ports_class = Ports


class GatewayTest(SurfaceTest):
    surface = "gateway"
    system_class = InDaemon

    def create_key(self, realm="gateway", **fields):
        return self.daemon.create_key(
            realm, **{"scopes": ["*"], "organizationId": "acme", **fields})

    def key(self, **fields):
        return incrm.bearer(self.create_key(**fields)[1])

    def create_user(self, organization="acme", **fields):
        email = f"user{next(self.numbers)}@example.com"
        return self.call("UserService/CreateUser", email=email, organizationId=organization,
                         **fields)["user"]["id"]

    def ask(self, method, uri, *headers, realm="gateway", body=None):
        """As a proxy asks that passes on what it gets; with a body, by POST."""
        return self.webs[realm].ask(
            "GET" if body is None else "POST", "/_latchkey/verify",
            ("X-Forwarded-Method", method), ("X-Forwarded-Uri", uri), *headers, body=body)

    # --- answers ---

    def assert_allowed(self, answer, **identity):
        self.assertEqual((answer.status, answer.body), (200, b""), answer)
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        for name, value in identity.items():
            self.assertEqual(answer.header("X-Latchkey-" + name.replace("_", "-")), value)

    def assert_error(self, answer, code, param="", message=None):
        """The error to the letter, with the headers that belong to it."""
        status, kind, usual = ERRORS[code]
        error = {"message": message or usual, "type": kind, "param": param, "code": code}
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(
            answer.body, json.dumps({"error": error}, separators=(",", ":")).encode())
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        challenge = {
            "missing_api_key": 'Bearer realm="gateway"',
            "insufficient_permissions": 'Bearer realm="gateway", error="insufficient_scope"',
        }.get(code, 'Bearer realm="gateway", error="invalid_token"' if status == 401 else None)
        self.assertEqual(answer.header("WWW-Authenticate"), challenge)
        self.assertEqual([n for n, _ in answer.headers if n.startswith("x-latchkey")], [])

    def assert_invalid(self, answer, param, why):
        self.assert_error(answer, "invalid_request", param, f"{param}: {why}")
