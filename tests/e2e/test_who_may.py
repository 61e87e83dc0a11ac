# SPDX-License-Identifier: MIT
"""Who may do what: every method of every service that changes or shows something, asked by
everybody who might. One table; what is not OK is said in gRPC's words."""

import json
import unittest

from people import PASSWORD, PeopleTest, Refused

REALM = "hs256"

# Who asks: the operator; a service with every scope; one with no scope at all; one that may act in
# another realm only; then that first service for an end user who owns the thing, for one who does
# not, for the owner by an API key of theirs, and for a user of another realm.
ASKERS = ("operator", "service", "scopeless", "elsewhere", "owner", "other", "key", "foreign")

OK, NO, DENIED = "OK", "NOT_FOUND", "PERMISSION_DENIED"
BAD = "INVALID_ARGUMENT"
# In this realm the token of another is.
UNKNOWN = "UNAUTHENTICATED"

# Services judge alike everywhere; what differs is what end users may do.
FOR_ALL = (OK, OK, DENIED, DENIED)
NOT_FOR_USERS = (DENIED, DENIED, DENIED, DENIED)

TABLE = {
    "KeyService/CreateKey": (*FOR_ALL, OK, OK, DENIED, UNKNOWN),
    "KeyService/GetKey": (*FOR_ALL, OK, NO, DENIED, UNKNOWN),
    "KeyService/ListKeys": (*FOR_ALL, OK, OK, DENIED, UNKNOWN),
    "KeyService/UpdateKey": (*FOR_ALL, OK, NO, DENIED, UNKNOWN),
    "KeyService/RotateKey": (*FOR_ALL, OK, NO, DENIED, UNKNOWN),
    "KeyService/RevokeKey": (*FOR_ALL, OK, NO, DENIED, UNKNOWN),
    "KeyService/ImportKey": (*FOR_ALL, *NOT_FOR_USERS),
    "UserService/CreateUser": (*FOR_ALL, *NOT_FOR_USERS),
    "UserService/GetUser": (*FOR_ALL, OK, OK, DENIED, UNKNOWN),
    "UserService/ListUsers": (*FOR_ALL, *NOT_FOR_USERS),
    "UserService/UpdateUser": (*FOR_ALL, *NOT_FOR_USERS),
    "UserService/SetPassword": (*FOR_ALL, OK, OK, DENIED, UNKNOWN),
    "UserService/ListSessions": (*FOR_ALL, OK, OK, DENIED, UNKNOWN),
    "UserService/EndSession": (*FOR_ALL, OK, NO, DENIED, UNKNOWN),
    "UserService/EndSessions": (*FOR_ALL, OK, OK, DENIED, UNKNOWN),
    "UserService/SetOrganization": (*FOR_ALL, *NOT_FOR_USERS),
    "UserService/GetOrganization": (*FOR_ALL, *NOT_FOR_USERS),
    "UserService/ListOrganizations": (*FOR_ALL, *NOT_FOR_USERS),
    "UserService/ResetSignInLimits": (*FOR_ALL, *NOT_FOR_USERS),
    "KeyringService/RotateSigningKey": (*FOR_ALL, *NOT_FOR_USERS),
    "KeyringService/ListSigningKeys": (*FOR_ALL, *NOT_FOR_USERS),
    "KeyringService/RetireSigningKey": (*FOR_ALL, *NOT_FOR_USERS),
    # Public keys are for everybody.
    "KeyringService/GetKeySet": (OK, OK, OK, OK, *NOT_FOR_USERS),
    "AuthService/Authenticate": (*FOR_ALL, *NOT_FOR_USERS),
    "AuthService/SignIn": (*FOR_ALL, *NOT_FOR_USERS),
    "AuthService/RefreshToken": (*FOR_ALL, *NOT_FOR_USERS),
    "AuthService/SignOut": (*FOR_ALL, *NOT_FOR_USERS),
}

SCOPES = ["auth.*", "keys.*", "users.*", "keyring.manage", "client.assert"]


