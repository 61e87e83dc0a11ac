# SPDX-License-Identifier: MIT
"""InCRM for tests: its realm served by latchkeyd or by latchkey-bridge, its people, its answers."""

import json
import unittest

from harness import Daemon, free_port
from people import PASSWORD
from rest import Bridge
from surface import SurfaceTest

COOKIE_PATH = "/api/v1/auth"
ORIGIN = "https://app.incrm.app"

# The table of the document, and for statuses without a code the status times 1000 (D19).
ERRORS = {
    401001: "Invalid credentials",
    401010: "Invalid access token",
    401011: "Access token not found in whitelist",
    401012: "Refresh token not found in whitelist",
    401013: "Invalid refresh token",
    401014: "Insufficient permissions for this action",
    401015: "Business access required",
    401020: "API key has expired",
    401021: "API key has been revoked",
    401022: "Invalid API key",
    403000: "Forbidden resource",
    400000: "Bad request",
    404000: "Not found",
    405000: "Method not allowed",
    413000: "Content too large",
    415000: "Unsupported media type",
    429000: "Too many requests",
    503000: "Service unavailable",
}

CORE = """\
    key_prefix: incrm_
    permissions: [clients.read, clients.create, invoices.read, invoices.create, apiKeys.read,
      apiKeys.create, apiKeys.delete]
    roles:
      admin: ['*']
      maker: [apiKeys.create, apiKeys.read, clients.read]
      viewer: [clients.read, invoices.read]
    passwords: { length_min: 8, argon2_memory_kib: 64, argon2_passes: 1 }
"""

# In `incrm` the times are those that nobody sets; others are in more of a hurry. `plain` has no
# surface, only routes.
SESSIONS = {
    "incrm": "{ token: HS256 }",
    "quick": "{ token: HS256, access_ttl: 1s, refresh_replay_window: 0s }",
    "brief": "{ token: HS256, access_ttl: 1s, refresh_ttl: 1s }",
    "window": "{ token: HS256, refresh_replay_window: 100ms }",
    "plain": "{ token: HS256 }",
}
MORE = {"quick": "    keys_per_owner_max: 2\n"}

ROUTES = """\
    routes:
      - { path: /api/v1/client, methods: [GET], permissions: [clients.read], organization: true }
      - { path: /api/v1/invoice/*, permissions: [invoices.read] }
      - { path: /api/v1/public/*, public: true }
"""


class Ports:
    """Where the realms answer: each at its own port, and `incrm` by its name at one for all."""

    def __init__(self):
        self.by_host = free_port()
        self.operations = free_port()
        self.of = {realm: free_port() for realm in SESSIONS}

    def core(self, routes=ROUTES):
        """The realms without HTTP, for a daemon that serves none."""
        return "realms:\n" + "".join(
            f"  {realm}:\n{CORE}    sessions: {sessions}\n{MORE.get(realm, '')}{routes}"
            for realm, sessions in SESSIONS.items()
        )

    def served(self, routes=ROUTES, origins=(ORIGIN,)):
        """The realms with HTTP."""
        text = (
            f"http:\n  listen: ['127.0.0.1:{self.by_host}']\n"
            f"  operations: '127.0.0.1:{self.operations}'\n"
            "  trusted_proxies: [127.0.0.1]\nrealms:\n"
        )
        for realm, sessions in SESSIONS.items():
            hosts = "      hosts: [incrm.localhost]\n" if realm == "incrm" else ""
            surface = "      surface: incrm\n" if realm != "plain" else ""
            text += (
                f"  {realm}:\n{CORE}    sessions: {sessions}\n{MORE.get(realm, '')}{routes}"
                f"    http:\n{surface}      listen: ['127.0.0.1:{self.of[realm]}']\n"
                f"{hosts}      origins: [{', '.join(origins)}]\n"
            )
        return text


class InDaemon:
    """latchkeyd serves HTTP itself."""

    ports_class = Ports

    def __init__(self):
        self.ports = self.ports_class()
        self.daemon = Daemon(self.ports.served())
        self.server = self.daemon

    def start(self):
        self.daemon.start()

    def clean_up(self):
        self.daemon.clean_up()

    def configure(self, **changes):
        self.daemon.write_config(self.ports.served(**changes))


class OverTcp:
    """latchkey-bridge serves HTTP, with a service key for a latchkeyd that it reaches over TCP."""

    ports_class = Ports
    scopes = ("auth.verify", "auth.sign_in", "keys.read", "keys.manage", "users.read",
              "client.assert")

    def __init__(self):
        self.ports = self.ports_class()
        self.daemon = Daemon(self.ports.core())
        self.server = None

    def make_bridge(self):
        key = self.daemon.service_key_file("bridge.key", *self.scopes, realms=list(self.ports.of))
        return Bridge(self.daemon.directory, self.ports.served(), self.daemon.tcp, key)

    def start(self):
        self.daemon.start()
        self.server = self.make_bridge()
        self.server.start()

    def clean_up(self):
        if self.server is not None:
            self.server.clean_up()
        self.daemon.clean_up()

    def configure(self, **changes):
        self.daemon.write_config(self.ports.core(changes.get("routes", ROUTES)))
        self.server.config.write_text(self.ports.served(**changes))


class OverIpc(OverTcp):
    """The same over a local socket, as the operator."""

    def make_bridge(self):
        return Bridge(self.daemon.directory, self.ports.served(), self.daemon.operator)


