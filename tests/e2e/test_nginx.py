# SPDX-License-Identifier: MIT
"""A realm behind examples/nginx/incrm.conf: what clients may try, and what a product is told."""

import json
import subprocess
import unittest

from nginx import Curl, start_nginx, start_product
from web import STRANGER, WebTest, headers

CLIENT = "/api/v1/client"


class Nginx(WebTest):
    def setUp(self):
        super().setUp()
        self.product = start_product(self)
        self.port = start_nginx(self, {"incrm": self.ports["crm"]}, self.product)["incrm"]

    def curl(self, path, *words, key=None, bearer=None, **more):
        for name, value in {**headers(bearer=bearer, key=key), **more}.items():
            words += ("-H", f"{name.replace('_', '-')}: {value}")
        url = f"http://127.0.0.1:{self.port}{path}"
        return Curl(
            subprocess.run(
                ["curl", "-sS", "-i", "--path-as-is", "--max-time", "30", *words, url],
                check=True, capture_output=True, timeout=60,
            )
        )

    def assert_refused(self, answer, status, code, message):
        """The documented answer, and nothing has reached the product."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(
            answer.json, {"success": False, "error": {"code": code, "message": message}}
        )
        self.assertEqual(answer.all("Content-Type"), ["application/json"])
        self.assertEqual(answer.all("Cache-Control"), ["no-store"])
        self.assertEqual([n for n, _ in answer.headers if n.lower().startswith("x-latchkey")], [])
        self.assertEqual(self.product.seen, [])

    def test_an_allowed_request_reaches_the_product_with_its_identity(self):
        id, key = self.daemon.create_key("crm", scopes=["clients.*"], userId="u_1",
                                         organizationId="acme")
        for credential in ({"key": key}, {"bearer": key}):
            answer = self.curl(CLIENT + "?page=2&q=%2F..", **credential)
            self.assertEqual((answer.status, answer.body), (200, "data"))
            method, path, got, _ = self.product.last()
            self.assertEqual((method, path), ("GET", CLIENT + "?page=2&q=%2F.."))
            told = {n: got.get_all(n) for n in got if n.lower().startswith("x-latchkey-")}
            self.assertEqual(told, {
                "X-Latchkey-Realm": ["crm"], "X-Latchkey-Key": [id], "X-Latchkey-User": ["u_1"],
                "X-Latchkey-Organization": ["acme"], "X-Latchkey-Scopes": ["clients.*"]})
            self.assertIsNone(got["Authorization"])
            self.assertIsNone(got["X-Api-Key"])

    def test_a_person_signs_in_works_and_signs_out(self):
        self.create_user("crm", roles=["viewer"], organizationId="acme")
        credentials = json.dumps({"email": "ada@example.org", "password": "a long enough password"})
        answer = self.curl("/api/v1/auth/sign-in", "-d", credentials,
                           Content_Type="application/json")
        self.assertEqual(answer.status, 200)
        self.assertIn("refreshToken=", answer.all("Set-Cookie")[0])
        token = answer.json["data"]["accessToken"]
        self.assertEqual(self.curl(CLIENT, bearer=token).status, 200)
        self.assertEqual(self.product.last()[2].get_all("X-Latchkey-Roles"), ["viewer"])
        self.assertEqual(self.curl("/api/v1/auth/logout", "-X", "POST", bearer=token).status, 204)
        self.product.seen.clear()
        self.assert_refused(self.curl(CLIENT, bearer=token), 401, 401011,
                            "Access token not found in whitelist")

    def test_a_body_reaches_the_product_and_not_latchkeyd(self):
        _, key = self.daemon.create_key("crm", scopes=["*"])
        body = '{"name":"' + "x" * 300000 + '"}'
        path = self.daemon.directory / "body"
        path.write_text(body)
        answer = self.curl(CLIENT, "--data-binary", f"@{path}", key=key)
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.product.last()[3], body.encode())

    def test_a_refused_request_gets_the_documented_answer(self):
        _, weak = self.daemon.create_key("crm", scopes=["clients.read"])
        id, dead = self.daemon.create_key("crm", scopes=["*"])
        self.daemon.cli("key", "revoke", "--realm", "crm", id)
        cases = [
            ({}, 401, 401010, "Invalid access token", 'Bearer realm="crm"'),
            ({"bearer": "x"}, 401, 401010, "Invalid access token", "invalid_token"),
            ({"key": "crm_x"}, 401, 401022, "Invalid API key", "invalid_token"),
            ({"key": dead}, 401, 401021, "API key has been revoked", "invalid_token"),
            ({"key": weak}, 401, 401015, "Business access required", None),
        ]
        for credential, status, code, message, challenge in cases:
            answer = self.curl(CLIENT, **credential)
            self.assert_refused(answer, status, code, message)
            self.assertEqual(len(answer.all("WWW-Authenticate")), 1)
            self.assertIn(challenge or "Bearer", answer.all("WWW-Authenticate")[0])
        answer = self.curl(CLIENT, "-X", "POST", key=weak)
        self.assert_refused(answer, 401, 401014, "Insufficient permissions for this action")
        self.assertIn("insufficient_scope", answer.all("WWW-Authenticate")[0])
        answer = self.curl(CLIENT, "-X", "DELETE", key=weak)
        self.assert_refused(answer, 403, 403000, "Forbidden resource")
        self.assertEqual(answer.all("WWW-Authenticate"), [])
        answer = self.curl(CLIENT, key=weak, bearer=weak)
        self.assert_refused(answer, 400, 400000, "one credential at a time")
        answer = self.curl(CLIENT, "-I")
        self.assertEqual((answer.status, answer.body), (401, ""))

    def test_a_public_path_is_open(self):
        for credential in ({}, {"key": "rubbish"}, {"bearer": "x", "key": "y"}):
            self.assertEqual(self.curl("/api/v1/public/page", **credential).status, 200)
            self.assertIsNone(self.product.last()[2]["X-Latchkey-User"])
            self.assertIsNone(self.product.last()[2]["X-Api-Key"])

    def test_the_product_gets_the_path_that_was_judged(self):
        for path in ("/api/v1/public/%41%7e%20%C3%A9", "/api/v1/public/a?b=/../%2e%2e//;#"):
            self.assertEqual(self.curl(path).status, 200)
            self.assertEqual(self.product.last()[1], path.split("#")[0])

    def test_what_a_client_says_of_itself_never_reaches_the_product(self):
        _, key = self.daemon.create_key("crm", scopes=["*"])
        names = ("Realm", "Key", "Session", "User", "Organization", "Plan", "Roles", "Scopes")
        forged = {f"X-Latchkey-{name}": "forged" for name in names}
        words = [w for name in names for w in ("-H", f"X_Latchkey_{name}: forged")]
        for path, credential in ((CLIENT, {"key": key}), ("/api/v1/public/page", {}),
                                 ("/api/v1/any", {"key": key})):
            self.curl(path, *words, **credential, **forged)
        self.assertEqual(len(self.product.seen), 2)
        for _, _, got, _ in self.product.seen:
            self.assertNotIn("forged", got.values())

    def test_a_client_cannot_choose_what_is_asked(self):
        _, key = self.daemon.create_key("crm", scopes=["clients.read"])
        for kind in ("Original", "Forwarded"):
            forged = {f"X-{kind}-Method": "GET", f"X-{kind}-URI": "/api/v1/public/page"}
            answer = self.curl("/api/v1/public/secret", key=key, **forged)
            self.assert_refused(answer, 401, 401014, "Insufficient permissions for this action")
            self.assert_refused(self.curl("/_latchkey/x", **forged), 403, 403000,
                                "Forbidden resource")

    def test_a_path_that_may_be_read_in_two_ways_is_refused(self):
        _, key = self.daemon.create_key("crm", scopes=["*"], organizationId="acme")
        for path in (
            "/api/v1/client/../any", "/api/v1/public/../client", "/api/v1/public/%2e%2e/client",
            "/api/v1/public/.%2e/client", "//api/v1/client", "/api/v1//public/page",
            "/api/v1/public/..%2fclient", "/api/v1/public/secret;x", "/api/v1/public/a%3fb",
            "/api/v1/public/%c0%ae%c0%ae/client", "/api/v1/public/..\\client",
        ):
            answer = self.curl(path, key=key)
            self.assert_refused(answer, 400, 400000, "the original request is not clear")

    def test_the_question_is_not_for_clients(self):
        _, key = self.daemon.create_key("crm", scopes=["*"])
        self.assertEqual(self.curl("/_latchkey/verify", key=key).status, 404)
        for path in ("/_latchkey/metrics", "/_latchkey/readyz", "/_latchkey/healthz"):
            self.assertEqual(self.curl(path, key=key).status, 403)
        self.assertEqual(self.product.seen, [])

    def test_a_key_bound_to_networks_is_held_to_the_address_that_nginx_sees(self):
        _, key = self.daemon.create_key("crm", scopes=["*"], networks=[STRANGER])
        near = ("--interface", STRANGER)
        self.assertEqual(self.curl("/api/v1/any", *near, key=key).status, 200)
        forged = {"X-Forwarded-For": "127.0.0.3"}
        self.assertEqual(self.curl("/api/v1/any", *near, key=key, **forged).status, 200)
        self.product.seen.clear()
        forged = {"X-Forwarded-For": STRANGER, "X-Real-IP": STRANGER}
        answer = self.curl("/api/v1/any", "--interface", "127.0.0.3", key=key, **forged)
        self.assert_refused(answer, 403, 403000, "Forbidden resource")

    def test_the_products_own_refusals_are_its_own(self):
        _, key = self.daemon.create_key("crm", scopes=["*"])
        answer = self.curl("/api/v1/public/sulks", key=key)
        self.assertEqual((answer.status, answer.body), (401, "data"))

    def test_without_latchkeyd_nothing_reaches_the_product(self):
        _, key = self.daemon.create_key("crm", scopes=["*"], organizationId="acme")
        self.assertEqual(self.curl(CLIENT, key=key).status, 200)
        self.product.seen.clear()
        self.daemon.stop()
        for path in (CLIENT, "/api/v1/public/page"):
            self.assert_refused(self.curl(path, key=key), 503, 503000, "Service unavailable")

    def test_a_key_of_many_scopes_passes(self):
        many = [f"clients.read{n:03}{'x' * 49}" for n in range(64)]
        text = self.daemon.config.read_text()
        names = "[clients.read, clients.create, apiKeys"
        more = "[clients.read, clients.create, " + ", ".join(many) + ", apiKeys"
        self.assertIn(names, text)
        self.daemon.config.write_text(text.replace(names, more))
        self.daemon.stop()
        self.daemon.start()
        _, key = self.daemon.create_key("crm", scopes=many)
        self.assertEqual(self.curl("/api/v1/any", key=key).status, 200)
        self.assertEqual(self.product.last()[2]["X-Latchkey-Scopes"], ",".join(many))


if __name__ == "__main__":
    unittest.main()
