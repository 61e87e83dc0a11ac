# SPDX-License-Identifier: MIT
"""What a proxy asks at /_latchkey/verify, and the other documents of a realm, over a socket."""

import json
import socket
import unittest

from web import STRANGER, TRUSTED, WebTest, headers, nginx, plain

CLIENT = "/api/v1/client"
ANY = "/api/v1/any"
PUBLIC = "/api/v1/public/page"

DOCUMENTED = {
    401010: "Invalid access token",
    401014: "Insufficient permissions for this action",
    401015: "Business access required",
    401021: "API key has been revoked",
    401022: "Invalid API key",
    403000: "Forbidden resource",
}


class VerifyTest(WebTest):
    def key(self, realm="crm", scopes=("*",), **fields):
        return self.daemon.create_key(realm, scopes=list(scopes), **fields)[1]

    def assert_allowed(self, answer):
        self.assertEqual((answer.status, answer.body), (200, b""), answer.headers)
        self.assertEqual(answer.header("Cache-Control"), "no-store")

    def assert_body(self, body, code):
        self.assertEqual(
            json.loads(body),
            {"success": False, "error": {"code": code, "message": DOCUMENTED[code]}},
        )

    def assert_refused(self, answer, status, code):
        """As proxies hear it that pass on what they get."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertIsNone(answer.header("X-Latchkey-Status"))
        self.assertIsNone(answer.header("X-Latchkey-User"))
        self.assert_body(answer.body, code)

    def assert_refused_to_nginx(self, answer, status, told, code):
        self.assertEqual((answer.status, answer.body), (status, b""))
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertEqual(answer.header("X-Latchkey-Status"), str(told))
        self.assertIsNone(answer.header("X-Latchkey-User"))
        self.assert_body(answer.header("X-Latchkey-Body"), code)


class Verify(VerifyTest):
    # --- what is asked about ---

    def test_a_request_with_a_good_credential_passes(self):
        key = self.key(organizationId="acme")
        for ask in (nginx, plain):
            self.assert_allowed(self.verify(ask(CLIENT, key=key)))
            self.assert_allowed(self.verify(ask(CLIENT + "?page=2", bearer=key)))
            self.assert_allowed(self.verify(ask(CLIENT, "HEAD", bearer=key)))
            self.assert_allowed(self.verify(ask(CLIENT, "POST", bearer=key)))

    def test_without_a_credential_a_request_is_refused(self):
        answer = self.verify(plain(CLIENT))
        self.assert_refused(answer, 401, 401010)
        self.assertEqual(answer.header("WWW-Authenticate"), 'Bearer realm="crm"')
        answer = self.verify(nginx(CLIENT))
        self.assert_refused_to_nginx(answer, 401, 401, 401010)
        self.assertEqual(answer.header("WWW-Authenticate"), 'Bearer realm="crm"')

    def test_a_bad_credential_is_refused(self):
        for bad in ("rubbish", "a.b.c", "x" * 7000):
            answer = self.verify(plain(CLIENT, bearer=bad))
            self.assert_refused(answer, 401, 401010)
            self.assertIn('error="invalid_token"', answer.header("WWW-Authenticate"))
        for bad in ("crm_rubbish", "crm_", "crm_" + "A" * 43 + "111111"):
            self.assert_refused(self.verify(plain(CLIENT, bearer=bad)), 401, 401022)
        # In the header of keys nothing else is looked for.
        for bad in ("rubbish", "a b", "caf\u00e9"):
            self.assert_refused(self.verify(plain(CLIENT, key=bad)), 401, 401022)
        basic = {**plain(CLIENT), "Authorization": "Basic YTpi"}
        self.assert_refused(self.verify(basic), 401, 401010)

    def test_a_key_of_another_realm_is_refused(self):
        self.assert_refused(
            self.verify(plain(CLIENT, key=self.key("shop", organizationId="acme"))), 401, 401022
        )

    def test_two_credentials_are_a_bad_request(self):
        key = self.key(organizationId="acme")
        answer = self.verify(plain(CLIENT, bearer=key, key=key))
        self.assertEqual((answer.status, answer.json["error"]["code"]), (400, 400000))
        answer = self.verify(nginx(CLIENT, bearer=key, key=key))
        self.assertEqual((answer.status, answer.header("X-Latchkey-Status")), (403, "400"))
        twice = {**plain(CLIENT), "X-Api-Key": [key, key]}
        self.assertEqual(self.verify(twice).status, 400)

    def test_a_public_path_is_open_whatever_credential_comes(self):
        for ask in (nginx, plain):
            for credential in ({}, {"bearer": "rubbish"}, {"bearer": "a", "key": "b"}):
                answer = self.verify(ask(PUBLIC, "DELETE", **credential))
                self.assert_allowed(answer)
                self.assertEqual(answer.header("X-Latchkey-Realm"), "crm")
                self.assertIsNone(answer.header("X-Latchkey-User"))

    def test_the_first_rule_for_a_path_counts(self):
        answer = self.verify(plain("/api/v1/public/secret", key=self.key(scopes=["clients.read"])))
        self.assert_refused(answer, 401, 401014)

    def test_what_has_no_rule_is_refused_with_every_credential(self):
        key = self.key(organizationId="acme")
        for path, method in [("/", "GET"), (CLIENT, "DELETE"), (CLIENT + "/", "GET"),
                             ("/api/v1/CLIENT", "GET"), ("/api/v1/public", "GET"),
                             (CLIENT, "PROPFIND")]:
            self.assert_refused(self.verify(plain(path, method, key=key)), 403, 403000)
            self.assert_refused_to_nginx(
                self.verify(nginx(path, method, key=key)), 403, 403, 403000
            )

    def test_a_path_that_two_programs_may_read_in_two_ways_is_refused(self):
        key = self.key(organizationId="acme")
        for path in (
            "/api/v1/client/../any", "/api/v1/public/%2e%2e/client", "/api/v1//client",
            "//api/v1/client", "/api/v1/public/..%2fclient", "/api/v1/public/secret;x",
            "/api/v1/public/secret%3fx", "/api/v1/public/secret#x", "/api/v1/public/a%00b",
            "/api/v1/public/%c0%ae%c0%ae/client", "/api/v1/public\\..\\client", "api/v1/any", "",
        ):
            answer = self.verify(plain(path, key=key))
            self.assertEqual((answer.status, answer.json["error"]["code"]), (400, 400000), path)
            answer = self.verify(nginx(path, key=key))
            self.assertEqual((answer.status, answer.header("X-Latchkey-Status")), (403, "400"))

    def test_a_client_cannot_ask_in_the_name_of_the_proxy(self):
        key = self.key()
        for ask in (nginx, plain):
            other = plain if ask is nginx else nginx
            for mine in ({}, {"key": key}):
                both = {**ask("/api/v1/public/secret", **mine), **other(PUBLIC)}
                self.assertEqual(self.verify(both).status, 403)
        for half in ({"X-Original-Method": "GET"}, {"X-Forwarded-Uri": ANY}):
            self.assertIn(self.verify({**half, **headers(key=key)}).status, (400, 403))

    # --- who asks ---

    def test_permissions_are_asked_for(self):
        reader = self.key(scopes=["clients.read"], organizationId="acme")
        self.assert_allowed(self.verify(plain(CLIENT, key=reader)))
        for answer in (self.verify(plain(CLIENT, "POST", bearer=reader)),
                       self.verify(plain(CLIENT, "POST", key=reader))):
            self.assert_refused(answer, 401, 401014)
            self.assertIn('error="insufficient_scope"', answer.header("WWW-Authenticate"))
        self.assert_refused_to_nginx(
            self.verify(nginx(CLIENT, "POST", key=reader)), 401, 401, 401014
        )
        # Where the realm has no document that says otherwise, it is 403 (RFC 6750).
        reader = self.key("shop", scopes=["clients.read"])
        answer = self.verify(plain(CLIENT, "POST", key=reader), port="shop")
        self.assertEqual((answer.status, answer.json["code"]), (403, "permission_denied"))
        self.assertIn('error="insufficient_scope"', answer.header("WWW-Authenticate"))

    def test_an_organization_is_asked_for(self):
        self.assert_refused(self.verify(plain(CLIENT, key=self.key())), 401, 401015)
        self.assert_allowed(self.verify(plain(ANY, key=self.key())))

    def test_the_identity_of_a_key_is_told(self):
        id, key = self.daemon.create_key(
            "crm", scopes=["clients.read", "apiKeys.*"], userId="u 1,\u00e9",
            organizationId="acme",
        )
        for ask in (nginx, plain):
            answer = self.verify(ask(CLIENT, key=key))
            self.assert_allowed(answer)
            told = {n: v for n, v in answer.headers.items() if n.startswith("x-latchkey-")}
            self.assertEqual(
                told,
                {
                    "x-latchkey-realm": ["crm"],
                    "x-latchkey-key": [id],
                    "x-latchkey-user": ["u%201%2C%C3%A9"],
                    "x-latchkey-organization": ["acme"],
                    "x-latchkey-scopes": ["clients.read,apiKeys.*"],
                },
            )

    def test_the_identity_of_a_person_is_told(self):
        self.ask("UserService/SetOrganization",
                 {"realm": "crm", "id": "acme", "plan": "PRO", "updateMask": "plan"})
        user = self.create_user("crm", roles=["viewer", "admin"], organizationId="acme")
        token = self.sign_in("crm")["accessToken"]
        session = self.judge("crm", token)["principal"]["sessionId"]
        answer = self.verify(nginx(CLIENT, bearer=token))
        self.assert_allowed(answer)
        told = {n: v for n, v in answer.headers.items() if n.startswith("x-latchkey-")}
        self.assertEqual(set(told.pop("x-latchkey-roles")[0].split(",")), {"viewer", "admin"})
        told.pop("x-latchkey-scopes", None)
        self.assertEqual(
            told,
            {
                "x-latchkey-realm": ["crm"],
                "x-latchkey-session": [session],
                "x-latchkey-user": [user["id"]],
                "x-latchkey-organization": ["acme"],
                "x-latchkey-plan": ["PRO"],
            },
        )

    def test_an_identity_that_a_client_sends_changes_nothing(self):
        key = self.key()
        forged = {"X-Latchkey-" + name: "admin" for name in
                  ("User", "Realm", "Key", "Session", "Organization", "Plan", "Roles", "Scopes",
                   "Status", "Body")}
        honest = self.verify(plain(ANY, key=key)).headers
        answer = self.verify({**plain(ANY, key=key), **forged})
        del honest["date"], answer.headers["date"]
        self.assertEqual(answer.headers, honest)
        self.assert_refused(self.verify({**plain(CLIENT, key=key), **forged}), 401, 401015)
        self.assert_refused(self.verify({**plain(ANY), **forged}), 401, 401010)

    def test_a_credential_in_the_query_is_none(self):
        key = self.key()
        answer = self.once(f"/_latchkey/verify?access_token={key}&api_key={key}",
                           headers=plain(f"{ANY}?access_token={key}&api_key={key}"))
        self.assert_refused(answer, 401, 401010)

    # --- from where ---

    def test_without_an_original_request_the_answer_is_who_asks(self):
        key = self.key(scopes=[])
        for source in (TRUSTED, STRANGER):
            self.assert_allowed(self.verify(headers(key=key), source=source))
            self.assert_refused(self.verify({}, source=source), 401, 401010)

    def test_an_untrusted_peer_may_not_ask_about_another_request(self):
        key = self.key(organizationId="acme")
        for ask in (nginx, plain):
            for path in (CLIENT, PUBLIC, "/nowhere", "/a/.."):
                answer = self.verify(ask(path, key=key), source=STRANGER)
                self.assert_refused(answer, 403, 403000)

    def test_a_key_bound_to_networks_works_from_there_only(self):
        key = self.key(networks=["203.0.113.0/24", "2001:db8::/32"])
        for near in ("203.0.113.7", "2001:db8::1", "::ffff:203.0.113.7",
                     "198.51.100.1, 203.0.113.7", "203.0.113.7, 127.0.0.1"):
            self.assert_allowed(self.verify(plain(ANY, key=key, client=near)))
            self.assert_allowed(self.verify(nginx(ANY, bearer=key, client=near)))
        for far in ("198.51.100.1", "203.0.113.7, 198.51.100.1", "rubbish", "", None,
                    "203.0.113.7, unknown", "203.0.113.007"):
            self.assert_refused(self.verify(plain(ANY, key=key, client=far)), 403, 403000)
            self.assert_refused_to_nginx(
                self.verify(nginx(ANY, key=key, client=far)), 403, 403, 403000
            )

    def test_an_untrusted_peer_cannot_say_where_it_is(self):
        key = self.key(networks=["203.0.113.0/24"])
        self.assert_allowed(self.verify(headers(key=key, client="203.0.113.7")))
        for extra in ({}, {"X-Real-IP": "203.0.113.7", "Forwarded": "for=203.0.113.7"}):
            forged = {**headers(key=key, client="203.0.113.7"), **extra}
            self.assert_refused(self.verify(forged, source=STRANGER), 403, 403000)
        here = self.key(networks=[STRANGER])
        self.assert_allowed(self.verify(headers(key=here, client="203.0.113.7"), source=STRANGER))

    # --- how ---

    def test_any_method_will_do(self):
        key = self.key()
        client = self.client()
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            body = None if method in ("GET", "HEAD") else b"{}"
            answer = client.ask(method=method, headers=plain(ANY, key=key), body=body)
            self.assert_allowed(answer)
            self.assertIsNotNone(answer.header("X-Latchkey-Key"))
            answer = client.ask(method=method, headers=nginx(ANY), body=body)
            self.assert_refused_to_nginx(answer, 401, 401, 401010)
        answer = client.ask(method="HEAD", headers=plain(ANY))
        self.assertEqual((answer.status, answer.body), (401, b""))
        self.assertEqual(answer.header("Cache-Control"), "no-store")

    def test_a_post_with_the_original_body_may_be_large(self):
        key = self.key()
        answer = self.once(method="POST", headers=plain(ANY, key=key), body=b"x" * (256 << 10))
        self.assert_allowed(answer)
        answer = self.once(method="POST", headers=plain(ANY, key=key), body=b"x" * 262145)
        self.assertEqual(answer.status, 413)

    def test_a_revoked_key_is_refused_at_the_next_request(self):
        client = self.client()
        for _ in range(20):
            id, key = self.daemon.create_key("crm", scopes=["*"])
            self.assert_allowed(client.ask(headers=plain(ANY, key=key)))
            self.assertEqual(self.daemon.cli("key", "revoke", "--realm", "crm", id).code, 0)
            self.assert_refused(client.ask(headers=plain(ANY, key=key)), 401, 401021)

    def test_a_user_agent_of_any_kind_does_no_harm(self):
        key = self.key()
        for agent in ("x" * 8000, "caf\u00e9", "", "\u20ac".encode()):
            answer = self.verify({**plain(ANY, key=key), "User-Agent": agent})
            self.assert_allowed(answer)

    def test_a_key_of_many_scopes_is_told_in_full(self):
        scopes = [f"clients.{'x' * 54}{n:02}" for n in range(64)]
        config = self.daemon.config.read_text()
        ends = "clients.create]\n    sessions: { token: EdDSA }"
        self.assertIn(ends, config)
        more = "clients.create, " + ", ".join(scopes) + ends.removeprefix("clients.create")
        self.daemon.config.write_text(config.replace(ends, more))
        self.daemon.stop()
        self.daemon.start()
        key = self.key("shop", scopes=scopes, userId="\u20ac" * 40)
        answer = self.verify(plain(ANY, key=key), port="shop")
        self.assert_allowed(answer)
        self.assertEqual(answer.header("X-Latchkey-Scopes"), ",".join(scopes))


class Envoy(VerifyTest):
    """ext_authz over HTTP: the request itself, its path behind ours."""

    def ask(self, path, method="GET", body=None, source=TRUSTED, **more):
        return self.once("/_latchkey/verify" + path, method, headers=headers(**more), body=body,
                         source=source)

    def test_the_request_itself_is_the_question(self):
        key = self.key(scopes=["clients.read"], organizationId="acme")
        self.assert_allowed(self.ask(CLIENT, key=key))
        self.assert_allowed(self.ask(CLIENT + "?page=2", "HEAD", bearer=key))
        self.assert_allowed(self.ask(PUBLIC))
        answer = self.ask(CLIENT, "POST", b"", key=key)
        self.assert_refused(answer, 401, 401014)
        self.assertIn("insufficient_scope", answer.header("WWW-Authenticate"))
        self.assert_refused(self.ask(CLIENT), 401, 401010)
        self.assert_refused(self.ask(CLIENT, "DELETE", key=key), 403, 403000)
        self.assert_refused(self.ask("/", key=key), 403, 403000)

    def test_what_is_unclear_is_refused(self):
        key = self.key(organizationId="acme")
        for path in ("/api/v1/public/../client", "//api/v1/client", "/api/v1/client;x",
                     "/api/v1/public/%2e%2e/client"):
            answer = self.ask(path, key=key)
            self.assertEqual((answer.status, answer.json["error"]["code"]), (400, 400000), path)
        for more in (nginx(PUBLIC, key=key), plain(PUBLIC, key=key)):
            answer = self.once("/_latchkey/verify" + CLIENT, headers=more)
            self.assertIn(400, (answer.status, int(answer.header("X-Latchkey-Status") or 0)))

    def test_a_stranger_may_not_ask(self):
        key = self.key(organizationId="acme")
        answer = self.ask(CLIENT, source=STRANGER, key=key)
        self.assertEqual((answer.status, answer.json["error"]["code"]), (403, 403000))


class Documents(WebTest):
    def test_a_realm_without_a_surface_has_decisions_and_documents_only(self):
        _, key = self.daemon.create_key("shop", scopes=["clients.read"])
        answer = self.verify(plain(CLIENT, bearer=key), port="shop")
        self.assertEqual((answer.status, answer.json["code"]), (403, "permission_denied"))
        self.assertEqual(self.verify(plain(ANY, bearer=key), port="shop").status, 200)
        self.assertEqual(self.verify(plain(PUBLIC), port="shop").status, 200)
        answer = self.verify(plain("/nowhere", bearer=key), port="shop")
        self.assertEqual((answer.status, answer.json["code"]), (403, "permission_denied"))
        answer = self.verify(plain(ANY), port="shop")
        self.assertEqual((answer.status, answer.json["code"]), (401, "unauthenticated"))
        self.assertEqual(answer.header("WWW-Authenticate"), 'Bearer realm="shop"')
        answer = self.once("/api/v1/api-key", port="shop", headers=headers(bearer=key))
        self.assertEqual((answer.status, answer.json["code"]), (404, "not_found"))

    def test_health_is_told_to_everybody(self):
        for port in ("crm", "shop", "operations"):
            for method in ("GET", "HEAD"):
                answer = self.once("/_latchkey/healthz", method, port=port)
                self.assertEqual((answer.status, answer.header("Cache-Control")),
                                 (200, "no-store"))
            answer = self.once("/_latchkey/healthz", "POST", port=port, body=b"")
            self.assertEqual((answer.status, answer.header("Allow")), (405, "GET, HEAD"))

    def test_the_public_keys_of_a_realm_are_its_own(self):
        answer = self.once("/.well-known/jwks.json", port="shop")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "public, max-age=300")
        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "*")
        [key] = answer.json["keys"]
        self.assertEqual((key["kty"], key["crv"]), ("OKP", "Ed25519"))
        self.assertNotIn("d", key)
        self.assertEqual(self.once("/.well-known/jwks.json").json, {"keys": []})
        self.assertEqual(self.once("/.well-known/jwks.json", "HEAD", port="shop").body, b"")
        self.assertEqual(self.once("/.well-known/jwks.json", "DELETE", port="shop").status, 405)

    def test_paths_are_exact(self):
        for path in ("/_latchkey/verifyx", "/_latchkey/Verify", "/_latchkey//verify",
                     "/_latchkey/%76erify", "/_latchkey/verify%2f", "/x/../_latchkey/verify",
                     "/_latchkey/healthz/", "/.well-known/jwks.json/", "/_latchkey"):
            self.assertEqual(self.once(path).status, 404, path)

    def test_a_key_cannot_manage_keys(self):
        _, key = self.daemon.create_key("crm", scopes=["*"], organizationId="acme")
        _, weak = self.daemon.create_key("crm", scopes=["clients.read"], organizationId="acme")
        client = self.client()
        for credential in (headers(key=key), headers(bearer=key), headers(key=weak)):
            for method, path in [("POST", "/api/v1/api-key"), ("GET", "/api/v1/api-key"),
                                 ("GET", "/api/v1/api-key/x"), ("DELETE", "/api/v1/api-key/x")]:
                body = b'{"name":"n"}' if method == "POST" else None
                extra = {"Content-Type": "application/json"} if body else {}
                answer = client.ask(path, method, {**credential, **extra}, body)
                self.assertEqual((answer.status, answer.json["error"]["code"]), (403, 403000))
        answer = client.ask("/api/v1/auth/logout", "POST", headers(bearer=key), b"")
        self.assertEqual((answer.status, answer.json["error"]["code"]), (403, 403000))
        answer = client.ask("/api/v1/api-key", "GET", headers(key="crm_unknown"))
        self.assertEqual(answer.json["error"]["code"], 401022)


class Hosts(WebTest):
    def realm_of(self, host):
        answer = self.once(port="shared", headers={**plain(PUBLIC), "Host": host})
        return answer.header("X-Latchkey-Realm") if answer.status == 200 else answer.status

    def test_a_host_chooses_the_realm_on_a_shared_address(self):
        self.assertEqual(self.realm_of("crm.localhost"), "crm")
        self.assertEqual(self.realm_of("shop.localhost"), "shop")
        self.assertEqual(self.realm_of("shop.example.org"), "shop")
        self.assertEqual(self.realm_of(f"shop.localhost:{self.ports['shared']}"), "shop")
        self.assertEqual(self.realm_of("shop.localhost:1"), "shop")
        self.assertEqual(self.realm_of("SHOP.LocalHost"), "shop")

    def test_a_host_of_no_realm_is_not_found(self):
        for host in ("localhost", "127.0.0.1", "shop.localhost.evil.example", "shop.localhost.",
                     "xshop.localhost", "latchkey"):
            self.assertEqual(self.realm_of(host), 404, host)

    def test_a_forwarded_host_chooses_nothing(self):
        answer = self.once(port="shared", headers={
            **plain(PUBLIC), "Host": "crm.localhost", "X-Forwarded-Host": "shop.localhost",
            "X-Original-Host": "shop.localhost"})
        self.assertEqual(answer.header("X-Latchkey-Realm"), "crm")

    def test_without_a_host_there_is_no_realm_on_a_shared_address(self):
        self.assertEqual(self.raw("shared").split()[1], b"404")
        self.assertEqual(self.raw("crm").split()[1], b"200")

    def raw(self, port):
        """What comes back on HTTP/1.0 without Host, to the end."""
        with socket.create_connection(("127.0.0.1", self.ports[port]), timeout=30) as connection:
            connection.sendall(b"GET /_latchkey/healthz HTTP/1.0\r\n\r\n")
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def test_an_address_of_a_realm_takes_every_host(self):
        answer = self.once(port="shop", headers={**plain(PUBLIC), "Host": "crm.localhost"})
        self.assertEqual(answer.header("X-Latchkey-Realm"), "shop")


if __name__ == "__main__":
    unittest.main()
