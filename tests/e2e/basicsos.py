# SPDX-License-Identifier: MIT
"""BasicsOS CRM for tests: the realm of the demo and others like it, people, tokens, answers."""

import json

import incrm
from demo import realm_of_demo
from harness import free_port
from incrm import bearer
from people import PASSWORD
from surface import SurfaceTest

COOKIE = "better-auth.session_token"
SECURE_COOKIE = "__Secure-" + COOKIE
TOKENS = "/api/api-tokens"
SIGN_IN = "/api/auth/sign-in/email"
SIGN_OUT = "/api/auth/sign-out"
SESSION = "/api/auth/get-session"
CONTACTS = "/api/contacts"
ORIGIN = "https://crm.example"  # listed

UNAUTHORIZED = (401, {"error": "Unauthorized"})
FORBIDDEN = (403, {"error": "Forbidden"})
NOT_FOUND = (404, {"error": "Not found"})
WRONG = (401, {"error": "Invalid email or password", "code": "INVALID_EMAIL_OR_PASSWORD",
               "message": "Invalid email or password"})


def invalid(field, message):
    return (400, {"error": "Validation failed",
                  "details": [{"field": field, "message": message}]})


class Ports:
    """`brief` has sessions of a second."""

    def __init__(self):
        self.of = {realm: free_port() for realm in ("basicsos", "other", "brief")}

    def realm(self, name):
        text = realm_of_demo("basicsos")
        if name == "brief":
            text = text.replace("session_ttl: 7d", "session_ttl: 1s")
        cost = "    passwords: { length_min: 8, argon2_memory_kib: 64, argon2_passes: 1 }\n"
        return f"  {name}:\n{text}{cost}"

    def core(self):
        return "realms:\n" + "".join(self.realm(name) for name in self.of)

    def served(self):
        return "http:\n  trusted_proxies: [127.0.0.1]\nrealms:\n" + "".join(
            f"{self.realm(name)}    http:\n      surface: basicsos\n"
            f"      listen: ['127.0.0.1:{port}']\n      origins: ['{ORIGIN}']\n"
            for name, port in self.of.items()
        )


class InDaemon(incrm.InDaemon):
    ports_class = Ports


class OverTcp(incrm.OverTcp):
    ports_class = Ports


def cookie(token, name=COOKIE):
    return ("Cookie", f"{name}={token}")


class Person:
    """Somebody, signed in."""

    def __init__(self, user, answer):
        self.id = user["id"]
        self.email = user["email"]
        self.token = answer.json["token"]
        self.bearer = bearer(self.token)
        self.cookie = cookie(self.token)


class BasicsosTest(SurfaceTest):
    surface = "basicsos"
    system_class = InDaemon

    def create_user(self, realm="basicsos", roles=("member",), **fields):
        email = f"user{next(self.numbers)}@example.com"
        return self.call("UserService/CreateUser", realm=realm, email=email, password=PASSWORD,
                         roles=list(roles), **fields)["user"]

    def update_user(self, person, **fields):
        self.call("UserService/UpdateUser", id=person.id, **fields, updateMask=",".join(fields))

    def sign_in(self, email, *headers, realm="basicsos", password=PASSWORD):
        return self.webs[realm].ask(
            "POST", SIGN_IN, *headers, body={"email": email, "password": password})

    def person(self, realm="basicsos", **fields):
        user = self.create_user(realm, **fields)
        answer = self.sign_in(user["email"], realm=realm)
        self.assertEqual(answer.status, 200, answer)
        return Person(user, answer)

    def create_token(self, person, name="My integration"):
        answer = self.web.ask("POST", TOKENS, person.bearer, body={"name": name})
        self.assertEqual(answer.status, 201, answer)
        return answer.json

    def verify(self, *headers, method="GET", uri=CONTACTS, realm="basicsos"):
        """As a proxy asks for a request of the product, which passes on what it gets."""
        return self.webs[realm].ask(
            "GET", "/_latchkey/verify",
            ("X-Forwarded-Method", method), ("X-Forwarded-Uri", uri), *headers)

    # --- answers ---

    def assert_error(self, answer, expected):
        """The error to the letter, with the headers that belong to it."""
        status, body = expected
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.body, json.dumps(body, separators=(",", ":")).encode())
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertIsNone(answer.header("Set-Cookie"))

    def assert_allowed(self, answer):
        self.assertEqual((answer.status, answer.body), (200, b""), answer)