class WhoMay(PeopleTest):
    def setUp(self):
        super().setUp()
        daemon = self.daemon
        self.files = {
            "service": daemon.service_key_file("service", *SCOPES, realms=[REALM]),
            "scopeless": daemon.service_key_file("scopeless", realms=[REALM]),
            "elsewhere": daemon.service_key_file("elsewhere", *SCOPES, realms=["eddsa"]),
        }
        self.users = {
            name: self.create_user(REALM, name, roles=["clerk"]) for name in ("owner", "other")
        }
        self.foreigner = self.create_user("eddsa", roles=["clerk"])
        self.n = 0

    def subject_file(self, asker):
        """A fresh session, or key, of who asks."""
        if asker == "key":
            _, token = self.daemon.create_key(
                REALM, userId=self.users["owner"]["id"], scopes=["*"]
            )
        elif asker == "foreign":
            token = self.sign_in("eddsa")["accessToken"]
        else:
            token = self.sign_in(REALM, asker)["accessToken"]
        path = self.daemon.directory / "subject"
        path.write_text(token + "\n")
        return str(path)

    def request(self, method):
        """One that can succeed, about something new that belongs to `owner`."""
        self.n += 1
        owner = self.users["owner"]["id"]
        name = method.split("/")[1]
        if name in ("GetKey", "UpdateKey", "RotateKey", "RevokeKey"):
            key, _ = self.daemon.create_key(REALM, userId=owner, scopes=["orders.read"])
            more = {"name": "renamed", "updateMask": "name"} if name == "UpdateKey" else {}
            return {"id": key, **more}
        if name == "EndSession":
            self.sign_in(REALM, "owner")
            sessions = self.ask("UserService/ListSessions", {"realm": REALM, "userId": owner})
            return {"id": sessions["sessions"][-1]["id"]}
        if name == "RetireSigningKey":
            keys = self.ask("KeyringService/ListSigningKeys", {"realm": REALM})["keys"]
            for old in keys[1:]:
                retirement = {"realm": REALM, "id": old["id"]}
                self.ask("KeyringService/RetireSigningKey", retirement)
            self.ask("KeyringService/RotateSigningKey", {"realm": REALM})
            return {"id": keys[0]["id"]}
        if name == "RefreshToken":
            return {"refreshToken": self.sign_in(REALM, "owner")["refreshToken"]}
        tokens = {"accessToken": self.sign_in(REALM, "owner")["accessToken"]}
        return {
            "CreateKey": {"name": "new", "userId": owner, "scopes": ["orders.read"]},
            "ImportKey": {"name": "new", "userId": owner, "plaintext": f"an-old-key-{self.n:06}"},
            "ListKeys": {},
            "CreateUser": {"email": f"new{self.n}@example.org"},
            "GetUser": {"id": owner},
            "ListUsers": {},
            "UpdateUser": {"id": owner, "name": "renamed", "updateMask": "name"},
            "SetPassword": {
                "userId": owner,
                "password": PASSWORD,
                "currentPassword": PASSWORD,
            },
            "ListSessions": {"userId": owner},
            "EndSessions": {"userId": owner},
            "SetOrganization": {"id": "acme", "plan": "PRO", "updateMask": "plan"},
            "GetOrganization": {"id": "acme"},
            "ListOrganizations": {},
            "ResetSignInLimits": {"email": "owner@example.org"},
            "RotateSigningKey": {},
            "ListSigningKeys": {},
            "GetKeySet": {},
            "Authenticate": {"credentials": []},
            "SignIn": {"email": "owner@example.org", "password": PASSWORD},
            "SignOut": tokens,
        }[name]

    def outcome(self, asker, method):
        request = {"realm": REALM, **self.request(method)}
        options, more = [], {}
        if asker in ("owner", "other", "key", "foreign"):
            options += ["--subject-file", self.subject_file(asker)]
        if asker != "operator":
            file = self.files.get(asker, self.files["service"])
            options += ["--credential-file", str(file)]
            more["server"] = self.daemon.ipc
        try:
            return OK, self.ask(method, request, *options, **more)
        except Refused as refused:
            return refused.code, str(refused)

    def test_everybody_may_what_the_table_says_and_no_more(self):
        organization = {"realm": REALM, "id": "acme", "plan": "FREE", "updateMask": "plan"}
        self.ask("UserService/SetOrganization", organization)
        wrong = []
        for method, row in TABLE.items():
            for asker, expected in zip(ASKERS, row, strict=True):
                code, answer = self.outcome(asker, method)
                if code != expected:
                    wrong.append(f"{method} by {asker}: {code}, expected {expected}: {answer}")
        self.assertEqual(wrong, [])

    def test_the_table_has_every_method(self):
        methods = json.loads(self.daemon.cli("--json", "call", "--list").out)
        known = {"HealthService/Check", "ReflectionService/GetDescriptors", *TABLE}
        self.assertEqual({name.removeprefix("latchkey.v1.") for name in methods}, known)

    def test_a_subject_gets_and_makes_what_is_theirs(self):
        subject = ["--subject-file", self.subject_file("other")]
        mine = {"realm": REALM, "name": "mine", "scopes": ["*"]}
        # Whatever the owner fields say.
        key = self.ask(
            "KeyService/CreateKey", {**mine, "userId": self.users["owner"]["id"]}, *subject
        )["key"]
        self.assertEqual(key["userId"], self.users["other"]["id"])
        listed = self.ask(
            "KeyService/ListKeys",
            {"realm": REALM, "userId": self.users["owner"]["id"]},
            *subject,
        )["keys"]
        self.assertEqual([k["id"] for k in listed], [key["id"]])
        user = self.ask(
            "UserService/GetUser", {"realm": REALM, "id": self.users["owner"]["id"]}, *subject
        )["user"]
        self.assertEqual(user["id"], self.users["other"]["id"])

    def test_a_subject_has_no_more_than_both_have(self):
        viewer = self.create_user(REALM, "viewer", roles=["viewer"])
        subject = ["--subject-file", self.subject_file("viewer")]
        mine = {"realm": REALM, "name": "mine", "scopes": ["orders.read"]}
        # The realm wants orders.write of who manages keys.
        self.assert_refused(DENIED, "KeyService/CreateKey", mine, *subject)
        self.update_user(REALM, viewer, roles=["clerk"])
        self.ask("KeyService/CreateKey", mine, *subject)
        more = {**mine, "scopes": ["stock.read"]}
        self.assert_refused(DENIED, "KeyService/CreateKey", more, *subject)
        reader = self.daemon.service_key_file("reader", "keys.read", realms=[REALM])
        self.assert_refused(
            DENIED,
            "KeyService/CreateKey",
            mine,
            *subject,
            *("--credential-file", str(reader)),
            server=self.daemon.ipc,
        )

    def test_a_subject_who_has_left_does_nothing(self):
        file = self.subject_file("other")
        self.update_user(REALM, self.users["other"], enabled=False)
        self.assert_refused(
            "UNAUTHENTICATED", "KeyService/ListKeys", {"realm": REALM}, "--subject-file", file
        )

    def test_a_subject_needs_the_current_password_to_set_another(self):
        subject = ["--subject-file", self.subject_file("owner")]
        change = {"realm": REALM, "password": "a new long password"}
        self.assert_refused(BAD, "UserService/SetPassword", change, *subject)
        wrong = {**change, "currentPassword": "not it"}
        self.assert_refused("UNAUTHENTICATED", "UserService/SetPassword", wrong, *subject)
        right = {**change, "currentPassword": PASSWORD}
        self.ask("UserService/SetPassword", right, *subject)
        # Their own session goes on.
        self.ask("UserService/GetUser", {"realm": REALM}, *subject)


