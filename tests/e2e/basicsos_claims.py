# SPDX-License-Identifier: MIT
"""The claims of BasicsOS CRM's document, one test each: docs/systems.md has them by number."""

import time

from basicsos import (
    CONTACTS, COOKIE, FORBIDDEN, NOT_FOUND, ORIGIN, SECURE_COOKIE, SESSION, SIGN_IN, SIGN_OUT,
    TOKENS, UNAUTHORIZED, WRONG, BasicsosTest, cookie, invalid,
)
from incrm import bearer, cookie_of

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
HTTPS = ("X-Forwarded-Proto", "https")
EVIL = ("Origin", "https://evil.example")


class Claims(BasicsosTest):
    def ways(self, person):
        """The three of the document."""
        token = self.create_token(person)["token"]
        return {"cookie": person.cookie, "bearer": person.bearer, "token": bearer(token)}

    # --- credentials ---

    def test_B1_there_are_three_ways(self):
        for name, header in self.ways(self.person()).items():
            with self.subTest(name):
                self.assert_allowed(self.verify(header))
        self.assert_error(self.verify(), UNAUTHORIZED)
        self.assert_error(self.verify(bearer("nonsense")), UNAUTHORIZED)
        self.assert_error(self.verify(cookie("nonsense")), UNAUTHORIZED)

    def test_B2_all_are_the_same_user_with_the_same_rights(self):
        person = self.person()
        ways = self.ways(person)
        for method, uri in (("GET", CONTACTS), ("POST", CONTACTS), ("DELETE", CONTACTS + "/1")):
            told = set()
            for header in ways.values():
                answer = self.verify(header, method=method, uri=uri)
                told.add((answer.status, answer.body, answer.header("X-Latchkey-User"),
                          answer.header("X-Latchkey-Roles")))
            self.assertEqual(len(told), 1, told)
        self.assertEqual(answer.status, 403)

    def test_B3_signing_in_sets_a_cookie_that_is_enough(self):
        user = self.create_user()
        answer = self.sign_in(user["email"])
        self.assertEqual(answer.status, 200)
        set_to = cookie_of(answer)
        self.assertEqual(set_to, {COOKIE: answer.json["token"], "Path": "/", "HttpOnly": True,
                                  "SameSite": "Lax", "Max-Age": set_to["Max-Age"]})
        self.assertIn(int(set_to["Max-Age"]), range(7 * 86400 - 60, 7 * 86400 + 1))
        self.assert_allowed(self.verify(cookie(set_to[COOKIE])))
        answer = self.web.ask("GET", TOKENS, cookie(set_to[COOKIE]))
        self.assertEqual((answer.status, answer.json), (200, []))

    def test_B3_over_https_the_cookie_is_secure(self):
        user = self.create_user()
        answer = self.sign_in(user["email"], HTTPS)
        set_to = cookie_of(answer)
        self.assertEqual((set_to["SameSite"], set_to["Secure"]), ("None", True))
        token = set_to[SECURE_COOKIE]
        self.assert_allowed(self.verify(cookie(token, SECURE_COOKIE), HTTPS))
        # Each name counts where it is set.
        self.assert_error(self.verify(cookie(token), HTTPS), UNAUTHORIZED)
        self.assert_error(self.verify(cookie(token, SECURE_COOKIE)), UNAUTHORIZED)

    def test_B4_bearer_and_cookie_are_one_session(self):
        for out, other in (("cookie", "bearer"), ("bearer", "cookie")):
            person = self.person()
            answer = self.web.ask("POST", SIGN_OUT, getattr(person, out))
            self.assertEqual((answer.status, answer.json), (200, {"success": True}))
            self.assertEqual(cookie_of(answer)["Max-Age"], "0")
            self.assert_error(self.verify(getattr(person, other)), UNAUTHORIZED)
            self.assertEqual(self.web.ask("GET", SESSION, getattr(person, other)).body, b"null")

    def test_B5_tokens_have_the_prefix(self):
        token = self.create_token(self.person())["token"]
        self.assertRegex(token, r"^bos_crm_live_[0-9A-Za-z]{49}$")

    def test_B6_a_token_acts_as_its_user_now(self):
        person = self.person(roles=["admin"])
        token = bearer(self.create_token(person)["token"])
        self.assert_allowed(self.verify(token, method="DELETE", uri=CONTACTS + "/1"))
        self.update_user(person, roles=["viewer"])
        self.assert_error(self.verify(token, method="DELETE", uri=CONTACTS + "/1"), FORBIDDEN)
        self.assert_allowed(self.verify(token))
        self.update_user(person, enabled=False)
        self.assert_error(self.verify(token), UNAUTHORIZED)

    def test_B7_the_token_is_shown_once(self):
        person = self.person()
        told = self.create_token(person)
        answer = self.web.ask("GET", TOKENS, person.bearer)
        self.assertNotIn(told["token"].encode(), answer.body)
        self.assertEqual(self.web.ask("GET", f"{TOKENS}/{told['id']}", person.bearer).status, 405)

    def test_B8_a_token_of_another_realm_is_nobodys(self):
        _, key = self.daemon.create_key("other", scopes=["*"])
        self.assert_allowed(self.verify(bearer(key), realm="other"))
        self.assert_error(self.verify(bearer(key)), UNAUTHORIZED)
        self.assert_error(self.verify(bearer("bos_live_sk_" + "a" * 49)), UNAUTHORIZED)
        person = self.person()
        for header in (person.bearer, person.cookie):
            self.assert_error(self.verify(header, realm="other"), UNAUTHORIZED)

    def test_B9_contacts_are_reached_by_each_way(self):
        person = self.person(roles=["viewer"])
        self.assert_allowed(self.verify(person.cookie, uri=CONTACTS + "?page=2"))
        self.assert_allowed(self.verify(person.bearer, uri=CONTACTS + "/c_1"))
        self.assert_error(self.verify(person.cookie, method="POST"), FORBIDDEN)

    # --- tokens ---

    def test_B10_a_session_manages_tokens(self):
        person = self.person()
        for header in (person.cookie, person.bearer):
            answer = self.web.ask("POST", TOKENS, header, body={"name": "a"})
            self.assertEqual(answer.status, 201)
            self.assertEqual(self.web.ask("GET", TOKENS, header).status, 200)
            gone = self.web.ask("DELETE", f"{TOKENS}/{answer.json['id']}", header)
            self.assertEqual(gone.status, 204)

    def test_B11_a_token_does_not(self):
        told = self.create_token(self.person(roles=["admin"]))
        token = bearer(told["token"])
        for method, path, body in (("GET", TOKENS, None), ("POST", TOKENS, {"name": "a"}),
                                   ("DELETE", f"{TOKENS}/{told['id']}", None)):
            self.assert_error(self.web.ask(method, path, token, body=body), FORBIDDEN)
        self.assert_allowed(self.verify(token))

    def test_B12_it_takes_records_write(self):
        viewer = self.person(roles=["viewer"])
        for method, path, body in (("GET", TOKENS, None), ("POST", TOKENS, {"name": "a"}),
                                   ("DELETE", TOKENS + "/tok_x", None)):
            answer = self.web.ask(method, path, viewer.bearer, body=body)
            self.assert_error(answer, FORBIDDEN)
        for roles in (["member"], ["admin"]):
            self.create_token(self.person(roles=roles))

    def test_B13_a_list_is_an_array(self):
        person = self.person()
        self.assertEqual(self.web.ask("GET", TOKENS, person.bearer).body, b"[]")
        for n in range(3):
            self.create_token(person, f"token {n}")
        told = self.web.ask("GET", TOKENS, person.bearer).json
        names = sorted(token["name"] for token in told)
        self.assertEqual(names, ["token 0", "token 1", "token 2"])

    def test_B13_a_long_list_is_whole(self):
        person = self.person()
        for n in range(205):
            self.call("KeyService/CreateKey", name=f"token {n}", userId=person.id, scopes=["*"])
        self.assertEqual(len(self.web.ask("GET", TOKENS, person.bearer).json), 205)

    def test_B14_members_of_a_list(self):
        person = self.person()
        self.create_token(person)
        [told] = self.web.ask("GET", TOKENS, person.bearer).json
        self.assertEqual(list(told), ["id", "name", "created_at", "last_used_at"])

    def test_B15_only_active_tokens_are_listed(self):
        person = self.person()
        told = [self.create_token(person) for _ in range(2)]
        self.web.ask("DELETE", f"{TOKENS}/{told[0]['id']}", person.bearer)
        left = self.web.ask("GET", TOKENS, person.bearer).json
        self.assertEqual([token["id"] for token in left], [told[1]["id"]])
        # And only one's own.
        self.assertEqual(self.web.ask("GET", TOKENS, self.person().bearer).json, [])

    def test_B16_ids_are_tok(self):
        self.assertRegex(self.create_token(self.person())["id"], r"^tok_[0-9A-Za-z]+$")

    def test_B17_times_are_utc_to_the_second(self):
        person = self.person()
        token = self.create_token(person)
        self.assertRegex(token["created_at"], f"^{TIME}$")
        self.assert_allowed(self.verify(bearer(token["token"])))
        deadline = time.monotonic() + 30
        while True:
            [told] = self.web.ask("GET", TOKENS, person.bearer).json
            if told["last_used_at"] is not None or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        self.assertRegex(told["last_used_at"], f"^{TIME}$")

    def test_B18_creating_a_token(self):
        answer = self.web.ask("POST", TOKENS, self.person().bearer, body={"name": "My integration"})
        told = answer.json
        self.assertEqual(list(told), ["id", "name", "token", "created_at"])
        self.assertEqual(told["name"], "My integration")
        self.assertEqual(answer.header("Cache-Control"), "no-store")

    def test_B19_the_token_is_in_no_other_answer(self):
        person = self.person()
        token = self.create_token(person)["token"]
        for path in (TOKENS, SESSION):
            self.assertNotIn(token.encode(), self.web.ask("GET", path, person.bearer).body)

    def test_B20_revoking_is_204(self):
        person = self.person()
        id = self.create_token(person)["id"]
        answer = self.web.ask("DELETE", f"{TOKENS}/{id}", person.bearer)
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertIsNone(answer.header("Content-Type"))

    def test_B21_before_its_use_it_is_null(self):
        person = self.person()
        self.create_token(person)
        [told] = self.web.ask("GET", TOKENS, person.bearer).json
        self.assertIsNone(told["last_used_at"])

    def test_B22_creating_is_201_with_a_location(self):
        answer = self.web.ask("POST", TOKENS, self.person().bearer, body={"name": "a"})
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.header("Location"), f"{TOKENS}/{answer.json['id']}")

    def test_B23_the_next_request_is_refused(self):
        person = self.person()
        for _ in range(20):
            token = self.create_token(person)
            self.assert_allowed(self.verify(bearer(token["token"])))
            self.web.ask("DELETE", f"{TOKENS}/{token['id']}", person.bearer)
            self.assert_error(self.verify(bearer(token["token"])), UNAUTHORIZED)

    def test_B24_what_is_not_ones_own_is_not_there(self):
        person, other = self.person(), self.person(roles=["admin"])
        id = self.create_token(other)["id"]
        gone = self.create_token(person)["id"]
        self.web.ask("DELETE", f"{TOKENS}/{gone}", person.bearer)
        for path in (id, gone, "tok_abc123", id.replace("tok_", "key_"), "x"):
            answer = self.web.ask("DELETE", f"{TOKENS}/{path}", person.bearer)
            self.assert_error(answer, NOT_FOUND)
        self.assertEqual(len(self.web.ask("GET", TOKENS, other.bearer).json), 1)

    def test_B25_a_name_is_needed(self):
        person = self.person()
        why = "a name is 1 to 200 bytes of UTF-8 without control characters"
        for body in ({}, {"name": ""}, {"name": "x" * 201}, {"name": "a\nb"}):
            answer = self.web.ask("POST", TOKENS, person.bearer, body=body)
            self.assert_error(answer, invalid("name", why))
        answer = self.web.ask("POST", TOKENS, person.bearer, body={"name": 7})
        self.assert_error(answer, invalid("name", "must be a string"))
        answer = self.web.ask("POST", TOKENS, person.bearer, body={"name": "a", "extra": 1})
        self.assertEqual(answer.status, 201)


