# SPDX-License-Identifier: MIT
"""OmniCRM's surface against what goes wrong, and what its document leaves open."""

import json
import time

import jwt

from incrm import bearer
from omnicrm import OmnicrmTest
from people import claims

LOGIN, REFRESH, LOGOUT = (f"/crm/auth/{name}" for name in ("login", "refresh", "logout"))


def api_key(key):
    return ("X-API-KEY", key)


class Sessions(OmnicrmTest):
    def test_a_wrong_password_and_an_unknown_account_are_the_same(self):
        wrong = self.log_in(self.create_user()["email"], password="wrong")
        unknown = self.log_in("nobody@example.com")
        for answer in (wrong, unknown):
            self.assert_error(answer, "invalid_credentials")
            self.assertEqual(answer.header("WWW-Authenticate"), 'Bearer realm="omnicrm"')
        self.assertEqual(
            [h for h in wrong.headers if h[0] != "date"],
            [h for h in unknown.headers if h[0] != "date"],
        )

    def test_a_refresh_without_a_good_token_is_invalid_grant(self):
        person, ended, other = self.person(), self.person(), self.person("other")
        self.assertEqual(self.post(LOGOUT, ended.bearer).status, 204)
        for what, token in {
            "empty": "",
            "garbage": "garbage",
            "unknown": person.refresh_token[:-8] + "AAAAAAAA",
            "an access token": person.token,
            "logged out": ended.refresh_token,
            "of another realm": other.refresh_token,
        }.items():
            with self.subTest(what):
                self.assert_error(self.refresh(token), "invalid_grant")
        self.assert_error(self.post(REFRESH, body={}), "invalid_grant")
        self.assert_error(
            self.post(REFRESH, bearer(person.refresh_token), body={}), "invalid_grant"
        )

    def test_a_spent_token_is_answered_with_its_successor_within_the_window(self):
        person = self.person()
        first, again = (self.refresh(person.refresh_token).json for _ in range(2))
        self.assertEqual(first["refresh_token"], again["refresh_token"])
        self.assertEqual(first["permissions"], again["permissions"])
        self.assert_allowed(self.verify(bearer(again["token"])))

    def test_a_spent_token_past_the_window_ends_its_session(self):
        person = self.person("strict")
        new = self.refresh(person.refresh_token, "strict").json
        self.assert_error(self.refresh(person.refresh_token, "strict"), "invalid_grant")
        self.assert_error(self.refresh(new["refresh_token"], "strict"), "invalid_grant")
        self.assert_refused(self.verify(bearer(new["token"]), realm="strict"), "invalid_token")

    def test_logout_kills_both_tokens(self):
        person = self.person()
        answer = self.post(LOGOUT, person.bearer)
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertIsNone(answer.header("Content-Type"))
        self.assert_refused(self.verify(person.bearer), "invalid_token")
        self.assert_error(self.refresh(person.refresh_token), "invalid_grant")
        answer = self.post(LOGOUT, person.bearer)
        self.assert_error(answer, "invalid_token")
        self.assertEqual(
            answer.header("WWW-Authenticate"), 'Bearer realm="omnicrm", error="invalid_token"'
        )

    def test_a_token_that_has_expired_is_invalid_and_refreshed(self):
        person = self.person("strict")
        ends = claims(person.token)[1]["exp"]
        while (left := ends - time.time()) > 0:
            time.sleep(left)
        self.assert_refused(self.verify(person.bearer, realm="strict"), "invalid_token")
        told = self.refresh(person.refresh_token, "strict")
        self.assertEqual(told.status, 200, told)

    def test_whoever_has_the_public_keys_verifies_the_token(self):
        person = self.person()
        jwks = self.web.ask("GET", "/.well-known/jwks.json").json
        head = jwt.get_unverified_header(person.token)
        self.assertEqual(head["alg"], "EdDSA")
        (key,) = [key for key in jwks["keys"] if key["kid"] == head["kid"]]
        told = jwt.decode(person.token, jwt.PyJWK.from_dict(key).key, algorithms=["EdDSA"],
                          audience="omnicrm", issuer="latchkey/omnicrm")
        self.assertEqual(told["sub"], person.id)

    def test_a_demoted_person_has_less_at_once(self):
        person = self.person()
        self.assert_allowed(self.verify(person.bearer, method="POST"))
        self.update_user(person, roles=["view_customer"])
        self.assert_refused(self.verify(person.bearer, method="POST"), "insufficient_scope")
        self.assert_allowed(self.verify(person.bearer))
        for answer in (self.log_in(person.email), self.refresh(person.refresh_token)):
            self.assertEqual(answer.json["roles"], ["view_customer"])
            self.assertEqual(answer.json["permissions"], ["view_customer"])

    def test_a_disabled_person_is_out(self):
        person = self.person()
        self.update_user(person, enabled=False)
        self.assert_error(self.log_in(person.email), "invalid_credentials")
        self.assert_error(self.refresh(person.refresh_token), "invalid_grant")
        self.assert_refused(self.verify(person.bearer), "invalid_token")


