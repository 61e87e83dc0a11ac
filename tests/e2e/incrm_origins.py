# SPDX-License-Identifier: MIT
"""InCRM's surface and pages of other origins: what they may read, and what they cannot do."""

import json

from incrm import COOKIE_PATH, ORIGIN, IncrmTest, api_key, bearer, cookie, cookie_of
from incrm_rows import KEYS, LOGOUT, REFRESH, SIGN_IN
from people import PASSWORD


class Origins(IncrmTest):
    def preflight(self, origin, headers=None, method="POST", path=KEYS):
        asked = [("Origin", origin), ("Access-Control-Request-Method", method)]
        if headers is not None:
            asked.append(("Access-Control-Request-Headers", headers))
        return self.web.ask("OPTIONS", path, *asked)

    def assert_grant(self, answer, origin, with_credentials):
        self.assertEqual(answer.header("Access-Control-Allow-Origin"), origin, answer)
        self.assertEqual(
            answer.header("Access-Control-Allow-Credentials"), "true" if with_credentials else None
        )
        self.assertEqual(answer.header("Vary"), "Origin, Access-Control-Request-Headers")

    def assert_no_grant(self, answer):
        for name, _ in answer.headers:
            self.assertFalse(name.startswith("access-control-"), answer)
        self.assertEqual(answer.header("Vary"), "Origin, Access-Control-Request-Headers")

    def test_I33_with_an_api_key_any_origin_is_allowed_without_credentials(self):
        person = self.person()
        key = self.create_key(person)["key"]
        foreign = "https://anywhere.example"
        for header in (api_key(key), bearer(key), api_key("incrm_x")):
            answer = self.web.ask("GET", KEYS, header, ("Origin", foreign))
            self.assert_grant(answer, foreign, with_credentials=False)

    def test_I34_with_a_session_only_listed_origins_are_allowed_with_credentials(self):
        person = self.person()
        for answer in (
            self.web.ask("GET", KEYS, person.bearer, ("Origin", ORIGIN)),
            self.web.ask("GET", KEYS, ("Origin", ORIGIN)),
            self.sign_in(person.email, ("Origin", ORIGIN)),
            self.refresh(cookie(person.cookie), ("Origin", ORIGIN)),
            self.log_out(person.bearer, ("Origin", ORIGIN)),
        ):
            self.assert_grant(answer, ORIGIN, with_credentials=True)

    def test_I35_a_preflight_is_answered_without_a_credential(self):
        foreign = "https://anywhere.example"
        for origin, with_credentials in ((ORIGIN, True), (foreign, False)):
            for headers in ("x-api-key", "authorization, content-type", "X-Api-Key,Content-Type",
                            None):
                answer = self.preflight(origin, headers)
                self.assertEqual((answer.status, answer.body), (204, b""), answer)
                self.assert_grant(answer, origin, with_credentials)
                self.assertEqual(
                    answer.header("Access-Control-Allow-Methods"), "GET, HEAD, POST, OPTIONS"
                )
                self.assertEqual(answer.header("Access-Control-Allow-Headers"), headers)
                self.assertLessEqual(int(answer.header("Access-Control-Max-Age")), 600)

    def test_I36_an_origin_that_is_not_listed_gets_nothing_on_a_session_route(self):
        person = self.person()
        for origin in ("https://anywhere.example", "null"):
            for answer in (
                self.web.ask("GET", KEYS, person.bearer, ("Origin", origin)),
                self.sign_in(person.email, ("Origin", origin)),
                self.refresh(cookie(person.cookie), ("Origin", origin)),
            ):
                self.assert_no_grant(answer)

    def test_R_C01_R_C02_R_C03_an_origin_is_compared_to_the_letter(self):
        person = self.person()
        for origin in ("null", "https://app.incrm.app.evil.com", "https://evilapp.incrm.app",
                       "http://app.incrm.app", "https://app.incrm.app.", "https://APP.incrm.app",
                       "https://app.incrm.app:443", "https://app.incrm.app/", "*", "",
                       "https://app.incrm.app https://evil.example"):
            with self.subTest(origin):
                answer = self.web.ask("GET", KEYS, person.bearer, ("Origin", origin))
                self.assert_no_grant(answer)
                self.assert_error(self.refresh(cookie(person.cookie), ("Origin", origin)), 403000)
        twice = self.web.ask("GET", KEYS, person.bearer, ("Origin", ORIGIN), ("Origin", ORIGIN))
        self.assert_no_grant(twice)

    def test_R_C04_a_wildcard_is_never_answered(self):
        key = self.create_key(self.person())["key"]
        for answer in (
            self.web.ask("GET", KEYS, api_key(key), ("Origin", "https://x.example")),
            self.preflight("https://x.example", "x-api-key"),
            self.preflight(ORIGIN, "authorization"),
        ):
            self.assertNotEqual(answer.header("Access-Control-Allow-Origin"), "*")

    def test_R_C05_a_preflight_for_what_is_not_there_grants_nothing(self):
        self.assert_no_grant(self.preflight(ORIGIN, "x-evil"))
        self.assert_no_grant(self.preflight(ORIGIN, "authorization, x-evil"))
        self.assert_no_grant(self.preflight(ORIGIN, "x-user-id"))
        unknown = self.preflight(ORIGIN, path="/nowhere")
        self.assertEqual(unknown.status, 404)
        methods = self.preflight(ORIGIN, method="PATCH").header("Access-Control-Allow-Methods")
        self.assertNotIn("PATCH", methods)

    def test_R_C06_a_cookie_is_no_credential_beside_a_key(self):
        person, other = self.person(), self.person()
        key = self.create_key(person)["key"]
        answer = self.verify(api_key(key), cookie(other.cookie))
        self.assertEqual(answer.header("X-Latchkey-User"), person.id)
        foreign = ("Origin", "https://anywhere.example")
        answer = self.refresh(api_key(key), cookie(other.cookie), foreign)
        self.assert_error(answer, 403000)
        self.assertIsNone(answer.header("Set-Cookie"))
        self.assertEqual(self.refresh(cookie(other.cookie)).status, 200)

    def test_R_C07_nothing_changes_by_get_or_by_a_simple_request(self):
        person = self.person()
        for path in (SIGN_IN, REFRESH, LOGOUT):
            self.assert_error(self.web.ask("GET", path, cookie(person.cookie)), 405000)
        simple = ("Content-Type", "text/plain")
        body = json.dumps({"email": person.email, "password": PASSWORD}).encode()
        answer = self.web.ask("POST", SIGN_IN, simple, body=body)
        self.assert_error(answer, 415000)
        # A cookie goes along with a page's simple request: the page has to be a listed one.
        for origin in ("https://anywhere.example", "null"):
            answer = self.refresh(cookie(person.cookie), ("Origin", origin))
            self.assert_error(answer, 403000)
            self.assertIsNone(answer.header("Set-Cookie"))
        self.assert_error(self.log_out(cookie(person.cookie)), 401010)
        self.assertEqual(self.refresh(cookie(person.cookie)).status, 200)
        self.assertEqual(COOKIE_PATH, cookie_of(self.sign_in(person.email))["Path"])
