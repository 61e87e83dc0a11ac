# SPDX-License-Identifier: MIT
"""The products behind nginx, by examples/nginx and examples/demo.yaml: the documents' own examples,
base URL and credentials aside, and what comes out of nginx for each denial."""

import json
import subprocess
import sys
import time
import unittest

from briksync import ISSUER, sign, stripe_signature
from demo import CRON_SECRET, DEMO, start_demo
from nginx import Curl, ForClass, start_nginx, start_product

CUSTOMERS = b'{"data": [{"id": 1, "name": "Ada"}]}'

# --- as the documents have them ---

INCRM_SIGN_IN = r"""
curl -X POST https://api.incrm.app/api/v1/auth/sign-in \
  -H "Content-Type: application/json" \
  -d '{"email": "user@example.com", "password": "yourPassword123"}'
"""
INCRM_TOKEN = r"""
curl https://api.incrm.app/api/v1/client \
  -H "Authorization: Bearer eyJhbGciOiJIUzI1NiIs..."
"""
INCRM_REFRESH = r"""
curl -X POST https://api.incrm.app/api/v1/auth/token/refresh \
  -b "refreshToken=<cookie-value>"
"""
INCRM_LOGOUT = r"""
curl -X POST https://api.incrm.app/api/v1/auth/logout \
  -H "Authorization: Bearer <accessToken>"
"""
INCRM_CREATE = r"""
curl -X POST https://api.incrm.app/api/v1/api-key \
  -H "Authorization: Bearer <accessToken>" \
  -H "Content-Type: application/json" \
  -d '{"name": "My Integration", "scopes": ["clients.read", "invoices.read"]}'
"""
INCRM_KEY = r"""
curl https://api.incrm.app/api/v1/client \
  -H "X-Api-Key: incrm_dGhpcyBpcyBhIHRlc3Qga2V5..."
"""
INCRM_KEY_AS_BEARER = r"""
curl https://api.incrm.app/api/v1/client \
  -H "Authorization: Bearer incrm_dGhpcyBpcyBhIHRlc3Qga2V5..."
"""
BASICSOS_SESSION = r"""
curl https://your-app.up.railway.app/api/contacts \
  -H "Authorization: Bearer <session_token>"
"""
BASICSOS_TOKEN = r"""
curl https://your-app.up.railway.app/api/contacts \
  -H "Authorization: Bearer bos_crm_your_token_here"
"""
BASICSOS_LIST = r"""
curl https://your-app.up.railway.app/api/api-tokens \
  -H "Authorization: Bearer <session_token>"
"""
BASICSOS_REVOKE = r"""
curl -X DELETE https://your-app.up.railway.app/api/api-tokens/tok_abc123 \
  -H "Authorization: Bearer <session_token>"
"""
GATEWAY_MODELS = r"""
curl https://api.basicsos.com/v1/models \
  -H "Authorization: Bearer bos_live_sk_..."
"""
GATEWAY_BYOK = r"""
curl https://api.basicsos.com/v1/chat/completions \
  -H "Content-Type: application/json" \
  -H "x-byok-provider: anthropic" \
  -H "x-byok-api-key: $ANTHROPIC_API_KEY" \
  -d '{
    "model": "basics-chat-smart",
    "messages": [
      { "role": "user", "content": "Write a short greeting." }
    ]
  }'
"""
OMNICRM_KEY = r"""
curl -X GET "https://yourcrm.com/crm/customers" \
-H "X-API-KEY: your-secure-api-key-here-minimum-32-chars"
"""
OMNICRM_KEY_IN_PYTHON = """
import requests
crm_url = 'https://yourcrm.com'
api_key = 'your-secure-api-key-here-minimum-32-chars'
headers = {
"Content-Type": "application/json",
"X-API-KEY": api_key
}
# Get Customers
response = requests.get(crm_url + '/crm/customers', headers=headers)
for customer in response.json()['data']:
    print(customer)
"""
OMNICRM_LOGIN_IN_PYTHON = """
import requests
crm_url = 'https://yourcrm.com'
session = requests.Session()
print("Provisioning data to server: " + str(crm_url))
headers = {
"Content-Type": "application/json"
}
# Get Auth Token
response = session.post(crm_url + '/crm/auth/login', json={
"email": "youruser@yourdomain.com",
"password": "yourpassword"
}, headers=headers)
print(response.status_code)
print(response.json())
assert response.status_code == 200
headers['Authorization'] = 'Bearer ' + response.json()['token']
print("Authenticated to CRM successfully")
# Get Customers
response = session.get(crm_url + '/crm/customers', headers=headers)
for customer in response.json()['data']:
    print(customer)
"""

