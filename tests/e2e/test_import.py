# SPDX-License-Identifier: MIT
"""`latchkey import` and `latchkey export`: users come with the hashes of their passwords, and go
without."""

import csv
import io
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

from harness import BUILD
from people import PeopleTest

USAGE, NOT_FOUND, REFUSED, UNREACHED, FAILED, SOME = 2, 3, 4, 5, 6, 7

# Of "password", each made by another program.
HASHES = {
    "argon2id": "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ"
    "$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "argon2i": "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ"
    "$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E",
    "bcrypt": "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm",
    "scrypt": "$scrypt$ln=10,r=8,p=2$TmFDbE5hQ2xOYUNsTmFDbA"
    "$4bmMI57cQ1Q1qiYR0sOiKYjtYoL0yIe6kEcQC0jx9QQ",
    "crypt-scrypt": "$7$86..../....NaCl$bE944Hrld3R7/gTgpj1fmwRNI.gwBG.Cm39GnWYZOY5",
    "pbkdf2": "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw"
    "$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
    "django": "pbkdf2_sha256$1200$seasalt$Fv02YDCrJAd3UbsIyU9pviGVHwFkLjG6jLj/B1nsyAY=",
}
# Of "Hello world!", by Drepper's description.
SHA512CRYPT = (
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEd"
    "FCoEOfaS35inz1"
)


