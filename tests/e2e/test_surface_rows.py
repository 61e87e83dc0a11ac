# SPDX-License-Identifier: MIT
"""What holds for every surface alike, on the realms of the demo: credentials that are malformed,
twice or of the wrong kind; keys of others; forged tokens; pages of other origins. The rows (R-A01
and so on) are those of the checklist that incrm_rows.py goes through for InCRM."""

import base64
import hashlib
import hmac
import json
import time
import unittest

from briksync import ISSUER, sign
from demo import start_demo
from incrm import bearer
from rest import Web

PASSWORD = "a long enough password"


class Surface:
    """One system as a client sees it."""

    def __init__(self, name, product, key_header=None, keys=None, sign_in=None, created=None):
        self.name = name
        self.product = product      # method and path of a request that a key may make
        self.key_header = key_header
        self.keys = keys            # where keys are managed, if anywhere
        self.sign_in = sign_in      # path, and where the token is in the answer
        self.created = created      # (id, secret) of the answer to a create


SURFACES = [
    Surface("basicsos", ("GET", "/api/contacts"), keys="/api/api-tokens",
            sign_in=("/api/auth/sign-in/email", lambda told: told["token"]),
            created=lambda told: (told["id"], told["token"])),
    Surface("incrm", ("GET", "/api/v1/client"), "X-Api-Key", "/api/v1/api-key",
            ("/api/v1/auth/sign-in", lambda told: told["data"]["accessToken"]),
            lambda told: (told["data"]["id"], told["data"]["key"])),
    Surface("briksync", ("GET", "/api/catalog"), keys="/api/api-keys",
            created=lambda told: (told["data"]["id"], told["data"]["key"])),
    Surface("gateway", ("POST", "/v1/messages")),
    Surface("omnicrm", ("GET", "/crm/customers"), "X-API-KEY",
            sign_in=("/crm/auth/login", lambda told: told["token"])),
]