class Person:
    """Somebody of a realm, signed in."""

    def __init__(self, user, answer):
        self.id = user["id"]
        self.email = user["email"]
        self.token = answer.json["data"]["accessToken"]
        self.cookie = cookie_of(answer)["refreshToken"]

    @property
    def bearer(self):
        return bearer(self.token)


def bearer(token):
    return ("Authorization", "Bearer " + token)


def api_key(key):
    return ("X-Api-Key", key)


def cookie(value):
    return ("Cookie", "refreshToken=" + value)


def cookie_of(answer):
    """The cookie that an answer sets: its name with its value, and its attributes."""
    parts = answer.header("Set-Cookie").split("; ")
    return dict(part.split("=", 1) if "=" in part else (part, True) for part in parts)


class IncrmTest(SurfaceTest):
    surface = "incrm"
    system_class = InDaemon
    bare_realms = ("plain",)

    # --- people and keys ---

    def create_user(self, realm="incrm", **fields):
        request = {
            "email": f"user{next(self.numbers)}@example.com",
            "password": PASSWORD,
            "roles": ["admin"],
            "organizationId": "acme",
            **fields,
        }
        return self.call("UserService/CreateUser", realm=realm, **request)["user"]

    def update_user(self, person, **fields):
        self.call("UserService/UpdateUser", id=person.id, **fields, updateMask=",".join(fields))

    def sign_in(self, email, *headers, realm="incrm", password=PASSWORD):
        body = {"email": email, "password": password}
        return self.webs[realm].ask("POST", "/api/v1/auth/sign-in", *headers, body=body)

    def person(self, realm="incrm", **fields):
        user = self.create_user(realm, **fields)
        answer = self.sign_in(user["email"], realm=realm)
        self.assertEqual(answer.status, 200, answer)
        return Person(user, answer)

    def network(self):
        """A client's address that no other test has, as a trusted proxy tells it."""
        n = next(self.numbers)
        return ("X-Forwarded-For", f"10.{n >> 8}.{n & 255}.1")

    def refresh(self, *headers, realm="incrm"):
        return self.webs[realm].ask("POST", "/api/v1/auth/token/refresh", *headers)

    def log_out(self, *headers, realm="incrm"):
        return self.webs[realm].ask("POST", "/api/v1/auth/logout", *headers)

    def ask_for_key(self, person, *headers, realm="incrm", **members):
        body = {"name": "My Integration", **members}
        return self.webs[realm].ask(
            "POST", "/api/v1/api-key", person.bearer, *headers, body=body
        )

    def create_key(self, person, realm="incrm", **members):
        """`data` of the answer."""
        answer = self.ask_for_key(person, realm=realm, **members)
        self.assertEqual(answer.status, 201, answer)
        return answer.json["data"]

    def verify(self, *headers, method="GET", uri="/api/v1/client", web=None):
        """As nginx asks for a request of the product."""
        return (web or self.web).ask(
            "GET",
            "/_latchkey/verify",
            ("X-Original-Method", method),
            ("X-Original-URI", uri),
            *headers,
        )

    # --- answers ---

    def assert_error(self, answer, code, message=None):
        """The documented error to the letter, with the headers that belong to it."""
        expected = {
            "success": False,
            "error": {"code": code, "message": message or ERRORS[code]},
        }
        self.assertEqual(answer.status, code // 1000, answer)
        self.assertEqual(answer.json, expected, answer)
        self.assertEqual(answer.body, json.dumps(expected, separators=(",", ":")).encode())
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertEqual(answer.header("X-Content-Type-Options"), "nosniff")
        if answer.status != 401:
            self.assertIsNone(answer.header("WWW-Authenticate"), answer)

    def assert_bad(self, answer, member):
        """400000 whose message names the member."""
        self.assertEqual(answer.status, 400, answer)
        message = answer.json["error"]["message"]
        self.assert_error(answer, 400000, message)
        self.assertTrue(message.startswith(member), message)

    def assert_challenge(self, answer, error=None, realm="incrm"):
        """RFC 6750, section 3."""
        expected = f'Bearer realm="{realm}"' + (f', error="{error}"' if error else "")
        self.assertEqual(answer.header("WWW-Authenticate"), expected, answer)

    def assert_refused(self, answer, code, error=None, realm="incrm"):
        """What a proxy hears: a status that nginx passes on, and the product's own answer."""
        status = code // 1000
        self.assertEqual(answer.status, status if status == 401 else 403, answer)
        self.assertEqual(answer.body, b"")
        self.assertEqual(answer.header("X-Latchkey-Status"), str(status))
        told = json.loads(answer.header("X-Latchkey-Body"))
        self.assertEqual(told["error"]["code"], code, answer)
        if code in ERRORS and status != 400:
            self.assertEqual(told["error"]["message"], ERRORS[code])
        self.assertFalse(told["success"])
        if status == 401:
            self.assert_challenge(answer, error, realm)

    def assert_allowed(self, answer):
        self.assertEqual((answer.status, answer.body), (200, b""), answer)


def tests_of(loader, system, *modules):
    """All tests of the modules, with `system` for them to be run against."""
    suite = unittest.TestSuite()
    for module in modules:
        for name, case in vars(module).items():
            if isinstance(case, type) and case.__module__ == module.__name__ \
                    and issubclass(case, unittest.TestCase):
                told = type(name + system.__name__, (case,), {"system_class": system})
                suite.addTests(loader.loadTestsFromTestCase(told))
    return suite
