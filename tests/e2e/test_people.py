# SPDX-License-Identifier: MIT
"""People sign in, are who they are while they may be, and sign out."""

import base64
import hashlib
import signal
import unittest

from people import PASSWORD, TOKEN_REALMS, PeopleTest, claims


class Sessions(PeopleTest):
    def test_a_session_is_its_user_with_their_rights(self):
        for realm in TOKEN_REALMS:
            user = self.create_user(realm, roles=["clerk"])
            token = self.sign_in(realm)["accessToken"]
            answer = self.judge(realm, token, withPermissions=True)
            principal = answer["principal"]
            self.assertTrue(answer["allowed"])
            self.assertEqual(principal["userId"], user["id"])
            self.assertEqual(principal["roles"], ["clerk"])
            self.assertEqual(principal["permissions"], ["orders.read", "orders.write"])
            self.assertEqual(self.verdict_on(realm, token, permissions=["orders.write"]), "allowed")
            self.assertEqual(
                self.verdict_on(realm, token, permissions=["stock.read"]), "PERMISSION_DENIED"
            )
            others = [other for other in TOKEN_REALMS if other != realm]
            for other in others:
                self.assertEqual(self.verdict_on(other, token), "UNKNOWN_CREDENTIAL")

    def test_a_jwt_says_what_was_promised(self):
        for realm, algorithm in (("hs256", "HS256"), ("eddsa", "EdDSA")):
            user = self.create_user(realm)
            head, body = claims(self.sign_in(realm)["accessToken"])
            self.assertEqual(list(head), ["alg", "typ", "kid"])
            self.assertEqual((head["alg"], head["typ"]), (algorithm, "at+jwt"))
            self.assertEqual(body["sub"], user["id"])
            self.assertEqual((body["iss"], body["aud"]), ("latchkey/" + realm, realm))
            self.assertEqual(body["exp"] - body["iat"], 1800)

    def test_a_changed_token_is_unknown(self):
        for realm in TOKEN_REALMS:
            self.create_user(realm)
            token = self.sign_in(realm)["accessToken"]
            for at in (5, len(token) // 2, len(token) - 3):
                other = "A" if token[at] != "A" else "B"
                changed = token[:at] + other + token[at + 1 :]
                self.assertEqual(self.verdict_on(realm, changed), "UNKNOWN_CREDENTIAL")

    def test_sign_out_is_felt_by_the_next_verification(self):
        for realm in TOKEN_REALMS:
            self.create_user(realm)
            tokens = self.sign_in(realm)
            other = self.sign_in(realm)["accessToken"]
            request = {"realm": realm, "accessToken": tokens["accessToken"]}
            self.assertEqual(self.ask("AuthService/SignOut", request), {"sessionsEnded": 1})
            self.assertEqual(self.verdict_on(realm, tokens["accessToken"]), "REVOKED")
            self.assertEqual(self.verdict_on(realm, other), "allowed")
            self.assertEqual(self.ask("AuthService/SignOut", request), {"sessionsEnded": 0})
            if realm != "opaque":
                self.assert_refused(
                    "UNAUTHENTICATED",
                    "AuthService/RefreshToken",
                    {"realm": realm, "refreshToken": tokens["refreshToken"]},
                )

    def test_sign_out_of_all_and_of_all_others(self):
        for realm in TOKEN_REALMS:
            self.create_user(realm)
            first, second, third = (self.sign_in(realm)["accessToken"] for _ in range(3))
            request = {"realm": realm, "accessToken": second, "scope": "SIGN_OUT_SCOPE_OTHERS"}
            self.assertEqual(self.ask("AuthService/SignOut", request), {"sessionsEnded": 2})
            self.assertEqual(self.verdict_on(realm, first), "REVOKED")
            self.assertEqual(self.verdict_on(realm, third), "REVOKED")
            self.assertEqual(self.verdict_on(realm, second), "allowed")
            request = {"realm": realm, "accessToken": second, "scope": "SIGN_OUT_SCOPE_ALL"}
            self.assertEqual(self.ask("AuthService/SignOut", request), {"sessionsEnded": 1})
            self.assertEqual(self.verdict_on(realm, second), "REVOKED")

    def test_the_oldest_session_ends_when_there_are_too_many(self):
        self.create_user("eddsa")
        tokens = [self.sign_in("eddsa")["accessToken"] for _ in range(4)]
        verdicts = [self.verdict_on("eddsa", token) for token in tokens]
        self.assertEqual(verdicts, ["REVOKED", "allowed", "allowed", "allowed"])

    def test_sessions_are_listed_and_ended_one_by_one(self):
        user = self.create_user("hs256")
        self.sign_in("hs256", clientAddress="203.0.113.7", userAgent="curl\x1b[1m")
        token = self.sign_in("hs256")["accessToken"]
        listing = {"realm": "hs256", "userId": user["id"]}
        first, second = self.ask("UserService/ListSessions", listing)["sessions"]
        self.assertEqual(first["clientAddress"], "203.0.113.7")
        self.assertEqual(first["userAgent"], "curl?[1m")
        self.ask("UserService/EndSession", {"realm": "hs256", "id": second["id"]})
        self.assertEqual(self.verdict_on("hs256", token), "REVOKED")
        left = self.ask("UserService/ListSessions", listing)["sessions"]
        self.assertEqual([session["id"] for session in left], [first["id"]])
        self.assert_refused(
            "NOT_FOUND", "UserService/EndSession", {"realm": "opaque", "id": first["id"]}
        )

    def test_all_of_it_survives_a_kill(self):
        kept = {}
        for realm in TOKEN_REALMS:
            self.create_user(realm)
            ended, kept[realm] = (self.sign_in(realm)["accessToken"] for _ in range(2))
            self.ask("AuthService/SignOut", {"realm": realm, "accessToken": ended})
            kept[realm] = (ended, kept[realm])
        self.daemon.stop(signal.SIGKILL)
        self.daemon.start()
        for realm, (ended, token) in kept.items():
            self.assertEqual(self.verdict_on(realm, token), "allowed")
            self.assertEqual(self.verdict_on(realm, ended), "REVOKED")


class Users(PeopleTest):
    def test_disabling_a_user_stops_all_their_sessions_and_keys(self):
        for realm in TOKEN_REALMS:
            user = self.create_user(realm, roles=["clerk"])
            token = self.sign_in(realm)["accessToken"]
            _, key = self.daemon.create_key(realm, userId=user["id"], scopes=["*"])
            self.assertEqual(self.verdict_on(realm, key), "allowed")
            self.update_user(realm, user, enabled=False)
            self.assertEqual(self.verdict_on(realm, token), "USER_DISABLED")
            self.assertEqual(self.verdict_on(realm, key), "USER_DISABLED")
            self.update_user(realm, user, enabled=True)
            self.assertEqual(self.verdict_on(realm, key), "allowed")

    def test_a_demoted_user_demotes_their_keys(self):
        user = self.create_user("hs256", roles=["clerk"])
        _, named = self.daemon.create_key("hs256", userId=user["id"], scopes=["orders.write"])
        _, all_of_it = self.daemon.create_key("hs256", userId=user["id"], scopes=["*"])
        token = self.sign_in("hs256")["accessToken"]
        write = {"permissions": ["orders.write"]}
        for credential in (named, all_of_it, token):
            self.assertEqual(self.verdict_on("hs256", credential, **write), "allowed")
        self.update_user("hs256", user, roles=["viewer"])
        for credential in (named, all_of_it, token):
            self.assertEqual(self.verdict_on("hs256", credential, **write), "PERMISSION_DENIED")
        read = {"permissions": ["orders.read"]}
        self.assertEqual(self.verdict_on("hs256", all_of_it, **read), "allowed")

    def test_a_role_that_changes_in_the_configuration_changes_at_the_next_verification(self):
        self.create_user("hs256", roles=["viewer"])
        token = self.sign_in("hs256")["accessToken"]
        stock = {"permissions": ["stock.read"]}
        self.assertEqual(self.verdict_on("hs256", token, **stock), "PERMISSION_DENIED")
        self.daemon.write_config(self.realms.replace("viewer: [orders.read]", "viewer: ['*']"))
        self.daemon.process.send_signal(signal.SIGHUP)
        for _ in range(1000):
            if self.verdict_on("hs256", token, **stock) == "allowed":
                return
        self.fail("the reload was not felt")

    def test_a_key_is_given_no_more_than_its_owner_has(self):
        user = self.create_user("hs256", roles=["viewer"])
        request = {"realm": "hs256", "name": "k", "userId": user["id"]}
        for scopes in (["orders.write"], ["orders.*"], ["orders.read", "stock.read"]):
            self.assert_refused(
                "PERMISSION_DENIED", "KeyService/CreateKey", {**request, "scopes": scopes}
            )
        self.ask("KeyService/CreateKey", {**request, "scopes": ["orders.read"]})
        nobody = {**request, "userId": "user_0000000000000000000001"}
        self.assert_refused("INVALID_ARGUMENT", "KeyService/CreateKey", nobody)

    def test_a_disabled_organization_stops_its_members_and_keys(self):
        self.create_user("opaque", organizationId="acme")
        token = self.sign_in("opaque")["accessToken"]
        _, key = self.daemon.create_key("opaque", organizationId="acme")
        change = {"realm": "opaque", "id": "acme", "plan": "PRO", "updateMask": "plan"}
        self.ask("UserService/SetOrganization", change)
        self.assertEqual(self.judge("opaque", token)["principal"]["plan"], "PRO")
        change = {"realm": "opaque", "id": "acme", "enabled": False, "updateMask": "enabled"}
        self.ask("UserService/SetOrganization", change)
        for credential in (token, key):
            self.assertEqual(
                self.verdict_on("opaque", credential), "ORGANIZATION_DISABLED"
            )

    def test_an_email_is_one_whatever_its_letters_and_belongs_to_one(self):
        user = self.create_user("opaque", email="  Ada.L@Example.ORG ")
        self.assertEqual(user["email"], "ada.l@example.org")
        self.assert_refused(
            "ALREADY_EXISTS",
            "UserService/CreateUser",
            {"realm": "opaque", "email": "ADA.l@example.org"},
        )
        found = self.ask("UserService/GetUser", {"realm": "opaque", "email": "Ada.L@example.org"})
        self.assertEqual(found["user"]["id"], user["id"])
        other = self.create_user("opaque", "bob")
        request = {"realm": "opaque", "id": other["id"], "updateMask": "email"}
        self.assert_refused(
            "ALREADY_EXISTS", "UserService/UpdateUser", {**request, "email": "ada.l@example.org"}
        )
        self.ask("UserService/UpdateUser", {**request, "email": "robert@example.org"})
        self.create_user("opaque", "bob")

    def test_users_are_listed_page_by_page_and_by_organization(self):
        ids = [
            self.create_user("opaque", f"u{n}", organizationId="acme" if n % 2 else "")["id"]
            for n in range(5)
        ]
        listed, token = [], ""
        while True:
            page = self.ask(
                "UserService/ListUsers", {"realm": "opaque", "pageSize": 2, "pageToken": token}
            )
            listed += [user["id"] for user in page["users"]]
            token = page["nextPageToken"]
            if not token:
                break
        self.assertEqual(listed, ids)
        members = self.ask("UserService/ListUsers", {"realm": "opaque", "organizationId": "acme"})
        self.assertEqual([user["id"] for user in members["users"]], ids[1::2])
        self.assert_refused(
            "INVALID_ARGUMENT",
            "UserService/ListUsers",
            {"realm": "hs256", "pageToken": "0" * 96},
        )

    def test_bad_fields_are_named(self):
        for field, fields in [
            ("email", {"email": "no address"}),
            ("email", {"email": "a@b@c"}),
            ("password", {"password": "short"}),
            ("password", {"password": "aaaaaaaaaaaa"}),
            ("password", {"password": "Password1234"}),
            ("password", {"password": "ada@EXAMPLE.org"}),
            ("roles", {"roles": ["king"]}),
            ("roles", {"roles": ["viewer", "viewer"]}),
            ("password_hash", {"password": "", "passwordHash": "$1$abc$def"}),
            ("password_hash", {"passwordHash": "$2b$10$" + "a" * 53}),
        ]:
            request = {"realm": "opaque", "email": "ada@example.org", "password": PASSWORD}
            said = self.assert_refused(
                "INVALID_ARGUMENT", "UserService/CreateUser", {**request, **fields}
            )
            self.assertIn(field.replace("_", "-"), said.replace("_", "-"))
        self.assert_refused(
            "INVALID_ARGUMENT",
            "UserService/CreateUser",
            {"realm": "latchkey", "email": "ada@example.org"},
        )


class Passwords(PeopleTest):
    def test_a_wrong_password_and_an_unknown_account_get_one_answer(self):
        user = self.create_user("opaque")
        self.create_user("opaque", "locked")
        self.ask(
            "UserService/CreateUser", {"realm": "opaque", "email": "none@example.org"}
        )
        locked = self.ask("UserService/GetUser", {"realm": "opaque", "email": "locked@example.org"})
        self.update_user("opaque", locked["user"], enabled=False)
        answers = set()
        for name in ("ada", "locked", "none", "nobody"):
            request = {
                "realm": "opaque",
                "email": f"{name}@example.org",
                "password": PASSWORD if name != "ada" else PASSWORD + "!",
            }
            answers.add(self.assert_refused("UNAUTHENTICATED", "AuthService/SignIn", request))
        self.assertEqual(len(answers), 1, answers)
        self.assertNotIn(user["id"], str(answers))

    def test_the_eleventh_wrong_password_is_not_looked_at(self):
        self.create_user("opaque")
        for n in range(10):
            request = {
                "realm": "opaque",
                "email": ("ADA" if n % 2 else "ada") + "@example.org",
                "password": "wrong password",
                "clientAddress": "203.0.113.7",
            }
            self.assert_refused("UNAUTHENTICATED", "AuthService/SignIn", request)
        right = {**request, "password": PASSWORD}
        self.assert_refused("RESOURCE_EXHAUSTED", "AuthService/SignIn", right, "--timeout", "1s")
        elsewhere = {**right, "clientAddress": "203.0.113.8"}
        self.ask("AuthService/SignIn", elsewhere)
        self.ask(
            "UserService/ResetSignInLimits", {"realm": "opaque", "email": "Ada@example.org"}
        )
        self.ask("AuthService/SignIn", right)

    def test_a_new_password_ends_all_sessions_and_the_old_one(self):
        user = self.create_user("hs256")
        token = self.sign_in("hs256")["accessToken"]
        change = {"realm": "hs256", "userId": user["id"], "password": "another long password"}
        self.assertEqual(self.ask("UserService/SetPassword", change), {"sessionsEnded": 1})
        self.assertEqual(self.verdict_on("hs256", token), "REVOKED")
        request = {"realm": "hs256", "email": "ada@example.org", "password": PASSWORD}
        self.assert_refused("UNAUTHENTICATED", "AuthService/SignIn", request)
        self.sign_in("hs256", password="another long password")

    def test_a_foreign_hash_signs_in_and_is_replaced(self):
        salt = b"saltsaltsaltsalt"
        digest = hashlib.pbkdf2_hmac("sha256", b"correct horse", salt, 1000)

        def passlib(data):
            return base64.b64encode(data).decode().rstrip("=").replace("+", ".")

        text = f"$pbkdf2-sha256$1000${passlib(salt)}${passlib(digest)}"
        request = {"realm": "opaque", "email": "old@example.org", "passwordHash": text}
        self.ask("UserService/CreateUser", request)
        for _ in range(2):
            self.sign_in("opaque", "old", password="correct horse")


class Refresh(PeopleTest):
    def refresh(self, realm, token):
        answer = self.ask(
            "AuthService/RefreshToken", {"realm": realm, "refreshToken": token}
        )
        return answer["tokens"]

    def assert_dead(self, realm, tokens):
        self.assertEqual(self.verdict_on(realm, tokens["accessToken"]), "REVOKED")
        said = self.assert_refused(
            "UNAUTHENTICATED",
            "AuthService/RefreshToken",
            {"realm": realm, "refreshToken": tokens["refreshToken"]},
        )
        self.assertIn("not valid", said)

    def test_a_refresh_gives_both_tokens_anew_for_the_same_session(self):
        self.create_user("hs256")
        old = self.sign_in("hs256")
        new = self.refresh("hs256", old["refreshToken"])
        self.assertNotEqual(new["accessToken"], old["accessToken"])
        self.assertNotEqual(new["refreshToken"], old["refreshToken"])
        sessions = {claims(t["accessToken"])[1]["sid"] for t in (old, new)}
        self.assertEqual(len(sessions), 1)
        for tokens in (old, new):
            self.assertEqual(self.verdict_on("hs256", tokens["accessToken"]), "allowed")

    def test_a_refresh_tells_the_user_as_they_are_now(self):
        user = self.create_user("hs256", roles=["clerk"])
        token = self.sign_in("hs256")["refreshToken"]
        self.update_user("hs256", user, roles=["viewer"])
        told = self.ask("AuthService/RefreshToken", {"realm": "hs256", "refreshToken": token})
        self.assertEqual(told["user"]["id"], user["id"])
        self.assertEqual(told["user"]["roles"], ["viewer"])
        self.assertEqual(told["user"]["permissions"], ["orders.read"])

    def test_within_the_window_a_spent_token_gives_its_successor_again(self):
        self.create_user("hs256")
        old = self.sign_in("hs256")
        first = self.refresh("hs256", old["refreshToken"])
        again = self.refresh("hs256", old["refreshToken"])
        self.assertEqual(again["refreshToken"], first["refreshToken"])
        self.assertEqual(self.verdict_on("hs256", again["accessToken"]), "allowed")

    def test_after_its_successor_was_used_a_spent_token_ends_the_session(self):
        self.create_user("hs256")
        old = self.sign_in("hs256")
        second = self.refresh("hs256", old["refreshToken"])
        third = self.refresh("hs256", second["refreshToken"])
        said = self.assert_refused(
            "UNAUTHENTICATED",
            "AuthService/RefreshToken",
            {"realm": "hs256", "refreshToken": old["refreshToken"]},
        )
        self.assertIn("had been spent", said)
        self.assert_dead("hs256", third)

    def test_without_a_window_the_second_use_ends_the_session(self):
        self.create_user("eddsa")
        old = self.sign_in("eddsa")
        new = self.refresh("eddsa", old["refreshToken"])
        self.assert_refused(
            "UNAUTHENTICATED",
            "AuthService/RefreshToken",
            {"realm": "eddsa", "refreshToken": old["refreshToken"]},
        )
        self.assert_dead("eddsa", new)

    def test_a_disabled_user_refreshes_nothing(self):
        user = self.create_user("hs256")
        tokens = self.sign_in("hs256")
        self.update_user("hs256", user, enabled=False)
        self.assert_refused(
            "UNAUTHENTICATED",
            "AuthService/RefreshToken",
            {"realm": "hs256", "refreshToken": tokens["refreshToken"]},
        )


class Keyrings(PeopleTest):
    def test_tokens_survive_a_rotation_and_not_the_retirement_of_their_key(self):
        self.create_user("eddsa")
        token = self.sign_in("eddsa")["accessToken"]
        old = claims(token)[0]["kid"]
        new = self.ask("KeyringService/RotateSigningKey", {"realm": "eddsa"})["key"]["id"]
        self.assertEqual(self.verdict_on("eddsa", token), "allowed")
        self.assertEqual(claims(self.sign_in("eddsa")["accessToken"])[0]["kid"], new)
        self.assert_refused(
            "FAILED_PRECONDITION", "KeyringService/RetireSigningKey", {"realm": "eddsa", "id": new}
        )
        self.ask("KeyringService/RetireSigningKey", {"realm": "eddsa", "id": old})
        self.assertEqual(self.verdict_on("eddsa", token), "UNKNOWN_CREDENTIAL")

    def test_symmetric_keys_are_not_given_out(self):
        self.create_user("hs256")
        self.sign_in("hs256")
        answer = self.ask("KeyringService/GetKeySet", {"realm": "hs256"})
        self.assertEqual(answer, {"jwks": '{"keys":[]}'})
        keys = self.ask("KeyringService/ListSigningKeys", {"realm": "hs256"})["keys"]
        self.assertEqual(sorted(keys[0]), ["algorithm", "createdAt", "id", "realm"])


class Secrets(PeopleTest):
    def test_nothing_secret_lies_in_the_store_or_the_log(self):
        secrets = [PASSWORD]
        for realm in TOKEN_REALMS:
            self.create_user(realm)
            tokens = self.sign_in(realm)
            secrets.append(tokens["accessToken"].rsplit(".", 1)[-1])
            if tokens["refreshToken"]:
                secrets.append(tokens["refreshToken"])
                answer = self.ask(
                    "AuthService/RefreshToken",
                    {"realm": realm, "refreshToken": tokens["refreshToken"]},
                )
                secrets.append(answer["tokens"]["refreshToken"])
        self.daemon.stop()
        files = [self.daemon.log, *(self.daemon.directory / "data" / "store").iterdir()]
        text = b"".join(path.read_bytes() for path in files if path.is_file())
        self.assertIn(b"ada@example.org", text)
        for secret in secrets:
            self.assertNotIn(secret.encode(), text)


if __name__ == "__main__":
    unittest.main()