def encode(data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon, ports = start_demo(cls)
        cls.webs = {s.name: Web(ports[s.name], surface=s.name) for s in SURFACES}
        cls.call("UserService/SetOrganization", realm="briksync", id="acme", plan="BUSINESS",
                 updateMask="plan")
        cls.keys = {s.name: cls.daemon.create_key(s.name, scopes=["*"], organizationId="acme")[1]
                    for s in SURFACES}
        cls.people = {s.name: [cls.person(s, n) for n in range(2)]
                      for s in SURFACES if s.sign_in or s.name == "briksync"}

    @classmethod
    def call(cls, method, **request):
        done = cls.daemon.call(method, request)
        if done.code != 0:
            raise AssertionError(done.err)
        return done.json

    @classmethod
    def person(cls, surface, n, roles=("admin",)):
        """Somebody's token."""
        if surface.sign_in is None:
            return sign({"iss": ISSUER, "aud": "authenticated", "sub": f"person-{n}-{roles[0]}",
                         "exp": int(time.time()) + 3600,
                         "app_metadata": {"roles": list(roles), "organization_id": "acme"}})
        email = f"person{n}-{roles[0]}@example.com"
        cls.call("UserService/CreateUser", realm=surface.name, email=email, password=PASSWORD,
                 roles=list(roles), organizationId="acme")
        path, take = surface.sign_in
        answer = cls.webs[surface.name].ask(
            "POST", path, body={"email": email, "password": PASSWORD})
        return take(answer.json)

    def verify(self, surface, *headers, path=None, method=None):
        return self.webs[surface.name].ask(
            "GET", "/_latchkey/verify", ("X-Forwarded-Method", method or surface.product[0]),
            ("X-Forwarded-Uri", path or surface.product[1]), *headers)

    def each(self, **wanted):
        for surface in SURFACES:
            if all(bool(getattr(surface, name)) == value for name, value in wanted.items()):
                with self.subTest(surface.name):
                    yield surface

    def create(self, surface, token, **fields):
        answer = self.webs[surface.name].ask(
            "POST", surface.keys, bearer(token), body={"name": "a", **fields})
        self.assertEqual(answer.status, 201, answer)
        return surface.created(answer.json)

    def refusal_of(self, surface, headers):
        """Status, challenge and body, with nothing in them of what was presented."""
        answer = self.verify(surface, *headers)
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        for _, value in headers:
            if len(value) > 12:
                self.assertNotIn(value.split()[-1].encode(), answer.body)
        return answer.status, answer.header("WWW-Authenticate"), answer.body

    # --- presenting credentials ---

    def test_R_A01_no_credential_is_a_challenge_without_an_error(self):
        for surface in self.each():
            status, challenge, _ = self.refusal_of(surface, [])
            self.assertEqual((status, challenge), (401, f'Bearer realm="{surface.name}"'))

    def test_R_A02_a_malformed_credential_is_nobodys(self):
        for surface in self.each():
            key = self.keys[surface.name]
            for value in ("Bearer " + "x" * 6000, f'Bearer "{key}"', f"Bearer {key}x",
                          f"Bearer {key[:-1]}", f"Bearer {key}, Bearer {key}", "Basic YTpi",
                          f"Token {key}", key, "Bearer", "Bearer \u00e9"):
                status, challenge, _ = self.refusal_of(
                    surface, [("Authorization", value.encode().decode("latin-1"))])
                self.assertIn(status, (400, 401), value)
                self.assertTrue(status == 400 or challenge.startswith("Bearer realm="), value)
            for value in (f"bearer {key}", f"BEARER {key}", f"Bearer  {key}"):
                self.assertEqual(self.verify(surface, ("authorization", value)).status, 200, value)

    def test_R_A03_unknown_and_wrong_are_told_alike(self):
        for surface in self.each():
            key = self.keys[surface.name]
            _, other = self.daemon.create_key(
                "gateway" if surface.name != "gateway" else "incrm", scopes=["*"])
            flipped = key[:-7] + ("A" if key[-7] != "A" else "B") + key[-6:]
            told = {self.refusal_of(surface, [bearer(text)])
                    for text in (flipped, key[:20] + "x" * (len(key) - 20))}
            self.assertEqual(len(told), 1)
            self.assertEqual(self.refusal_of(surface, [bearer(other)])[0], 401)
            self.assertIn('error="invalid_token"', told.pop()[1])

    def test_R_A04_a_lacking_permission_is_insufficient_scope(self):
        for surface in self.each():
            _, weak = self.daemon.create_key(surface.name, scopes=[], organizationId="acme")
            status, challenge, _ = self.refusal_of(surface, [bearer(weak)])
            # InCRM has 401 for it.
            self.assertEqual(status, 401 if surface.name == "incrm" else 403)
            self.assertIn('error="insufficient_scope"', challenge)

    def test_R_A05_no_credential_is_taken_from_a_query_or_a_body(self):
        for surface in self.each():
            key, web = self.keys[surface.name], self.webs[surface.name]
            for query in (f"?access_token={key}", f"?api_key={key}", f"?key={key}"):
                self.assertEqual(self.verify(surface, path=surface.product[1] + query).status, 401)
                if surface.keys:
                    self.assertEqual(web.ask("GET", surface.keys + query).status, 401)
            form = ("Content-Type", "application/x-www-form-urlencoded")
            answer = web.ask("POST", "/_latchkey/verify", form,
                             ("X-Forwarded-Method", surface.product[0]),
                             ("X-Forwarded-Uri", surface.product[1]),
                             body=f"access_token={key}".encode())
            self.assertEqual(answer.status, 401)
        self.assertNotIn(key, self.daemon.log.read_text())

    def test_R_A06_a_key_is_judged_alike_however_it_is_presented(self):
        for surface in self.each(key_header=True):
            for fields, status in (({}, 200), ({"networks": ["192.0.2.0/24"]}, None),
                                   ({"scopes": []}, None)):
                _, key = self.daemon.create_key(
                    surface.name, **{"scopes": ["*"], "organizationId": "acme", **fields})
                ways = [self.verify(surface, bearer(key)),
                        self.verify(surface, (surface.key_header, key))]
                told = {(a.status, a.body, a.header("X-Latchkey-Key")) for a in ways}
                self.assertEqual(len(told), 1, told)
                self.assertEqual(ways[0].status == 200, status == 200)

    def test_R_A07_R_A09_two_credentials_are_400(self):
        for surface in self.each():
            key = self.keys[surface.name]
            pairs = [(bearer(key), bearer(key)), (bearer(key), bearer("x"))]
            if surface.key_header:
                pairs += [(bearer(key), (surface.key_header, key)),
                          ((surface.key_header, key), (surface.key_header, key))]
            for pair in pairs:
                self.assertEqual(self.verify(surface, *pair).status, 400, pair)

    def test_R_A10_R_A11_no_credential_stands_in_for_another(self):
        for surface in self.each(keys=True):
            token, _ = self.people[surface.name]
            id, key = self.create(surface, token)
            web = self.webs[surface.name]
            for method, path, body in (
                ("POST", surface.keys, {"name": "a"}), ("GET", surface.keys, None),
                ("DELETE", f"{surface.keys}/{id}", None),
            ):
                answer = web.ask(method, path, bearer(key), body=body)
                self.assertEqual(answer.status, 403, answer)
            self.assertEqual(self.verify(surface, bearer(id)).status, 401)
            self.assertEqual(self.verify(surface, bearer(key)).status, 200)

    def test_R_A12_R_A14_the_address_of_a_realm_has_nothing_of_the_operators(self):
        for surface in self.each():
            web = self.webs[surface.name]
            for path in ("/latchkey.v1.KeyService/CreateKey", "/_latchkey/metrics",
                         "/_latchkey/readyz", "/latchkey.v1.ReflectionService/GetDescriptors"):
                answer = web.ask("POST", path, bearer(self.keys[surface.name]), body={})
                self.assertEqual(answer.status, 404, (path, answer))
            self.assertEqual(web.ask("GET", "/_latchkey/healthz").json, {"status": "ok"})

    def test_R_A13_networks(self):
        for surface in self.each():
            _, key = self.daemon.create_key(surface.name, scopes=["*"], organizationId="acme",
                                            networks=["203.0.113.5", "2001:db8::/32"])
            for address, is_allowed in (
                ("203.0.113.5", True), ("::ffff:203.0.113.5", True), ("2001:db8::1", True),
                ("203.0.113.6", False), ("203.0.113.005", False), ("garbage", False),
            ):
                answer = self.verify(surface, bearer(key), ("X-Forwarded-For", address))
                self.assertEqual(answer.status == 200, is_allowed, (address, answer))

    # --- keys ---

    def test_R_K01_R_K02_the_owner_is_who_asks(self):
        for surface in self.each(keys=True):
            first, second = self.people[surface.name]
            web = self.webs[surface.name]
            answer = web.ask("POST", surface.keys, body={"name": "a", "userId": "victim"})
            self.assertEqual(answer.status, 401)
            id, _ = self.create(surface, first, userId="victim", user_id="victim",
                                ownerId="victim", organizationId="other")
            self.assertIn(id.encode(), web.ask("GET", surface.keys, bearer(first)).body)
            self.assertNotIn(id.encode(), web.ask("GET", surface.keys, bearer(second)).body)

    def test_R_K03_R_K07_somebody_elses_key_is_not_there(self):
        for surface in self.each(keys=True):
            first, second = self.people[surface.name]
            id, key = self.create(surface, first)
            web = self.webs[surface.name]
            told = {(a.status, a.body) for a in (
                web.ask("DELETE", f"{surface.keys}/{text}", bearer(second))
                for text in (id, id[:-1] + ("A" if id[-1] != "A" else "B"), "nonsense"))}
            self.assertEqual({status for status, _ in told}, {404})
            self.assertEqual(len(told), 1)
            self.assertEqual(self.verify(surface, bearer(key)).status, 200)

    def test_R_K09_R_K10_the_secret_is_told_once(self):
        for surface in self.each(keys=True):
            token, _ = self.people[surface.name]
            id, key = self.create(surface, token)
            web = self.webs[surface.name]
            for path in (surface.keys, f"{surface.keys}/{id}"):
                self.assertNotIn(key[-30:].encode(), web.ask("GET", path, bearer(token)).body)
            self.assertNotIn(key[-30:], self.daemon.log.read_text())

    def test_R_K11_R_K12_a_revoked_key_is_refused_everywhere_at_once(self):
        for surface in self.each(keys=True):
            token, _ = self.people[surface.name]
            web = self.webs[surface.name]
            id, key = self.create(surface, token)
            wires = [web.connect() for _ in range(16)]
            asked = (("X-Forwarded-Method", surface.product[0]),
                     ("X-Forwarded-Uri", surface.product[1]), bearer(key))
            for wire in wires:
                self.addCleanup(wire.close)
                answer = web.ask("GET", "/_latchkey/verify", *asked, connection=wire)
                self.assertEqual(answer.status, 200)
            self.assertEqual(
                web.ask("DELETE", f"{surface.keys}/{id}", bearer(token)).status, 204)
            for wire in wires:
                answer = web.ask("GET", "/_latchkey/verify", *asked, connection=wire)
                self.assertEqual(answer.status, 401)
            self.assertEqual(
                web.ask("DELETE", f"{surface.keys}/{id}", bearer(token)).status, 404)

    def test_R_K14_R_K15_keys_follow_their_owner(self):
        for surface in self.each(keys=True, sign_in=True):
            token = self.person(surface, 7, roles=("admin",))
            _, key = self.create(surface, token)
            [user] = [user for user in self.call(
                "UserService/ListUsers", realm=surface.name, pageSize=100)["users"]
                if user["email"] == "person7-admin@example.com"]
            wide = {"method": "DELETE", "path": surface.product[1] + "/1"}
            self.assertEqual(self.verify(surface, bearer(key), **wide).status, 200)
            self.call("UserService/UpdateUser", realm=surface.name, id=user["id"],
                      roles=["viewer"], updateMask="roles")
            self.assertIn(self.verify(surface, bearer(key), **wide).status, (401, 403))
            self.assertEqual(self.verify(surface, bearer(key)).status, 200)
            self.call("UserService/UpdateUser", realm=surface.name, id=user["id"], enabled=False,
                      updateMask="enabled")
            for credential in (key, token):
                self.assertEqual(self.verify(surface, bearer(credential)).status, 401)

    def test_R_K18_names_are_data_or_refused(self):
        for surface in self.each(keys=True):
            token, _ = self.people[surface.name]
            web = self.webs[surface.name]
            for name in ("<script>alert(1)</script>", "\u202eevil", "\U0001f511", "a" * 200):
                self.create(surface, token, name=name)
            listed = web.ask("GET", surface.keys, bearer(token))
            self.assertIn("<script>alert(1)</script>", json.dumps(listed.json))
            self.assertEqual(listed.header("X-Content-Type-Options"), "nosniff")
            for name in ("", "a" * 201, "a\x00b", "a\r\nX-Evil: 1", 7, None, ["a"]):
                answer = web.ask("POST", surface.keys, bearer(token), body={"name": name})
                self.assertEqual(answer.status, 400, (name, answer))

    # --- tokens ---

    def forgeries(self, token):
        """Tokens that are none, made out of one."""
        head, body, signature = token.split(".")
        header, claims = decode(head), decode(body)
        for name in ("none", "None", "nOnE", "NONE", "", None, 1, ["HS256"], "HS256 ", "HS512",
                     "ES256", "RS256", "PS256"):
            forged = encode({**header, "alg": name})
            yield f"{forged}.{body}."
            yield f"{forged}.{body}.{signature}"
        for more in ({"crit": []}, {"crit": ["exp"]}, {"b64": False, "crit": ["b64"]},
                     {"kid": "../../etc/passwd"}, {"kid": "x" * 4000}, {"kid": ["a"]},
                     {"jku": "http://127.0.0.1:1/"}, {"zip": "DEF"}, {"typ": "refresh+jwt"}):
            yield f"{encode({**header, **more})}.{body}.{signature}"
        for secret in (b"", b"\0", str(header.get("kid", "")).encode(), b"secret"):
            signed = f"{encode({**header, 'alg': 'HS256'})}.{body}"
            mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
            yield f"{signed}.{encode(mac)}"
        for change in ({"sub": "somebody"}, {"iss": "other"}, {"aud": "other"}, {"exp": 1e400},
                       {"exp": claims["exp"] + 3600}, {"exp": None}, {"exp": -1}):
            text = json.dumps({**claims, **change}).replace("Infinity", "1e400")
            yield f"{head}.{encode(text.encode())}.{signature}"
        yield from (head, f"{head}.{body}", f"{token}.x", f"{token}.x.y", "..", "." * 200,
                    f"{head}.{body}.{signature}=", f"{head}.{body}.{signature[:-2]}",
                    f"{head}.{body}.{signature[:-1]}{'A' if signature[-1] != 'A' else 'B'}",
                    f"{encode([])}.{body}.{signature}", f"{encode({})}.{body}.{signature}")

    def test_R_J01_to_R_J16_a_forged_token_is_nobodys(self):
        for surface in self.each():
            token = self.people.get(surface.name, [""])[0]
            if token.count(".") != 2:
                continue
            self.assertEqual(self.verify(surface, bearer(token)).status, 200)
            for forged in self.forgeries(token):
                answer = self.verify(surface, bearer(forged))
                self.assertIn(answer.status, (401,), (forged[:60], answer))
                self.assertIn('error="invalid_token"', answer.header("WWW-Authenticate"))

    # --- people ---

    def test_R_S01_R_S03_unknown_and_wrong_are_one_answer(self):
        for surface in self.each(sign_in=True):
            web, (path, _) = self.webs[surface.name], surface.sign_in
            told = set()
            for email, password in (("person0-admin@example.com", "wrong password of some length"),
                                    ("nobody@example.com", "wrong password of some length"),
                                    (" PERSON0-ADMIN@EXAMPLE.COM ", "wrong")):
                answer = web.ask("POST", path, body={"email": email, "password": password})
                told.add((answer.status, answer.body, answer.header("Set-Cookie")))
            self.assertEqual(len(told), 1, told)
            self.assertEqual(told.pop()[0], 401)
            answer = web.ask("POST", path, body={
                "email": " Person0-Admin@Example.COM ", "password": PASSWORD})
            self.assertEqual(answer.status, 200)

    def test_R_P04_a_long_password_is_refused_before_it_is_hashed(self):
        for surface in self.each(sign_in=True):
            web, (path, _) = self.webs[surface.name], surface.sign_in
            answer = web.ask("POST", path, body={
                "email": "person0-admin@example.com", "password": "x" * 5000})
            self.assertIn(answer.status, (400, 401))
            answer = web.ask("POST", path, body={
                "email": "a@example.com", "password": "x" * 100000})
            self.assertEqual(answer.status, 413)

    # --- pages of other origins ---

    def test_R_C01_R_C03_another_origin_gets_no_credentials(self):
        for surface in self.each():
            for origin in ("https://evil.example", "null", "https://app.incrm.app.evil.example",
                           "https://evilapp.incrm.app", "http://app.incrm.app",
                           "https://APP.incrm.app", "https://app.incrm.app."):
                for answer in (
                    self.verify(surface, ("Origin", origin)),
                    self.webs[surface.name].ask(
                        "OPTIONS", surface.keys or "/nothing", ("Origin", origin),
                        ("Access-Control-Request-Method", "POST")),
                ):
                    self.assertIsNone(answer.header("Access-Control-Allow-Credentials"), origin)

    def test_R_C07_nothing_changes_by_get_or_by_a_simple_content_type(self):
        for surface in self.each(keys=True):
            token, _ = self.people[surface.name]
            web = self.webs[surface.name]
            before = web.ask("GET", surface.keys, bearer(token)).body
            for kind in ("text/plain", "application/x-www-form-urlencoded",
                         "multipart/form-data; boundary=x"):
                answer = web.ask("POST", surface.keys, bearer(token), ("Content-Type", kind),
                                 body=b'{"name": "a"}')
                self.assertEqual(answer.status, 415)
            self.assertEqual(web.ask("GET", surface.keys + "?name=a", bearer(token)).body, before)

    # --- the same over raw bytes ---

    def test_what_is_no_sound_http_reaches_no_surface(self):
        for surface in self.each():
            key, web = self.keys[surface.name], self.webs[surface.name]
            ask = (f"GET /_latchkey/verify HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n"
                   f"X-Forwarded-Method: {surface.product[0]}\r\n"
                   f"X-Forwarded-Uri: {surface.product[1]}\r\n")
            self.assertIn(b" 200 ", web.raw(f"{ask}Connection: close\r\n\r\n".encode())[:20])
            for bad in (
                ask + "Authorization : Bearer x\r\n\r\n", ask + " folded\r\n\r\n",
                ask + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
                ask + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
                ask + "Transfer-Encoding: gzip\r\n\r\n",
                ask.replace("HTTP/1.1", "HTTP/1.9") + "\r\n",
                ask.replace("Host: a\r\n", "Host: a\r\nHost: b\r\n") + "\r\n",
                ask.replace("GET ", "GE\x01T ") + "\r\n", ask + "X: a\x00b\r\n\r\n",
                ask + "X: " + "x" * 70000 + "\r\n\r\n",
            ):
                status = int(web.raw(bad.encode("latin-1")).split(b" ", 2)[1])
                self.assertGreaterEqual(status, 400, bad[-60:])


if __name__ == "__main__":
    unittest.main()