class OneEffect(PeopleTest):
    """The same change asked for again, by name."""

    def setUp(self):
        super().setUp()
        self.key_file = self.daemon.directory / "idempotency"
        self.options = ["--idempotency-key-file", str(self.key_file)]
        self.key_file.write_text("0123456789abcdef\n")

    def test_a_change_that_is_asked_for_again_gets_the_same_answer(self):
        request = {"realm": REALM, "name": "once"}
        first = self.ask("KeyService/CreateKey", request, *self.options)
        self.daemon.stop(9)
        self.daemon.start()
        again = self.ask("KeyService/CreateKey", request, *self.options)
        self.assertEqual(first, again)
        keys = self.ask("KeyService/ListKeys", {"realm": REALM})["keys"]
        self.assertEqual(len(keys), 1)

    def test_a_change_happens_once_although_a_realm_was_added(self):
        request = {"realm": REALM, "name": "once"}
        first = self.ask("KeyService/CreateKey", request, *self.options)
        self.daemon.stop()
        self.daemon.write_config(self.realms.replace("realms:\n", "realms:\n  aaa:\n"))
        self.daemon.start()
        self.assertEqual(self.ask("KeyService/CreateKey", request, *self.options), first)

    def test_each_kind_of_change_happens_once(self):
        user = self.create_user(REALM)
        tokens = self.sign_in(REALM)
        key, _ = self.daemon.create_key(REALM)
        for method, request in [
            ("UserService/CreateUser", {"email": "eve@example.org", "password": PASSWORD}),
            ("AuthService/SignIn", {"email": "ada@example.org", "password": PASSWORD}),
            ("AuthService/RefreshToken", {"refreshToken": tokens["refreshToken"]}),
            ("KeyService/RotateKey", {"id": key}),
            ("KeyringService/RotateSigningKey", {}),
            ("AuthService/SignOut", {"accessToken": tokens["accessToken"]}),
            ("UserService/SetPassword", {"userId": user["id"], "password": "x" + PASSWORD}),
        ]:
            request = {"realm": REALM, **request}
            first = self.ask(method, request, *self.options)
            self.assertEqual(self.ask(method, request, *self.options), first, method)

    def test_a_password_that_its_owner_changes_is_changed_once(self):
        self.create_user(REALM)
        file = self.daemon.directory / "subject"
        file.write_text(self.sign_in(REALM)["accessToken"] + "\n")
        file.chmod(0o600)
        options = [*self.options, "--subject-file", str(file)]
        request = {"realm": REALM, "password": "x" + PASSWORD, "currentPassword": PASSWORD}
        first = self.ask("UserService/SetPassword", request, *options)
        # The current password is another one now, and this is no wrong guess at it.
        for _ in range(12):
            self.assertEqual(self.ask("UserService/SetPassword", request, *options), first)
        self.sign_in(REALM, password="x" + PASSWORD)

    def test_the_same_key_with_another_request_is_refused(self):
        self.ask("KeyService/CreateKey", {"realm": REALM, "name": "a"}, *self.options)
        self.assert_refused(
            "ALREADY_EXISTS", "KeyService/CreateKey", {"realm": REALM, "name": "b"}, *self.options
        )

    def test_two_callers_with_one_key_do_not_meet(self):
        answers = []
        for name in ("one", "two"):
            file = self.daemon.service_key_file(name, "keys.manage", realms=[REALM])
            answers.append(
                self.ask(
                    "KeyService/CreateKey",
                    {"realm": REALM, "name": "mine"},
                    *self.options,
                    *("--credential-file", str(file)),
                    server=self.daemon.tcp,
                )
            )
        self.assertNotEqual(answers[0]["secret"], answers[1]["secret"])

    def test_a_change_that_failed_may_be_asked_for_again(self):
        request = {"realm": REALM, "name": ""}
        self.assert_refused("INVALID_ARGUMENT", "KeyService/CreateKey", request, *self.options)
        self.ask("KeyService/CreateKey", {"realm": REALM, "name": "a"}, *self.options)

    def test_a_key_of_another_length_is_refused(self):
        for text in ("short", "x" * 65):
            self.key_file.write_text(text)
            self.assert_refused(
                "INVALID_ARGUMENT",
                "KeyService/CreateKey",
                {"realm": REALM, "name": "a"},
                *self.options,
            )


if __name__ == "__main__":
    unittest.main()