HOSTS = {
    "https://your-app.up.railway.app": "basicsos", "https://api.incrm.app": "incrm",
    "https://api.basicsos.com": "gateway", "https://yourcrm.com": "omnicrm",
}
# Those of InCRM's and OmniCRM's examples come in from files.
KNOWN = ("ada@example.com", "a long enough password")
USERS = DEMO.parent / "users"

# --- what a denial says ---


def incrm(code, message):
    return {"success": False, "error": {"code": code, "message": message}}


def briksync(message, code):
    return {"data": None, "error": message, "code": code}


def gateway(kind, code, message):
    return {"error": {"message": message, "type": kind, "param": "", "code": code}}


def omnicrm(code, message):
    return {"error": code, "message": message}


BASICSOS_401 = (401, {"error": "Unauthorized"})
BASICSOS_403 = (403, {"error": "Forbidden"})
BRIKSYNC_401 = (401, briksync("Unauthorized", "UNAUTHORIZED"))
GATEWAY_INVALID = (401, gateway("authentication_error", "invalid_api_key",
                                "The API key is not valid"))
GATEWAY_REVOKED = (401, gateway("authentication_error", "revoked_api_key",
                                "The API key was revoked"))
OMNICRM_INVALID = (401, omnicrm("invalid_api_key", "The API key is not valid, or not any more"))
DENIALS = {
    "basicsos": {
        "none": BASICSOS_401, "wrong": BASICSOS_401, "foreign": BASICSOS_401,
        "expired": BASICSOS_401, "revoked": BASICSOS_401, "disabled": BASICSOS_401,
        "network": BASICSOS_403, "weak": BASICSOS_403,
    },
    "incrm": {
        "none": (401, incrm(401010, "Invalid access token")),
        "wrong": (401, incrm(401022, "Invalid API key")),
        "foreign": (401, incrm(401022, "Invalid API key")),
        "expired": (401, incrm(401020, "API key has expired")),
        "revoked": (401, incrm(401021, "API key has been revoked")),
        "disabled": (401, incrm(401021, "API key has been revoked")),
        "network": (403, incrm(403000, "Forbidden resource")),
        "weak": (401, incrm(401014, "Insufficient permissions for this action")),
    },
    "briksync": {
        "none": BRIKSYNC_401, "wrong": BRIKSYNC_401, "foreign": BRIKSYNC_401,
        "expired": BRIKSYNC_401, "revoked": BRIKSYNC_401, "disabled": BRIKSYNC_401,
        "network": BRIKSYNC_401, "weak": (403, briksync("Forbidden", "FORBIDDEN")),
        "plan": (403, briksync("API keys need the BUSINESS plan", "PLAN_UPGRADE_REQUIRED")),
    },
    "gateway": {
        "none": (401, gateway("authentication_error", "missing_api_key",
                              "No API key was provided")),
        "wrong": GATEWAY_INVALID, "foreign": GATEWAY_INVALID,
        "expired": (401, gateway("authentication_error", "expired_api_key",
                                 "The API key has expired")),
        "revoked": GATEWAY_REVOKED, "disabled": GATEWAY_REVOKED,
        "network": (403, gateway("permission_error", "forbidden", "This is not allowed")),
        "weak": (403, gateway("permission_error", "insufficient_permissions",
                              "The API key lacks a permission")),
    },
    "omnicrm": {
        "none": (401, omnicrm("authentication_required", "A token or an API key is needed")),
        "wrong": OMNICRM_INVALID, "foreign": OMNICRM_INVALID, "expired": OMNICRM_INVALID,
        "revoked": OMNICRM_INVALID, "disabled": OMNICRM_INVALID,
        "network": (403, omnicrm("access_denied", "Access denied")),
        "weak": (403, omnicrm("insufficient_scope", "A permission is lacking")),
    },
}
# A request of the product, and how a key comes with it.
ROUTES = {
    "basicsos": ("GET", "/api/contacts", "Authorization: Bearer {}"),
    "incrm": ("GET", "/api/v1/client", "X-Api-Key: {}"),
    "briksync": ("GET", "/api/catalog", "Authorization: Bearer {}"),
    "gateway": ("POST", "/v1/messages", "Authorization: Bearer {}"),
    "omnicrm": ("GET", "/crm/customers", "X-API-KEY: {}"),
}
PREFIXES = {"basicsos": "bos_crm_live_", "incrm": "incrm_", "briksync": "brik_live_",
            "gateway": "bos_live_sk_", "omnicrm": "omnicrm_"}


