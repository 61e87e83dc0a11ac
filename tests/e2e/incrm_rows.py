# SPDX-License-Identifier: MIT
"""InCRM's surface against what goes wrong: credentials, bodies, headers."""

import json

from incrm import IncrmTest, api_key, bearer, cookie, cookie_of
from incrm_claims import INVALID, LACKING
from people import PASSWORD
from rest import Web

KEYS = "/api/v1/api-key"
SIGN_IN = "/api/v1/auth/sign-in"
REFRESH = "/api/v1/auth/token/refresh"
LOGOUT = "/api/v1/auth/logout"


class Statuses(IncrmTest):
    """The statuses that the document has no code for (D19)."""

    def test_an_unknown_path_is_404000(self):
        person = self.person()
        for path in ("/", "/api/v1", "/api/v1/client", KEYS + "/", KEYS + "/a/b", "/API/v1/api-key",
                     "//api/v1/api-key", "/api/v1/./api-key", "/api/v1/api-key%2f1",
                     "/api/v1/api-key;x", "/_latchkey", "/_latchkey/metrics", "/_latchkey/readyz"):
            with self.subTest(path):
                self.assert_error(self.web.ask("GET", path, person.bearer), 404000)

    def test_R_A12_no_rpc_is_reached_over_http(self):
        for path in ("/latchkey.v1.UserService/CreateUser", "/latchkey.v1.KeyService/ListKeys",
                     "/rpc", "/_latchkey/rpc", "/300"):
            with self.subTest(path):
                answer = self.web.ask("POST", path, body={"realm": "incrm"})
                self.assert_error(answer, 404000)

    def test_a_known_path_with_another_method_is_405000_and_says_which(self):
        for path, methods, allow in (
            (SIGN_IN, "GET PUT PATCH DELETE", "POST, OPTIONS"),
            (REFRESH, "GET PUT PATCH DELETE", "POST, OPTIONS"),
            (LOGOUT, "GET PUT PATCH DELETE", "POST, OPTIONS"),
            (KEYS, "PUT PATCH DELETE", "GET, HEAD, POST, OPTIONS"),
            (KEYS + "/key_x", "POST PUT PATCH", "GET, HEAD, DELETE, OPTIONS"),
        ):
            for method in methods.split():
                with self.subTest(method + " " + path):
                    answer = self.web.ask(method, path)
                    self.assert_error(answer, 405000)
                    self.assertEqual(answer.header("Allow"), allow)
            answer = self.web.ask("OPTIONS", path)
            self.assertEqual((answer.status, answer.body), (204, b""))
            self.assertEqual(answer.header("Allow"), allow)

    def test_a_long_body_is_413000_and_is_not_read(self):
        answer = self.web.ask("POST", SIGN_IN, body=b"{" + b" " * (64 << 10) + b"}")
        self.assert_error(answer, 413000, "the body is too long")
        announced = self.web.raw(
            f"POST {SIGN_IN} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\nx".encode()
        )
        self.assertIn(b" 413 ", announced.split(b"\r\n")[0])

    def test_what_is_no_sound_http_has_the_code_of_its_status(self):
        host = b"Host: x\r\n"
        for status, request in (
            (400, b"GET / HTTP/1.1\r\n\r\n"),
            (411, b"POST /x HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            (414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + host + b"\r\n"),
            (417, b"GET / HTTP/1.1\r\n" + host + b"Expect: x\r\n\r\n"),
            (431, b"GET / HTTP/1.1\r\n" + host + b"X: " + b"a" * 9000 + b"\r\n\r\n"),
            (501, b"CONNECT x:1 HTTP/1.1\r\n" + host + b"\r\n"),
            (505, b"GET / HTTP/2.0\r\n" + host + b"\r\n"),
        ):
            with self.subTest(status):
                head, _, body = self.web.raw(request).partition(b"\r\n\r\n")
                self.assertTrue(head.startswith(b"HTTP/1.1 %d " % status), head)
                self.assertEqual(json.loads(body)["error"]["code"], status * 1000)

    def test_too_many_wrong_passwords_are_429000_with_a_delay(self):
        email, network = self.create_user()["email"], self.network()
        for _ in range(10):
            self.assert_error(self.sign_in(email, network, password="wrong"), 401001)
        for password in ("wrong", PASSWORD):
            answer = self.sign_in(email, network, password=password)
            self.assert_error(answer, 429000)
            self.assertIn(int(answer.header("Retry-After")), range(1, 901))
        self.assertEqual(self.sign_in(email, self.network()).status, 200)

    def test_too_many_keys_are_429000(self):
        person = self.person("quick")
        for status in (201, 201, 429):
            person = self.refreshed(person)
            answer = self.ask_for_key(person, realm="quick")
            self.assertEqual(answer.status, status, answer)
        self.assert_error(answer, 429000)

    def refreshed(self, person):
        """In `quick` a token is good for a second."""
        answer = self.refresh(cookie(person.cookie), realm="quick")
        person.token = answer.json["data"]["accessToken"]
        person.cookie = cookie_of(answer)["refreshToken"]
        return person

    def test_R_H31_head_is_get_without_the_body(self):
        person = self.person()
        data = self.create_key(person)
        for path in (KEYS, f"{KEYS}/{data['id']}", "/api/v1/openapi.json", "/_latchkey/healthz",
                     "/.well-known/jwks.json", f"{KEYS}/key_x"):
            with self.subTest(path):
                got, head = (self.web.ask(verb, path, person.bearer) for verb in ("GET", "HEAD"))
                self.assertEqual(head.body, b"")
                self.assertEqual(head.status, got.status)
                self.assertEqual(
                    [header for header in head.headers if header[0] != "date"],
                    [header for header in got.headers if header[0] != "date"],
                )
                self.assertEqual(int(head.header("Content-Length")), len(got.body))

    def test_the_realm_is_chosen_by_its_port_and_by_its_name(self):
        person = self.person()
        by_host = self.system.ports.by_host
        for host in ("incrm.localhost", "INCRM.localhost:80"):
            answer = Web(by_host, host).ask("GET", KEYS, person.bearer)
            self.assertEqual(answer.status, 200, answer)
        for host in ("nobody.localhost", "127.0.0.1", "x.incrm.localhost"):
            answer = Web(by_host, host).ask("GET", KEYS, person.bearer)
            self.assertEqual(answer.status, 404, answer)
        quick = self.webs["quick"].ask("GET", KEYS, person.bearer)
        self.assert_error(quick, 401010)

    def test_the_openapi_document_is_public(self):
        answer = self.web.ask("GET", "/api/v1/openapi.json")
        self.assertEqual(answer.status, 200)
        for path in (SIGN_IN, REFRESH, LOGOUT, KEYS, KEYS + "/{id}"):
            self.assertIn(path, answer.json["paths"])


class Credentials(IncrmTest):
    def test_R_A01_no_credential_is_a_challenge_without_an_error(self):
        for method, path in (("POST", LOGOUT), ("POST", KEYS), ("GET", KEYS), ("GET", KEYS + "/x"),
                             ("DELETE", KEYS + "/x")):
            answer = self.web.ask(method, path, body={"name": "n"} if path == KEYS else None)
            self.assert_error(answer, 401010)
            self.assert_challenge(answer)

    def test_R_A02_a_malformed_credential_is_an_invalid_token(self):
        person = self.person()
        for value in ("Bearer", "Bearer ", "Bearer a b", "Basic dXNlcjpwYXNz", "Token x", "Bearerx",
                      f'Bearer "{person.token}"', f"Bearer {person.token}, Bearer x",
                      f"Bearer\t{person.token}", "Bearer " + "x" * 8000, person.token,
                      "Bearer \u00e9", f"Basic {person.token}"):
            with self.subTest(value[:40]):
                header = ("Authorization", value.encode("utf-8"))
                answer = self.web.ask("GET", KEYS, header)
                self.assert_error(answer, 401010)
                self.assert_challenge(answer, INVALID)
        for scheme in ("Bearer", "bearer", "BEARER", "bEaReR "):
            header = ("Authorization", f"{scheme} {person.token}")
            self.assertEqual(self.web.ask("GET", KEYS, header).status, 200)
        large = self.web.ask("GET", KEYS, bearer("x" * (16 << 10)))
        self.assertEqual(large.status, 431)

    def test_R_A03_an_unknown_token_and_a_wrong_secret_are_the_same(self):
        key = self.create_key(self.person())["key"]
        answers = [self.verify(api_key(value)) for value in ("incrm_x", key[:-1] + "!", "nothing")]
        for answer in answers:
            self.assert_refused(answer, 401022, INVALID)
        self.assertEqual(len({answer.header("X-Latchkey-Body") for answer in answers}), 1)

    def test_R_A04_a_lacking_permission_is_insufficient_scope(self):
        answer = self.web.ask("GET", KEYS, self.person(roles=["viewer"]).bearer)
        self.assert_error(answer, 401014)
        self.assert_challenge(answer, LACKING)

    def test_R_A05_no_credential_is_taken_from_a_query_or_a_body(self):
        person = self.person()
        key = self.create_key(person)["key"]
        for query in (f"access_token={person.token}", f"api_key={key}", f"X-Api-Key={key}"):
            self.assert_error(self.web.ask("GET", f"{KEYS}?{query}"), 401010)
            self.assert_refused(self.verify(uri=f"/api/v1/client?{query}"), 401010)
        body = {"name": "n", "access_token": person.token, "accessToken": person.token}
        self.assert_error(self.web.ask("POST", KEYS, body=body), 401010)
        self.assert_error(
            self.web.ask("POST", REFRESH, body={"refreshToken": person.cookie}), 401012
        )
        for log in self.daemon.directory.glob("*.log"):
            for secret in (person.token, person.cookie, key):
                self.assertNotIn(secret, log.read_text())

    def test_R_A06_a_key_is_judged_alike_however_it_is_presented(self):
        person = self.person()
        scoped = self.create_key(person, scopes=["invoices.read"])
        bound, revoked = self.create_key(person), self.create_key(person)
        self.call("KeyService/UpdateKey", id=bound["id"], networks=["192.0.2.0/24"],
                  updateMask="networks")
        self.web.ask("DELETE", f"{KEYS}/{revoked['id']}", person.bearer)
        for data, code, reason in ((scoped, 401014, "PERMISSION_DENIED"),
                                   (bound, 403000, "NETWORK_NOT_ALLOWED"),
                                   (revoked, 401021, "REVOKED")):
            for header in (api_key(data["key"]), bearer(data["key"])):
                told = json.loads(self.verify(header).header("X-Latchkey-Body"))
                self.assertEqual(told["error"]["code"], code)
            verdict = self.daemon.verdict(data["key"], "incrm", permissions=["clients.read"],
                                          clientAddress="127.0.0.1")
            self.assertEqual(verdict, reason)

    def test_R_A07_R_A09_two_credentials_are_400(self):
        person, other = self.person(), self.person()
        key = self.create_key(person)["key"]
        for headers in (
            (person.bearer, api_key(key)),
            (bearer(key), api_key(key)),
            (person.bearer, person.bearer),
            (person.bearer, other.bearer),
            (api_key(key), api_key(key)),
            (api_key(""), person.bearer),
        ):
            answer = self.web.ask("GET", KEYS, *headers)
            self.assertEqual(answer.status, 400, answer)
            self.assert_error(answer, 400000, answer.json["error"]["message"])
            # Two lines of Authorization are no sound HTTP, whatever they say.
            answer = self.verify(*headers)
            self.assertIn(answer.status, (400, 403))

    def test_R_A08_a_cookie_beside_a_bearer_is_nobody(self):
        person, other = self.person(), self.person()
        mixed = self.verify(person.bearer, cookie(other.cookie))
        self.assertEqual(mixed.header("X-Latchkey-User"), person.id)
        self.assertEqual(self.log_out(person.bearer, cookie(other.cookie)).status, 204)
        self.assert_allowed(self.verify(other.bearer))
        self.assertEqual(self.refresh(cookie(other.cookie)).status, 200)
        self.assert_refused(self.verify(cookie(other.cookie)), 401010)

    def test_R_A10_no_credential_stands_in_for_another(self):
        person = self.person()
        data = self.create_key(person)
        for answer, code in (
            (self.refresh(api_key(data["key"])), 401012),
            (self.refresh(cookie(data["key"])), 401012),
            (self.refresh(cookie(person.token)), 401012),
            (self.log_out(api_key(data["key"])), 403000),
            (self.log_out(bearer(person.cookie)), 401010),
            (self.web.ask("GET", KEYS, bearer(data["id"])), 401010),
            (self.web.ask("GET", KEYS, api_key(data["id"])), 401022),
            (self.web.ask("GET", KEYS, api_key(person.token)), 401022),
        ):
            self.assert_error(answer, code)
        self.assert_allowed(self.verify(person.bearer))

    def test_R_H35_no_header_or_member_changes_who_calls(self):
        person, other = self.person(), self.person()
        answer = self.ask_for_key(
            person, ("X-User-Id", other.id), ("X-Latchkey-User", other.id),
            userId=other.id, user_id=other.id, organizationId="other",
        )
        key = self.call("KeyService/GetKey", id=answer.json["data"]["id"])["key"]
        self.assertEqual((key["userId"], key["organizationId"]), (person.id, "acme"))
        answer = self.verify(person.bearer, ("X-User-Id", other.id))
        self.assertEqual(answer.header("X-Latchkey-User"), person.id)


class Bodies(IncrmTest):
    def sign_in_raw(self, body, media_type="application/json"):
        headers = [("Content-Type", media_type)] if media_type else []
        return self.web.ask("POST", SIGN_IN, self.network(), *headers, body=body)

    def test_R_H32_another_media_type_is_415000_and_nothing_is_done(self):
        person = self.person()
        body = json.dumps({"name": "never"}).encode()
        for media_type in (None, "text/plain", "application/json; charset=latin1",
                           "application/jsonx", "multipart/form-data; boundary=x",
                           "application/x-www-form-urlencoded", "application/json, text/plain",
                           ""):
            headers = [("Content-Type", media_type)] if media_type is not None else []
            answer = self.web.ask("POST", KEYS, person.bearer, *headers, body=body)
            with self.subTest(media_type):
                self.assert_error(answer, 415000)
        listed = self.web.ask("GET", KEYS, person.bearer)
        self.assertEqual(listed.json["data"], [])
        for media_type in ("application/json", "Application/JSON", "application/json;charset=UTF-8",
                           "application/json; charset=utf-8"):
            answer = self.web.ask(
                "POST", KEYS, person.bearer, ("Content-Type", media_type), body=body
            )
            self.assertEqual(answer.status, 201, media_type)

    def test_R_H33_the_answer_is_json_whatever_is_accepted(self):
        answer = self.web.ask("GET", KEYS, self.person().bearer, ("Accept", "application/xml"))
        self.assertEqual((answer.status, answer.header("Content-Type")), (200, "application/json"))

    def test_R_B02_R_B03_R_B04_R_B07_what_is_no_json_object_is_400000(self):
        good = {"email": "a@example.com", "password": "b"}
        text = json.dumps(good).encode()
        for what, body in {
            "a duplicate name": b'{"email":"a@example.com","email":"b@example.com"}',
            "depth 17": b'{"x":' + b"[" * 17 + b"]" * 17 + b"}",
            "depth 1000": b"[" * 1000,
            "depth 60000": b"[" * 60000,
            "open objects": b'{"a":' * 10000,
            "an escaped NUL": b'{"email":"a\\u0000@x","password":"b"}',
            "a raw NUL": b'{"email":"a\x00@x","password":"b"}',
            "a lone surrogate": b'{"email":"\\ud800@x","password":"b"}',
            "overlong UTF-8": b'{"email":"\xc0\x80@x","password":"b"}',
            "a byte order mark": b"\xef\xbb\xbf" + text,
            "bytes behind it": text + b"x",
            "two values": text + text,
            "nothing": b"",
            "null": b"null",
            "a list": b"[" + text + b"]",
            "a string": b'"x"',
            "a number out of range": b'{"email":1e400}',
            "a comment": b"{/**/}",
            "single quotes": b"{'email':'a'}",
        }.items():
            with self.subTest(what):
                answer = self.sign_in_raw(body)
                self.assertEqual(answer.status, 400, answer)
                self.assert_error(answer, 400000, answer.json["error"]["message"])

    def test_R_B05_R_B09_a_wrong_member_is_named(self):
        person = self.person()
        for members, member in (
            ({"name": ""}, "name"),
            ({"name": None}, "name"),
            ({"name": 5}, "name"),
            ({"name": "x" * 201}, "name"),
            ({"name": "a\u0007"}, "name"),
            ({"name": ["a"]}, "name"),
            ({"scopes": "clients.read"}, "scopes"),
            ({"scopes": [1]}, "scopes"),
            ({"scopes": {"a": 1}}, "scopes"),
            ({"scopes": ["clients.read"] * 65}, "scopes"),
            ({"expiresAt": 5}, "expiresAt"),
            ({"expiresAt": "tomorrow"}, "expiresAt"),
            ({"expiresAt": "2001-01-01T00:00:00Z"}, "expiresAt"),
            ({"expiresAt": "2099-02-30T00:00:00Z"}, "expiresAt"),
            ({"expiresAt": {"seconds": 5}}, "expiresAt"),
        ):
            with self.subTest(members):
                self.assert_bad(self.ask_for_key(person, **members), member)
        self.assertEqual(self.create_key(person, name="x" * 200)["name"], "x" * 200)
        for body, member in (
            ({"password": "b"}, "email"),
            ({"email": "nobody", "password": "b"}, "email"),
            ({"email": "a@example.com"}, "password"),
            ({"email": "a@example.com", "password": "b" * 1025}, "password"),
            ({"email": True, "password": "b"}, "email"),
            ({"email": "a@example.com", "password": 12345678}, "password"),
        ):
            with self.subTest(body):
                self.assert_bad(self.web.ask("POST", SIGN_IN, self.network(), body=body), member)
        for query in ("limit=-1", "limit=101", "limit=1.5", "limit=x", "limit=9223372036854775808",
                      "limit=1&limit=2", "cursor=tampered", "limit=1e400", "cursor=%FF"):
            with self.subTest(query):
                answer = self.web.ask("GET", f"{KEYS}?{query}", person.bearer)
                self.assert_bad(answer, query.partition("=")[0])

    def test_R_B06_R_B08_unknown_members_are_ignored_and_not_stored(self):
        person = self.person()
        answer = self.ask_for_key(
            person, role="admin", permissions=["*"], rateLimitMax=1e9, isActive=False, id="x",
            key="incrm_mine", keyPrefix="mine", createdAt="2001-01-01T00:00:00Z", Name="other",
            expires_at="2001-01-01T00:00:00Z", realms=["*"], networks=["192.0.2.1"],
        )
        data = answer.json["data"]
        self.assertEqual((data["name"], data["isActive"]), ("My Integration", True))
        self.assertIsNone(data["expiresAt"])
        self.assertTrue(data["id"].startswith("key_"))
        key = self.call("KeyService/GetKey", id=data["id"])["key"]
        self.assertEqual(key.get("networks", []), [])
        self.assert_bad(
            self.web.ask("POST", SIGN_IN, body={"Email": person.email, "Password": PASSWORD}),
            "email",
        )

    def test_R_H37_text_with_line_breaks_gets_into_no_header(self):
        person = self.person()
        for name in ("a\r\nX-Evil: 1", "a\nb", "a\u2028b" "\r"):
            answer = self.ask_for_key(person, name=name)
            self.assert_bad(answer, "name")
            self.assertIsNone(answer.header("X-Evil"))
        answer = self.web.ask(
            "POST", SIGN_IN, self.network(),
            body={"email": "a\r\nX-Evil: 1@example.com", "password": "b"},
        )
        self.assert_bad(answer, "email")
        self.assertIsNone(answer.header("X-Evil"))
        # What may be in an identifier is encoded where a header holds it.
        odd = self.person(organizationId="a, b%\u00e9")
        answer = self.verify(odd.bearer)
        self.assertEqual(answer.header("X-Latchkey-Organization"), "a%2C%20b%25%C3%A9")


class Headers(IncrmTest):
    def test_R_H34_a_stranger_is_not_believed_about_the_client(self):
        user = self.create_user()
        stranger = Web(self.web.port, source="127.0.0.2")
        body = {"email": user["email"], "password": PASSWORD}
        told = (("X-Forwarded-For", "203.0.113.9"), ("X-Real-IP", "203.0.113.9"),
                ("Forwarded", "for=203.0.113.9"), ("X-Forwarded-Proto", "https"))
        answer = stranger.ask("POST", SIGN_IN, *told, body=body)
        self.assertNotIn("Secure", cookie_of(answer))
        believed = self.web.ask("POST", SIGN_IN, *told, body=body)
        self.assertIn("Secure", cookie_of(believed))
        sessions = self.call("UserService/ListSessions", userId=user["id"])["sessions"]
        self.assertEqual(
            [session["clientAddress"] for session in sessions], ["127.0.0.2", "203.0.113.9"]
        )
        # Nor about the original request, which nobody passes on its word; without one it learns
        # who it is itself.
        token = answer.json["data"]["accessToken"]
        self.assert_error(self.verify(bearer(token), web=stranger), 403000)
        self.assert_allowed(stranger.ask("GET", "/_latchkey/verify", bearer(token)))
        self.assert_refused(self.verify(bearer(token), uri="/api/v1/nowhere"), 403000)
        nobody = stranger.ask("GET", "/_latchkey/verify")
        self.assert_error(nobody, 401010)
        self.assert_challenge(nobody)

    def test_R_H34_a_stranger_is_limited_by_its_own_address(self):
        stranger = Web(self.web.port, source="127.0.0.3")
        statuses = [
            stranger.ask(
                "POST", SIGN_IN, self.network(),
                body={"email": f"user{n}@example.net", "password": "wrong"},
            ).status
            for n in range(21)
        ]
        self.assertEqual(statuses, [401] * 20 + [429])

    def test_D22_a_cookie_is_secure_exactly_over_https(self):
        email = self.create_user()["email"]
        for header, is_secure in (
            ((), False),
            ((("X-Forwarded-Proto", "https"),), True),
            ((("X-Forwarded-Proto", "http"),), False),
            ((("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")), False),
        ):
            answer = self.sign_in(email, *header)
            for sent in (answer, self.refresh(cookie(cookie_of(answer)["refreshToken"]), *header)):
                self.assertEqual("Secure" in cookie_of(sent), is_secure, header)
                self.assertEqual(cookie_of(sent)["SameSite"], "Lax")

    def test_R_H36_no_answer_says_too_much_or_is_kept(self):
        person = self.person()
        data = self.create_key(person)
        for answer in (
            self.sign_in(person.email),
            self.sign_in(person.email, self.network(), password="wrong"),
            self.refresh(cookie(person.cookie)),
            self.refresh(),
            self.ask_for_key(person),
            self.web.ask("GET", KEYS, person.bearer),
            self.web.ask("GET", f"{KEYS}/{data['id']}", person.bearer),
            self.web.ask("DELETE", f"{KEYS}/{data['id']}", person.bearer),
            self.verify(person.bearer),
            self.verify(),
            self.web.ask("GET", "/nowhere"),
            self.log_out(person.bearer),
        ):
            self.assertEqual(answer.header("Cache-Control"), "no-store", answer)
            self.assertEqual(answer.header("X-Content-Type-Options"), "nosniff", answer)
            for name in ("Server", "X-Powered-By"):
                self.assertIsNone(answer.header(name))


class Proxies(IncrmTest):
    """/_latchkey/verify beyond the credentials."""

    def test_other_proxies_hear_the_documented_answer_itself(self):
        person = self.person(roles=[])
        plain = (("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/api/v1/client?page=2"))
        answer = self.web.ask("GET", "/_latchkey/verify", *plain, person.bearer)
        self.assert_error(answer, 401014)
        self.assertIsNone(answer.header("X-Latchkey-Status"))
        self.update_user(person, roles=["viewer"])
        answer = self.web.ask("GET", "/_latchkey/verify", *plain, person.bearer)
        self.assert_allowed(answer)

    def test_a_public_route_is_for_everybody_whatever_they_present(self):
        for headers in ((), (api_key("incrm_x"),), (bearer("x"), api_key("y"))):
            answer = self.verify(*headers, uri="/api/v1/public/logo.png")
            self.assert_allowed(answer)
            self.assertIsNone(answer.header("X-Latchkey-User"))

    def test_an_unclear_original_request_is_refused(self):
        person = self.person()
        for uri in ("/api/v1/public/../client", "/api/v1/public/%2e%2e/client", "//api/v1/client",
                    "/api/v1/public/%2fclient", "/api/v1/public/a;b", "api/v1/client", "",
                    "/api/v1/public/a\\b", "/api/v1/public/%"):
            with self.subTest(uri):
                self.assert_refused(self.verify(person.bearer, uri=uri), 400000)
        self.assert_refused(self.verify(person.bearer, uri="/api/v1/CLIENT"), 403000)
        self.assert_refused(self.verify(person.bearer, uri="/api/v1/client/"), 403000)
        alone = self.web.ask(
            "GET", "/_latchkey/verify", ("X-Original-URI", "/api/v1/client"), person.bearer
        )
        self.assert_refused(alone, 400000)

    def test_a_realm_without_a_surface_has_routes_and_plain_errors(self):
        web = self.webs["plain"]
        _, key = self.daemon.create_key("plain", scopes=["invoices.read"])
        self.assert_allowed(self.verify(api_key(key), uri="/api/v1/invoice/1", web=web))
        plain = (("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/api/v1/client"))
        for headers, status, code in (
            ((), 401, "unauthenticated"),
            ((api_key("plain_x"),), 401, "unauthenticated"),
            ((api_key(key),), 403, "permission_denied"),
            ((api_key(key), bearer("x")), 400, "invalid_argument"),
        ):
            answer = web.ask("GET", "/_latchkey/verify", *plain, *headers)
            self.assertEqual((answer.status, answer.json["code"]), (status, code), answer)
            self.assertTrue(answer.json["message"])
        answer = web.ask("POST", SIGN_IN, body={})
        self.assertEqual((answer.status, answer.json["code"]), (404, "not_found"))
