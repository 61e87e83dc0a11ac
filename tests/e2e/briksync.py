# SPDX-License-Identifier: MIT
"""BrikSync for tests: the realm of the demo, tokens of its issuer, keys, answers."""

import base64
import hashlib
import hmac
import json
import time

import incrm
from demo import SECRETS, realm_of_demo
from harness import free_port
from incrm import bearer
from surface import SurfaceTest

KEYS = "/api/api-keys"
CATALOG = "/api/catalog"
ISSUER = "https://briksync.supabase.example/auth/v1"


def error(status, message, code):
    return (status, {"data": None, "error": message, "code": code})


UNAUTHORIZED = error(401, "Unauthorized", "UNAUTHORIZED")
FORBIDDEN = error(403, "Forbidden", "FORBIDDEN")
UPGRADE = error(403, "API keys need the BUSINESS plan", "PLAN_UPGRADE_REQUIRED")
NOT_FOUND = error(404, "Not found", "NOT_FOUND")


def invalid(message):
    return error(400, message, "BAD_REQUEST")


class Ports:
    def __init__(self):
        self.of = {realm: free_port() for realm in ("briksync", "other")}

    def realm(self, name):
        return f"  {name}:\n{realm_of_demo('briksync')}"

    def core(self):
        return "realms:\n" + "".join(self.realm(name) for name in self.of)

    def served(self):
        return "http:\n  trusted_proxies: [127.0.0.1]\nrealms:\n" + "".join(
            f"{self.realm(name)}    http:\n      surface: briksync\n"
            f"      listen: ['127.0.0.1:{port}']\n"
            for name, port in self.of.items()
        )


class InDaemon(incrm.InDaemon):
    ports_class = Ports


class OverTcp(incrm.OverTcp):
    ports_class = Ports


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def sign(claims, secret=SECRETS["supabase"], header=None):
    """A JWT, by HS256 whatever its header says."""
    header = header or {"alg": "HS256", "typ": "JWT"}
    text = b".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    mac = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return (text + b"." + base64url(mac)).decode()


def stripe_signature(body, at=None, secret=SECRETS["stripe"]):
    at = int(time.time()) if at is None else at
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return at, mac


class BriksyncTest(SurfaceTest):
    surface = "briksync"
    system_class = InDaemon

    def set_organization(self, id, **fields):
        self.call("UserService/SetOrganization", id=id, **fields, updateMask=",".join(fields))

    def set_plan(self, organization, plan):
        self.set_organization(organization, plan=plan)

    def organization(self, plan="BUSINESS"):
        id = f"org{next(self.numbers)}-{self.system_class.__name__}"
        self.set_plan(id, plan)
        return id

    def claims(self, organization, roles=("admin",), **claims):
        now = int(time.time())
        return {"iss": ISSUER, "aud": "authenticated", "iat": now, "exp": now + 3600,
                "sub": f"8a1c2f4e-0000-4000-8000-{next(self.numbers):012}", "role": "authenticated",
                "app_metadata": {"roles": list(roles), "organization_id": organization}, **claims}

    def person(self, organization=None, roles=("admin",), **claims):
        """Somebody's bearer."""
        organization = organization or self.organization()
        return bearer(sign(self.claims(organization, roles, **claims)))

    def create(self, person, name="CRM Integration", **fields):
        answer = self.web.ask("POST", KEYS, person, body={"name": name, **fields})
        self.assertEqual(answer.status, 201, answer)
        return answer.json["data"]

    def listed(self, person):
        answer = self.web.ask("GET", KEYS, person)
        self.assertEqual(answer.status, 200, answer)
        return answer.json["data"]

    def verify(self, *headers, method="GET", uri=CATALOG, realm="briksync", body=None):
        """As a proxy asks for a request of the product, which passes on what it gets."""
        return self.webs[realm].ask(
            "GET" if body is None else "POST", "/_latchkey/verify",
            ("X-Forwarded-Method", method), ("X-Forwarded-Uri", uri), *headers, body=body)

    def come_from(self, address, key):
        return self.verify(bearer(key), ("X-Forwarded-For", address))

    # --- answers ---

    def assert_error(self, answer, expected):
        """The error to the letter, with the headers that belong to it."""
        status, body = expected
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.body, json.dumps(body, separators=(",", ":")).encode())
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")

    def assert_allowed(self, answer):
        self.assertEqual((answer.status, answer.body), (200, b""), answer)