class Credentials(OmnicrmTest):
    def test_a_credential_of_another_realm_is_refused(self):
        _, key = self.create_key("other")
        self.assert_allowed(self.verify(api_key(key), realm="other"))
        self.assert_refused(self.verify(api_key(key)), "invalid_api_key")
        self.assert_refused(self.verify(self.person("other").bearer), "invalid_token")

    def test_a_key_that_was_revoked_or_never_was_is_invalid(self):
        id, key = self.create_key()
        self.assert_allowed(self.verify(api_key(key)))
        self.call("KeyService/RevokeKey", id=id)
        for credential in (api_key(key), api_key("x" * 40), bearer(key)):
            self.assert_refused(self.verify(credential), "invalid_api_key")

    def test_logout_takes_a_person(self):
        _, key = self.create_key()
        self.assert_error(self.post(LOGOUT, api_key(key)), "access_denied")
        self.assert_error(self.post(LOGOUT), "authentication_required")
        self.assert_error(self.post(LOGOUT, bearer("x.y.z")), "invalid_token")

    def test_two_credentials_are_a_bad_request(self):
        person = self.person()
        _, key = self.create_key()
        for extra, why in (
            (api_key(key), "one credential at a time"),
            (person.bearer, "a header that may come once comes twice"),
        ):
            answer = self.post(LOGOUT, person.bearer, extra)
            self.assert_error(answer, "invalid_request", why)

    def test_what_no_route_is_for_is_denied(self):
        self.assert_refused(self.verify(self.person().bearer, uri="/crm/secret"), "access_denied")