class Products(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon, served = start_demo(cls, ip_whitelist="127.0.0.5")
        cls.product = start_product(ForClass(cls), CUSTOMERS)
        cls.ports = start_nginx(ForClass(cls), served, cls.product)
        cls.set_plan("acme", "BUSINESS")
        email, password = KNOWN
        cls.call("UserService/CreateUser", realm="basicsos", email=email, password=password,
                 roles=["admin"], organizationId="acme")
        for realm in ("incrm", "omnicrm"):
            done = cls.daemon.cli("import", "users", "--realm", realm, USERS / f"{realm}.jsonl")
            if done.code != 0:
                raise AssertionError(done.err)

    @classmethod
    def set_plan(cls, id, plan):
        cls.call("UserService/SetOrganization", realm="briksync", id=id, plan=plan,
                 updateMask="plan")

    @classmethod
    def call(cls, method, **request):
        done = cls.daemon.call(method, request)
        if done.code != 0:
            raise AssertionError(done.err)
        return done.json

    def setUp(self):
        self.product.seen.clear()

    def url(self, realm):
        return f"http://127.0.0.1:{self.ports[realm]}"

    def shell(self, text, **secrets):
        """A document's lines with other hosts and secrets, in a shell."""
        for host, realm in HOSTS.items():
            text = text.replace(host, self.url(realm))
        for placeholder, secret in secrets.pop("given", {}).items():
            self.assertIn(placeholder, text)
            text = text.replace(placeholder, secret)
        text = text.replace("curl ", "curl -sS -i ", 1)
        return Curl(subprocess.run(["bash", "-c", text], env={"PATH": "/usr/bin:/bin", **secrets},
                                   check=True, capture_output=True, timeout=60))

    def python(self, text):
        for host, realm in HOSTS.items():
            text = text.replace(host, self.url(realm))
        return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True,
                              timeout=60)

    def curl(self, realm, path, *words):
        return Curl(subprocess.run(
            ["curl", "-sS", "-i", "--max-time", "30", *words, self.url(realm) + path],
            check=True, capture_output=True, timeout=60))

    def key(self, realm, **fields):
        return self.daemon.create_key(
            realm, **{"scopes": ["*"], "organizationId": "acme", **fields})

    def assert_passed(self, answer):
        self.assertEqual((answer.status, answer.body), (200, CUSTOMERS.decode()), answer)

    # --- the documents' own examples ---

    def test_the_examples_of_incrm(self):
        answer = self.shell(INCRM_SIGN_IN)
        self.assertEqual((answer.status, list(answer.json)), (200, ["success", "data"]))
        token = answer.json["data"]["accessToken"]
        self.assert_passed(self.shell(INCRM_TOKEN, given={"eyJhbGciOiJIUzI1NiIs...": token}))
        cookie = answer.header("Set-Cookie").split(";")[0].split("=", 1)[1]
        answer = self.shell(INCRM_REFRESH, given={"<cookie-value>": cookie})
        self.assertEqual(answer.status, 200, answer)
        self.assertIn("refreshToken=", answer.header("Set-Cookie"))
        token = answer.json["data"]["accessToken"]
        answer = self.shell(INCRM_CREATE, given={"<accessToken>": token})
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.json["data"]["scopes"], ["clients.read", "invoices.read"])
        key = {"incrm_dGhpcyBpcyBhIHRlc3Qga2V5...": answer.json["data"]["key"]}
        self.assert_passed(self.shell(INCRM_KEY, given=key))
        self.assert_passed(self.shell(INCRM_KEY_AS_BEARER, given=key))
        answer = self.shell(INCRM_LOGOUT, given={"<accessToken>": token})
        self.assertEqual((answer.status, answer.body), (204, ""))
        answer = self.shell(INCRM_TOKEN, given={"eyJhbGciOiJIUzI1NiIs...": token})
        self.assertEqual((answer.status, answer.json), (
            401, incrm(401011, "Access token not found in whitelist")))
        answer = self.shell(INCRM_REFRESH, given={"<cookie-value>": "unknown"})
        self.assertEqual((answer.status, answer.json), (
            401, incrm(401012, "Refresh token not found in whitelist")))

    def test_the_examples_of_basicsos(self):
        email, password = KNOWN
        answer = self.curl("basicsos", "/api/auth/sign-in/email", "--json",
                           json.dumps({"email": email, "password": password}))
        session = {"<session_token>": answer.json["token"]}
        self.assert_passed(self.shell(BASICSOS_SESSION, given=session))
        answer = self.curl("basicsos", "/api/api-tokens", "--json", '{"name": "My integration"}',
                           "-H", f"Authorization: Bearer {session['<session_token>']}")
        made = answer.json
        self.assertEqual((answer.status, made["name"]), (201, "My integration"))
        token = {"bos_crm_your_token_here": made["token"]}
        self.assert_passed(self.shell(BASICSOS_TOKEN, given=token))
        answer = self.shell(BASICSOS_LIST, given=session)
        self.assertEqual([token["id"] for token in answer.json], [made["id"]])
        answer = self.shell(BASICSOS_REVOKE, given={**session, "tok_abc123": made["id"]})
        self.assertEqual((answer.status, answer.body), (204, ""))
        answer = self.shell(BASICSOS_TOKEN, given=token)
        self.assertEqual((answer.status, answer.json), BASICSOS_401)

    def test_a_page_of_basicsos_uses_its_cookie(self):
        email, password = KNOWN
        answer = self.curl("basicsos", "/api/auth/sign-in/email", "--json",
                           json.dumps({"email": email, "password": password}))
        cookie = ("-b", answer.header("Set-Cookie").split(";")[0])
        own = ("-H", f"Origin: {self.url('basicsos')}")
        self.assert_passed(self.curl("basicsos", "/api/contacts", *cookie))
        self.assert_passed(self.curl("basicsos", "/api/contacts", *cookie, *own, "-X", "POST"))
        answer = self.curl("basicsos", "/api/contacts", *cookie, "-X", "POST",
                           "-H", "Origin: https://evil.example")
        self.assertEqual((answer.status, answer.json), BASICSOS_403)

    def test_the_examples_of_the_gateway(self):
        _, key = self.key("gateway")
        self.assert_passed(self.shell(GATEWAY_MODELS, given={"bos_live_sk_...": key}))
        self.assert_passed(self.shell(GATEWAY_BYOK, ANTHROPIC_API_KEY="sk-ant-x"))
        _, _, got, body = self.product.last()
        self.assertEqual((got["X-Latchkey-Subject"], got["x-byok-api-key"]),
                         ("byok:anthropic", "sk-ant-x"))
        self.assertEqual(json.loads(body)["model"], "basics-chat-smart")
        answer = self.shell(GATEWAY_BYOK)  # without the variable: an empty header
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.json["error"]["param"], "x-byok-api-key")

    def test_the_gateway_looks_for_a_user_in_the_body(self):
        users = []
        for organization in ("acme", "acme", "other"):
            made = self.call("UserService/CreateUser", realm="gateway",
                             email=f"u{len(users)}@example.com", organizationId=organization)
            users.append(made["user"]["id"])
        _, key = self.key("gateway")
        bearer = ("-H", f"Authorization: Bearer {key}")

        def execute(body, *words):
            return self.curl("gateway", "/v1/execute/mail", *bearer, *words, "--json", body)

        self.assert_passed(execute(json.dumps({"userId": users[0]})))
        self.assertEqual(self.product.last()[2]["X-Latchkey-On-Behalf-Of"], users[0])
        self.assertEqual(json.loads(self.product.last()[3]), {"userId": users[0]})
        self.assert_passed(execute(json.dumps({"userId": users[1]}), "-H",
                                   f"X-User-Id: {users[0]}"))
        self.assertEqual(self.product.last()[2]["X-Latchkey-On-Behalf-Of"], users[1])
        self.assert_passed(execute("{}"))
        self.assertIsNone(self.product.last()[2]["X-Latchkey-On-Behalf-Of"])
        self.product.seen.clear()
        answer = execute(json.dumps({"userId": users[2]}))
        self.assertEqual((answer.status, answer.json), (403, gateway(
            "permission_error", "user_not_allowed",
            "The user is not of the API key's organization")))
        answer = execute('{"userId": 7}')
        self.assertEqual((answer.status, answer.json["error"]["param"]), (400, "userId"))
        answer = self.curl("gateway", "/v1/execute/mail", "--json", "{}")
        self.assertEqual((answer.status, answer.json), DENIALS["gateway"]["none"])
        self.assertEqual(answer.header("WWW-Authenticate"), 'Bearer realm="gateway"')
        self.assertEqual(self.product.seen, [])

    def test_the_examples_of_omnicrm(self):
        self.assert_passed(self.shell(OMNICRM_KEY))
        self.assertEqual(self.product.last()[2]["X-Latchkey-Subject"],
                         "key:Provisioning%20automation%20system")
        done = self.python(OMNICRM_KEY_IN_PYTHON)
        self.assertEqual((done.returncode, done.stdout), (0, "{'id': 1, 'name': 'Ada'}\n"), done)
        done = self.python(OMNICRM_LOGIN_IN_PYTHON)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual((lines[1], lines[3], lines[4]), (
            "200", "Authenticated to CRM successfully", "{'id': 1, 'name': 'Ada'}"))

    def test_a_listed_address_of_omnicrm_needs_no_credential(self):
        near = ("--interface", "127.0.0.5")
        self.assert_passed(self.curl("omnicrm", "/crm/customers", *near))
        answer = self.curl("omnicrm", "/crm/customers", *near, "-X", "POST")
        self.assertEqual((answer.status, answer.json), DENIALS["omnicrm"]["weak"])
        self.product.seen.clear()
        for forged in ("X-Forwarded-For: 127.0.0.5", "X-Real-IP: 127.0.0.5",
                       "Forwarded: for=127.0.0.5", "X-Forwarded-For: 10.0.0.7"):
            answer = self.curl("omnicrm", "/crm/customers", "-H", forged)
            self.assertEqual((answer.status, answer.json), DENIALS["omnicrm"]["none"])
        self.assertEqual(self.product.seen, [])

    def test_people_programs_cron_and_stripe_of_briksync(self):
        now = int(time.time())
        person = sign({"iss": ISSUER, "aud": "authenticated", "exp": now + 60, "sub": "b1",
                       "app_metadata": {"roles": ["admin"], "organization_id": "acme"}})
        bearer = ("-H", f"Authorization: Bearer {person}")
        self.assert_passed(self.curl("briksync", "/api/catalog", *bearer))
        self.assertEqual(self.product.last()[2]["X-Latchkey-Plan"], "BUSINESS")
        answer = self.curl("briksync", "/api/api-keys", *bearer, "--json",
                           '{"name": "CRM Integration"}')
        self.assertEqual(answer.status, 201, answer)
        key = ("-H", f"Authorization: Bearer {answer.json['data']['key']}")
        self.assert_passed(self.curl("briksync", "/api/catalog", *key))
        self.assert_passed(self.curl("briksync", "/api/cron/nightly", "-H",
                                     f"Authorization: Bearer {CRON_SECRET}"))
        self.assert_passed(self.curl("briksync", "/api/auth/callback?code=1"))
        event = '{"id": "evt_1", "type": "invoice.paid"}'
        at, mac = stripe_signature(event.encode())
        signed = ("-H", f"Stripe-Signature: t={at},v1={mac}")
        self.assert_passed(self.curl("briksync", "/api/webhooks/stripe", *signed, "--json", event))
        self.assertEqual(self.product.last()[3], event.encode())
        self.product.seen.clear()
        for words in (("--json", event), (*signed, "--json", event + " "),
                      (*key, "--json", event)):
            answer = self.curl("briksync", "/api/webhooks/stripe", *words)
            self.assertEqual((answer.status, answer.json), BRIKSYNC_401)
            self.assertIn('Bearer realm="briksync"', answer.header("WWW-Authenticate"))
        answer = self.curl("briksync", "/api/cron/nightly", *key)
        self.assertEqual((answer.status, answer.json), DENIALS["briksync"]["weak"])
        self.assertEqual(self.product.seen, [])

    # --- denials ---

    def credentials(self, realm):
        """A credential for each denial of a realm."""
        other = "gateway" if realm != "gateway" else "incrm"
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        user = self.call("UserService/CreateUser", realm=realm, email="off@example.com",
                         roles=[] if realm == "gateway" else ["admin"],
                         organizationId="acme")["user"]["id"]
        told = {"none": None, "wrong": PREFIXES[realm] + "a" * 49, "foreign": self.key(other)[1],
                "expired": self.key(realm, expiresAt=soon)[1],
                "network": self.key(realm, networks=["192.0.2.1"])[1],
                "weak": self.key(realm, scopes=[])[1],
                "disabled": self.key(realm, userId=user)[1]}
        self.call("UserService/UpdateUser", realm=realm, id=user, enabled=False,
                  updateMask="enabled")
        id, told["revoked"] = self.key(realm)
        self.call("KeyService/RevokeKey", realm=realm, id=id)
        if realm == "briksync":
            self.set_plan("small", "BUSINESS")
            told["plan"] = self.key(realm, organizationId="small")[1]
            self.set_plan("small", "PRO")
        return told

    def assert_denied(self, realm, name, answer):
        status, body = DENIALS[realm][name]
        self.assertEqual((answer.status, answer.json), (status, body))
        self.assertEqual(answer.body, json.dumps(body, separators=(",", ":")))
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertEqual([n for n, _ in answer.headers if n.lower().startswith("x-latchkey")], [])
        challenge = answer.header("WWW-Authenticate")
        if status == 401:
            error = {"none": "", "weak": ', error="insufficient_scope"'}.get(
                name, ', error="invalid_token"')
            self.assertEqual(challenge, f'Bearer realm="{realm}"{error}')
        elif name == "weak":
            self.assertEqual(challenge, f'Bearer realm="{realm}", error="insufficient_scope"')
        self.assertEqual(self.product.seen, [])

    def test_each_denial_is_told_as_documented(self):
        credentials = {realm: self.credentials(realm) for realm in DENIALS}
        time.sleep(2.1)
        for realm, told in credentials.items():
            method, path, header = ROUTES[realm]
            for name, credential in told.items():
                words = ("-H", header.format(credential)) if credential else ()
                with self.subTest((realm, name)):
                    answer = self.curl(realm, path, "-X", method, *words)
                    self.assert_denied(realm, name, answer)

    def test_a_route_that_nobody_has_is_refused(self):
        for realm in DENIALS:
            _, key = self.key(realm)
            answer = self.curl(realm, "/nothing", "-H", ROUTES[realm][2].format(key))
            self.assertEqual(answer.status, 403, (realm, answer))
        self.assertEqual(self.product.seen, [])


if __name__ == "__main__":
    unittest.main()
