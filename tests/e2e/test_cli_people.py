# SPDX-License-Identifier: MIT
"""`latchkey` for people: users, sessions, keyrings, and calls for an end user."""

import json
import re
import unittest

from people import PASSWORD, PeopleTest

NO, USAGE, REFUSED, FAILED = 1, 2, 4, 6


class PeopleCliTest(PeopleTest):
    def run_ok(self, *words, **more):
        done = self.daemon.cli(*words, **more)
        self.assertEqual((done.code, done.err), (0, ""), words)
        return done

    def run_bad(self, code, *words, **more):
        """Fails with this exit code and one message, which is returned."""
        done = self.daemon.cli(*words, **more)
        self.assertEqual(done.code, code, (words, done.out, done.err))
        self.assertTrue(done.err.startswith("latchkey"), done.err)
        return done.err

    def path(self, name):
        return self.daemon.directory / name

    def file(self, name, content):
        self.path(name).write_bytes(content.encode() if isinstance(content, str) else content)
        return str(self.path(name))

    def password_file(self):
        return self.file("password", PASSWORD + "\n")

    def sign_in_words(self, realm, name="ada"):
        words = ["auth", "sign-in", "--realm", realm, "--email", f"{name}@example.org"]
        return [*words, "--password-file", self.password_file()]

    def subject_file(self, realm, name="ada"):
        return self.file("subject", self.sign_in(realm, name)["accessToken"] + "\n")


class Signing(PeopleCliTest):
    def test_tokens_go_into_new_private_files_and_nowhere_else(self):
        self.create_user("hs256")
        access, refresh = self.path("access"), self.path("refresh")
        files = ["--access-token-to", str(access), "--refresh-token-to", str(refresh)]
        out = self.run_ok(*self.sign_in_words("hs256"), *files).out
        for path in (access, refresh):
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            self.assertNotIn(path.read_text().strip(), out)
        self.assertEqual(self.verdict_on("hs256", access.read_text().strip()), "allowed")
        again = ["auth", "refresh", "--realm", "hs256", "--refresh-token-file", str(refresh)]
        tokens = self.run_ok(*again, "--json").json["tokens"]
        self.assertNotEqual(tokens["refreshToken"], refresh.read_text().strip())
        self.run_ok("auth", "sign-out", "--realm", "hs256", "--access-token-file", str(access))
        message = self.run_bad(REFUSED, *again)
        self.assertIn("UNAUTHENTICATED", message)

    def test_a_file_that_was_there_is_left_alone_and_nobody_is_signed_in(self):
        user = self.create_user("hs256")
        mine, other = self.path("mine"), self.path("other")
        mine.write_text("precious")
        words = self.sign_in_words("hs256")
        for files in [
            ["--access-token-to", str(mine), "--refresh-token-to", str(other)],
            ["--access-token-to", str(other), "--refresh-token-to", str(mine)],
            ["--access-token-to", str(mine), "--password-file", "/nonexistent"],
        ]:
            self.run_bad(USAGE, *words, *files)
            self.assertEqual(mine.read_text(), "precious")
            self.assertFalse(other.exists())
        words = ["session", "list", "--realm", "hs256", "--user", user["id"], "--json"]
        self.assertEqual(self.run_ok(*words).json, [])

    def test_a_refused_sign_in_leaves_no_file(self):
        self.create_user("opaque")
        path = self.path("none")
        words = self.sign_in_words("opaque")
        wrong = self.file("wrong", "a wrong password")
        message = self.run_bad(
            REFUSED, *words, "--password-file", wrong, "--access-token-to", str(path)
        )
        self.assertIn("UNAUTHENTICATED", message)
        self.assertFalse(path.exists())

    def test_a_token_that_is_not_there_makes_no_file(self):
        self.create_user("opaque")
        path = self.path("none")
        done = self.daemon.cli(*self.sign_in_words("opaque"), "--refresh-token-to", str(path))
        self.assertEqual(done.code, 0)
        self.assertIn("--refresh-token-to", done.err)
        self.assertFalse(path.exists())

    def test_the_space_around_a_password_is_part_of_it(self):
        spaced = "  with space around it  "
        self.run_ok(
            *("user", "create", "--realm", "opaque", "--email", "ada@example.org"),
            *("--password-file", self.file("spaced", spaced + "\n")),
        )
        self.sign_in("opaque", password=spaced)

    def test_verify_tells_of_whoever_stands_behind_a_session(self):
        self.run_ok("organization", "set", "--realm", "eddsa", "--plan", "BUSINESS", "acme")
        user = self.create_user("eddsa", roles=["viewer"], organizationId="acme")
        token = self.sign_in("eddsa")["accessToken"]
        words = ["auth", "verify", "--realm", "eddsa", "--key-file", "-"]
        out = self.run_ok(*words, "--with-permissions", stdin=token).out
        for line in [
            *("Allowed", r"Session +ses_\w{22}", f"User +{user['id']}", "Roles +viewer"),
            *("Organization +acme", "Plan +BUSINESS", r"Permissions +orders\.read"),
        ]:
            self.assertRegex(out, rf"(?m)^{line}$")
        self.assertNotIn("Permissions", self.run_ok(*words, stdin=token).out)
        self.assertEqual(
            self.daemon.cli(*words, "--permission", "stock.read", stdin=token).code, NO
        )