class ImportTest(PeopleTest):
    def path(self, name):
        return self.daemon.directory / name

    def csv(self, *rows, name="users.csv"):
        with open(self.path(name), "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        return str(self.path(name))

    def jsonl(self, *lines, name="users.jsonl"):
        text = (line if isinstance(line, str) else json.dumps(line) for line in lines)
        self.path(name).write_text("".join(line + "\n" for line in text))
        return str(self.path(name))

    def run_import(self, code, *words, realm="opaque", **more):
        done = self.daemon.cli("import", "users", "--realm", realm, *words, **more)
        self.assertEqual(done.code, code, (words, done.out, done.err))
        return done

    def summary(self, code, *words, **more):
        """What --json tells; zeros left out."""
        told = self.run_import(code, "--json", *words, **more).json
        return {name: value for name, value in told.items() if value}

    def users(self, realm="opaque"):
        """By address."""
        listed = self.daemon.cli("user", "list", "--realm", realm, "--json").json
        return {user["email"]: user for user in listed}

    def report(self, name="report"):
        return [json.loads(line) for line in self.path(name).read_text().splitlines()]


class Lines(ImportTest):
    def test_csv_and_json_lines_bring_the_same_users(self):
        rows = [
            ["name", "email", "roles", "organization_id", "enabled"],
            ["Ada, Countess", "Ada@Example.org", "admin;clerk", "acme", "true"],
            ['Bob "the" B', "bob@example.org", "viewer", "", "false"],
            ["", "eve@example.org", "", "", ""],
        ]
        lines = [
            {
                "email": "Ada@Example.org",
                "name": "Ada, Countess",
                "roles": ["admin", "clerk"],
                "organization_id": "acme",
            },
            {
                "email": "bob@example.org",
                "name": 'Bob "the" B',
                "roles": ["viewer"],
                "enabled": False,
            },
            {"email": "eve@example.org"},
        ]
        expected = {"lines": 3, "created": 3, "complete": True}
        self.assertEqual(self.summary(0, self.csv(*rows)), expected)
        self.assertEqual(self.summary(0, self.jsonl(*lines), realm="hs256"), expected)
        fields = ("email", "name", "roles", "organizationId", "enabled")
        seen = [
            [[user[field] for field in fields] for user in self.users(realm).values()]
            for realm in ("opaque", "hs256")
        ]
        self.assertEqual(sorted(seen[0]), sorted(seen[1]))
        self.assertIn(
            ["ada@example.org", "Ada, Countess", ["admin", "clerk"], "acme", True], seen[0]
        )
        self.assertIn(["bob@example.org", 'Bob "the" B', ["viewer"], "", False], seen[0])

    def test_the_file_may_be_standard_input(self):
        text = "email\nada@example.org\n"
        done = self.run_import(USAGE, "-", stdin=text)
        self.assertIn("--format", done.err)
        self.run_import(0, "--format", "csv", "-", stdin=text)
        self.assertEqual(list(self.users()), ["ada@example.org"])

    def test_each_bad_line_is_told_with_its_number_and_field(self):
        hidden = "5f4dcc3b5aa765d61d8327deb882cf99"
        path = self.jsonl(
            {"email": "one@example.org"},
            "{",
            {"email": "none"},
            {"name": "nobody"},
            {"email": "hash@example.org", "password_hash": hidden},
            {"email": "cost@example.org", "password_hash": "$2b$31$" + "a" * 53},
            {"email": "role@example.org", "roles": ["owner"]},
            {"email": "name@example.org", "name": "a\u0007b"},
            {"email": "more@example.org", "age": 7},
            {"email": "ONE@example.org"},
            {"email": "two@example.org"},
        )
        done = self.run_import(SOME, "--report", str(self.path("report")), path)
        self.assertIn("11 lines: 2 created, 0 there already and left as they are, 9 refused.",
                      done.out)
        told = {
            line["line"]: (line["email"], line["code"], line["field"]) for line in self.report()
        }
        wrong = "INVALID_ARGUMENT"
        self.assertEqual(told, {
            2: ("", wrong, ""),
            3: ("none", wrong, "email"),
            4: ("", wrong, "email"),
            5: ("hash@example.org", wrong, "password_hash"),
            6: ("cost@example.org", wrong, "password_hash"),
            7: ("role@example.org", wrong, "roles"),
            8: ("name@example.org", wrong, "name"),
            9: ("", wrong, "age"),
            10: ("ONE@example.org", "ALREADY_EXISTS", "email"),
        })
        for line in self.report():
            self.assertIn(f"line {line['line']}: ", done.err)
            self.assertIn(line["message"], done.err)
        self.assertNotIn(hidden, done.err + done.out + self.path("report").read_text())
        self.assertEqual(self.path("report").stat().st_mode & 0o777, 0o600)
        self.assertEqual(set(self.users()), {"one@example.org", "two@example.org"})

    def test_a_header_with_an_unknown_column_lets_nobody_in(self):
        path = self.csv(["email", "password"], ["ada@example.org", "a plain secret"])
        done = self.run_import(SOME, path)
        self.assertIn("line 1: password: ", done.err)
        self.assertNotIn("a plain secret", done.err)
        self.assertEqual(self.users(), {})

    def test_a_file_without_a_header_shows_no_hash(self):
        done = self.run_import(SOME, self.csv([HASHES["bcrypt"], "ada@example.org"]))
        self.assertNotIn("$2b$", done.err + done.out)

    def test_nothing_is_read_behind_csv_that_is_broken(self):
        path = self.path("users.csv")
        path.write_text('email,name\na@example.org,A\nb@example.org,"B "b\nc@example.org,admin\n')
        done = self.run_import(SOME, str(path))
        self.assertIn("line 3: ", done.err)
        self.assertIn("nothing was read behind line 3", done.err)
        self.assertEqual(list(self.users()), ["a@example.org"])

    def test_a_report_that_is_there_is_left_alone_and_nobody_is_created(self):
        self.path("report").write_text("precious")
        path = self.csv(["email"], ["ada@example.org"])
        self.run_import(USAGE, "--report", str(self.path("report")), path)
        self.assertEqual(self.path("report").read_text(), "precious")
        self.assertEqual(self.users(), {})


class Repetition(ImportTest):
    def test_whoever_is_there_already_is_left_as_they_are(self):
        rows = [["email", "name", "roles"], ["ada@example.org", "Ada", "viewer"]]
        self.run_import(0, self.csv(*rows))
        ada = self.users()["ada@example.org"]
        rows[1] = ["ADA@example.org", "Other", "admin"]
        rows.append(["bob@example.org", "Bob", "viewer"])
        report = str(self.path("report"))
        self.assertEqual(
            self.summary(0, "--report", report, self.csv(*rows)),
            {"lines": 2, "created": 1, "alreadyThere": 1, "complete": True},
        )
        self.assertEqual(self.users()["ada@example.org"], ada)
        (line,) = self.report()
        self.assertEqual((line["line"], line["code"]), (2, "ALREADY_EXISTS"))

    def test_a_dry_run_changes_nothing_and_tells_what_would(self):
        self.create_user("opaque")
        path = self.csv(
            ["email", "password_hash"],
            ["ada@example.org", ""],
            ["bob@example.org", HASHES["bcrypt"]],
            ["Bob@example.org", ""],
            ["eve@example.org", "plain"],
            ["no address", ""],
        )
        before = self.users()
        self.assertEqual(
            self.summary(SOME, "--dry-run", path),
            {
                "lines": 5,
                "created": 1,
                "alreadyThere": 1,
                "refused": 3,
                "dryRun": True,
                "complete": True,
            },
        )
        self.assertEqual(self.users(), before)

    def test_a_realm_that_is_not_there_ends_the_import(self):
        path = self.csv(["email"], *([f"u{i}@example.org"] for i in range(100)))
        for words in ([], ["--dry-run"]):
            done = self.run_import(NOT_FOUND, *words, path, realm="nowhere")
            self.assertIn("there is no such realm", done.err)

    def test_a_caller_without_the_right_imports_nobody(self):
        key = str(self.daemon.service_key_file("reader", "users.read"))
        path = self.csv(["email"], ["ada@example.org"])
        words = ["--credential-file", key, path]
        self.run_import(REFUSED, *words, server=self.daemon.tcp)
        self.assertEqual(
            self.summary(0, "--dry-run", *words, server=self.daemon.tcp)["created"], 1
        )
        self.assertEqual(self.users(), {})

    def test_five_thousand_users_come_in_and_a_second_time_are_all_there(self):
        path = self.csv(
            ["email", "name", "password_hash"],
            *([f"user{i}@example.org", f"User {i}", HASHES["bcrypt"]] for i in range(5000)),
        )
        told = self.summary(0, "--in-flight", "64", path)
        self.assertEqual(told, {"lines": 5000, "created": 5000, "complete": True})
        told = self.summary(0, "--timeout", "30s", path)
        self.assertEqual(told, {"lines": 5000, "alreadyThere": 5000, "complete": True})
        self.assertEqual(len(self.users()), 5000)

    def test_a_server_that_is_not_there_ends_the_import(self):
        path = self.csv(["email"], *([f"u{i}@example.org"] for i in range(100)))
        self.daemon.stop(signal.SIGKILL)
        done = self.run_import(UNREACHED, "--timeout", "300ms", path)
        self.assertIn("may not be in", done.err)


class Signals(ImportTest):
    def start(self, *words, **more):
        process = subprocess.Popen(
            [BUILD / "latchkey", "--server", self.daemon.operator, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )
        self.addCleanup(process.kill)
        return process

    def wait_for_users(self, n):
        deadline = time.monotonic() + 60
        while len(self.users()) < n:
            self.assertLess(time.monotonic(), deadline)

    def test_an_interrupt_stops_behind_what_is_under_way(self):
        words = ["import", "users", "--realm", "opaque", "--format", "csv", "-"]
        process = self.start(*words)
        rows = "".join(f"user{i}@example.org\n" for i in range(100))
        process.stdin.write("email\n" + rows)
        process.stdin.flush()
        self.wait_for_users(100)
        process.send_signal(signal.SIGINT)
        # The pipe stays open: it is the signal that ends the reading.
        self.assertEqual(process.wait(timeout=60), FAILED)
        err = process.stderr.read()
        self.assertIn("stopped by a signal: the file is done up to line 101", err)
        self.assertIn("100 lines: 100 created", process.stdout.read())
        process.stdin.close()
        process.stdout.close()
        process.stderr.close()


    def begin_large(self, n):
        """An import of n users that is under way."""
        path = self.csv(["email"], *([f"user{i}@example.org"] for i in range(n)))
        words = ["import", "users", "--realm", "opaque", "--json", "--in-flight", "8", path]
        process = self.start(*words)
        self.wait_for_users(50)
        return process, path

    def end(self, process):
        """Its exit code, its summary, and what it said."""
        out, err = process.communicate(timeout=120)
        return process.returncode, json.loads(out), err

    def test_an_import_that_was_interrupted_goes_on_where_it_stopped(self):
        process, path = self.begin_large(5000)
        process.send_signal(signal.SIGINT)
        code, told, err = self.end(process)
        self.assertEqual((code, told["complete"]), (FAILED, False))
        n = told["created"]
        self.assertEqual(len(self.users()), n)
        self.assertIn(f"done up to line {n + 1}\n", err)
        again = self.summary(0, path)
        self.assertEqual((again["alreadyThere"], again["created"]), (n, 5000 - n))

    def test_a_server_that_dies_and_comes_back_loses_and_doubles_no_line(self):
        process, _ = self.begin_large(2000)
        self.daemon.stop(signal.SIGKILL)
        self.daemon.start()
        code, told, err = self.end(process)
        self.assertEqual((code, told["created"], told["alreadyThere"]), (0, 2000, 0), err)
        self.assertEqual(len(self.users()), 2000)


class Passwords(ImportTest):
    def test_a_foreign_hash_signs_in_with_its_password_and_is_replaced(self):
        people = {name: (text, "password") for name, text in HASHES.items()}
        people["sha512crypt"] = (SHA512CRYPT, "Hello world!")
        rows = [[f"{name}@example.org", text] for name, (text, _) in people.items()]
        self.run_import(0, self.csv(["email", "password_hash"], *rows))
        for name, (_, password) in people.items():
            request = {"realm": "opaque", "email": f"{name}@example.org", "password": "wrong"}
            self.assert_refused("UNAUTHENTICATED", "AuthService/SignIn", request)
            self.sign_in("opaque", name, password=password)
            self.sign_in("opaque", name, password=password)
        self.daemon.stop()
        stored = b"".join(
            path.read_bytes() for path in self.path("data").rglob("*") if path.is_file()
        )
        self.assertGreaterEqual(stored.count(b"$argon2id$v=19$m=64,t=1,p=1$"), len(people))

    def test_whoever_is_not_enabled_cannot_sign_in_until_they_are(self):
        rows = [["email", "password_hash", "enabled"]]
        rows.append(["ada@example.org", HASHES["bcrypt"], "false"])
        self.run_import(0, self.csv(*rows))
        request = {"realm": "opaque", "email": "ada@example.org", "password": "password"}
        self.assert_refused("UNAUTHENTICATED", "AuthService/SignIn", request)
        self.update_user("opaque", self.users()["ada@example.org"], enabled=True)
        self.sign_in("opaque", password="password")


class Export(ImportTest):
    def export(self, code, what, *words, realm="opaque", **more):
        done = self.daemon.cli("export", what, "--realm", realm, *words, **more)
        self.assertEqual(done.code, code, (words, done.out, done.err))
        return done

    def test_what_was_exported_imports_into_another_realm_without_passwords(self):
        rows = [["email", "name", "roles", "organization_id", "enabled", "password_hash"]]
        for i in range(230):
            rows.append(
                [
                    f"user{i}@example.org",
                    f'User "{i}", =1+1\u00e4',
                    "admin;viewer" if i % 2 else "",
                    "acme" if i % 3 else "",
                    "false" if i % 5 == 0 else "",
                    HASHES["bcrypt"],
                ]
            )
        self.run_import(0, self.csv(*rows))
        fields = ("email", "name", "roles", "organizationId", "enabled")
        users = [[user[field] for field in fields] for user in self.users().values()]
        for realm, suffix in (("hs256", "csv"), ("eddsa", "jsonl")):
            path = str(self.path("all." + suffix))
            self.export(0, "users", "--output", path)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            self.assertNotIn("$2b$", pathlib.Path(path).read_text())
            self.run_import(0, path, realm=realm)
            others = self.users(realm).values()
            self.assertEqual(
                sorted([user[field] for field in fields] for user in others), sorted(users)
            )
            self.assertFalse(any("passwordChangedAt" in user for user in others))

    def test_csv_reads_elsewhere_as_what_it_is(self):
        name = 'two\nlines, "quoted"'
        key, secret = self.daemon.create_key(
            "opaque",
            name="a, \"b\"",
            scopes=["orders.read", "stock.read"],
            metadata={"note": name, "b": "x"},
            networks=["10.0.0.0/8"],
        )
        done = self.export(0, "keys")
        (row,) = csv.DictReader(io.StringIO(done.out, newline=""))
        self.assertEqual(row["id"], key)
        self.assertEqual(row["name"], 'a, "b"')
        self.assertEqual(row["scopes"], "orders.read stock.read")
        self.assertEqual(json.loads(row["metadata"]), {"note": name, "b": "x"})
        self.assertEqual((row["state"], row["enabled"]), ("active", "true"))
        self.assertEqual((row["expires_at"], row["revoked_at"], row["last_use.at"]), ("", "", ""))
        self.assertNotIn(secret, done.out)
        shown = self.daemon.cli("key", "list", "--realm", "opaque", "--json").json
        lines = self.export(0, "keys", "--format", "jsonl").out.splitlines()
        self.assertEqual([json.loads(line) for line in lines], shown)

    def test_a_file_that_is_there_is_left_alone(self):
        for taken in ("all.csv", "all.csv.part"):
            self.path(taken).write_text("precious")
            done = self.export(USAGE, "users", "--output", str(self.path("all.csv")))
            self.assertIn("File exists", done.err)
            self.assertEqual(self.path(taken).read_text(), "precious")
            self.path(taken).unlink()

    def test_organizations_are_exported_whole(self):
        names = {f"o{n}": ("PRO", n % 2 == 0) for n in range(205)} | {"\u00e9t\u00e9": ("", True)}
        for id, (plan, enabled) in names.items():
            self.daemon.call("UserService/SetOrganization", {
                "realm": "opaque", "id": id, "plan": plan, "enabled": enabled,
                "updateMask": "plan,enabled"})
        told = list(csv.DictReader(io.StringIO(self.export(0, "organizations").out)))
        self.assertEqual({o["id"]: (o["plan"], o["enabled"] == "true") for o in told}, names)
        self.assertEqual(len(told), len(names))
        self.assertEqual(self.export(0, "organizations", realm="hs256").out.count("\n"), 1)
        for request, field in (({"pageSize": 101}, "page_size"), ({"pageSize": -1}, "page_size"),
                               ({"pageToken": "a\nb"}, "page_token")):
            done = self.daemon.call("UserService/ListOrganizations", {"realm": "opaque", **request})
            self.assertIn(field, done.err)

    def test_an_export_that_fails_leaves_no_file(self):
        path = str(self.path("all.csv"))
        self.export(NOT_FOUND, "users", "--output", path, realm="nowhere")
        self.assertEqual(list(self.daemon.directory.glob("all*")), [])

    def test_an_empty_realm_is_a_header(self):
        self.assertEqual(self.export(0, "users").out.count("\n"), 1)
        self.assertEqual(self.export(0, "users", "--format", "jsonl").out, "")


if __name__ == "__main__":
    unittest.main()
