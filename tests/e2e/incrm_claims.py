# SPDX-License-Identifier: MIT
"""The claims of InCRM's document, one test each: docs/systems.md has them by number."""

import base64
import datetime
import json
import re
import subprocess
import time

from incrm import IncrmTest, api_key, bearer, cookie, cookie_of
from people import PASSWORD, claims

INVALID = "invalid_token"
LACKING = "insufficient_scope"
SECOND = datetime.timedelta(seconds=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def text_of(instant):
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def wait_until(instant):
    """Lets time pass: nothing else ends what is to end."""
    while (left := (instant - now()).total_seconds()) > 0:
        time.sleep(left)


def unsigned(token, **head):
    """The token with another head and no signature."""
    text = json.dumps(head, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=") + "." + token.split(".")[1] + "."


class Sessions(IncrmTest):
    def assert_tokens(self, answer):
        """Exactly what the document shows; the access token."""
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(set(answer.json), {"success", "data"})
        self.assertIs(answer.json["success"], True)
        self.assertEqual(set(answer.json["data"]), {"accessToken"})
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        return answer.json["data"]["accessToken"]

    def test_I1_sign_in_answers_an_access_token(self):
        token = self.assert_tokens(self.sign_in(self.create_user()["email"]))
        self.assert_allowed(self.verify(bearer(token)))

    def test_I2_the_refresh_token_is_a_cookie_for_http_alone_and_in_no_body(self):
        signed_in = self.sign_in(self.create_user()["email"])
        first = cookie_of(signed_in)["refreshToken"]
        for answer in (signed_in, self.refresh(cookie(first))):
            self.assert_tokens(answer)
            sent = cookie_of(answer)
            self.assertEqual(list(sent)[0], "refreshToken")
            self.assertIs(sent["HttpOnly"], True)
            self.assertEqual((sent["Path"], sent["SameSite"]), ("/api/v1/auth", "Lax"))
            for secret in (first, sent["refreshToken"]):
                self.assertNotIn(secret.encode(), answer.body)

    def test_I3_the_access_token_is_a_jwt_signed_with_hs256(self):
        token = self.person().token
        self.assertTrue(token.startswith("eyJhbGciOiJIUzI1NiIs"), token)
        head, _ = claims(token)
        self.assertEqual(list(head)[0], "alg")
        self.assertEqual(head["alg"], "HS256")

    def test_I4_the_access_token_authenticates_a_request_of_the_product(self):
        person = self.person(organizationId="acme")
        answer = self.verify(person.bearer)
        self.assert_allowed(answer)
        self.assertEqual(answer.header("X-Latchkey-User"), person.id)
        self.assertEqual(answer.header("X-Latchkey-Organization"), "acme")
        self.assertEqual(answer.header("X-Latchkey-Roles"), "admin")
        self.assertIsNone(answer.header("X-Latchkey-Key"))

    def test_I5_tokens_last_30_minutes_and_24_hours_unless_configured(self):
        answer = self.sign_in(self.create_user()["email"])
        _, body = claims(self.assert_tokens(answer))
        self.assertEqual(body["exp"] - body["iat"], 1800)
        self.assertIn(int(cookie_of(answer)["Max-Age"]), range(86400 - 60, 86400 + 1))

    def test_I6_refresh_takes_the_cookie_alone_and_sets_a_new_one(self):
        person = self.person()
        answer = self.refresh(cookie(person.cookie))
        token = self.assert_tokens(answer)
        sent = cookie_of(answer)["refreshToken"]
        self.assertNotEqual(sent, person.cookie)
        self.assert_allowed(self.verify(bearer(token)))
        self.assert_tokens(self.refresh(cookie(sent)))

    def test_I7_refresh_without_a_valid_cookie_is_401012(self):
        ended, alive = self.person(), self.person()
        self.assertEqual(self.log_out(ended.bearer).status, 204)
        brief = self.sign_in(self.create_user("brief")["email"], realm="brief")
        for what, headers in {
            "absent": (),
            "empty": (cookie(""),),
            "another cookie": (("Cookie", "theme=dark; refreshtoken=x"),),
            "garbage": (cookie("garbage"),),
            "unknown": (cookie(alive.cookie[:-8] + "AAAAAAAA"),),
            "an access token": (cookie(alive.token),),
            "signed out": (cookie(ended.cookie),),
            "of another realm": (cookie(cookie_of(brief)["refreshToken"]),),
            "in the bearer's place": (bearer(alive.cookie),),
        }.items():
            with self.subTest(what):
                answer = self.refresh(*headers)
                self.assert_error(answer, 401012)
                self.assert_challenge(answer)
                self.assertIsNone(answer.header("Set-Cookie"))
        with self.subTest("expired"):
            wait_until(now() + SECOND * 1.1)
            late = self.refresh(cookie(cookie_of(brief)["refreshToken"]), realm="brief")
            self.assert_error(late, 401012)

    def test_I8_only_a_spent_token_past_the_window_is_401013_and_ends_its_session(self):
        for realm in ("quick", "window"):
            with self.subTest(realm):
                person = self.person(realm)
                successor = self.refresh(cookie(person.cookie), realm=realm)
                self.assert_tokens(successor)
                wait_until(now() + SECOND * (0.2 if realm == "window" else 0))
                answer = self.refresh(cookie(person.cookie), realm=realm)
                self.assert_error(answer, 401013)
                self.assert_challenge(answer, realm=realm)
                # The session is gone, and with it both tokens of whoever refreshed first.
                sent = cookie_of(successor)["refreshToken"]
                self.assert_error(self.refresh(cookie(sent), realm=realm), 401012)
                token = successor.json["data"]["accessToken"]
                answer = self.verify(bearer(token), web=self.webs[realm])
                if realm == "window":
                    self.assert_refused(answer, 401011, INVALID, realm)

    def test_I8_a_spent_token_within_the_window_is_answered_with_its_successor(self):
        person = self.person()
        first, second = (self.refresh(cookie(person.cookie)) for _ in range(2))
        self.assert_tokens(second)
        for name in ("refreshToken", "Path"):
            self.assertEqual(cookie_of(first)[name], cookie_of(second)[name])

    def test_I9_logout_is_204_and_kills_both_tokens(self):
        person = self.person()
        answer = self.log_out(person.bearer)
        self.assertEqual((answer.status, answer.body), (204, b""), answer)
        self.assertIsNone(answer.header("Content-Type"))
        self.assertIsNone(answer.header("Content-Length"))
        self.assertEqual(cookie_of(answer)["refreshToken"], "")
        self.assertEqual(cookie_of(answer)["Max-Age"], "0")
        self.assertEqual(cookie_of(answer)["Path"], "/api/v1/auth")
        self.assert_refused(self.verify(person.bearer), 401011, INVALID)
        self.assert_error(self.log_out(person.bearer), 401011)
        self.assert_error(self.refresh(cookie(person.cookie)), 401012)

    def test_I10_a_well_signed_token_whose_session_is_gone_is_401011(self):
        person = self.person()
        self.assert_allowed(self.verify(person.bearer))
        self.call("UserService/EndSessions", userId=person.id)
        self.assert_refused(self.verify(person.bearer), 401011, INVALID)


class ApiKeys(IncrmTest):
    def test_I11_creating_a_key_takes_a_session_with_the_permission(self):
        self.assertEqual(self.ask_for_key(self.person()).status, 201)
        answer = self.ask_for_key(self.person(roles=["viewer"]))
        self.assert_error(answer, 401014)
        self.assert_challenge(answer, LACKING)
        nobody = self.web.ask("POST", "/api/v1/api-key", body={"name": "n"})
        self.assert_error(nobody, 401010)
        self.assert_challenge(nobody)

    def test_I12_the_answer_to_a_create_has_the_documented_members(self):
        answer = self.ask_for_key(self.person(), scopes=["clients.read", "invoices.read"])
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(list(answer.json), ["success", "data"])
        data = answer.json["data"]
        self.assertEqual(
            list(data),
            ["id", "name", "key", "keyPrefix", "scopes", "expiresAt", "isActive", "createdAt"],
        )
        self.assertEqual(data["name"], "My Integration")
        self.assertEqual(data["scopes"], ["clients.read", "invoices.read"])
        self.assertEqual(answer.header("Location"), "/api/v1/api-key/" + data["id"])
        self.assertEqual(answer.header("Cache-Control"), "no-store")

    def test_I13_a_key_starts_with_incrm_and_shows_13_characters(self):
        data = self.create_key(self.person())
        self.assertRegex(data["key"], r"^incrm_[A-Za-z0-9+/_-]{43,}$")
        self.assertEqual(data["keyPrefix"], data["key"][:13])

    def test_I14_a_key_does_not_expire_unless_told_and_times_have_milliseconds(self):
        data = self.create_key(self.person())
        self.assertIsNone(data["expiresAt"])
        self.assertIs(data["isActive"], True)
        self.assertRegex(data["createdAt"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertLess(abs(instant_of(data["createdAt"]) - now()), 60 * SECOND)
        told = "2199-12-31T23:59:59.000Z"
        self.assertEqual(self.create_key(self.person(), expiresAt=told)["expiresAt"], told)

    def test_I15_the_key_is_in_the_answer_to_its_create_alone(self):
        person = self.person()
        data = self.create_key(person)
        path = "/api/v1/api-key"
        for path in (path, f"{path}/{data['id']}"):
            answer = self.web.ask("GET", path, person.bearer)
            self.assertEqual(answer.status, 200, answer)
            self.assertNotIn(data["key"][14:].encode(), answer.body)
            self.assertNotIn(b'"key"', answer.body)

    def test_I16_a_key_is_taken_in_its_header_and_as_a_bearer(self):
        person = self.person()
        data = self.create_key(person)
        for header in (
            api_key(data["key"]),
            ("x-API-key", data["key"]),
            bearer(data["key"]),
            ("authorization", "bearer   " + data["key"]),
        ):
            answer = self.verify(header)
            self.assert_allowed(answer)
            self.assertEqual(answer.header("X-Latchkey-Key"), data["id"])
            self.assertEqual(answer.header("X-Latchkey-User"), person.id)
        # The prefix decides what a bearer is, and the header that there is a key.
        self.assert_refused(self.verify(bearer("incrm_x")), 401022, INVALID)
        self.assert_refused(self.verify(bearer("x")), 401010, INVALID)
        self.assert_refused(self.verify(api_key("x")), 401022, INVALID)
        self.assert_refused(self.verify(api_key(person.token)), 401022, INVALID)

    def test_I17_no_scopes_are_all_of_the_creator_and_scopes_are_only_those(self):
        person = self.person()
        for members, invoices in (({}, True), ({"scopes": []}, True),
                                  ({"scopes": None}, True),
                                  ({"scopes": ["clients.read"]}, False)):
            with self.subTest(members):
                data = self.create_key(person, **members)
                self.assertEqual(data["scopes"], members.get("scopes") or [])
                self.assert_allowed(self.verify(api_key(data["key"])))
                answer = self.verify(api_key(data["key"]), uri="/api/v1/invoice/1")
                if invoices:
                    self.assert_allowed(answer)
                else:
                    self.assert_refused(answer, 401014, LACKING)

    def test_I18_a_scope_is_a_resource_and_an_action(self):
        person = self.person()
        scopes = ["clients.read", "invoices.create", "invoices.read"]
        self.assertEqual(self.create_key(person, scopes=scopes)["scopes"], scopes)
        for scope in ("clients", "clients.fly", "*", "clients.*", "", "clients.read "):
            with self.subTest(scope):
                self.assert_bad(self.ask_for_key(person, scopes=[scope]), "scopes")

    def test_I19_a_key_has_no_more_than_its_owner_has_now(self):
        person = self.person(roles=["maker"])
        answer = self.ask_for_key(person, scopes=["clients.read", "clients.create"])
        self.assert_error(answer, 401014)
        scoped = self.create_key(person, scopes=["clients.read"])["key"]
        whole = self.create_key(person)["key"]
        for key in (scoped, whole):
            self.assert_allowed(self.verify(api_key(key)))
        self.assert_refused(self.verify(api_key(whole), uri="/api/v1/invoice/1"), 401014, LACKING)
        self.update_user(person, roles=[])
        for key in (scoped, whole):
            self.assert_refused(self.verify(api_key(key)), 401014, LACKING)
        self.update_user(person, roles=["admin"])
        self.assert_allowed(self.verify(api_key(whole), uri="/api/v1/invoice/1"))
        self.assert_refused(self.verify(api_key(scoped), uri="/api/v1/invoice/1"), 401014, LACKING)

    def test_I20_keys_are_listed_shown_and_revoked_by_whom_they_belong_to(self):
        person, other = self.person(), self.person()
        made = [self.create_key(person, name=f"key {i}") for i in range(3)]
        # Those of one millisecond are in any order.
        made.sort(key=lambda data: data["id"])
        shown = [{name: value for name, value in data.items() if name != "key"} for data in made]
        listed = self.web.ask("GET", "/api/v1/api-key", person.bearer)
        self.assertEqual(listed.status, 200, listed)
        self.assertEqual(
            listed.json, {"success": True, "data": shown, "meta": {"nextCursor": ""}}
        )
        path = "/api/v1/api-key/" + made[0]["id"]
        got = self.web.ask("GET", path, person.bearer)
        self.assertEqual(got.json, {"success": True, "data": shown[0]})
        for method in ("GET", "DELETE"):
            self.assert_error(self.web.ask(method, path, other.bearer), 404000)
        gone = self.web.ask("DELETE", path, person.bearer)
        self.assertEqual((gone.status, gone.body), (204, b""), gone)
        self.assertIsNone(gone.header("Content-Type"))
        for method in ("GET", "DELETE"):
            self.assert_error(self.web.ask(method, path, person.bearer), 404000)
        left = self.web.ask("GET", "/api/v1/api-key", person.bearer).json["data"]
        self.assertEqual(left, shown[1:])

    def test_I20_a_list_comes_in_pages(self):
        person = self.person()
        ids = [self.create_key(person)["id"] for _ in range(5)]
        seen, cursor = [], ""
        for _ in range(len(ids)):
            page = self.web.ask(
                "GET", f"/api/v1/api-key?limit=2&cursor={cursor}", person.bearer
            ).json
            seen += [data["id"] for data in page["data"]]
            cursor = page["meta"]["nextCursor"]
            if not cursor:
                break
        self.assertEqual(seen, sorted(ids))


class Errors(IncrmTest):
    def test_I21_a_wrong_email_and_a_wrong_password_are_the_same_401001(self):
        email = self.create_user()["email"]
        answers = [
            self.sign_in(email, self.network(), password="not the password"),
            self.sign_in("nobody@example.com", self.network()),
        ]
        for answer in answers:
            self.assert_error(answer, 401001)
            self.assert_challenge(answer)
            self.assertIsNone(answer.header("Set-Cookie"))
        first, second = (
            [header for header in answer.headers if header[0] != "date"] for answer in answers
        )
        self.assertEqual(first, second)

    def test_I22_a_token_that_is_no_token_is_401010(self):
        person, quick = self.person(), self.person("quick")
        token = person.token
        no_credential = self.verify()
        self.assert_refused(no_credential, 401010)
        for what, credential in {
            "malformed": "a.b.c",
            "a bad signature": token[:-10] + "AAAAAAAAAA",
            "a changed body": token.replace(".", ".e", 1),
            "no signature": token.rpartition(".")[0] + ".",
            "alg none": unsigned(token, alg="none", typ="at+jwt"),
            "of another realm": quick.token,
            "a refresh token": person.cookie,
            "a session's id": claims(token)[1]["sid"],
        }.items():
            with self.subTest(what):
                self.assert_refused(self.verify(bearer(credential)), 401010, INVALID)
                answer = self.log_out(bearer(credential))
                self.assert_error(answer, 401010)
                self.assert_challenge(answer, INVALID)
        with self.subTest("expired"):
            wait_until(now() + SECOND * 2.1)
            late = self.verify(quick.bearer, web=self.webs["quick"])
            self.assert_refused(late, 401010, INVALID, "quick")

    def test_I23_a_token_whose_session_has_ended_is_401011(self):
        person, disabled = self.person(), self.person()
        self.log_out(person.bearer)
        self.update_user(disabled, enabled=False)
        for gone in (person, disabled):
            answer = self.web.ask("GET", "/api/v1/api-key", gone.bearer)
            self.assert_error(answer, 401011)
            self.assert_challenge(answer, INVALID)

    def test_I24_an_unknown_refresh_token_is_401012(self):
        answer = self.refresh(cookie("unknown"))
        self.assert_error(answer, 401012, "Refresh token not found in whitelist")

    def test_I25_a_reused_refresh_token_is_401013(self):
        person = self.person("quick")
        self.refresh(cookie(person.cookie), realm="quick")
        answer = self.refresh(cookie(person.cookie), realm="quick")
        self.assert_error(answer, 401013, "Invalid refresh token")

    def test_I26_a_lacking_permission_is_401014_with_status_401(self):
        viewer = self.person(roles=["viewer"])
        path = "/api/v1/api-key"
        for method, path, body in (("POST", path, {"name": "n"}), ("GET", path, None),
                                   ("GET", path + "/key_x", None),
                                   ("DELETE", path + "/key_x", None)):
            answer = self.web.ask(method, path, viewer.bearer, body=body)
            self.assert_error(answer, 401014)
            self.assert_challenge(answer, LACKING)
        nobody = self.person(roles=[])
        self.assert_refused(self.verify(nobody.bearer), 401014, LACKING)

    def test_I27_without_a_business_it_is_401015(self):
        alone = self.person(organizationId="")
        path = "/api/v1/api-key"
        for method, path, body in (("POST", path, {"name": "n"}), ("GET", path, None),
                                   ("GET", path + "/key_x", None),
                                   ("DELETE", path + "/key_x", None)):
            answer = self.web.ask(method, path, alone.bearer, body=body)
            self.assert_error(answer, 401015)
            self.assert_challenge(answer)
        self.assert_refused(self.verify(alone.bearer), 401015)
        self.assert_allowed(self.verify(alone.bearer, uri="/api/v1/invoice/1"))
        self.update_user(alone, organizationId="acme")
        self.assert_allowed(self.verify(alone.bearer))

    def test_I27_a_business_that_was_closed_is_401015(self):
        business = f"business-{next(self.numbers)}"
        person = self.person(organizationId=business)
        key = self.create_key(person)["key"]
        self.call("UserService/SetOrganization", id=business, enabled=False, updateMask="enabled")
        for credential in (person.bearer, api_key(key)):
            answer = self.verify(credential)
            self.assertEqual(answer.header("X-Latchkey-Status"), "401")
            self.assertEqual(json.loads(answer.header("X-Latchkey-Body"))["error"]["code"], 401015)

    def test_I28_an_expired_key_is_401020(self):
        person = self.person()
        expires = now() + SECOND * 1.5
        data = self.create_key(person, expiresAt=text_of(expires))
        self.assert_allowed(self.verify(api_key(data["key"])))
        wait_until(expires)
        for header in (api_key(data["key"]), bearer(data["key"])):
            self.assert_refused(self.verify(header), 401020, INVALID)
        shown = self.web.ask("GET", "/api/v1/api-key/" + data["id"], person.bearer).json["data"]
        self.assertIs(shown["isActive"], False)

    def test_I29_a_key_that_was_revoked_or_whose_owner_was_is_401021(self):
        person, leaver = self.person(), self.person()
        revoked, disabled = self.create_key(person), self.create_key(person)
        orphan = self.create_key(leaver)
        self.web.ask("DELETE", "/api/v1/api-key/" + revoked["id"], person.bearer)
        self.call(
            "KeyService/UpdateKey", id=disabled["id"], enabled=False, updateMask="enabled"
        )
        self.update_user(leaver, enabled=False)
        for data in (revoked, disabled, orphan):
            for header in (api_key(data["key"]), bearer(data["key"])):
                self.assert_refused(self.verify(header), 401021, INVALID)

    def test_I30_an_unknown_or_malformed_key_is_401022(self):
        data = self.create_key(self.person())
        key = data["key"]
        for what, value in {
            "unknown": "incrm_dGhpcyBpcyBhIHRlc3Qga2V5...",
            "a wrong checksum": key[:-1] + ("A" if key[-1] != "A" else "B"),
            "cut off": key[:-1],
            "too long": key + "A",
            "another prefix": "bos_crm_" + key[6:],
            "its id": data["id"],
            "its prefix": data["keyPrefix"],
            "empty": "",
            "with a space": key[:20] + " " + key[20:],
        }.items():
            with self.subTest(what):
                self.assert_refused(self.verify(api_key(value)), 401022, INVALID)

    def test_I31_a_resource_closed_to_this_principal_is_403000(self):
        person = self.person()
        data = self.create_key(person)
        answer = self.web.ask("GET", "/api/v1/api-key", api_key(data["key"]))
        self.assert_error(answer, 403000)
        self.assert_refused(self.verify(person.bearer, uri="/api/v1/nowhere"), 403000)
        self.assert_refused(self.verify(person.bearer, method="POST"), 403000)
        self.call(
            "KeyService/UpdateKey", id=data["id"], networks=["192.0.2.0/24"],
            updateMask="networks",
        )
        self.assert_refused(self.verify(api_key(data["key"])), 403000)
        inside = self.verify(api_key(data["key"]), ("X-Forwarded-For", "192.0.2.7"))
        self.assert_allowed(inside)

    def test_I32_a_key_where_a_person_has_to_be_is_403000_and_not_401014(self):
        person = self.person()
        whole, scoped = self.create_key(person), self.create_key(person, scopes=["clients.read"])
        path = "/api/v1/api-key"
        for method, path, body in (("POST", path, {"name": "n"}), ("GET", path, None),
                                   ("GET", f"{path}/{whole['id']}", None),
                                   ("DELETE", f"{path}/{whole['id']}", None),
                                   ("POST", "/api/v1/auth/logout", None)):
            for key in (whole["key"], scoped["key"]):
                for header in (api_key(key), bearer(key)):
                    with self.subTest(method + path, header=header[0]):
                        answer = self.web.ask(method, path, header, body=body)
                        self.assert_error(answer, 403000)
            # What is no key of ours is told so first.
            self.assert_error(
                self.web.ask(method, path, api_key("incrm_x"), body=body), 401022
            )
        self.assert_allowed(self.verify(api_key(whole["key"])))


SIGN_IN = """\
curl -X POST https://api.incrm.app/api/v1/auth/sign-in \\
  -H "Content-Type: application/json" \\
  -d '{"email": "user@example.com", "password": "yourPassword123"}'
"""
REFRESH = """\
curl -X POST https://api.incrm.app/api/v1/auth/token/refresh \\
  -b "refreshToken=<cookie-value>"
"""
LOGOUT = """\
curl -X POST https://api.incrm.app/api/v1/auth/logout \\
  -H "Authorization: Bearer <accessToken>"
"""
CREATE = """\
curl -X POST https://api.incrm.app/api/v1/api-key \\
  -H "Authorization: Bearer <accessToken>" \\
  -H "Content-Type: application/json" \\
  -d '{"name": "My Integration", "scopes": ["clients.read", "invoices.read"]}'
"""
CLIENT_BY_TOKEN = """\
curl https://api.incrm.app/api/v1/client \\
  -H "Authorization: Bearer eyJhbGciOiJIUzI1NiIs..."
"""
CLIENT_BY_KEY = """\
curl https://api.incrm.app/api/v1/client \\
  -H "X-Api-Key: incrm_dGhpcyBpcyBhIHRlc3Qga2V5..."
"""
CLIENT_BY_BEARER_KEY = """\
curl https://api.incrm.app/api/v1/client \\
  -H "Authorization: Bearer incrm_dGhpcyBpcyBhIHRlc3Qga2V5..."
"""


class Curl(IncrmTest):
    """The document's own lines, with another base URL and other credentials."""

    def curl(self, line, *more, **replaced):
        """The status, the headers, the body."""
        line = line.strip().replace("https://api.incrm.app", self.web.base)
        for old, new in replaced.items():
            self.assertIn(old, line)
            line = line.replace(old, new)
        words = " ".join(f"-H '{name}: {value}'" for name, value in more)
        done = subprocess.run(
            ["sh", "-c", f"{line} -sS -i {words}"], capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        head, _, body = done.stdout.partition("\n\n")
        return int(head.split()[1]), head, body

    def client(self, line, **replaced):
        """Of a request of the product, what the proxy is told."""
        line = line.replace("/api/v1/client", "/_latchkey/verify")
        original = (("X-Original-Method", "GET"), ("X-Original-URI", "/api/v1/client"))
        return self.curl(line, *original, **replaced)

    def test_the_lines_of_the_document_work_as_they_are(self):
        email = self.create_user()["email"]
        status, head, body = self.curl(
            SIGN_IN, **{"user@example.com": email, "yourPassword123": PASSWORD}
        )
        self.assertEqual(status, 200, body)
        value = re.search(r"^set-cookie: refreshToken=([^;]*);.*HttpOnly", head, re.I | re.M)[1]
        status, head, body = self.curl(REFRESH, **{"<cookie-value>": value})
        self.assertEqual(status, 200, body)
        self.assertRegex(head, r"(?i)\nset-cookie: refreshToken=")
        token = json.loads(body)["data"]["accessToken"]
        status, _, body = self.curl(CREATE, **{"<accessToken>": token})
        self.assertEqual(status, 201, body)
        key = json.loads(body)["data"]["key"]
        example = {"incrm_dGhpcyBpcyBhIHRlc3Qga2V5...": key}
        for line, replaced in ((CLIENT_BY_TOKEN, {"eyJhbGciOiJIUzI1NiIs...": token}),
                               (CLIENT_BY_KEY, example), (CLIENT_BY_BEARER_KEY, example)):
            status, head, _ = self.client(line, **replaced)
            self.assertEqual(status, 200, head)
        status, _, body = self.curl(LOGOUT, **{"<accessToken>": token})
        self.assertEqual((status, body), (204, ""))
        status, head, _ = self.client(CLIENT_BY_TOKEN, **{"eyJhbGciOiJIUzI1NiIs...": token})
        self.assertEqual(status, 401)
        self.assertIn("401011", head)
        status, _, body = self.curl(REFRESH, **{"<cookie-value>": "old"})
        self.assertEqual(
            (status, json.loads(body)),
            (
                401,
                {
                    "success": False,
                    "error": {
                        "code": 401012,
                        "message": "Refresh token not found in whitelist",
                    },
                },
            ),
        )

    def test_the_lines_with_the_documents_own_credentials_are_refused(self):
        for line, code in ((CLIENT_BY_TOKEN, "401010"), (CLIENT_BY_KEY, "401022"),
                           (CLIENT_BY_BEARER_KEY, "401022")):
            status, head, _ = self.client(line)
            self.assertEqual(status, 401)
            self.assertIn(code, head)