class Users(PeopleCliTest):
    def test_lists_go_through_all_pages(self):
        made = [
            self.ask("UserService/CreateUser", {"realm": "opaque", "email": f"u{i}@example.org"})
            for i in range(103)
        ]
        ids = [user["user"]["id"] for user in made]
        words = ["user", "list", "--realm", "opaque"]
        self.assertEqual([user["id"] for user in self.run_ok(*words, "--json").json], ids)
        rows = self.run_ok(*words).out.splitlines()
        self.assertEqual([row.split()[0] for row in rows], ["ID", *ids])
        for limit in [1, 100, 101]:
            listed = self.run_ok(*words, "--limit", str(limit), "--json").json
            self.assertEqual([user["id"] for user in listed], ids[:limit])
        self.assertEqual(self.run_ok("user", "list", "--realm", "hs256", "--json").json, [])

    def test_update_changes_what_is_given_and_nothing_else(self):
        user = self.create_user("opaque", roles=["viewer"])
        words = ["user", "update", "--realm", "opaque", "--json", user["id"]]
        for more, changed in [
            (["--name", "Ada"], {"name": "Ada"}),
            (["--role", "clerk", "--role", "admin"], {"roles": ["clerk", "admin"]}),
            (["--disable"], {"enabled": False}),
            (["--enable"], {"enabled": True}),
        ]:
            after = self.run_ok(*words, *more).json["user"]
            for field, value in changed.items():
                self.assertEqual(after[field], value)
            self.assertEqual(after["email"], user["email"])
        self.assertIn("nothing to change", self.run_bad(USAGE, *words))
        self.assertIn("--enable", self.run_bad(USAGE, *words, "--enable", "--disable"))

    def test_a_users_sessions_are_listed_and_ended(self):
        user = self.create_user("opaque")
        tokens = [self.sign_in("opaque")["accessToken"] for _ in range(3)]
        whose = ["--realm", "opaque", "--user", user["id"]]
        ids = [session["id"] for session in self.run_ok("session", "list", *whose, "--json").json]
        self.assertEqual(len(ids), 3)
        self.assertIn("Ended", self.run_ok("session", "end", "--realm", "opaque", ids[0]).out)
        self.assertEqual(self.verdict_on("opaque", tokens[0]), "REVOKED")
        self.assertRegex(self.run_ok("session", "end-all", *whose).out, r"Sessions ended +2\n")
        self.assertEqual(self.verdict_on("opaque", tokens[2]), "REVOKED")

    def test_errors_name_the_flag(self):
        for words, flag in [
            (["user", "create", "--realm", "opaque"], "--email"),
            (["user", "create", "--realm", "opaque", "--email", "ada"], "--email"),
            (
                ["user", "create", "--realm", "opaque", "--email", "a@b.org", "--role", "none"],
                "--role",
            ),
            (["user", "update", "--realm", "opaque"], "USER-ID"),
            (["user", "list", "--realm", "opaque", "--limit", "0"], "--limit"),
            (["auth", "sign-out", "--realm", "opaque", "--scope", "some"], "--scope"),
            (["session", "list"], "--realm"),
            (["health", "--subject-file", "/nonexistent"], "--subject-file"),
            (["user", "get", "--realm", "opaque", "--subject-file", "/none"], "/none"),
            (["call", "UserService/GetUser", "--subject-realm", "opaque"], "--subject-file"),
        ]:
            self.assertIn(flag, self.run_bad(USAGE, *words))

    def test_a_text_of_a_stranger_cannot_move_the_cursor(self):
        self.create_user("opaque", name="ada")
        words = ["auth", "sign-in", "--user-agent", "\u202eagent", "--address", "192.0.2.1"]
        self.run_ok(*words, *self.sign_in_words("opaque")[2:])
        user = self.run_ok(
            "user", "get", "--realm", "opaque", "--email", "ada@example.org", "--json"
        ).json["user"]
        out = self.run_ok("session", "list", "--realm", "opaque", "--user", user["id"]).out
        self.assertIn("\\u{202e}agent", out)