class Decisions(BasicsosTest):
    def test_sign_in_answers_as_better_auth(self):
        user = self.create_user(name="Ada")
        told = self.sign_in(user["email"]).json
        self.assertEqual(list(told), ["redirect", "token", "user"])
        self.assertIs(told["redirect"], False)
        self.assertEqual(told["user"]["email"], user["email"])
        self.assertEqual(list(told["user"]), ["id", "email", "name", "emailVerified", "createdAt",
                                              "updatedAt"])
        self.assertEqual((told["user"]["id"], told["user"]["name"]), (user["id"], "Ada"))

    def test_wrong_email_and_wrong_password_are_the_same(self):
        user, off = self.create_user(), self.create_user(disabled=True)
        for email, password in ((user["email"], "wrong"), ("nobody@example.com", "wrong"),
                                (off["email"], "a long enough password")):
            answer = self.sign_in(email, password=password)
            self.assert_error(answer, WRONG)

    def test_the_session_is_told(self):
        person = self.person()
        told = self.web.ask("GET", SESSION, person.cookie, ("User-Agent", "x")).json
        self.assertEqual(list(told), ["session", "user"])
        self.assertEqual(told["user"]["id"], person.id)
        self.assertEqual(told["session"]["userId"], person.id)
        self.assertEqual(told["session"]["token"], person.token)
        self.assertRegex(told["session"]["expiresAt"], f"^{TIME}$")
        for headers in ((), (bearer("x"),), (cookie("x"),)):
            answer = self.web.ask("GET", SESSION, *headers)
            self.assertEqual((answer.status, answer.body), (200, b"null"))

    def test_a_token_has_no_session(self):
        token = bearer(self.create_token(self.person())["token"])
        self.assertEqual(self.web.ask("GET", SESSION, token).body, b"null")

    def test_signing_out_without_a_session_is_fine(self):
        for headers in ((), (cookie("x"),), (bearer("x"),)):
            answer = self.web.ask("POST", SIGN_OUT, *headers)
            self.assertEqual((answer.status, answer.json), (200, {"success": True}))

    def test_a_session_ends_by_itself(self):
        person = self.person("brief")
        time.sleep(1.1)
        for header in (person.cookie, person.bearer):
            self.assert_error(self.verify(header, realm="brief"), UNAUTHORIZED)

    def test_the_cookie_decides_beside_a_bearer(self):
        person, other = self.person(), self.person()
        answer = self.verify(person.cookie, other.bearer)
        self.assertEqual(answer.header("X-Latchkey-User"), person.id)
        self.assert_error(self.verify(cookie("x"), other.bearer), UNAUTHORIZED)
        self.assert_allowed(self.verify(cookie(""), other.bearer))
        self.assert_allowed(self.verify(("Cookie", "other=1"), other.bearer))

    def test_two_cookies_that_differ_are_a_bad_request(self):
        person, other = self.person(), self.person()
        both = ("Cookie", f"{COOKIE}={person.token}; {COOKIE}={other.token}")
        self.assert_error(self.verify(both), invalid("", "one credential at a time"))

    def test_a_token_in_the_cookie_is_none(self):
        token = self.create_token(self.person())["token"]
        self.assert_error(self.verify(cookie(token)), UNAUTHORIZED)

    def test_another_sites_page_changes_nothing_with_the_cookie(self):
        person = self.person()
        own = ("Origin", f"http://{self.web.host}")
        for headers, is_refused in (
            ([EVIL], True), ([("Sec-Fetch-Site", "cross-site")], True),
            ([("Origin", "null")], True),
            ([], False), ([own], False), ([("Origin", ORIGIN)], False),
            ([("Sec-Fetch-Site", "same-origin"), own], False),
        ):
            with self.subTest(headers):
                answer = self.web.ask("POST", TOKENS, person.cookie, *headers, body={"name": "a"})
                asked = self.verify(person.cookie, *headers, method="POST")
                if is_refused:
                    self.assert_error(answer, FORBIDDEN)
                    self.assert_error(asked, FORBIDDEN)
                else:
                    self.assertEqual(answer.status, 201, answer)
                    self.assert_allowed(asked)
        # A bearer is sent by whoever has it, and reading changes nothing.
        answer = self.web.ask("POST", TOKENS, person.bearer, EVIL, body={"name": "a"})
        self.assertEqual(answer.status, 201)
        self.assert_allowed(self.verify(person.cookie, EVIL))
        self.assert_error(self.web.ask("POST", SIGN_OUT, person.cookie, EVIL), FORBIDDEN)
        self.assert_allowed(self.verify(person.cookie))

    def test_other_requests(self):
        self.assert_error(self.web.ask("GET", "/api/nothing"), NOT_FOUND)
        self.assertEqual(self.web.ask("PUT", TOKENS).header("Allow"), "GET, HEAD, POST, OPTIONS")
        answer = self.web.ask("POST", SIGN_IN, ("Content-Type", "text/plain"), body=b"{}")
        self.assert_error(answer, (415, {"error": "Unsupported media type"}))
        answer = self.web.ask("GET", "/api/openapi.json")
        self.assertEqual((answer.status, answer.json["openapi"]), (200, "3.1.0"))
        schema = answer.json["paths"][TOKENS]["get"]["responses"]["200"]["content"]
        self.assertEqual(schema["application/json"]["schema"]["type"], "array")
