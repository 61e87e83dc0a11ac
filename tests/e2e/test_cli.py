# SPDX-License-Identifier: MIT
"""The `latchkey` program: every command, its output, its exit codes, and where secrets go."""

import json
import os
import pathlib
import pty
import select
import subprocess
import termios
import time
import unittest

from harness import BUILD, Daemon

REALMS = """\
realms:
  shop: { permissions: [orders.read, orders.write, stock.read], keys_per_owner_max: 1000 }
"""

NO, USAGE, NOT_FOUND, REFUSED, UNREACHED, FAILED = 1, 2, 3, 4, 5, 6


class CliTest(unittest.TestCase):
    """One daemon for all tests of a class; each test makes keys of its own."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(REALMS)
        cls.addClassCleanup(cls.daemon.clean_up)
        cls.daemon.start()

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

    def create(self, *words):
        """Returns the id and the secret."""
        done = self.run_ok("key", "create", "--realm", "shop", "--name", "n", "--json", *words)
        return done.json["key"]["id"], done.json["secret"]

    def path(self, name):
        return self.daemon.directory / name

    def key_file(self, secret, name="key"):
        self.path(name).write_text(secret + "\n")
        return str(self.path(name))


class Keys(CliTest):
    def test_create_shows_the_secret_once_and_says_so(self):
        done = self.run_ok(
            *("key", "create", "--realm", "shop", "--name", "night export", "--user", "ada"),
            *("--organization", "acme", "--scope", "orders.read", "--scope", "stock.*"),
            *("--network", "10.0.0.0/8", "--expires", "30d"),
            *("--metadata", "team=ops", "--metadata", "note=a=b"),
        )
        for text in ["night export", "ada", "acme", "orders.read,stock.*", "10.0.0.0/8"]:
            self.assertIn(text, done.out)
        self.assertRegex(done.out, r"Expires +20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ \(in (29|30) days\)")
        self.assertIn("team=ops", done.out)
        self.assertIn("note=a=b", done.out)
        self.assertRegex(done.out, r"\nSecret: shop_\w{49}\n")
        self.assertIn("not shown again", done.out)

    def test_create_as_json_is_the_response(self):
        done = self.run_ok("key", "create", "--realm", "shop", "--name", "grün", "--json")
        key = done.json["key"]
        self.assertEqual((key["name"], key["scopes"], key["metadata"]), ("grün", [], {}))
        self.assertNotIn("expiresAt", key)
        self.assertTrue(done.json["secret"].startswith(key["hint"]))

    def test_a_secret_file_is_new_and_private_and_the_secret_nowhere_else(self):
        path = self.path("secret")
        words = ["key", "create", "--realm", "shop", "--name", "n", "--secret-file", str(path)]
        done = self.run_ok(*words)
        secret = path.read_text().strip()
        self.assertRegex(secret, r"^shop_\w{49}$")
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertNotIn(secret, done.out)
        self.assertIn("--secret-file", self.run_bad(USAGE, *words))
        self.assertEqual(path.read_text().strip(), secret)
        path.unlink()
        done = self.run_ok(*words, "--json")
        self.assertNotIn(path.read_text().strip(), done.out)
        self.assertEqual(done.json["secret"], "")

    def test_a_refused_create_leaves_no_secret_file(self):
        path = self.path("none")
        words = ["key", "create", "--realm", "shop", "--name", "n", "--secret-file", str(path)]
        message = self.run_bad(USAGE, *words, "--scope", "no.such")
        self.assertIn("--scope", message)
        self.assertIn("INVALID_ARGUMENT", message)
        self.assertFalse(path.exists())

    def test_list_goes_through_all_pages(self):
        made = [self.create("--user", "pages")[0] for _ in range(103)]
        words = ["key", "list", "--realm", "shop", "--user", "pages"]
        listed = self.run_ok(*words, "--json").json
        self.assertEqual([key["id"] for key in listed], made)
        rows = self.run_ok(*words).out.splitlines()
        self.assertEqual([row.split()[0] for row in rows], ["ID", *made])
        for limit in [1, 100, 101]:
            listed = self.run_ok(*words, "--limit", str(limit), "--json").json
            self.assertEqual([key["id"] for key in listed], made[:limit])

    def test_list_filters(self):
        kept, _ = self.create("--user", "filter", "--organization", "one")
        gone, _ = self.create("--user", "filter", "--organization", "two")
        self.run_ok("key", "revoke", "--realm", "shop", gone)
        words = ["key", "list", "--realm", "shop", "--user", "filter", "--json"]
        for more, ids in [
            ([], [kept, gone]),
            (["--organization", "one"], [kept]),
            (["--state", "active"], [kept]),
            (["--state", "revoked"], [gone]),
        ]:
            listed = self.run_ok(*words, *more).json
            self.assertEqual([key["id"] for key in listed], ids, more)
        self.assertEqual(self.run_ok(*words, "--state", "expired").json, [])

    def test_a_name_cannot_move_the_cursor(self):
        key, _ = self.create("--user", "\u202eada")
        for words in [("show", key), ("list", "--user", "\u202eada")]:
            out = self.run_ok("key", words[0], "--realm", "shop", *words[1:]).out
            self.assertIn("\\u{202e}ada", out)
            self.assertNotIn("\u202e", out)

    def test_update_changes_what_is_given_and_nothing_else(self):
        key, _ = self.create("--scope", "orders.read", "--metadata", "a=1", "--expires", "1d")
        words = ["key", "update", "--realm", "shop", "--json", key]

        def changed(*more):
            return self.run_ok(*words, *more).json["key"]

        before = self.run_ok("key", "show", "--realm", "shop", "--json", key).json["key"]
        after = changed("--name", "new")
        self.assertEqual(after, {**before, "name": "new"})
        after = changed("--scope", "stock.read", "--network", "192.0.2.1")
        self.assertEqual(after["scopes"], ["stock.read"])
        self.assertEqual(len(after["networks"]), 1)
        after = changed("--no-scopes", "--no-networks", "--no-metadata", "--expires", "never")
        self.assertEqual((after["scopes"], after["networks"]), ([], []))
        self.assertEqual(after["metadata"], {})
        self.assertNotIn("expiresAt", after)
        self.assertEqual(changed("--disable")["state"], "KEY_STATE_DISABLED")
        self.assertEqual(changed("--enable")["state"], "KEY_STATE_ACTIVE")
        self.assertEqual(changed("--expires", "2100-01-01T00:00:00Z")["expiresAt"][:4], "2100")

    def test_an_update_must_make_sense(self):
        key, _ = self.create()
        for more, text in [
            ([], "nothing to change"),
            (["--enable", "--disable"], "--disable"),
            (["--scope", "orders.read", "--no-scopes"], "--no-scopes"),
            (["--network", "10.0.0.0/8", "--no-networks"], "--no-networks"),
            (["--metadata", "a=b", "--no-metadata"], "--no-metadata"),
        ]:
            message = self.run_bad(USAGE, "key", "update", "--realm", "shop", key, *more)
            self.assertIn(text, message)

    def test_rotate_keeps_the_old_secret_for_the_grace_period(self):
        key, old = self.create()
        path = self.path("rotated")
        self.run_ok(
            *("key", "rotate", "--realm", "shop", "--grace", "1h", key),
            *("--secret-file", str(path)),
        )
        for secret in [old, path.read_text().strip()]:
            self.run_ok("auth", "verify", "--realm", "shop", stdin=secret)
        new = self.run_ok("key", "rotate", "--realm", "shop", "--json", key).json["secret"]
        self.run_ok("auth", "verify", "--realm", "shop", stdin=new)
        done = self.daemon.cli("auth", "verify", "--realm", "shop", stdin=old)
        self.assertEqual(done.code, NO)

    def test_revoke_takes_a_reason(self):
        key, secret = self.create()
        words = ["key", "revoke", "--realm", "shop", key]
        self.run_ok(*words, "--reason", "key-compromise", "--comment", "it leaked")
        self.run_ok(*words, "--reason", "superseded")
        shown = self.run_ok("key", "show", "--realm", "shop", key).out
        self.assertRegex(shown, r"State +revoked\n")
        self.assertRegex(shown, r"reason +key-compromise\n")
        self.assertRegex(shown, r"comment +it leaked\n")
        done = self.daemon.cli("auth", "verify", "--realm", "shop", stdin=secret)
        self.assertEqual(done.code, NO)
        self.assertRegex(done.out, r"^Denied\nReason +revoked\n")


class Verify(CliTest):
    def test_the_exit_code_is_the_verdict(self):
        key, secret = self.create("--scope", "orders.read", "--user", "ada")
        words = ["auth", "verify", "--realm", "shop", "--permission"]
        done = self.run_ok(*words, "orders.read", stdin=secret + "\n")
        self.assertRegex(done.out, rf"^Allowed\nKey +{key}\n")
        done = self.daemon.cli(*words, "stock.read", stdin=secret)
        self.assertEqual(done.code, NO)
        self.assertRegex(done.out, r"Reason +permission-denied\n")
        done = self.daemon.cli(*words, "stock.read", "--json", stdin=secret)
        self.assertEqual((done.code, done.json["allowed"]), (NO, False))

    def test_the_address_counts(self):
        _, secret = self.create("--network", "10.0.0.0/8")
        words = ["auth", "verify", "--realm", "shop"]
        self.run_ok(*words, "--address", "10.1.2.3", stdin=secret)
        self.assertEqual(self.daemon.cli(*words, "--address", "11.1.2.3", stdin=secret).code, NO)
        self.assertEqual(self.daemon.cli(*words, stdin=secret).code, NO)

    def test_the_key_comes_from_a_file_or_standard_input(self):
        _, secret = self.create()
        words = ["auth", "verify", "--realm", "shop", "--key-file"]
        self.run_ok(*words, self.key_file(secret))
        self.run_ok(*words, "-", stdin=secret)
        message = self.run_bad(USAGE, *words, "/nonexistent/key")
        self.assertIn("/nonexistent/key", message)
        self.run_bad(USAGE, *words, "-", stdin="")
        self.run_bad(USAGE, *words, "-", stdin="two\nlines\n")


class Terminal(CliTest):
    """The prompt, on a pseudo-terminal."""

    def prompt(self):
        """Starts `auth verify` on a terminal and waits for its question."""
        child, terminal = pty.fork()
        if child == 0:
            os.execv(
                BUILD / "latchkey",
                ["latchkey", "--server", self.daemon.operator, "auth", "verify", "--realm", "shop"],
            )
        self.addCleanup(os.close, terminal)
        return child, terminal, self.read_until(terminal, "Key: ")

    def read_until(self, terminal, end=None):
        text = ""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and (end is None or end not in text):
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    piece = os.read(terminal, 4096)
                except OSError:  # the other side is closed
                    break
                if not piece:
                    break
                text += piece.decode()
        return text

    def test_the_key_is_not_echoed(self):
        _, secret = self.create()
        child, terminal, _ = self.prompt()
        os.write(terminal, (secret + "x\x7f\n").encode())
        shown = self.read_until(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, shown)
        self.assertIn("Allowed", shown)
        self.assertNotIn(secret[6:], shown)

    def test_an_interrupt_leaves_the_terminal_as_it_was(self):
        child, terminal, _ = self.prompt()
        before = termios.tcgetattr(terminal)
        self.assertFalse(before[3] & termios.ECHO)
        os.write(terminal, b"half a sec\x03")
        shown = self.read_until(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), USAGE, shown)
        self.assertNotIn("half", shown)
        self.assertTrue(termios.tcgetattr(terminal)[3] & termios.ECHO)


class Secrets(CliTest):
    def test_no_option_takes_a_secret(self):
        for words in [
            ("auth", "verify", "--realm", "shop", "--key", "s3cret"),
            ("auth", "verify", "--realm", "shop", "s3cret"),
            ("key", "list", "--realm", "shop", "--credential", "s3cret"),
        ]:
            done = self.daemon.cli(*words)
            self.assertNotEqual(done.code, 0, words)

    def test_a_request_that_can_hold_a_secret_comes_from_standard_input(self):
        _, secret = self.create()
        request = json.dumps(
            {"realm": "shop", "credentials": [{"kind": "CREDENTIAL_KIND_API_KEY", "value": secret}]}
        )
        message = self.run_bad(USAGE, "call", "AuthService/Authenticate", request)
        self.assertIn("standard input", message)
        self.assertNotIn(secret, message)
        done = self.run_ok("call", "AuthService/Authenticate", "-", stdin=request)
        self.assertTrue(done.json["allowed"])

    def test_a_waiting_program_shows_no_secret_to_ps(self):
        key, secret = self.create()
        service = self.daemon.service_key_file("svc", "auth.verify")
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        waiting = subprocess.Popen(
            [
                *(BUILD / "latchkey", "auth", "verify", "--realm", "shop", "--key-file", fifo),
                *("--server", self.daemon.tcp, "--credential-file", service),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        with open(fifo, "w") as file:  # opens once the program has
            for name in ["cmdline", "environ"]:
                seen = pathlib.Path(f"/proc/{waiting.pid}/{name}").read_bytes()
                self.assertNotIn(secret.encode(), seen)
                self.assertNotIn(service.read_bytes().strip(), seen)
            file.write(secret)
        self.assertIn(key, waiting.communicate(timeout=30)[0])
        self.assertEqual(waiting.returncode, 0)


class Services(CliTest):
    def test_a_service_key_does_what_its_scopes_say(self):
        path = self.path("service")
        self.run_ok(
            *("service", "create", "--name", "gateway", "--scope", "auth.verify"),
            *("--realm-access", "shop", "--secret-file", str(path)),
        )
        _, secret = self.create()
        over_tcp = {"server": self.daemon.tcp}
        file = ["--credential-file", str(path)]
        self.run_ok("auth", "verify", "--realm", "shop", *file, stdin=secret, **over_tcp)
        message = self.run_bad(REFUSED, "key", "list", "--realm", "shop", *file, **over_tcp)
        self.assertIn("PERMISSION_DENIED", message)
        message = self.run_bad(REFUSED, "key", "list", "--realm", "shop", **over_tcp)
        self.assertIn("UNAUTHENTICATED", message)

    def test_the_variable_names_the_credential_file_and_the_server(self):
        path = self.daemon.service_key_file("env", "keys.read")
        environment = {
            **os.environ,
            "LATCHKEY_SERVER": self.daemon.tcp,
            "LATCHKEY_CREDENTIAL_FILE": str(path),
        }
        done = subprocess.run(
            [BUILD / "latchkey", "key", "list", "--realm", "shop", "--json"],
            env=environment,
            capture_output=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIsInstance(json.loads(done.stdout), list)

    def test_health_tells_whether_it_serves(self):
        done = self.run_ok("health")
        self.assertRegex(done.out, r"Status +serving\n")
        self.assertEqual(self.run_ok("health", "--json").json["status"], "SERVING_STATUS_SERVING")
        self.run_ok("health", "latchkey.v1.KeyService")
        self.run_bad(NOT_FOUND, "health", "latchkey.v1.Nothing")


class Call(CliTest):
    def test_list_names_every_method(self):
        listed = self.run_ok("call", "--list", "--json").json
        self.assertIn("latchkey.v1.KeyService/CreateKey", listed)
        self.assertIn("latchkey.v1.ReflectionService/GetDescriptors", listed)
        self.assertEqual(len(self.run_ok("call", "--list").out.splitlines()), len(listed))

    def test_a_method_is_called_with_json(self):
        key, _ = self.create("--metadata", "a=b")
        request = json.dumps({"realm": "shop", "id": key})
        shown = self.run_ok("key", "show", "--realm", "shop", "--json", key).json
        for name in ["latchkey.v1.KeyService/GetKey", "KeyService/GetKey"]:
            self.assertEqual(self.run_ok("call", name, request).json, shown)
        self.assertEqual(self.run_ok("call", "HealthService/Check").json["writable"], True)

    def test_what_is_wrong_with_the_request_is_named(self):
        for request, field in [
            ('{"realm": 1}', "realm"),
            ('{"realm": "shop", "pageSize": 1.5}', "page_size"),
            ('{"relam": "shop"}', "relam"),
            ('{"realm": "shop", "state": "NONE"}', "state"),
            ("{", "malformed"),
            ("[]", "object"),
        ]:
            message = self.run_bad(USAGE, "call", "KeyService/ListKeys", request)
            self.assertIn(field, message)

    def test_a_method_that_is_not_there_is_not_found(self):
        self.assertIn("--list", self.run_bad(NOT_FOUND, "call", "KeyService/Nothing"))
        self.assertIn("SERVICE/METHOD", self.run_bad(USAGE, "call"))


class Usage(CliTest):
    def test_errors_name_the_flag(self):
        for words, flag in [
            (["key", "create", "--realm", "shop", "--name", "n", "--frob"], "--frob"),
            (["key", "create", "--name", "n"], "--realm"),
            (["key", "create", "--realm", "shop"], "--name"),
            (["key", "create", "--realm"], "--realm"),
            (["key", "create", "--realm", "shop", "--name", "n", "--expires", "soon"], "--expires"),
            (["key", "create", "--realm", "shop", "--name", "n", "--metadata", "x"], "--metadata"),
            (["key", "create", "--realm", "shop", "--name", ""], "--name"),
            (["key", "create", "--realm", "shop", "--name", "n", "--network", "x"], "--network"),
            (["key", "list", "--realm", "shop", "--limit", "0"], "--limit"),
            (["key", "list", "--realm", "shop", "--limit", "1x"], "--limit"),
            (["key", "list", "--realm", "shop", "--state", "gone"], "--state"),
            (["key", "rotate", "--realm", "shop", "--grace", "-1d", "key_x"], "--grace"),
            (["key", "revoke", "--realm", "shop", "--reason", "why", "key_x"], "--reason"),
            (["key", "show", "--realm", "shop"], "KEY-ID"),
            (["key", "show", "--realm", "shop", "key_a", "key_b"], "key_b"),
            (["--timeout", "10", "health"], "--timeout"),
            (["--timeout", "0", "health"], "--timeout"),
            (["--server", "http://x", "health"], "--server"),
            (["--credential-file", "/nonexistent", "health"], "--credential-file"),
            (["key"], "key"),
            (["key", "frob"], "key frob"),
            (["frob"], "frob"),
        ]:
            self.assertIn(flag, self.run_bad(USAGE, *words))

    def test_help_teaches(self):
        for words in [
            *(["key", w] for w in ["create", "list", "show", "update", "rotate", "revoke"]),
            *(["service", "create"], ["auth", "verify"], ["health"], ["call"]),
        ]:
            done = self.run_ok(*words, "--help")
            for text in ["Usage: latchkey " + " ".join(words), "Example", "Exit codes"]:
                self.assertIn(text, done.out)
        self.assertIn("key create", self.run_ok("--help").out)

    def test_what_is_not_there_is_not_found(self):
        for words in [
            ("key", "show", "--realm", "shop", "key_00000000000000000000"),
            ("key", "revoke", "--realm", "shop", "key_00000000000000000000"),
            ("key", "list", "--realm", "nowhere"),
        ]:
            self.run_bad(NOT_FOUND, *words)

    def test_a_server_that_is_not_there_is_unreached(self):
        for server in ["tcp://127.0.0.1:1", "ipc:///nonexistent/rpc.sock"]:
            self.run_bad(UNREACHED, "--timeout", "500ms", "health", server=server)

    def test_output_that_is_lost_is_no_success(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [BUILD / "latchkey", "--server", self.daemon.operator, "health"],
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=60,
            )
        self.assertEqual(done.returncode, FAILED)

    def test_common_options_stand_before_or_behind_the_command(self):
        self.assertTrue(self.run_ok("--json", "health").json["writable"])
        self.assertTrue(self.run_ok("health", "--json").json["writable"])


if __name__ == "__main__":
    unittest.main()