class Keyrings(PeopleCliTest):
    def test_a_new_key_signs_and_an_old_one_can_be_retired(self):
        words = ["--realm", "eddsa"]
        old = self.run_ok("keyring", "list", *words, "--json").json
        new = self.run_ok("keyring", "rotate", *words, "--json").json["key"]
        ids = [key["id"] for key in self.run_ok("keyring", "list", *words, "--json").json]
        self.assertEqual(ids, [new["id"], *(key["id"] for key in old)])
        jwks = json.loads(self.run_ok("keyring", "jwks", *words).out)
        self.assertEqual({key["kid"] for key in jwks["keys"]}, set(ids))
        self.assertIn("Retired", self.run_ok("keyring", "retire", *words, old[0]["id"]).out)
        ids.remove(old[0]["id"])
        rows = self.run_ok("keyring", "list", *words).out.splitlines()
        self.assertEqual([row.split()[0] for row in rows], ["ID", *ids])


class Subjects(PeopleCliTest):
    def test_a_command_is_for_the_end_user_whose_token_it_has(self):
        user = self.create_user("hs256", roles=["clerk"])
        self.create_user("hs256", "eve")
        subject = ["--realm", "hs256", "--subject-file", self.subject_file("hs256")]
        shown = self.run_ok("user", "get", *subject, "--json").json["user"]
        self.assertEqual(shown["id"], user["id"])
        made = self.run_ok("key", "create", *subject, "--name", "mine", "--json").json["key"]
        self.assertEqual(made["userId"], user["id"])
        token = self.path("subject").read_text()
        listed = self.run_ok("key", "list", *subject[:3], "-", "--json", stdin=token).json
        self.assertEqual([key["id"] for key in listed], [made["id"]])
        self.assertEqual(len(self.run_ok("session", "list", *subject, "--json").json), 1)

    def test_standard_input_is_read_once_for_all_pages(self):
        self.create_user("opaque", roles=["admin"])
        token = self.sign_in("opaque")["accessToken"]
        subject = ["--realm", "opaque", "--subject-file", "-"]
        for i in range(101):
            self.run_ok("key", "create", *subject, "--name", str(i), stdin=token)
        self.assertEqual(len(self.run_ok("key", "list", *subject, "--json", stdin=token).json), 101)

    def test_a_subject_acts_in_its_own_realm(self):
        self.create_user("opaque")
        request = json.dumps({"realm": "opaque"})
        words = ["call", "UserService/GetUser", request]
        words += ["--subject-file", self.subject_file("opaque")]
        self.run_ok(*words)
        self.run_ok(*words, "--subject-realm", "opaque")
        message = self.run_bad(USAGE, *words, "--subject-realm", "hs256")
        self.assertIn("must be the realm of the request", message)

    def test_a_change_with_an_idempotency_key_happens_once(self):
        words = ["call", "UserService/CreateUser", "-", "--idempotency-key-file"]
        request = json.dumps({"realm": "opaque", "email": "once@example.org"})
        key = bytes(range(16))
        first = self.run_ok(*words, self.file("id", key), stdin=request).json
        again = self.run_ok(*words, self.file("id", key + b"\n"), stdin=request).json
        self.assertEqual(again, first)
        self.assertIn(
            "ALREADY_EXISTS",
            self.run_bad(FAILED, *words, self.file("id", key + b"+"), stdin=request),
        )
        for bad in [key[1:], b"a" * 65]:
            message = self.run_bad(USAGE, *words, self.file("id", bad), stdin=request)
            self.assertIn("--idempotency-key-file", message)


class Help(PeopleCliTest):
    def test_every_command_teaches(self):
        listed = self.run_ok("--help").out
        commands = re.findall(r"(?m)^  ([a-z]+(?: [a-z-]+)?)  ", listed)
        self.assertGreater(len(commands), 25)
        for command in commands:
            out = self.run_ok(*command.split(), "--help").out
            for text in ["Usage: latchkey " + command, "Example", "Exit codes"]:
                self.assertIn(text, out)


if __name__ == "__main__":
    unittest.main()
