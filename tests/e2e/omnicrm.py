# SPDX-License-Identifier: MIT
"""OmniCRM for tests: its realms served by latchkeyd or by latchkey-bridge, people, answers."""

import json
import pathlib
import signal
import tempfile
import time

import incrm
from harness import free_port
from incrm import bearer
from people import PASSWORD
from surface import SurfaceTest

# Code: status and message.
ERRORS = {
    "invalid_credentials": (401, "Wrong email or password"),
    "invalid_grant": (401, "The refresh token is not valid"),
    "authentication_required": (401, "A token or an API key is needed"),
    "invalid_token": (401, "The token is not valid, or not any more"),
    "invalid_api_key": (401, "The API key is not valid, or not any more"),
    "insufficient_scope": (403, "A permission is lacking"),
    "access_denied": (403, "Access denied"),
    "invalid_request": (400, "Invalid request"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "Method not allowed"),
    "unsupported_media_type": (415, "Unsupported media type"),
    "too_many_requests": (429, "Too many requests"),
    "temporarily_unavailable": (503, "Service unavailable"),
}

PERMISSIONS = ["edit_customer", "edit_service", "view_customer", "view_service"]

CORE = """\
    key_prefix: omnicrm_
    permissions: [view_customer, edit_customer, view_service, edit_service]
    roles:
      admin: ['*']
      view_customer: [view_customer]
      view_service: [view_service]
    passwords: { length_min: 8, argon2_memory_kib: 64, argon2_passes: 1 }
    routes:
      - { path: /crm/customers, methods: [GET], permissions: [view_customer] }
      - { path: /crm/customers, permissions: [edit_customer] }
      - { path: /crm/services, methods: [GET], permissions: [view_service] }
"""

# The document's own, of systems and of machines.
CALLERS = pathlib.Path(__file__).resolve().parents[2] / "examples/crm_config.yaml"
PROVISIONING = "your-secure-api-key-here-minimum-32-chars"
MONITORING = "another-api-key-for-monitoring-system"

# `strict` knows no second use of a refresh token, and `other` is somebody else's.
SESSIONS = {
    "omnicrm": "{ token: EdDSA, refresh_replay_window: 10s }",
    "strict": "{ token: EdDSA, access_ttl: 1s, refresh_replay_window: 0s }",
    "other": "{ token: EdDSA }",
}



class Ports:
    def __init__(self):
        self.of = {realm: free_port() for realm in SESSIONS}
        self.directory = tempfile.TemporaryDirectory(prefix="omnicrm-")
        self.callers = pathlib.Path(self.directory.name) / "crm_config.yaml"
        self.callers.touch(0o600)
        self.callers.write_text(CALLERS.read_text())

    def listed(self, realm):
        """What belongs to the realm that has the document's callers."""
        if realm != "omnicrm":
            return ""
        return (f"    callers_file: {self.callers}\n"
                "    ip_whitelist_roles: [view_customer, view_service]\n")

    def core(self):
        return "realms:\n" + "".join(
            f"  {realm}:\n{CORE}    sessions: {sessions}\n{self.listed(realm)}"
            for realm, sessions in SESSIONS.items()
        )

    def served(self):
        return "http:\n  trusted_proxies: [127.0.0.1]\nrealms:\n" + "".join(
            f"  {realm}:\n{CORE}    sessions: {sessions}\n{self.listed(realm)}"
            f"    http:\n      surface: omnicrm\n      listen: ['127.0.0.1:{self.of[realm]}']\n"
            for realm, sessions in SESSIONS.items()
        )


class InDaemon(incrm.InDaemon):
    ports_class = Ports


class OverTcp(incrm.OverTcp):
    ports_class = Ports


class Person:
    """Somebody of a realm, logged in."""

    def __init__(self, user, answer):
        self.id = user["id"]
        self.email = user["email"]
        self.token = answer.json["token"]
        self.refresh_token = answer.json["refresh_token"]

    @property
    def bearer(self):
        return bearer(self.token)


class OmnicrmTest(SurfaceTest):
    surface = "omnicrm"
    system_class = InDaemon

    def create_user(self, realm="omnicrm", roles=("admin",)):
        email = f"user{next(self.numbers)}@example.com"
        return self.call("UserService/CreateUser", realm=realm, email=email, password=PASSWORD,
                         roles=list(roles))["user"]

    def update_user(self, person, **fields):
        self.call("UserService/UpdateUser", id=person.id, **fields, updateMask=",".join(fields))

    def post(self, path, *headers, realm="omnicrm", body=None, **more):
        return self.webs[realm].ask("POST", path, *headers, body=body, **more)

    def log_in(self, email, *headers, realm="omnicrm", password=PASSWORD, **more):
        body = {"email": email, "password": password}
        return self.post("/crm/auth/login", *headers, realm=realm, body=body, **more)

    def refresh(self, token, realm="omnicrm"):
        return self.post("/crm/auth/refresh", realm=realm, body={"refresh_token": token})

    def person(self, realm="omnicrm", **fields):
        user = self.create_user(realm, **fields)
        answer = self.log_in(user["email"], realm=realm)
        self.assertEqual(answer.status, 200, answer)
        return Person(user, answer)

    def reload(self, callers, word="reloaded"):
        """Puts other callers into force, or sees them refused; returns the daemon's log."""
        log = self.daemon.log
        before = log.read_text().count(word)
        self.system.ports.callers.write_text(callers)
        self.daemon.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while log.read_text().count(word) == before:
            self.assertLess(time.monotonic(), deadline, log.read_text())
            time.sleep(0.01)
        return log.read_text()

    def create_key(self, realm="omnicrm", **fields):
        return self.daemon.create_key(realm, **{"scopes": ["*"], **fields})

    def verify(self, *headers, method="GET", uri="/crm/customers", realm="omnicrm"):
        """As nginx asks for a request of the product."""
        return self.webs[realm].ask(
            "GET",
            "/_latchkey/verify",
            ("X-Original-Method", method),
            ("X-Original-URI", uri),
            *headers,
        )

    # --- answers ---

    def assert_error(self, answer, code, message=None):
        """The error to the letter, with the headers that belong to it."""
        status, usual = ERRORS[code]
        expected = {"error": code, "message": message or usual}
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.body, json.dumps(expected, separators=(",", ":")).encode())
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")

    def assert_refused(self, answer, code, message=None):
        """What a proxy hears: a status that nginx passes on, and the product's own answer."""
        status, usual = ERRORS[code]
        self.assertEqual(answer.status, 401 if status == 401 else 403, answer)
        self.assertEqual(answer.header("X-Latchkey-Status"), str(status))
        told = json.loads(answer.header("X-Latchkey-Body"))
        self.assertEqual(told, {"error": code, "message": message or usual})

    def assert_allowed(self, answer):
        self.assertEqual((answer.status, answer.body), (200, b""), answer)