class Requests(OmnicrmTest):
    def test_members_have_the_names_of_the_schema_and_no_others(self):
        person = self.person()
        camel = {"refreshToken": person.refresh_token}
        self.assert_error(self.post(REFRESH, body=camel), "invalid_grant")
        answer = self.post(REFRESH, body={"refresh_token": person.refresh_token,
                                          "refreshToken": 5, "more": [{}]})
        self.assertEqual(answer.status, 200)
        self.assertNotIn(b"refreshToken", answer.body)

    def test_a_member_that_is_wrong_is_named_as_it_was_sent(self):
        for path, body, member in (
            (LOGIN, {"email": 5, "password": "x"}, "email: "),
            (LOGIN, {"email": "a@example.com", "password": ""}, "password: "),
            (REFRESH, {"refresh_token": 5}, "refresh_token: "),
        ):
            with self.subTest(member):
                answer = self.post(path, body=body)
                message = answer.json["message"]
                self.assert_error(answer, "invalid_request", message)
                self.assertTrue(message.startswith(member), message)

    def test_what_is_no_json_is_refused(self):
        as_json = ("Content-Type", "application/json")
        for body in (b"", b"{", b"[]", b'{"email":"a","email":"b"}', b"email=a"):
            answer = self.post(LOGIN, as_json, body=body)
            self.assertEqual((answer.status, answer.json["error"]), (400, "invalid_request"))
        form = ("Content-Type", "application/x-www-form-urlencoded")
        self.assert_error(self.post(LOGIN, form, body=b"email=a"), "unsupported_media_type")

    def test_paths_and_methods_that_are_not_there(self):
        for path in ("/crm", "/crm/customers", "/crm/auth/login/", "/auth/login",
                     "/crm/auth/Login"):
            self.assert_error(self.post(path, body={}), "not_found")
        for path in (LOGIN, REFRESH, LOGOUT):
            answer = self.web.ask("GET", path)
            self.assert_error(answer, "method_not_allowed")
            self.assertEqual(answer.header("Allow"), "POST, OPTIONS")

    def test_too_many_wrong_passwords_have_to_wait(self):
        email = self.create_user()["email"]
        network = ("X-Forwarded-For", f"10.9.{next(self.numbers)}.1")
        for _ in range(10):
            self.assert_error(self.log_in(email, network, password="x"), "invalid_credentials")
        answer = self.log_in(email, network)
        self.assert_error(answer, "too_many_requests")
        self.assertGreater(int(answer.header("Retry-After")), 0)

    def test_what_is_no_sound_http_has_the_code_of_its_status(self):
        host = b"Host: x\r\n"
        post = b"POST " + LOGIN.encode() + b" HTTP/1.1\r\n" + host
        for status, code, request in (
            (400, "invalid_request", b"GET / HTTP/1.1\r\n\r\n"),
            (411, "length_required", post + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            (413, "content_too_large", post + b"Content-Length: 1000000\r\n\r\nx"),
            (414, "uri_too_long", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + host + b"\r\n"),
            (417, "expectation_failed", b"GET / HTTP/1.1\r\n" + host + b"Expect: x\r\n\r\n"),
            (431, "headers_too_large",
             b"GET / HTTP/1.1\r\n" + host + b"X: " + b"a" * 9000 + b"\r\n\r\n"),
            (501, "not_implemented", b"CONNECT x:1 HTTP/1.1\r\n" + host + b"\r\n"),
            (505, "version_not_supported", b"GET / HTTP/2.0\r\n" + host + b"\r\n"),
        ):
            with self.subTest(status):
                head, _, body = self.web.raw(request).partition(b"\r\n\r\n")
                self.assertTrue(head.startswith(b"HTTP/1.1 %d " % status), head)
                told = json.loads(body)
                self.assertEqual((set(told), told["error"]), ({"error", "message"}, code))


class Documents(OmnicrmTest):
    def test_the_document_is_about_the_server_crm(self):
        answer = self.web.ask("GET", "/crm/openapi.json")
        self.assertEqual(answer.status, 200)
        told = answer.json
        self.assertEqual(told["servers"], [{"url": "/crm"}])
        self.assertEqual(list(told["paths"]), ["/auth/login", "/auth/refresh", "/auth/logout"])
        for path, methods in told["paths"].items():
            self.assertEqual(list(methods), ["post"])
            self.assertNotEqual(self.post("/crm" + path, body={}).status, 404)

    def test_its_reader_pastes_a_token_prefixed_by_bearer(self):
        told = self.web.ask("GET", "/crm/openapi.json").json["components"]["securitySchemes"]
        self.assertEqual(
            {(s["type"], s["in"], s["name"]) for s in told.values()},
            {("apiKey", "header", "Authorization"), ("apiKey", "header", "X-API-KEY")},
        )

    def test_it_has_the_members_as_they_are_sent(self):
        told = self.web.ask("GET", "/crm/openapi.json").json["components"]["schemas"]
        answer = self.log_in(self.create_user()["email"]).json
        self.assertEqual(set(told["LoginResponse"]["properties"]), set(answer))
        self.assertEqual(set(told["LoginRequest"]["properties"]), {"email", "password"})
        self.assertEqual(set(told["RefreshRequest"]["properties"]), {"refresh_token"})
